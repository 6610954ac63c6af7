//! Which idempotency keys were used lately, and for which entries.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher, RandomState};
use std::sync::LazyLock;

use countersign_chain::record::Record;

use super::entry::NewEntry;

/// Keys the hash of keys, so that nobody can choose two with the same one.
static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// A key of a caller, as 64 bits of a hash that is another one in each process. Two keys may share
/// them: whoever finds an entry compares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Fingerprint(u64);

impl Fingerprint {
    /// Caller and key together; the length keeps them apart.
    pub(super) fn of(actor: &str, idem: &[u8]) -> Self {
        let mut hasher = SEED.build_hasher();
        hasher.write_usize(actor.len());
        hasher.write(actor.as_bytes());
        hasher.write(idem);
        Self(hasher.finish())
    }

    /// The key of an entry on its way; none when its caller gave none.
    pub(super) fn of_entry(entry: &NewEntry) -> Option<Self> {
        let idem = entry.idem();
        (!idem.is_empty()).then(|| Self::of(entry.actor(), idem.as_bytes()))
    }
}

/// Whether a record holds this event; `None` when it has another caller or key and shares only the
/// fingerprint.
pub(super) fn same_event(record: &[u8], entry: &NewEntry) -> Option<bool> {
    let record = Record::parse(record).ok()?;
    if record.actor() != entry.actor() || record.idem() != entry.idem().as_bytes() {
        return None;
    }
    Some(
        record.kind() == entry.kind()
            && record.case() == entry.case()
            && record.via() == entry.carrier()
            && record.payload() == entry.payload(),
    )
}

/// A fingerprint is a hash already.
#[derive(Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The newest keys, oldest out first.
#[derive(Debug)]
pub(super) struct Window {
    entries: HashMap<Fingerprint, u64, BuildHasherDefault<AsItIs>>,
    order: VecDeque<(Fingerprint, u64)>,
    room: usize,
}

impl Window {
    pub(super) fn new(room: usize) -> Self {
        Self {
            entries: HashMap::default(),
            order: VecDeque::new(),
            room,
        }
    }

    /// Index of the entry that used the key, or another with the same fingerprint.
    pub(super) fn find(&self, key: Fingerprint) -> Option<u64> {
        self.entries.get(&key).copied()
    }

    pub(super) fn insert(&mut self, key: Fingerprint, index: u64) {
        self.entries.insert(key, index);
        self.order.push_back((key, index));
        while self.order.len() > self.room {
            if let Some((key, index)) = self.order.pop_front()
                && self.entries.get(&key) == Some(&index)
            {
                self.entries.remove(&key);
            }
        }
    }

    /// Forgets entries that did not become durable.
    pub(super) fn forget_from(&mut self, size: u64) {
        while let Some((key, index)) = self.order.pop_back() {
            if index < size {
                self.order.push_back((key, index));
                break;
            }
            if self.entries.get(&key) == Some(&index) {
                self.entries.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_until_newer_ones_push_them_out_or_they_are_forgotten() {
        let key = |n: u8| Fingerprint::of("agent:a", &[n]);
        let mut window = Window::new(3);
        for n in 1..=4 {
            window.insert(key(n), u64::from(n));
        }
        assert_eq!(
            [1, 2, 3, 4].map(|n| window.find(key(n))),
            [None, Some(2), Some(3), Some(4)]
        );
        window.forget_from(4);
        assert_eq!(
            [2, 3, 4].map(|n| window.find(key(n))),
            [Some(2), Some(3), None]
        );
    }

    #[test]
    fn the_same_key_of_two_callers_is_two_keys() {
        assert_ne!(
            Fingerprint::of("agent:a", b"bk"),
            Fingerprint::of("agent:ab", b"k")
        );
    }
}

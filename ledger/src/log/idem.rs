//! Which idempotency keys were used lately, and for which entries.

use std::collections::{HashMap, VecDeque};

use countersign_chain::hash;
use countersign_chain::record::Record;

use super::entry::NewEntry;

/// A key of a caller, as 64 bits of a hash. Two keys may share them: whoever finds an entry
/// compares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Fingerprint(u64);

impl Fingerprint {
    /// Caller and key together; the length keeps them apart.
    pub(super) fn of(actor: &str, idem: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(8 + actor.len() + idem.len());
        bytes.extend_from_slice(&u64::try_from(actor.len()).unwrap_or(u64::MAX).to_be_bytes());
        bytes.extend_from_slice(actor.as_bytes());
        bytes.extend_from_slice(idem);
        let digest = hash::digest(&bytes);
        let head = digest.as_bytes().first_chunk::<8>().copied();
        Self(head.map_or(0, u64::from_be_bytes))
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

/// The newest keys, oldest out first.
#[derive(Debug)]
pub(super) struct Window {
    entries: HashMap<Fingerprint, u64>,
    order: VecDeque<(Fingerprint, u64)>,
    room: usize,
}

impl Window {
    pub(super) fn new(room: usize) -> Self {
        Self {
            entries: HashMap::new(),
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

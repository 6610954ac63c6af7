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
    use bytes::Bytes;
    use countersign_chain::hash;
    use countersign_chain::idem::IdempotencyKey;
    use countersign_chain::index::Index;
    use countersign_chain::kind::Kind;
    use countersign_chain::principal::Principal;
    use countersign_chain::record::Fields;
    use countersign_chain::time::UnixMicros;

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
    fn a_fingerprint_is_its_own_hash() {
        let hasher = BuildHasherDefault::<AsItIs>::default();
        for number in [0, 7, u64::MAX] {
            assert_eq!(hasher.hash_one(Fingerprint(number)), number);
        }
        // Nobody hashes bytes with it; if someone does, every byte counts.
        let of = |bytes: &[u8]| {
            let mut hasher = hasher.build_hasher();
            hasher.write(bytes);
            hasher.finish()
        };
        assert_eq!(of(&[1, 2, 3]), 0x01_02_03);
        assert_eq!(of(&[1, 2, 3, 4, 5, 6, 7, 8, 9]), 0x02_03_04_05_06_07_08_08);
    }

    #[test]
    fn an_event_is_the_same_when_all_that_its_caller_said_is() {
        let principal = |text| Principal::parse(text).expect("a principal");
        let entry = |kind, actor, payload: &'static str| {
            let kind = Kind::new(kind).expect("a kind");
            NewEntry::new(kind, principal(actor), Bytes::from(payload)).expect("small")
        };
        let keyed = |entry: NewEntry, key: &[u8]| {
            entry.with_key(IdempotencyKey::parse(key).expect("short"))
        };
        let base = || entry(140, "agent:a", "payload");
        let fields = Fields {
            kind: Kind::new(140).expect("a kind"),
            index: Index::new(9).expect("an index"),
            time: UnixMicros::EPOCH,
            prev: hash::empty_root(),
            case: 3,
            actor: "agent:a",
            via: "agent:c",
            idem: b"key",
            payload: b"payload",
        };
        let mut record = Vec::new();
        fields.encode_into(&mut record).expect("a record");
        let carried = |entry: NewEntry| entry.via(principal("agent:c")).expect("another");
        let said = |entry: NewEntry| same_event(&record, &entry);
        assert_eq!(said(keyed(carried(base().in_case(3)), b"key")), Some(true));
        // Another caller or key.
        let other = entry(140, "agent:b", "payload").in_case(3);
        assert_eq!(said(keyed(carried(other), b"key")), None);
        assert_eq!(said(keyed(carried(base().in_case(3)), b"yek")), None);
        assert_eq!(said(carried(base().in_case(3))), None);
        // The same key, and another event.
        let others = [
            carried(entry(141, "agent:a", "payload").in_case(3)),
            carried(entry(140, "agent:a", "another").in_case(3)),
            carried(base().in_case(4)),
            base().in_case(3),
        ];
        for other in others {
            assert_eq!(said(keyed(other, b"key")), Some(false));
        }
        assert_eq!(same_event(b"no record", &base()), None);
    }

    #[test]
    fn the_same_key_of_two_callers_is_two_keys() {
        assert_ne!(
            Fingerprint::of("agent:a", b"bk"),
            Fingerprint::of("agent:ab", b"k")
        );
    }
}

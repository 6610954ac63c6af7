//! Random entries, keys and logs.

use countersign_chain::commit::{Commit, CommitBuilder, Draft, LogHead};
use countersign_chain::frame::Nonce;
use countersign_chain::hash::{self, Hash};
use countersign_chain::index::Index;
use countersign_chain::key::SigningKey;
use countersign_chain::kind::Kind;
use countersign_chain::limits::MAX_U63;
use countersign_chain::origin::Origin;
use countersign_chain::record::Fields;
use countersign_chain::time::UnixMicros;
use proptest::collection::vec;
use proptest::prelude::*;

pub(crate) const NONCE: Nonce = Nonce([9; 16]);

/// A signing key of a test log.
pub(crate) fn key(seed: u8) -> SigningKey {
    let origin = Origin::parse("log.example.com/audit").expect("an origin");
    SigningKey::from_seed(origin, &[seed; 32]).expect("a key")
}

pub(crate) fn hashes(count: usize) -> Vec<Hash> {
    (0..count)
        .map(|n| hash::leaf(n.to_string().as_bytes()))
        .collect()
}

pub(crate) fn origin() -> impl Strategy<Value = String> {
    "[!-*,-~]{1,60}"
}

pub(crate) fn principal() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-k][a-z-]{0,30}:[^\\p{Cc}\\p{White_Space}]{1,40}",
        1 => Just("ledger".to_owned()),
    ]
}

/// Numbers below 2^63: small ones, large ones, the last.
pub(crate) fn u63() -> impl Strategy<Value = u64> {
    prop_oneof![0..10_u64, 0..=MAX_U63, Just(MAX_U63)]
}

/// What an entry says, before it has its place.
#[derive(Debug, Clone)]
pub(crate) struct Saying {
    pub(crate) kind: u16,
    pub(crate) time: u64,
    pub(crate) case: u64,
    pub(crate) actor: String,
    pub(crate) via: String,
    pub(crate) idem: Vec<u8>,
    pub(crate) payload: Vec<u8>,
}

pub(crate) fn saying() -> impl Strategy<Value = Saying> {
    let names = (principal(), prop_oneof![Just(String::new()), principal()]);
    let bytes = (vec(any::<u8>(), 0..=64), vec(any::<u8>(), 0..200));
    (1..=159_u16, u63(), u63(), names, bytes).prop_map(
        |(kind, time, case, (actor, via), (idem, payload))| Saying {
            kind,
            time,
            case,
            via: if via == actor { String::new() } else { via },
            actor,
            idem,
            payload,
        },
    )
}

impl Saying {
    /// The fields of a record at this index.
    pub(crate) fn at(&self, index: u64, prev: Hash) -> Fields<'_> {
        Fields {
            kind: Kind::new(self.kind).expect("in range"),
            index: Index::new(index).expect("in range"),
            time: UnixMicros::new(self.time).expect("in range"),
            prev: if index == 0 { Hash::ZERO } else { prev },
            case: self.case.min(index),
            actor: &self.actor,
            via: &self.via,
            idem: &self.idem,
            payload: &self.payload,
        }
    }

    fn draft(&self, index: u64) -> Draft<'_> {
        let opened = Kind::LOG_OPENED.get();
        Draft {
            kind: Kind::new(if index == 0 { opened } else { self.kind }).expect("in range"),
            // Years of this century: a log whose first entry stands at the end of time says little.
            now: UnixMicros::new(self.time % 4_000_000_000_000_000).expect("in range"),
            case: self.case.min(index),
            actor: &self.actor,
            via: &self.via,
            idem: &self.idem,
            payload: &self.payload,
        }
    }
}

/// The commit that follows `head`, signed.
pub(crate) fn commit(head: &LogHead, entries: &[Saying], key: &SigningKey) -> Commit {
    let mut builder = CommitBuilder::after(head);
    for entry in entries {
        let draft = entry.draft(builder.next_index());
        builder.push(&draft).expect("a good draft");
    }
    builder.finish(key).expect("not empty")
}

/// 2 to 6 commits of 1 to 4 entries.
pub(crate) fn log() -> impl Strategy<Value = Vec<Vec<Saying>>> {
    vec(vec(saying(), 1..=4), 2..=6)
}

/// The frames of a log.
pub(crate) fn frames(log: &[Vec<Saying>]) -> Vec<Vec<u8>> {
    let (mut head, key) = (LogHead::empty(), key(7));
    log.iter()
        .map(|entries| {
            let mut commit = commit(&head, entries, &key);
            head = commit.head().clone();
            commit.seal(&NONCE).to_vec()
        })
        .collect()
}

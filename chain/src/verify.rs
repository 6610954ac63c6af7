//! Verification of commits: the only place that makes a [`VerifiedEntry`].
//!
//! A commit is checked in two steps. [`examine`] looks at one frame alone: records, the chain
//! inside it, the signature of its checkpoint. It needs nothing but the key, so that many frames
//! are examined at once. [`LogVerifier::join`] then ties examined commits together in order: chain,
//! time, root. Who needs no [`VerifiedEntry`] takes [`outline()`] and [`LogVerifier::follow`]
//! instead: the same checks, and nothing is kept of the entries.

mod fault;
mod outline;

use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::commit::LogHead;
use crate::frame::Frame;
use crate::hash::{self, Hash};
use crate::key::VerifierKey;
use crate::kind::Kind;
use crate::record::Record;
use crate::time::UnixMicros;

pub use fault::Fault;
pub use outline::{Outline, outline};

/// A commit whose records and signature hold by themselves.
#[derive(Debug, Clone)]
pub struct Examined<'a> {
    first: u64,
    records: Vec<Record<'a>>,
    leaves: Vec<Hash>,
    checkpoint: SignedCheckpoint,
}

/// An entry that was checked against chain, root and signature.
#[derive(Debug, Clone, Copy)]
pub struct VerifiedEntry<'a> {
    record: Record<'a>,
    leaf: Hash,
}

impl<'a> VerifiedEntry<'a> {
    /// The record.
    #[must_use]
    pub const fn record(&self) -> &Record<'a> {
        &self.record
    }

    /// Its leaf hash.
    #[must_use]
    pub const fn leaf(&self) -> Hash {
        self.leaf
    }
}

/// A commit that was checked against everything before it.
#[derive(Debug, Clone)]
pub struct VerifiedCommit<'a> {
    examined: Examined<'a>,
}

impl<'a> VerifiedCommit<'a> {
    /// The entries.
    pub fn entries(&self) -> impl Iterator<Item = VerifiedEntry<'a>> {
        let Examined {
            records, leaves, ..
        } = &self.examined;
        records
            .iter()
            .zip(leaves)
            .map(|(record, leaf)| VerifiedEntry {
                record: *record,
                leaf: *leaf,
            })
    }

    /// The checkpoint that signs them.
    #[must_use]
    pub const fn checkpoint(&self) -> &SignedCheckpoint {
        &self.examined.checkpoint
    }
}

/// Parses the records of a frame, and checks their indexes, the chain and the time order inside the
/// frame.
///
/// # Errors
/// The first [`Fault`].
pub fn parse_records<'a>(frame: &Frame<'a>) -> Result<(Vec<Record<'a>>, Vec<Hash>), Fault> {
    let mut records: Vec<Record<'a>> = Vec::with_capacity(frame.records().len());
    let mut leaves: Vec<Hash> = Vec::with_capacity(frame.records().len());
    each_record(frame, |record, leaf| {
        leaves.push(leaf);
        records.push(*record);
    })?;
    Ok((records, leaves))
}

/// Checks the records of a frame as [`parse_records`] does, and hands over each one that holds.
fn each_record<'a>(
    frame: &Frame<'a>,
    mut each: impl FnMut(&Record<'a>, Hash),
) -> Result<(), Fault> {
    let mut before = None;
    let mut index = frame.first();
    let mut take = |bytes, leaf: Hash| {
        let record = Record::parse(bytes).map_err(|error| Fault::Record { index, error })?;
        let got = record.index().get();
        if got != index {
            return Err(Fault::WrongIndex { index, got });
        }
        if index == 0 && record.kind() != Kind::LOG_OPENED {
            return Err(Fault::NotOpened {
                got: record.kind().get(),
            });
        }
        if let Some((leaf, time)) = before {
            follows(&record, leaf, time)?;
        }
        before = Some((leaf, record.time()));
        index = index.saturating_add(1);
        each(&record, leaf);
        Ok(())
    };
    let (groups, rest) = frame.records().as_chunks::<{ hash::SIDE_BY_SIDE }>();
    for records in groups {
        for (bytes, leaf) in records.iter().zip(hash::leaves(*records)) {
            take(bytes, leaf)?;
        }
    }
    rest.iter()
        .try_for_each(|bytes| take(bytes, hash::leaf(bytes)))
}

/// Checks that a record follows an entry with this leaf hash and time.
fn follows(record: &Record<'_>, leaf: Hash, time: UnixMicros) -> Result<(), Fault> {
    let next = (record.prev(), record.time());
    follows_at(record.index().get(), next, (leaf, time))
}

/// As [`follows`], for an entry that names this predecessor and time.
fn follows_at(
    index: u64,
    (got, later): (Hash, UnixMicros),
    (expected, earlier): (Hash, UnixMicros),
) -> Result<(), Fault> {
    if got != expected {
        return Err(Fault::ChainBroken {
            index,
            expected,
            got,
        });
    }
    if later < earlier {
        return Err(Fault::TimeWentBack {
            index,
            expected: earlier.get(),
            got: later.get(),
        });
    }
    Ok(())
}

/// Checks one frame by itself.
///
/// # Errors
/// The first [`Fault`].
pub fn examine<'a>(frame: &Frame<'a>, key: &VerifierKey) -> Result<Examined<'a>, Fault> {
    let (records, leaves) = parse_records(frame)?;
    Ok(Examined {
        first: frame.first(),
        records,
        leaves,
        checkpoint: open_checkpoint(frame, key)?,
    })
}

/// Opens the checkpoint of a frame, which must be of the size after it.
fn open_checkpoint(frame: &Frame<'_>, key: &VerifierKey) -> Result<SignedCheckpoint, Fault> {
    let (index, expected) = (frame.size_after().saturating_sub(1), frame.size_after());
    let checkpoint = SignedCheckpoint::open(frame.note(), key)
        .map_err(|error| Fault::Checkpoint { index, error })?;
    if checkpoint.size() != expected {
        return Err(Fault::WrongSize {
            index,
            expected,
            got: checkpoint.size(),
        });
    }
    Ok(checkpoint)
}

/// Ties commits together, in order, from the start of a log or from a head that is known to be
/// good.
#[derive(Debug, Clone)]
pub struct LogVerifier {
    head: LogHead,
}

impl LogVerifier {
    /// Goes on from here.
    #[must_use]
    pub const fn from_head(head: LogHead) -> Self {
        Self { head }
    }

    /// The log so far.
    #[must_use]
    pub const fn head(&self) -> &LogHead {
        &self.head
    }

    /// Adds a commit.
    ///
    /// # Errors
    /// The first [`Fault`]; the head is then as it was.
    pub fn join<'a>(&mut self, examined: Examined<'a>) -> Result<VerifiedCommit<'a>, Fault> {
        let checkpoint = examined.checkpoint.checkpoint();
        let next = extend(
            &self.head,
            examined.first,
            &examined.records,
            &examined.leaves,
        )?;
        same_root(&next, checkpoint)?;
        self.head = next;
        Ok(VerifiedCommit { examined })
    }

    /// Adds a commit as [`LogVerifier::join`] does, by its outline.
    ///
    /// # Errors
    /// As [`LogVerifier::join`].
    pub fn follow(&mut self, outline: &Outline) -> Result<(), Fault> {
        let next = outline.after(&self.head)?;
        same_root(&next, outline.checkpoint().checkpoint())?;
        self.head = next;
        Ok(())
    }

    /// Adds a frame whose signature need not be checked again, because this machine wrote it:
    /// recovery. Records, chain, time and root are checked.
    ///
    /// # Errors
    /// The first [`Fault`]; the head is then as it was.
    pub fn replay<'a>(&mut self, frame: &Frame<'a>) -> Result<Vec<Record<'a>>, Fault> {
        let (records, leaves) = parse_records(frame)?;
        let next = extend(&self.head, frame.first(), &records, &leaves)?;
        let index = frame.size_after().saturating_sub(1);
        let checkpoint =
            Checkpoint::peek(frame.note()).map_err(|error| Fault::Checkpoint { index, error })?;
        same_root(&next, &checkpoint)?;
        self.head = next;
        Ok(records)
    }
}

/// The head after these entries.
fn extend(
    head: &LogHead,
    first: u64,
    records: &[Record<'_>],
    leaves: &[Hash],
) -> Result<LogHead, Fault> {
    if first != head.size() {
        return Err(Fault::Gap {
            expected: head.size(),
            got: first,
        });
    }
    if let Some(record) = records.first() {
        follows(record, head.last_leaf(), head.time())?;
    }
    let mut next = head.clone();
    for (record, leaf) in records.iter().zip(leaves) {
        next.push(record.time(), *leaf);
    }
    Ok(next)
}

fn same_root(head: &LogHead, checkpoint: &Checkpoint) -> Result<(), Fault> {
    let (index, expected) = (head.size().saturating_sub(1), head.frontier().root());
    if checkpoint.size != head.size() {
        return Err(Fault::WrongSize {
            index,
            expected: head.size(),
            got: checkpoint.size,
        });
    }
    if checkpoint.root == expected {
        Ok(())
    } else {
        Err(Fault::WrongRoot {
            index,
            expected,
            got: checkpoint.root,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commit::{Commit, CommitBuilder, Draft};
    use crate::frame::Nonce;
    use crate::key::SigningKey;
    use crate::origin::Origin;

    const NONCE: Nonce = Nonce([9; 16]);

    fn key() -> SigningKey {
        let origin = Origin::parse("example.com/log").expect("fine");
        SigningKey::from_seed(origin, &[7; 32]).expect("fine")
    }

    fn commit(head: &LogHead, entries: u64) -> Commit {
        let mut builder = CommitBuilder::after(head);
        for n in 0..entries {
            let draft = Draft {
                kind: Kind::LOG_OPENED,
                now: UnixMicros::new(1_000 - n).expect("fine"),
                case: 0,
                actor: "agent:db-1",
                via: "",
                idem: b"",
                payload: &n.to_be_bytes(),
            };
            builder.push(&draft).expect("fine");
        }
        builder.finish(&key()).expect("not empty")
    }

    #[test]
    fn commits_that_were_built_are_verified_and_joined() {
        let mut head = LogHead::empty();
        let mut verifier = LogVerifier::from_head(LogHead::empty());
        let mut again = verifier.clone();
        for entries in [1, 2, 5, 1, 300] {
            let mut commit = commit(&head, entries);
            head = commit.head().clone();
            let bytes = commit.seal(&NONCE).to_vec();
            assert_eq!(bytes.len() % 8, 0);
            let frame = Frame::parse(&bytes, &NONCE)
                .expect("own frame")
                .expect("not the end");
            assert_eq!(frame.len(), bytes.len());
            let examined = examine(&frame, key().verifier()).expect("own commit");
            let verified = verifier.join(examined).expect("follows");
            assert_eq!(verified.checkpoint().size(), head.size());
            let leaves: Vec<Hash> = verified.entries().map(|entry| entry.leaf()).collect();
            assert_eq!(leaves, commit.leaves());
            let replayed = again.replay(&frame).expect("follows");
            assert!(replayed.iter().map(Record::bytes).eq(commit.records()));
        }
        assert_eq!((verifier.head(), again.head()), (&head, &head));
    }

    #[test]
    fn no_bit_of_a_frame_can_change_unnoticed() {
        let mut commit = commit(&LogHead::empty(), 2);
        let bytes = commit.seal(&NONCE).to_vec();
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let accepted = matches!(Frame::parse(&bad, &NONCE), Ok(Some(_)));
            assert!(!accepted, "bit {bit}");
        }
    }

    #[test]
    fn commits_out_of_order_and_foreign_signatures_are_refused() {
        let first = commit(&LogHead::empty(), 2);
        let mut second = commit(first.head(), 1);
        let bytes = second.seal(&NONCE).to_vec();
        let frame = Frame::parse(&bytes, &NONCE)
            .expect("own frame")
            .expect("not the end");
        let examined = examine(&frame, key().verifier()).expect("own commit");
        let mut verifier = LogVerifier::from_head(LogHead::empty());
        let fault = verifier.join(examined).expect_err("entry 0 is missing");
        assert_eq!((fault.code(), fault.index()), ("index-gap", 0));

        let other = SigningKey::from_seed(key().verifier().origin().clone(), &[8; 32]);
        let fault = examine(&frame, other.expect("fine").verifier()).expect_err("other key");
        assert_eq!((fault.code(), fault.index()), ("no-known-signature", 2));
    }
}

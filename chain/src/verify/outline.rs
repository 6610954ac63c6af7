//! What joining a commit takes, made by the first step and without the bytes of the commit.

use super::{Fault, each_record, follows_at, open_checkpoint};
use crate::checkpoint::SignedCheckpoint;
use crate::commit::LogHead;
use crate::frame::Frame;
use crate::hash::Hash;
use crate::key::VerifierKey;
use crate::record::Record;
use crate::run::Run;
use crate::time::UnixMicros;

/// A commit whose records and signature hold by themselves, without its records.
#[derive(Debug, Clone)]
pub struct Outline {
    run: Run,
    leaves: Vec<Hash>,
    /// What the first record says about the entry before it, and its own time.
    start: (Hash, UnixMicros),
    /// Time and leaf hash of the last record.
    end: (UnixMicros, Hash),
    checkpoint: SignedCheckpoint,
}

/// Checks one frame by itself, as [`super::examine`] does, and hashes what its entries give of the
/// tree. `each` is handed every record that holds, before it is known whether the others do;
/// `complete` is told what [`Run::new`] tells.
///
/// # Errors
/// As [`super::examine`].
pub fn outline<'a>(
    frame: &Frame<'a>,
    key: &VerifierKey,
    mut each: impl FnMut(&Record<'a>),
    complete: &mut impl FnMut(u32, Hash),
) -> Result<Outline, Fault> {
    let mut leaves = Vec::with_capacity(frame.records().len());
    let mut start = None;
    let mut end = (UnixMicros::EPOCH, Hash::ZERO);
    each_record(frame, |record, leaf| {
        start.get_or_insert_with(|| (record.prev(), record.time()));
        end = (record.time(), leaf);
        leaves.push(leaf);
        each(record);
    })?;
    let checkpoint = open_checkpoint(frame, key)?;
    Ok(Outline {
        run: Run::new(frame.first(), &leaves, complete),
        leaves,
        // A frame has at least one record.
        start: start.unwrap_or((Hash::ZERO, UnixMicros::EPOCH)),
        end,
        checkpoint,
    })
}

impl Outline {
    /// The entries as a part of the tree.
    #[must_use]
    pub const fn run(&self) -> &Run {
        &self.run
    }

    /// Leaf hashes of the entries.
    #[must_use]
    pub fn leaves(&self) -> &[Hash] {
        &self.leaves
    }

    /// The checkpoint, signed by the log's key.
    #[must_use]
    pub const fn checkpoint(&self) -> &SignedCheckpoint {
        &self.checkpoint
    }

    /// The checkpoint, where nothing else is needed any more.
    #[must_use]
    pub fn into_checkpoint(self) -> SignedCheckpoint {
        self.checkpoint
    }

    /// The head after these entries, when they follow this one.
    pub(super) fn after(&self, head: &LogHead) -> Result<LogHead, Fault> {
        let gap = |got| Fault::Gap {
            expected: head.size(),
            got,
        };
        let first = self.run.first();
        if first != head.size() {
            return Err(gap(first));
        }
        follows_at(first, self.start, (head.last_leaf(), head.time()))?;
        let mut next = head.clone();
        next.append(&self.run, self.end)
            .map_err(|elsewhere| gap(elsewhere.got))?;
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{LogVerifier, examine};
    use super::*;
    use crate::commit::{CommitBuilder, Draft};
    use crate::frame::Nonce;
    use crate::key::SigningKey;
    use crate::kind::Kind;
    use crate::origin::Origin;

    const NONCE: Nonce = Nonce([9; 16]);

    fn key() -> SigningKey {
        let origin = Origin::parse("example.com/log").expect("fine");
        SigningKey::from_seed(origin, &[7; 32]).expect("fine")
    }

    /// Frames of commits of these sizes.
    fn log(sizes: &[u64]) -> Vec<Vec<u8>> {
        let mut head = LogHead::empty();
        let frame = |entries: &u64| {
            let mut builder = CommitBuilder::after(&head);
            for n in 0..*entries {
                let draft = Draft {
                    kind: Kind::LOG_OPENED,
                    now: UnixMicros::new(1_000 + n).expect("fine"),
                    case: 0,
                    actor: "agent:db-1",
                    via: "",
                    idem: b"",
                    payload: &n.to_be_bytes(),
                };
                builder.push(&draft).expect("fine");
            }
            let mut commit = builder.finish(&key()).expect("not empty");
            head = commit.head().clone();
            commit.seal(&NONCE).to_vec()
        };
        sizes.iter().map(frame).collect()
    }

    /// What both ways say about a frame, one after the other; the verifiers go on where they agree.
    fn both(
        bytes: &[u8],
        (plain, short): (&mut LogVerifier, &mut LogVerifier),
    ) -> [Result<(), Fault>; 2] {
        let frame = Frame::salvage(bytes, &NONCE).expect("it can be taken apart");
        let key = key();
        let examined = examine(&frame, key.verifier()).and_then(|it| plain.join(it).map(|_| ()));
        let outline = outline(&frame, key.verifier(), |_| {}, &mut |_, _| {});
        [examined, outline.and_then(|it| short.follow(&it))]
    }

    fn verifiers() -> [LogVerifier; 2] {
        [(); 2].map(|()| LogVerifier::from_head(LogHead::empty()))
    }

    #[test]
    fn an_outline_leads_to_the_same_head() {
        let [mut plain, mut short] = verifiers();
        for bytes in log(&[1, 2, 5, 1, 300, 1_024, 7, 64]) {
            let said = both(&bytes, (&mut plain, &mut short));
            assert_eq!(said, [Ok(()), Ok(())]);
            assert_eq!(plain.head(), short.head());
        }
    }

    #[test]
    fn an_outline_holds_the_leaves_and_the_checkpoint_of_its_commit() {
        for bytes in log(&[1, 2, 9]) {
            let frame = Frame::parse(&bytes, &NONCE).expect("own frame");
            let frame = frame.expect("not the end");
            let examined = examine(&frame, key().verifier()).expect("own commit");
            let outline = outline(&frame, key().verifier(), |_| {}, &mut |_, _| {});
            let outline = outline.expect("own commit");
            assert_eq!(outline.leaves(), examined.leaves);
            assert_eq!(outline.into_checkpoint(), examined.checkpoint);
        }
    }

    #[test]
    fn whatever_bit_is_wrong_both_ways_say_the_same() {
        let frames = log(&[2, 3, 1]);
        let [mut plain, mut short] = verifiers();
        let said = both(&frames[0], (&mut plain, &mut short));
        assert_eq!(said, [Ok(()), Ok(())]);
        let second = &frames[1];
        for bit in 0..second.len() * 8 {
            let mut bad = second.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            if Frame::salvage(&bad, &NONCE).is_some() {
                let [joined, followed] = both(&bad, (&mut plain.clone(), &mut short.clone()));
                assert_eq!(joined, followed, "bit {bit}");
            }
        }
        // One that is missing, and one that stands twice.
        for bytes in [&frames[2], &frames[0]] {
            let [joined, followed] = both(bytes, (&mut plain, &mut short));
            assert_eq!(joined, followed);
            assert_eq!(joined.expect_err("a gap").code(), "index-gap");
        }
    }
}

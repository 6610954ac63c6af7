//! What the holder of the signing key can do: another history, flawless in itself.

use std::path::Path;

use anyhow::Context as _;
use countersign_chain::commit::{Commit, CommitBuilder, Draft, LogHead};
use countersign_chain::head::HeadSlot;
use countersign_chain::key::SigningKey;
use countersign_chain::limits::{HEAD_SLOT, SEGMENT_HEADER};
use countersign_chain::record::Record;
use countersign_ledger::log::CHECKPOINT;
use countersign_ledger::log::folder::SIGNING_KEY;
use countersign_proto::event::Event;
use countersign_proto::v1::ExternalEvent;

use super::segments::{Place, Segment};

/// Writes the whole log again with one line changed: records, chain, tree, signatures, durable head
/// and published checkpoint. Only what others remember of the old history is out of reach.
pub(crate) fn rewrite(
    log: &Path,
    segments: Vec<Segment>,
    place: &Place,
    line: &[u8],
) -> anyhow::Result<()> {
    let key = crate::files::read_text(&log.join(SIGNING_KEY))?;
    let key = SigningKey::parse(&key).context("the copied signing key")?;
    let event = ExternalEvent {
        raw: line.to_vec().into(),
        ..place.event.clone()
    };
    let forged = Event::from_message(&event);
    let (_, payload) = forged.parts()?;
    let mut head = LogHead::empty();
    let mut newest = None;
    for mut segment in segments {
        segment.header.prev = head.last_leaf();
        segment.bytes[..SEGMENT_HEADER].copy_from_slice(&segment.header.encode());
        for position in 0..segment.frames.len() {
            let mut commit = again(&segment, position, (place.index, payload), &head, &key)?;
            head = commit.head().clone();
            let range = segment.frames[position].clone();
            anyhow::ensure!(
                commit.frame_len() == range.len(),
                "the forged commit does not fit"
            );
            let nonce = segment.header.nonce;
            segment.bytes[range.clone()].copy_from_slice(commit.seal(&nonce));
            newest = Some((commit, segment.header.first, range.end));
        }
        segment.write()?;
    }
    let (commit, segment, offset) = newest.context("a log without commits")?;
    let checkpoint = commit.checkpoint().clone();
    write(log, CHECKPOINT, checkpoint.text().as_bytes())?;
    let slot = HeadSlot {
        head,
        segment,
        offset: u64::try_from(offset)?,
        checkpoint,
    };
    let mut slots = slot.encode()?;
    slots.resize(2 * HEAD_SLOT, 0);
    write(log, "head", &slots)?;
    // The tree files are derived; the ledger would build them anew, and so would the one who
    // rewrites.
    let tree = log.join("tree");
    std::fs::remove_dir_all(&tree).with_context(|| format!("cannot remove {}", tree.display()))
}

/// One commit with the same entries but for the forged one.
fn again(
    segment: &Segment,
    position: usize,
    (index, payload): (u64, &[u8]),
    head: &LogHead,
    key: &SigningKey,
) -> anyhow::Result<Commit> {
    let mut builder = CommitBuilder::after(head);
    for bytes in segment.frame(position)?.records() {
        let record = Record::parse(bytes)?;
        let forged = record.index().get() == index;
        builder.push(&Draft {
            kind: record.kind(),
            now: record.time(),
            case: record.case(),
            actor: record.actor(),
            via: record.via(),
            idem: record.idem(),
            payload: if forged { payload } else { record.payload() },
        })?;
    }
    builder.finish(key).context("a commit without entries")
}

fn write(log: &Path, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let path = log.join(name);
    std::fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

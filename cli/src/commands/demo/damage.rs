//! Five ways to cheat, each done to a copy of a log folder.

use std::path::Path;

use anyhow::Context as _;
use countersign_chain::frame::Frame;
use countersign_chain::limits::FRAME_HEAD;
use countersign_verifier::report::{Report, Verdict};

use super::rewrite;
use super::segments::{self, Segment};
use crate::output::{printable, shorten};

/// What is done to the copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Damage {
    /// One bit of a stored line.
    Bit,
    /// A letter of a stored line, with the checksum made good again.
    Letter,
    /// The newest commits.
    Tail,
    /// A commit in the middle.
    Commit,
    /// A letter of a stored line, and everything after it computed and signed anew with the log's
    /// own key.
    History,
}

/// What was done, and where it must be found.
#[derive(Debug)]
pub(crate) struct Done {
    /// In words.
    pub(crate) told: String,
    /// Code that the verifier must report; any when there is none.
    code: Option<&'static str>,
    /// Entry that the verifier must name; any when there is none.
    index: Option<u64>,
}

impl Damage {
    /// All of them, from clumsy to clever.
    pub(crate) const ALL: [Self; 5] = [
        Self::Bit,
        Self::Letter,
        Self::Tail,
        Self::Commit,
        Self::History,
    ];

    /// Name of the copy.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bit => "1-one-bit",
            Self::Letter => "2-one-letter",
            Self::Tail => "3-tail-cut-off",
            Self::Commit => "4-commit-removed",
            Self::History => "5-history-rewritten",
        }
    }

    /// Damages the log in a folder.
    pub(crate) fn inflict(self, log: &Path, near: u64) -> anyhow::Result<Done> {
        let mut segments = segments::read(log)?;
        match self {
            Self::Bit => bit(&segments, near),
            Self::Letter => one_letter(&segments, near),
            Self::Tail => tail(&segments),
            Self::Commit => commit(&mut segments),
            Self::History => history(log, segments, near),
        }
    }
}

impl Done {
    /// The finding that shows this damage, among those of a report.
    pub(crate) fn shown_by(&self, report: &Report) -> Option<Shown> {
        if report.verdict() != Verdict::Findings {
            return None;
        }
        let finding = report.findings.damage().iter().find(|finding| {
            let code = self.code.is_none_or(|code| code == finding.code.code());
            let index = self.index.is_none_or(|index| finding.index == Some(index));
            code && index
        })?;
        let message = finding.message.clone();
        Some(Shown {
            code: finding.code.code(),
            index: finding.index,
            message,
        })
    }
}

/// A finding of the verifier.
#[derive(Debug)]
pub(crate) struct Shown {
    /// Its code.
    pub(crate) code: &'static str,
    /// The entry that it names.
    pub(crate) index: Option<u64>,
    /// In words.
    pub(crate) message: String,
}

/// Two versions of a line, to be compared by eye.
fn compared(before: &[u8], after: &[u8]) -> String {
    let text = |line: &[u8]| {
        let line = String::from_utf8_lossy(line);
        shorten(&printable(line.trim_end()), 90).into_owned()
    };
    format!("\n     was  {}\n     is   {}", text(before), text(after))
}

fn bit(segments: &[Segment], near: u64) -> anyhow::Result<Done> {
    let place = segments::find(segments, near)?;
    let segment = &segments[place.segment];
    let mut line = place.event.raw.to_vec();
    let at = segments::letter(&line).context("a line without letters")?;
    line[at] ^= 1;
    segment.write_at(&line[at..=at], place.raw.start + at)?;
    let told = format!(
        "entry {}: one bit of the stored line flipped{}",
        place.index,
        compared(&place.event.raw, &line)
    );
    Ok(Done {
        told,
        code: None,
        index: Some(place.index),
    })
}

fn one_letter(segments: &[Segment], near: u64) -> anyhow::Result<Done> {
    let place = segments::find(segments, near)?;
    let segment = &segments[place.segment];
    let line = segments::forged(&place.event.raw);
    let range = segment.frames[place.frame].clone();
    let mut frame = segment.bytes[range.clone()].to_vec();
    let start = place.raw.start - range.start;
    frame[start..start + line.len()].copy_from_slice(&line);
    repair(&mut frame)?;
    segment.write_at(&frame, range.start)?;
    // Were the checksum still wrong, it would be an accident that is found, not a deed.
    Frame::parse(&frame, &segment.header.nonce)?.context("the repaired frame is empty")?;
    let told = format!(
        "entry {}: the stored line changed, the checksum of its commit made good again{}",
        place.index,
        compared(&place.event.raw, &line)
    );
    Ok(Done {
        told,
        code: Some("record-changed"),
        index: Some(place.index),
    })
}

/// Computes the checksum of a frame anew (docs/format.md, section 7).
fn repair(frame: &mut [u8]) -> anyhow::Result<()> {
    let length: [u8; 4] = frame
        .get(4..8)
        .context("a frame without length")?
        .try_into()?;
    let end = FRAME_HEAD + usize::try_from(u32::from_be_bytes(length))?;
    let body = frame.get(FRAME_HEAD..end).context("a frame without body")?;
    let crc = crc32c::crc32c_append(crc32c::crc32c(&length), body);
    frame[8..12].copy_from_slice(&crc.to_be_bytes());
    Ok(())
}

fn tail(segments: &[Segment]) -> anyhow::Result<Done> {
    let newest = segments
        .iter()
        .rev()
        .find(|segment| !segment.frames.is_empty());
    let segment = newest.context("a log without segments")?;
    let keep = segment.frames.len() / 2;
    let cut = segment.frames.get(keep..).unwrap_or_default();
    let (Some(first), Some(last)) = (cut.first(), cut.last()) else {
        anyhow::bail!("the newest segment is empty");
    };
    let from = segment.frame(keep)?.first();
    let size = segment.frame(segment.frames.len() - 1)?.size_after();
    segment.write_at(&vec![0; last.end - first.start], first.start)?;
    let told = format!(
        "entries {from} to {}: the newest {} commits wiped out, as if they had never been written",
        size - 1,
        cut.len()
    );
    Ok(Done {
        told,
        code: Some("log-cut"),
        index: None,
    })
}

fn commit(segments: &mut [Segment]) -> anyhow::Result<Done> {
    let longest = segments
        .iter_mut()
        .max_by_key(|segment| segment.frames.len());
    let segment = longest.context("a log without segments")?;
    let middle = segment.frames.len() / 2;
    let removed = segment.frame(middle)?;
    let (first, size) = (removed.first(), removed.size_after());
    let range = segment.frames[middle].clone();
    let end = segment.frames.last().map_or(range.end, |last| last.end);
    segment.bytes.copy_within(range.end..end, range.start);
    let moved = end - range.end;
    segment.bytes[range.start + moved..end].fill(0);
    segment.write()?;
    let told = format!(
        "entries {first} to {}: their commit taken out, the rest moved up to close the gap",
        size - 1
    );
    Ok(Done {
        told,
        code: None,
        index: Some(first),
    })
}

fn history(log: &Path, segments: Vec<Segment>, near: u64) -> anyhow::Result<Done> {
    let place = segments::find(&segments, near)?;
    let line = segments::forged(&place.event.raw);
    let told = format!(
        "entry {}: the line changed, every entry after it chained anew, every checkpoint \
         signed anew \
         with the log's own key{}",
        place.index,
        compared(&place.event.raw, &line)
    );
    rewrite::rewrite(log, segments, &place, &line)?;
    Ok(Done {
        told,
        code: Some("forked"),
        index: None,
    })
}

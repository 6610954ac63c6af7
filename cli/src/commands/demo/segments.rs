//! The segment files of a log folder, as someone with an editor for bytes sees them.

use std::fs::OpenOptions;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use countersign_chain::frame::Frame;
use countersign_chain::limits::SEGMENT_HEADER;
use countersign_chain::record::Record;
use countersign_chain::segment::{SegmentHeader, parse_file_name};
use countersign_proto::event::Known;
use countersign_proto::v1::ExternalEvent;

/// Folder of the segment files in that of a log.
const SEGMENTS: &str = "segments";

/// One segment file.
#[derive(Debug)]
pub(crate) struct Segment {
    path: PathBuf,
    pub(crate) header: SegmentHeader,
    pub(crate) bytes: Vec<u8>,
    /// Where its frames are.
    pub(crate) frames: Vec<Range<usize>>,
}

/// An event from outside, and where it lies.
#[derive(Debug)]
pub(crate) struct Place {
    /// Position of the segment.
    pub(crate) segment: usize,
    /// Position of the frame in the segment.
    pub(crate) frame: usize,
    /// Index of the entry.
    pub(crate) index: u64,
    /// Where the bytes of the line lie in the file.
    pub(crate) raw: Range<usize>,
    /// The event.
    pub(crate) event: ExternalEvent,
}

impl Segment {
    fn read(path: PathBuf) -> anyhow::Result<Self> {
        let bytes = std::fs::read(&path);
        let bytes = bytes.with_context(|| format!("cannot read {}", path.display()))?;
        let header = SegmentHeader::parse(&bytes)?;
        let mut frames = Vec::new();
        let mut at = SEGMENT_HEADER;
        while let Some(frame) = Frame::parse(bytes.get(at..).unwrap_or_default(), &header.nonce)? {
            frames.push(at..at + frame.len());
            at += frame.len();
        }
        Ok(Self {
            path,
            header,
            bytes,
            frames,
        })
    }

    /// A frame, read.
    pub(crate) fn frame(&self, position: usize) -> anyhow::Result<Frame<'_>> {
        let range = self
            .frames
            .get(position)
            .cloned()
            .context("no such frame")?;
        Frame::parse(&self.bytes[range], &self.header.nonce)?.context("no frame")
    }

    /// Writes bytes into the file, and nothing else.
    pub(crate) fn write_at(&self, bytes: &[u8], at: usize) -> anyhow::Result<()> {
        let write = || {
            let file = OpenOptions::new().write(true).open(&self.path)?;
            file.write_all_at(bytes, u64::try_from(at).map_err(std::io::Error::other)?)
        };
        write().with_context(|| format!("cannot write {}", self.path.display()))
    }

    /// Writes the whole file as it is in memory.
    pub(crate) fn write(&self) -> anyhow::Result<()> {
        let written = std::fs::write(&self.path, &self.bytes);
        written.with_context(|| format!("cannot write {}", self.path.display()))
    }

    /// Where in the file a part of its bytes lies.
    fn range_of(&self, part: &[u8]) -> Range<usize> {
        let start = part.as_ptr().addr() - self.bytes.as_ptr().addr();
        start..start + part.len()
    }
}

/// All segments of a log, in order.
pub(crate) fn read(log: &Path) -> anyhow::Result<Vec<Segment>> {
    let folder = log.join(SEGMENTS);
    let entries =
        std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if parse_file_name(&name).is_some() {
            names.push(name);
        }
    }
    names.sort();
    names
        .into_iter()
        .map(|name| Segment::read(folder.join(name)))
        .collect()
}

/// The first event from outside at or after an index, with a line that a letter can be changed in.
pub(crate) fn find(segments: &[Segment], from: u64) -> anyhow::Result<Place> {
    for (number, segment) in segments.iter().enumerate() {
        for position in 0..segment.frames.len() {
            let frame = segment.frame(position)?;
            if frame.size_after() <= from {
                continue;
            }
            for bytes in frame.records() {
                let record = Record::parse(bytes)?;
                let index = record.index().get();
                if index < from {
                    continue;
                }
                let Ok(Known::ExternalEvent(event)) =
                    Known::decode(record.kind().get(), record.payload())
                else {
                    continue;
                };
                let (line, payload) = (event.raw.clone(), record.payload());
                let at = payload
                    .windows(line.len().max(1))
                    .position(|part| part == line);
                if let (Some(at), Some(_)) = (at, letter(&line)) {
                    let raw = segment.range_of(&payload[at..at + line.len()]);
                    return Ok(Place {
                        segment: number,
                        frame: position,
                        index,
                        raw,
                        event,
                    });
                }
            }
        }
    }
    anyhow::bail!("the log has no line from {from} on; give a longer file with --input")
}

/// Where the last letter or digit of a line is.
pub(crate) fn letter(line: &[u8]) -> Option<usize> {
    line.iter().rposition(u8::is_ascii_alphanumeric)
}

/// The line with another last letter or digit, of the same length.
pub(crate) fn forged(line: &[u8]) -> Vec<u8> {
    let mut line = line.to_vec();
    if let Some(at) = letter(&line) {
        line[at] = match line[at] {
            digit @ b'0'..=b'4' => digit + 5,
            digit @ b'5'..=b'9' => digit - 5,
            b'x' | b'X' => b'y',
            _ => b'x',
        };
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forged_line_differs_and_keeps_its_length() {
        for line in ["status installed x 1.0", "0", "x", "user=X\n", "9."] {
            let forged = forged(line.as_bytes());
            assert_eq!(forged.len(), line.len());
            assert_ne!(forged, line.as_bytes());
        }
        assert_eq!(letter(b"--\n"), None);
    }
}

//! The walk from the durable floor to the end of the files: entries below the floor are there and
//! unchanged, those above continue the log, and behind them stands nothing but one torn commit.

use std::fmt::Display;
use std::io;
use std::sync::Arc;

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::commit::LogHead;
use countersign_chain::frame::{Frame, FrameError};
use countersign_chain::hash::Hash;
use countersign_chain::head::HeadSlot;
use countersign_chain::limits::{FRAME_ALIGN, SEGMENT_HEADER};
use countersign_chain::segment::{self, SegmentHeader};
use countersign_chain::verify::{self, Fault, LogVerifier};

use super::super::segments::Segment;
use super::super::{FOLDER, Settings};
use super::quarantine::{self, Torn};
use super::{OpenError, io_error};
use crate::fs::{Fs, FsFile};

/// Bytes that are looked at together behind the last commit.
const SHOWN_BYTES: usize = 1 << 20;

/// One segment file during the walk.
struct Opened {
    name: String,
    header: SegmentHeader,
    bytes: Vec<u8>,
}

impl Opened {
    fn damaged(&self, offset: usize, index: u64, why: impl Display) -> OpenError {
        OpenError::Damaged {
            name: self.name.clone(),
            offset,
            index,
            why: why.to_string(),
        }
    }
}

/// The walk from the segment that holds the floor to the end of the log.
pub(super) struct Walk<'a> {
    fs: &'a dyn Fs,
    settings: &'a Settings,
    floor: Option<&'a HeadSlot>,
    pub(super) floor_size: u64,
    pub(super) verifier: LogVerifier,
    pub(super) checkpoint: Option<SignedCheckpoint>,
    pub(super) torn: Option<Torn>,
    /// Behind the last whole frame of the last segment.
    pub(super) end: u64,
}

impl<'a> Walk<'a> {
    pub(super) fn new(fs: &'a dyn Fs, settings: &'a Settings, floor: Option<&'a HeadSlot>) -> Self {
        let head = floor.map_or_else(LogHead::empty, |slot| slot.head.clone());
        Self {
            fs,
            settings,
            floor,
            floor_size: head.size(),
            verifier: LogVerifier::from_head(head),
            checkpoint: floor.map(|slot| slot.checkpoint.clone()),
            torn: None,
            end: 0,
        }
    }

    /// Position of the first segment to walk.
    pub(super) fn start(&self, firsts: &[u64]) -> Result<usize, OpenError> {
        match firsts.first() {
            Some(0) => {}
            None if self.floor_size == 0 => return Ok(0),
            None => {
                return Err(OpenError::Cut {
                    floor: self.floor_size,
                    found: 0,
                });
            }
            Some(first) => {
                let name = segment::file_name(*first);
                let why = "the segments before it are missing".to_owned();
                return Err(OpenError::Misplaced { name, why });
            }
        }
        match self.floor {
            None => Ok(0),
            Some(slot) => firsts
                .iter()
                .position(|first| *first == slot.segment)
                .ok_or({
                    OpenError::Cut {
                        floor: self.floor_size,
                        found: slot.segment,
                    }
                }),
        }
    }

    fn size(&self) -> u64 {
        self.verifier.head().size()
    }

    pub(super) fn segment(&mut self, first: u64) -> Result<Segment, OpenError> {
        let opened = self.read(first)?;
        let file = self
            .fs
            .open(&format!("{FOLDER}/{}", opened.name))
            .map_err(io_error("open a segment"))?;
        if self.torn.is_some() {
            let why = "it stands behind a commit that is not whole".to_owned();
            return Err(OpenError::Misplaced {
                name: opened.name,
                why,
            });
        }
        let bytes = offset_of(opened.bytes.len());
        let header_end = offset_of(SEGMENT_HEADER);
        let kept = Some(Arc::clone(&file));
        let segment = Segment::new(first, opened.header.nonce, kept, bytes, header_end);
        let mut at = SEGMENT_HEADER;
        if let Some(floor) = self.floor.filter(|floor| floor.segment == first) {
            at = below_floor(&opened, &segment, floor)?;
        } else {
            self.follows(&opened)?;
        }
        at = self.above_floor(&opened, &segment, at)?;
        self.end = offset_of(at);
        if self.clear_tail(&opened, file.as_ref(), at)? {
            tracing::warn!(segment = %opened.name, offset = at, "torn commit went to quarantine");
        }
        Ok(segment)
    }

    /// Reads a whole segment from the device.
    fn read(&self, first: u64) -> Result<Opened, OpenError> {
        let name = segment::file_name(first);
        let path = format!("{FOLDER}/{name}");
        let failed = io_error("read a segment");
        self.fs
            .open(&path)
            .and_then(|file| file.sync_all())
            .map_err(&failed)?;
        let file = self.fs.open_device(&path).map_err(&failed)?;
        let len = usize::try_from(file.len().map_err(&failed)?).unwrap_or(usize::MAX);
        let mut bytes = vec![0; len];
        file.read_exact_at(&mut bytes, 0).map_err(&failed)?;
        let header = SegmentHeader::parse(&bytes).map_err(|error| OpenError::Segment {
            name: name.clone(),
            error,
        })?;
        if header.first != first || header.origin != self.settings.origin {
            let why = format!(
                "its header says log {} from entry {}; expected log {} from entry {first}",
                header.origin, header.first, self.settings.origin
            );
            return Err(OpenError::Misplaced { name, why });
        }
        Ok(Opened {
            name,
            header,
            bytes,
        })
    }

    /// Checks that a segment continues where the one before ended.
    fn follows(&self, opened: &Opened) -> Result<(), OpenError> {
        let head = self.verifier.head();
        if opened.header.first == head.size() && opened.header.prev == head.last_leaf() {
            return Ok(());
        }
        let why = format!("the log before it ends after {} entries", head.size());
        Err(OpenError::Misplaced {
            name: opened.name.clone(),
            why,
        })
    }

    /// Walks the frames above the floor up to the first that is not whole.
    fn above_floor(
        &mut self,
        opened: &Opened,
        segment: &Segment,
        mut at: usize,
    ) -> Result<usize, OpenError> {
        while let Some(frame) = next_frame(opened, at).unwrap_or(None) {
            let commit = verify::examine(&frame, &self.settings.key)
                .and_then(|examined| self.verifier.join(examined))
                // A whole frame that does not follow was not torn by a crash.
                .map_err(|fault| opened.damaged(at, fault.index(), &fault))?;
            self.checkpoint = Some(commit.checkpoint().clone());
            let end = at.saturating_add(frame.len());
            segment.extend(frame.first(), offset_of(at), offset_of(end));
            at = end;
        }
        Ok(at)
    }

    /// Clears what stands behind the last whole frame and says whether that was a torn commit.
    fn clear_tail(
        &mut self,
        opened: &Opened,
        file: &dyn FsFile,
        at: usize,
    ) -> Result<bool, OpenError> {
        let tail = opened.bytes.get(at..).unwrap_or_default();
        let torn = data_len(tail);
        // After a failed sync the page cache may show what the device does not hold; the next
        // commit would carry some of it along.
        let shown = shown_len(file, offset_of(at), tail.len())
            .map_err(io_error("read behind the last commit"))?;
        if torn > 0 {
            self.keep_torn(opened, at, torn)?;
        }
        // If we stop here, then the torn bytes are in both places, and opening finds them again.
        if torn.max(shown) > 0 {
            file.write_all_at(&vec![0; torn.max(shown)], offset_of(at))
                .and_then(|()| file.sync_data())
                .map_err(io_error("clear a torn commit"))?;
        }
        // If we stop here, then the pending file in quarantine/ still tells that LogRecovered is
        // owed.
        Ok(torn > 0)
    }

    /// Puts a torn commit of so many bytes into quarantine, unless it is damage.
    fn keep_torn(&mut self, opened: &Opened, at: usize, torn: usize) -> Result<(), OpenError> {
        let size = self.size();
        let tail = opened.bytes.get(at..).unwrap_or_default();
        let later = (0..torn).step_by(FRAME_ALIGN).find(|offset| {
            // To the end of the file: a last commit may end in padding, zeros like those behind it.
            let bytes = tail.get(*offset..).unwrap_or_default();
            // Only a commit that comes later counts: a payload may hold a copy of an older one.
            matches!(Frame::parse(bytes, &opened.header.nonce), Ok(Some(f)) if f.first() > size)
        });
        if let Some(offset) = later {
            let why = format!(
                "a later commit is whole at offset {}",
                at.saturating_add(offset)
            );
            return Err(opened.damaged(at, size, why));
        }
        let torn = quarantine::keep(self.fs, tail.get(..torn).unwrap_or_default());
        self.torn = Some(torn.map_err(io_error("keep a torn commit"))?);
        Ok(())
    }
}

/// Length up to the last byte that is not zero.
fn data_len(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last.saturating_add(1))
}

/// The same, of `len` bytes of a segment as processes see them.
fn shown_len(file: &dyn FsFile, from: u64, len: usize) -> io::Result<usize> {
    let mut part = vec![0; len.min(SHOWN_BYTES)];
    let (mut at, mut shown) = (0, 0);
    while at < len {
        part.truncate(len.saturating_sub(at));
        file.read_exact_at(&mut part, from.saturating_add(offset_of(at)))?;
        let data = data_len(&part);
        if data > 0 {
            shown = at.saturating_add(data);
        }
        at = at.saturating_add(part.len());
    }
    Ok(shown)
}

fn next_frame<'a>(opened: &'a Opened, at: usize) -> Result<Option<Frame<'a>>, FrameError> {
    match opened.bytes.get(at..).filter(|rest| rest.len() >= 4) {
        Some(rest) => Frame::parse(rest, &opened.header.nonce),
        None => Ok(None),
    }
}

/// Checks that every sealed entry of the floor's segment is there and unchanged, and returns where
/// they end.
fn below_floor(opened: &Opened, segment: &Segment, floor: &HeadSlot) -> Result<usize, OpenError> {
    let (mut at, mut size, mut leaf) = (SEGMENT_HEADER, opened.header.first, opened.header.prev);
    while offset_of(at) < floor.offset {
        let frame = next_frame(opened, at)
            .map_err(|error| opened.damaged(at, size, error))?
            .ok_or(OpenError::Cut {
                floor: floor.head.size(),
                found: size,
            })?;
        let (records, leaves) = verify::parse_records(&frame)
            .map_err(|fault| opened.damaged(at, fault.index(), &fault))?;
        let prev = records.first().map_or(Hash::ZERO, |record| record.prev());
        if frame.first() != size || prev != leaf {
            let fault = Fault::Gap {
                expected: size,
                got: frame.first(),
            };
            return Err(opened.damaged(at, size, fault));
        }
        let end = at.saturating_add(frame.len());
        segment.extend(size, offset_of(at), offset_of(end));
        size = frame.size_after();
        leaf = leaves.last().copied().unwrap_or(leaf);
        at = end;
    }
    let head = &floor.head;
    if offset_of(at) == floor.offset && size == head.size() && leaf == head.last_leaf() {
        Ok(at)
    } else {
        Err(opened.damaged(at, size, "the sealed head does not end here"))
    }
}

/// A sealed segment below the one that holds the floor: only its header is looked at.
pub(super) fn older(fs: &dyn Fs, first: u64) -> Result<Segment, OpenError> {
    let name = segment::file_name(first);
    let failed = io_error("open a segment");
    let file = fs.open_read(&format!("{FOLDER}/{name}")).map_err(&failed)?;
    let mut bytes = vec![0; SEGMENT_HEADER];
    file.read_exact_at(&mut bytes, 0).map_err(&failed)?;
    let header = SegmentHeader::parse(&bytes).map_err(|error| OpenError::Segment {
        name: name.clone(),
        error,
    })?;
    if header.first != first {
        let why = format!("its header says that it starts with entry {}", header.first);
        return Err(OpenError::Misplaced { name, why });
    }
    let len = file.len().map_err(&failed)?;
    Ok(Segment::new(
        first,
        header.nonce,
        None,
        len,
        offset_of(SEGMENT_HEADER),
    ))
}

fn offset_of(at: usize) -> u64 {
    u64::try_from(at).unwrap_or(u64::MAX)
}

//! Opening a log: what is there, is it all there, and what was torn by a crash.
//!
//! One commit is in flight at a time, and everything sealed lies below a durable floor. So an honest crash leaves at
//! most one commit that is not whole, at the very end, above the floor. Anything else is damage, and opening refuses:
//! entries below the floor that are missing or changed, a whole commit behind a broken one, a segment behind a torn
//! one. What was torn goes to `quarantine/` before the space is cleared, and the caller writes `LogRecovered`.
//!
//! Every step can be repeated: a crash inside recovery is like the crash before it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use countersign_chain::commit::LogHead;
use countersign_chain::frame::{Frame, FrameError};
use countersign_chain::hash::{self, Hash};
use countersign_chain::head::{HeadError, HeadSlot};
use countersign_chain::limits::{FRAME_ALIGN, HEAD_SLOT, SEGMENT_HEADER};
use countersign_chain::segment::{self, SegmentError, SegmentHeader};
use countersign_chain::verify::{self, Fault, LogVerifier};
use parking_lot::{Mutex, RwLock};

use super::segments::Segment;
use super::{DurableHead, FOLDER, HEAD, MAKING, SPARE, SegmentStore, Settings, View, Writer};
use crate::fs::Fs;

/// Folder of what recovery took out of a log's end.
pub const QUARANTINE: &str = "quarantine";

/// Why a log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file system says no.
    #[error("cannot {doing}: {error}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// Why not.
        error: io::Error,
    },
    /// No floor.
    #[error("both slots of the durable head are damaged: {first}; {second}")]
    HeadDamaged {
        /// Slot A.
        first: HeadError,
        /// Slot B.
        second: HeadError,
    },
    /// Entries that were sealed are not there.
    #[error("the log was cut: {floor} entries were sealed, the files end after {found}")]
    Cut {
        /// Sealed entries.
        floor: u64,
        /// Entries that were found.
        found: u64,
    },
    /// A segment header is wrong.
    #[error("segment {name} is damaged: {error}")]
    Segment {
        /// File name.
        name: String,
        /// Why.
        error: SegmentError,
    },
    /// A segment does not belong here.
    #[error("segment {name} does not follow: {why}")]
    Misplaced {
        /// File name.
        name: String,
        /// Why.
        why: String,
    },
    /// Damage that no crash leaves.
    #[error("segment {name} is damaged at offset {offset}, entry {index}: {why}")]
    Damaged {
        /// File name.
        name: String,
        /// Where in the file.
        offset: usize,
        /// First entry that is affected.
        index: u64,
        /// Why.
        why: String,
    },
}

/// What opening found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovery {
    /// Number of whole entries.
    pub size: u64,
    /// Entries that were sealed before.
    pub floor: u64,
    /// What was taken out of the log's end.
    pub torn: Option<Torn>,
}

/// Bytes of a commit that never became whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    /// Number of bytes.
    pub bytes: u64,
    /// SHA-256 over them.
    pub sha256: Hash,
}

fn io_error(doing: &'static str) -> impl Fn(io::Error) -> OpenError {
    move |error| OpenError::Io { doing, error }
}

/// One segment file during the walk.
struct Opened {
    name: String,
    header: SegmentHeader,
    bytes: Vec<u8>,
}

impl Opened {
    fn damaged(&self, offset: usize, index: u64, why: impl std::fmt::Display) -> OpenError {
        OpenError::Damaged {
            name: self.name.clone(),
            offset,
            index,
            why: why.to_string(),
        }
    }
}

/// Opens a log that [`super::create`] made, after a crash or not.
///
/// # Errors
/// [`OpenError`]: the log is left as it is, and nothing may be appended to it.
pub fn open(fs: Arc<dyn Fs>, settings: Settings) -> Result<(SegmentStore, Recovery), OpenError> {
    let firsts = tidy(fs.as_ref())?;
    let (floor, next_slot) = read_floor(fs.as_ref(), &settings)?;
    let mut walk = Walk::new(fs.as_ref(), &settings, floor.as_ref());
    let start = walk.start(&firsts)?;
    let mut segments = Vec::with_capacity(firsts.len());
    for first in firsts.get(..start).unwrap_or_default() {
        segments.push(Arc::new(older(fs.as_ref(), *first)?));
    }
    for first in firsts.get(start..).unwrap_or_default() {
        segments.push(Arc::new(walk.segment(*first)?));
    }
    let Walk {
        verifier,
        checkpoint,
        torn,
        end,
        floor_size,
        ..
    } = walk;
    let size = verifier.head().size();
    if size < floor_size {
        return Err(OpenError::Cut {
            floor: floor_size,
            found: size,
        });
    }
    let head = DurableHead {
        head: verifier.head().clone(),
        checkpoint,
    };
    let sealed = match floor {
        Some(slot) => DurableHead {
            head: slot.head,
            checkpoint: Some(slot.checkpoint),
        },
        None => DurableHead {
            head: LogHead::empty(),
            checkpoint: None,
        },
    };
    let head_file = fs.open(HEAD).map_err(io_error("open the durable head"))?;
    let writer = Writer {
        offset: end,
        head_file,
        next_slot,
        spare: None,
        poisoned: None,
    };
    let store = SegmentStore {
        fs,
        settings,
        view: RwLock::new(View {
            segments,
            head,
            sealed,
        }),
        writer: Mutex::new(writer),
        epoch: AtomicU64::new(0),
    };
    Ok((
        store,
        Recovery {
            size,
            floor: floor_size,
            torn,
        },
    ))
}

/// Removes what a crash left half-made, makes names durable, and lists the segments.
fn tidy(fs: &dyn Fs) -> Result<Vec<u64>, OpenError> {
    let failed = io_error("list the segments");
    for unfinished in [SPARE, MAKING] {
        if fs.exists(unfinished).map_err(&failed)? {
            fs.remove(unfinished).map_err(&failed)?;
        }
    }
    // Decisions are taken on what is durable only, so names are synced before they are read.
    fs.sync_dir(FOLDER).map_err(&failed)?;
    let names = fs.list(FOLDER).map_err(&failed)?;
    Ok(names
        .iter()
        .filter_map(|name| segment::parse_file_name(name))
        .collect())
}

/// The valid head slot with the larger size, and the slot to write next.
fn read_floor(fs: &dyn Fs, settings: &Settings) -> Result<(Option<HeadSlot>, u64), OpenError> {
    let failed = io_error("read the durable head");
    fs.open(HEAD)
        .and_then(|file| file.sync_all())
        .map_err(&failed)?;
    let file = fs.open_device(HEAD).map_err(&failed)?;
    let mut bytes = vec![0; 2 * HEAD_SLOT];
    file.read_exact_at(&mut bytes, 0).map_err(&failed)?;
    let (a, b) = bytes.split_at(HEAD_SLOT);
    let blank = |slot: &[u8]| slot.iter().all(|byte| *byte == 0);
    match (
        HeadSlot::parse(a, &settings.key),
        HeadSlot::parse(b, &settings.key),
    ) {
        (Ok(a), Ok(b)) if a.head.size() >= b.head.size() => Ok((Some(a), 1)),
        (Ok(_), Ok(b)) | (Err(_), Ok(b)) => Ok((Some(b), 0)),
        (Ok(a), Err(_)) => Ok((Some(a), 1)),
        // Slot A is the first that is ever written: torn beside a blank B, nothing was sealed yet.
        (Err(_), Err(_)) if blank(b) => Ok((None, 0)),
        (Err(first), Err(second)) => Err(OpenError::HeadDamaged { first, second }),
    }
}

/// A sealed segment below the one that holds the floor: only its header is looked at.
fn older(fs: &dyn Fs, first: u64) -> Result<Segment, OpenError> {
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
        file,
        len,
        offset_of(SEGMENT_HEADER),
    ))
}

fn offset_of(at: usize) -> u64 {
    u64::try_from(at).unwrap_or(u64::MAX)
}

/// The walk from the segment that holds the floor to the end of the log.
struct Walk<'a> {
    fs: &'a dyn Fs,
    settings: &'a Settings,
    floor: Option<&'a HeadSlot>,
    floor_size: u64,
    verifier: LogVerifier,
    checkpoint: Option<countersign_chain::checkpoint::SignedCheckpoint>,
    torn: Option<Torn>,
    /// Behind the last whole frame of the last segment.
    end: u64,
}

impl<'a> Walk<'a> {
    fn new(fs: &'a dyn Fs, settings: &'a Settings, floor: Option<&'a HeadSlot>) -> Self {
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
    fn start(&self, firsts: &[u64]) -> Result<usize, OpenError> {
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

    fn segment(&mut self, first: u64) -> Result<Segment, OpenError> {
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
        let segment = Segment::new(first, opened.header.nonce, file, bytes, header_end);
        let mut at = SEGMENT_HEADER;
        if let Some(floor) = self.floor.filter(|floor| floor.segment == first) {
            at = below_floor(&opened, &segment, floor)?;
        } else {
            self.follows(&opened)?;
        }
        at = self.above_floor(&opened, &segment, at)?;
        self.end = offset_of(at);
        if self.clear_tail(&opened, &segment, at)? {
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

    /// Looks at what stands behind the last whole frame: nothing, a torn commit, or damage.
    fn clear_tail(
        &mut self,
        opened: &Opened,
        segment: &Segment,
        at: usize,
    ) -> Result<bool, OpenError> {
        let tail = opened.bytes.get(at..).unwrap_or_default();
        let Some(last) = tail.iter().rposition(|byte| *byte != 0) else {
            return Ok(false);
        };
        let size = self.size();
        let later = (0..tail.len()).step_by(FRAME_ALIGN).find(|offset| {
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
        let torn = tail.get(..=last).unwrap_or_default();
        self.torn = Some(
            self.quarantine(torn)
                .map_err(io_error("keep a torn commit"))?,
        );
        // If we stop here, then the torn bytes are in both places, and opening finds them again.
        segment
            .file
            .write_all_at(&vec![0; torn.len()], offset_of(at))
            .and_then(|()| segment.file.sync_data())
            .map_err(io_error("clear a torn commit"))?;
        // If we stop here, then the pending file in quarantine/ still tells that LogRecovered is owed.
        Ok(true)
    }

    fn quarantine(&self, torn: &[u8]) -> io::Result<Torn> {
        let sha256 = hash::digest(torn);
        let path = pending_path(&sha256);
        self.fs.create_dir(QUARANTINE)?;
        self.fs.sync_dir("")?;
        if !self.fs.exists(&path)? {
            let making = format!("{QUARANTINE}/making");
            if self.fs.exists(&making)? {
                self.fs.remove(&making)?;
            }
            let file = self.fs.create_new(&making)?;
            file.write_all_at(torn, 0)?;
            file.sync_all()?;
            self.fs.rename_noreplace(&making, &path)?;
        }
        self.fs.sync_dir(QUARANTINE)?;
        Ok(Torn {
            bytes: offset_of(torn.len()),
            sha256,
        })
    }
}

fn pending_path(sha256: &Hash) -> String {
    format!("{QUARANTINE}/{sha256}.pending")
}

fn next_frame<'a>(opened: &'a Opened, at: usize) -> Result<Option<Frame<'a>>, FrameError> {
    match opened.bytes.get(at..).filter(|rest| rest.len() >= 4) {
        Some(rest) => Frame::parse(rest, &opened.header.nonce),
        None => Ok(None),
    }
}

/// Checks that every sealed entry of the floor's segment is there and unchanged, and returns where they end.
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

/// What recovery put into quarantine and the log has not told yet.
///
/// # Errors
/// What the file system says.
pub fn pending(fs: &dyn Fs) -> io::Result<Vec<Torn>> {
    if !fs.exists(QUARANTINE)? {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for name in fs
        .list(QUARANTINE)?
        .iter()
        .filter(|name| name.ends_with(".pending"))
    {
        let file = fs.open_read(&format!("{QUARANTINE}/{name}"))?;
        let len = file.len()?;
        let mut bytes = vec![0; usize::try_from(len).map_err(io::Error::other)?];
        file.read_exact_at(&mut bytes, 0)?;
        found.push(Torn {
            bytes: len,
            sha256: hash::digest(&bytes),
        });
    }
    Ok(found)
}

/// Marks torn bytes as told, after the entry that names them is durable.
///
/// # Errors
/// What the file system says.
pub fn told(fs: &dyn Fs, torn: &Torn) -> io::Result<()> {
    let from = pending_path(&torn.sha256);
    if fs.exists(&from)? {
        fs.rename(&from, &format!("{QUARANTINE}/{}.torn", torn.sha256))?;
    }
    fs.sync_dir(QUARANTINE)
}

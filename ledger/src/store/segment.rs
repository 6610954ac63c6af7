//! The embedded store: own segment files, preallocated, checksummed, written by one process (ADR
//! 1).
//!
//! The rules are those of docs/format.md sections 7 to 9: a commit is one write and one sync into
//! space that was allocated before; any error of a write or sync poisons the store; two head slots,
//! written in turn, are the floor below which nothing may be missing. What opening does is in
//! [`recover`].

pub mod recover;
mod segments;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use countersign_chain::commit::Commit;
use countersign_chain::frame::Nonce;
use countersign_chain::head::HeadSlot;
use countersign_chain::key::VerifierKey;
use countersign_chain::limits::{HEAD_SLOT, SEGMENT_HEADER};
use countersign_chain::origin::Origin;
use countersign_chain::segment::{self, SegmentHeader};
use parking_lot::{Mutex, RwLock};

use self::segments::Segment;
use super::{AppendError, DurableHead, FrameRun, LogStore, ReadError, Room, Space};
use crate::fs::{Fs, FsFile};
use crate::limits::{OPEN_SEGMENTS, RESERVE_BYTES};

/// Folder of the segments.
pub const FOLDER: &str = "segments";
/// The file with the two head slots.
pub const HEAD: &str = "head";
/// The next segment, allocated but without a name in the log yet.
const SPARE: &str = "segments/spare";
/// A segment that is being made without a spare.
const MAKING: &str = "segments/making";

/// What a segment store needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Name of the log.
    pub origin: Origin,
    /// Key that signs its checkpoints.
    pub key: VerifierKey,
    /// Size of a segment file.
    pub segment_bytes: u64,
    /// Draws the nonce of a segment: [`random_nonce`], or something repeatable in a simulation.
    pub nonce: fn(first: u64) -> io::Result<Nonce>,
}

/// A nonce from the operating system.
///
/// # Errors
/// What the operating system says.
pub fn random_nonce(_first: u64) -> io::Result<Nonce> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(Nonce(bytes))
}

/// An open log of segment files.
#[derive(Debug)]
pub struct SegmentStore {
    fs: Arc<dyn Fs>,
    settings: Settings,
    /// What readers see: durable, always.
    view: RwLock<View>,
    /// What the writer holds.
    writer: Mutex<Writer>,
    epoch: AtomicU64,
    /// Segments before the last one whose files are open, in the order in which they were opened.
    full: Mutex<VecDeque<Arc<Segment>>>,
}

#[derive(Debug)]
struct View {
    segments: Vec<Arc<Segment>>,
    head: DurableHead,
    sealed: DurableHead,
}

#[derive(Debug)]
struct Writer {
    /// Where the next frame goes in the last segment; meaningless while there is none.
    offset: u64,
    head_file: Arc<dyn FsFile>,
    /// Slot that is written next: the one that does not hold the floor.
    next_slot: u64,
    spare: Option<Arc<dyn FsFile>>,
    poisoned: Option<String>,
}

impl Writer {
    /// Remembers the first failure; from now on nothing is written.
    fn poison(&mut self, error: io::Error) -> AppendError {
        tracing::error!(error = %error, "store is poisoned: a write or sync failed");
        self.poisoned = Some(error.to_string());
        AppendError::Poisoned(error)
    }

    fn check(&self) -> Result<(), AppendError> {
        match &self.poisoned {
            None => Ok(()),
            Some(first) => Err(AppendError::Poisoned(io::Error::other(first.clone()))),
        }
    }
}

/// Makes the files of an empty log; the caller gives the folder its identity afterwards.
///
/// # Errors
/// What the file system says; `AlreadyExists` when there is a log.
pub fn create(fs: &dyn Fs) -> io::Result<()> {
    fs.create_dir(FOLDER)?;
    let head = fs.create_new(HEAD)?;
    // Slots are written in place later, so their space must be there.
    head.write_all_at(&[0; 2 * HEAD_SLOT], 0)?;
    head.sync_all()?;
    fs.sync_dir(FOLDER)?;
    fs.sync_dir("")
    // If we stop here, then there is a folder without identity, which is not a log and can be
    // deleted.
}

impl SegmentStore {
    /// The last segment, or a new one when `frame_len` more bytes do not fit.
    fn place(
        &self,
        writer: &mut Writer,
        frame_len: u64,
        space: Space,
    ) -> Result<Arc<Segment>, AppendError> {
        let last = self.view.read().segments.last().cloned();
        let free = last
            .as_ref()
            .map_or(0, |last| last.bytes.saturating_sub(writer.offset));
        let fits = |keep: u64| frame_len.saturating_add(keep) <= free;
        match (last, space) {
            (Some(last), _) if fits(RESERVE_BYTES) => Ok(last),
            (Some(last), Space::Reserve) if fits(0) => Ok(last),
            _ => self.roll(writer, frame_len),
        }
    }

    /// Makes the segment that starts at the durable head (crash rule R2).
    fn roll(&self, writer: &mut Writer, frame_len: u64) -> Result<Arc<Segment>, AppendError> {
        let (first, prev) = {
            let view = self.view.read();
            (view.head.head.size(), view.head.head.last_leaf())
        };
        let header_len = u64::try_from(SEGMENT_HEADER).unwrap_or(u64::MAX);
        let bytes = self
            .settings
            .segment_bytes
            .max(header_len.saturating_add(frame_len));
        let nonce = (self.settings.nonce)(first).map_err(|error| writer.poison(error))?;
        let origin = self.settings.origin.clone();
        let header = SegmentHeader {
            origin,
            first,
            prev,
            nonce,
        }
        .encode();
        let fitting = bytes == self.settings.segment_bytes;
        let (file, made_as) = match writer.spare.take_if(|_| fitting) {
            Some(spare) => (spare, SPARE),
            None => match self.allocate(MAKING, bytes) {
                Err(AppendError::Poisoned(error)) => return Err(writer.poison(error)),
                made => (made?, MAKING),
            },
        };
        let name = format!("{FOLDER}/{}", segment::file_name(first));
        let made = (|| {
            file.allocate(bytes)?;
            file.write_all_at(&header, 0)?;
            file.sync_all()?;
            // If we stop here, then a spare or half-made file is left, which opening removes.
            self.fs.rename_noreplace(made_as, &name)?;
            self.fs.sync_dir(FOLDER)
            // If we stop here, then the log ends with a segment without frames, which opening takes
            // up.
        })();
        made.map_err(|error| writer.poison(error))?;
        writer.offset = header_len;
        let segment = Segment::new(first, nonce, Some(file), bytes, header_len);
        let segment = Arc::new(segment);
        let before = {
            let mut view = self.view.write();
            let before = view.segments.last().cloned();
            view.segments.push(Arc::clone(&segment));
            before
        };
        before
            .into_iter()
            .for_each(|before| self.was_opened(before));
        Ok(segment)
    }

    /// Takes note of an open file that nobody writes to any more, and closes the one that has been
    /// open for longest when they are too many.
    fn was_opened(&self, segment: Arc<Segment>) {
        let mut full = self.full.lock();
        full.push_back(segment);
        if full.len() > OPEN_SEGMENTS
            && let Some(oldest) = full.pop_front()
        {
            oldest.close();
        }
    }

    /// What opening the log has left open.
    fn keep_some_open(&self) {
        let segments = self.view.read().segments.clone();
        let full = segments.split_last().map_or(&[][..], |(_last, full)| full);
        for segment in full.iter().filter(|segment| segment.is_open()) {
            self.was_opened(Arc::clone(segment));
        }
    }

    /// A file with its space and without a header. Running out of space here harms nothing.
    fn allocate(&self, path: &str, bytes: u64) -> Result<Arc<dyn FsFile>, AppendError> {
        let made = self.fs.create_new(path).and_then(|file| {
            file.allocate(bytes)?;
            Ok(file)
        });
        made.map_err(|error| {
            if let Err(error) = self.fs.remove(path) {
                tracing::warn!(error = %error, path, "cannot remove an unfinished segment");
            }
            if matches!(
                error.kind(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
            ) {
                AppendError::Full {
                    needed: bytes,
                    free: self.fs.free_bytes().unwrap_or(0),
                }
            } else {
                AppendError::Poisoned(error)
            }
        })
    }
}

impl LogStore for SegmentStore {
    fn key(&self) -> VerifierKey {
        self.settings.key.clone()
    }

    fn head(&self) -> DurableHead {
        self.view.read().head.clone()
    }

    fn append(&self, epoch: u64, commit: &mut Commit, space: Space) -> Result<(), AppendError> {
        let mut writer = self.writer.lock();
        writer.check()?;
        let (expected, got) = (self.view.read().head.head.size(), commit.first());
        if expected != got || epoch != self.epoch.load(Ordering::Acquire) {
            return Err(AppendError::Conflict { expected, got });
        }
        let frame_len = u64::try_from(commit.frame_len()).unwrap_or(u64::MAX);
        let segment = self.place(&mut writer, frame_len, space)?;
        let offset = writer.offset;
        let frame = commit.seal(&segment.nonce);
        // If we stop here, then nothing of the commit is stored.
        let (file, _) = segment
            .file(self.fs.as_ref())
            .map_err(|error| writer.poison(error))?;
        let written = file.write_all_at(frame, offset);
        // If we stop here, then any part of the frame may be stored; nobody was told, and recovery
        // takes it whole or puts it into quarantine.
        let stored = written.and_then(|()| file.sync_data());
        stored.map_err(|error| writer.poison(error))?;
        // If we stop here, then the commit is durable and nobody was told; callers repeat and get
        // its receipt.
        writer.offset = offset.saturating_add(frame_len);
        segment.extend(got, offset, writer.offset);
        let mut view = self.view.write();
        view.head = DurableHead {
            head: commit.head().clone(),
            checkpoint: Some(commit.checkpoint().clone()),
        };
        Ok(())
    }

    fn read(&self, from: u64, max_bytes: usize) -> Result<FrameRun, ReadError> {
        let segment = {
            let view = self.view.read();
            let size = view.head.head.size();
            let at = view
                .segments
                .partition_point(|segment| segment.first <= from);
            let segment = at.checked_sub(1).and_then(|at| view.segments.get(at));
            match segment {
                Some(segment) if from < size => Arc::clone(segment),
                _ => return Err(ReadError::OutOfRange { index: from, size }),
            }
        };
        let (file, opened) = segment.file(self.fs.as_ref())?;
        if opened {
            self.was_opened(Arc::clone(&segment));
        }
        segment.read(file.as_ref(), from, max_bytes)
    }

    fn seal(&self) -> Result<DurableHead, AppendError> {
        // The lock is held for the snapshot only: commits go on while the slot is synced.
        let (head_file, slot, place) = {
            let writer = self.writer.lock();
            writer.check()?;
            let view = self.view.read();
            if view.sealed.head.size() == view.head.head.size() {
                return Ok(view.sealed.clone());
            }
            let slot = HeadSlot {
                head: view.head.head.clone(),
                segment: view.segments.last().map_or(0, |segment| segment.first),
                offset: writer.offset,
                checkpoint: match &view.head.checkpoint {
                    Some(checkpoint) => checkpoint.clone(),
                    None => return Ok(view.sealed.clone()),
                },
            };
            (Arc::clone(&writer.head_file), slot, writer.next_slot)
        };
        let offset = place.saturating_mul(u64::try_from(HEAD_SLOT).unwrap_or(u64::MAX));
        let stored = slot
            .encode()
            .map_err(io::Error::other)
            .and_then(|bytes| head_file.write_all_at(&bytes, offset))
            // If we stop here, then this slot may be torn; the other one holds the floor.
            .and_then(|()| head_file.sync_data());
        let mut writer = self.writer.lock();
        stored.map_err(|error| writer.poison(error))?;
        writer.next_slot = 1_u64.saturating_sub(place);
        let HeadSlot {
            head, checkpoint, ..
        } = slot;
        let sealed = DurableHead {
            head,
            checkpoint: Some(checkpoint),
        };
        self.view.write().sealed = sealed.clone();
        Ok(sealed)
    }

    fn sealed(&self) -> DurableHead {
        self.view.read().sealed.clone()
    }

    fn fence(&self) -> Result<u64, AppendError> {
        self.writer.lock().check()?;
        Ok(self.epoch.fetch_add(1, Ordering::AcqRel).saturating_add(1))
    }

    fn make_room(&self) -> io::Result<Room> {
        if self.writer.lock().spare.is_some() {
            return Ok(Room::Enough);
        }
        let needed = self.settings.segment_bytes;
        // Appends go on while the spare is made.
        match self.allocate(SPARE, needed) {
            Ok(spare) => match spare.sync_all() {
                Ok(()) => {
                    self.writer.lock().spare = Some(spare);
                    Ok(Room::Enough)
                }
                Err(error) => self.fs.remove(SPARE).and(Err(error)),
            },
            Err(AppendError::Full { needed, free }) => Ok(Room::Low { free, needed }),
            Err(AppendError::Poisoned(error)) => Err(error),
            Err(AppendError::Conflict { .. }) => Err(io::Error::other("unexpected conflict")),
        }
    }
}

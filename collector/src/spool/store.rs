//! The files of a spool.
//!
//! ```text
//! OWNER                        who it belongs to; it is what is locked
//! SEALED                       how far the ledger has sealed it, and the places of inputs
//! segments/<first:020>.spool   frames, in files whose room is reserved before they are written
//! ```
//!
//! One store writes; what it has synced, others may read. A segment is removed when the ledger has
//! sealed all of it, and `SEALED` says so before it is gone.

mod folder;
mod prepared;
mod scan;

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use countersign_chain::hash::Hash;
use countersign_chain::sequence::QueueId;
use rustix::fs::FallocateFlags;

pub use folder::{Owner, SpoolError};
pub use prepared::prepared;
pub(super) use scan::next_frame;
use scan::{Found, scan, written};

use super::frame::{self, HEAD, Head};
use crate::limits::{MAX_SPOOL_ITEM, MAX_SPOOL_SEGMENT, MIN_SPOOL_SEGMENT, SPOOL_SEGMENTS};
use crate::outlet::Item;
use folder::{Folder, Mark};

/// A file of frames.
#[derive(Debug)]
struct Segment {
    first: u64,
    /// Bytes that it takes on disk.
    bytes: u64,
    /// Where the inputs were when it was begun.
    places: BTreeMap<String, String>,
}

/// What a start found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Items that wait to be sealed.
    pub waiting: u64,
    /// Items that were not sealed and cannot be read any more, before others that can; the ledger
    /// tells of them too.
    pub lost: u64,
    /// Items that were at the end of the spool and are gone.
    pub lost_at_end: u64,
    /// Places whose chain does not follow from the one before: the files were edited.
    pub broken: Vec<u64>,
    /// Bytes behind the last whole frame, of a write that was cut short.
    pub torn_bytes: u64,
}

/// The files, open for writing.
#[derive(Debug)]
pub(super) struct Store {
    folder: Folder,
    queue: QueueId,
    /// Place at which the queue of this run begins.
    base: u64,
    segment_bytes: u64,
    max_bytes: u64,
    segments: VecDeque<Segment>,
    active: Option<(File, u64)>,
    next: u64,
    chain: Hash,
    sealed: u64,
    places: BTreeMap<String, String>,
}

/// What came of an attempt to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrote {
    /// So many of the items, from the first on.
    Some(usize),
    /// None: there is no room before the ledger has sealed more.
    Full,
    /// None: the disk has no room, whatever the spool may still take.
    DiskFull,
}

impl Store {
    /// Opens the spool of this owner, or makes one.
    ///
    /// # Errors
    /// [`SpoolError`].
    pub(super) fn open(
        dir: &Path,
        owner: &Owner,
        (max_bytes, queue): (u64, QueueId),
    ) -> Result<(Self, Recovered), SpoolError> {
        let folder = Folder::open(dir, owner)?;
        let mark = folder.mark()?;
        let segments = u64::try_from(SPOOL_SEGMENTS).unwrap_or(1);
        let segment_bytes = (max_bytes / segments).clamp(MIN_SPOOL_SEGMENT, MAX_SPOOL_SEGMENT);
        let mut store = Self {
            folder,
            queue,
            base: 0,
            segment_bytes,
            max_bytes,
            segments: VecDeque::new(),
            active: None,
            next: mark.first,
            chain: frame::GENESIS,
            sealed: mark.number,
            places: mark.places.clone(),
        };
        let recovered = store.recover(&mark)?;
        Ok((store, recovered))
    }

    fn recover(&mut self, mark: &Mark) -> Result<Recovered, SpoolError> {
        let mut recovered = Recovered::default();
        for first in self.folder.segments()? {
            if first < mark.first {
                // If we were stopped between the mark and this, it is done now.
                self.folder.remove(first)?;
                continue;
            }
            let bytes = self.folder.read(first)?;
            let found = match scan(&bytes) {
                Ok(found) => found,
                // It was made and not yet used when the agent was stopped.
                Err(_) if written(bytes.get(HEAD..).unwrap_or_default()) == 0 => {
                    self.folder.remove(first)?;
                    continue;
                }
                Err(error) => return Err(self.folder.damaged(first, &error.to_string())),
            };
            if found.frames.is_empty() && found.torn == 0 {
                self.folder.remove(first)?;
                continue;
            }
            self.take(&found, &mut recovered);
            recovered.torn_bytes += found.torn;
            // Each run has segments of its own.
            self.folder.cut(first, found.end)?;
        }
        // What is missing at the end was there once: its places are not given to others.
        let end = mark.next.max(mark.number);
        recovered.lost_at_end = end.saturating_sub(self.next.max(mark.number));
        self.next = self.next.max(end);
        self.base = self.next;
        recovered.waiting = self.next.saturating_sub(self.sealed);
        Ok(recovered)
    }

    fn take(&mut self, found: &Found, recovered: &mut Recovered) {
        let (first, bytes, places) = (found.head.first, found.end, self.places.clone());
        self.segments.push_back(Segment {
            first,
            bytes,
            places,
        });
        recovered.lost += first.saturating_sub(self.next.max(self.sealed));
        // What is before the oldest segment is gone, and was sealed.
        self.chain = found.head.chain;
        self.next = first;
        for frame in &found.frames {
            recovered.lost += frame.number.saturating_sub(self.next.max(self.sealed));
            if !frame.follows && frame.number == self.next {
                recovered.broken.push(frame.number);
            }
            self.next = frame.number.saturating_add(1);
            self.chain = frame.chain;
            if let Some(place) = &frame.item.place {
                let (input, position) = (place.input.clone(), place.position.clone());
                self.places.insert(input, position);
            }
        }
    }

    /// The number of the next item.
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    /// Everything below is sealed.
    pub(super) const fn sealed(&self) -> u64 {
        self.sealed
    }

    /// Where the inputs are, behind the last durable item.
    pub(super) const fn places(&self) -> &BTreeMap<String, String> {
        &self.places
    }

    /// Bytes that the segments take on disk.
    pub(super) fn used(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// Writes as many items as there is room for in one segment, and syncs.
    ///
    /// # Errors
    /// After an error nothing is known about what is on disk, and the store is not to be used any
    /// more.
    pub(super) fn append(&mut self, items: &[Item]) -> io::Result<Wrote> {
        let Some(first) = items.first() else {
            return Ok(Wrote::Some(0));
        };
        if self.room() < frame::size(first)
            && let Some(full) = self.begin()?
        {
            return Ok(full);
        }
        let room = self.room();
        let mut bytes = Vec::new();
        let (mut number, mut chain, mut count) = (self.next, self.chain, 0);
        for item in items {
            // A full frame of zeros must fit behind it, so that its end is seen.
            if bytes.len() + frame::size(item) > room {
                break;
            }
            chain = frame::encode(item, number, &chain, &mut bytes);
            number += 1;
            count += 1;
        }
        let Some((file, end)) = &mut self.active else {
            return Err(io::Error::other("no segment is open"));
        };
        file.write_all_at(&bytes, *end)?;
        // If we stop here, then some of the frames may be on disk, and nobody was told.
        file.sync_data()?;
        *end += u64::try_from(bytes.len()).unwrap_or(0);
        (self.next, self.chain) = (number, chain);
        for place in items.iter().take(count).filter_map(|it| it.place.as_ref()) {
            let (input, position) = (place.input.clone(), place.position.clone());
            self.places.insert(input, position);
        }
        Ok(Wrote::Some(count))
    }

    /// Bytes that fit into the segment that is being written.
    fn room(&self) -> usize {
        let end = self
            .active
            .as_ref()
            .map_or(self.segment_bytes, |(_, end)| *end);
        let left = self.segment_bytes.saturating_sub(end);
        usize::try_from(left).unwrap_or(0).saturating_sub(4)
    }

    /// Makes the first segment of this run before there is anything to write.
    ///
    /// # Errors
    /// [`SpoolError::NoRoom`] when the disk has none for it.
    pub(super) fn reserve(&mut self) -> Result<(), SpoolError> {
        match self.begin().map_err(SpoolError::Segment)? {
            // What the spool itself may take is freed by the ledger.
            None | Some(Wrote::Full | Wrote::Some(_)) => Ok(()),
            Some(Wrote::DiskFull) => Err(self.folder.no_room(self.segment_bytes)),
        }
    }

    /// Makes the next segment; says so when there is no room for one.
    fn begin(&mut self) -> io::Result<Option<Wrote>> {
        if self.used().saturating_add(self.segment_bytes) > self.max_bytes {
            return Ok(Some(Wrote::Full));
        }
        let head = Head {
            queue: self.queue,
            base: self.base,
            first: self.next,
            chain: self.chain,
        };
        let Some(file) = self.folder.create(&head, self.segment_bytes)? else {
            return Ok(Some(Wrote::DiskFull));
        };
        self.segments.push_back(Segment {
            first: self.next,
            bytes: self.segment_bytes,
            places: self.places.clone(),
        });
        let end = u64::try_from(HEAD).unwrap_or(0);
        self.active = Some((file, end));
        Ok(None)
    }

    /// The ledger has sealed everything below `number`. Segments that are sealed whole go; false
    /// when the disk has no room to say so: then they all stay, and it is to be tried again.
    ///
    /// # Errors
    /// As for [`Store::append`].
    pub(super) fn seal(&mut self, number: u64) -> io::Result<bool> {
        self.sealed = self.sealed.max(number.min(self.next));
        let behind = self.segments.iter().skip(1);
        let gone = behind.take_while(|it| it.first <= self.sealed).count();
        let (first, places) = match self.segments.get(gone) {
            Some(oldest) => (oldest.first, &oldest.places),
            None => (self.sealed, &self.places),
        };
        let mark = Mark {
            number: self.sealed,
            next: self.next,
            first,
            places: places.clone(),
        };
        match self.folder.set_mark(&mark) {
            // The old mark counts, or the new one: both are true as long as no segment is gone.
            Err(error) if is_no_room(&error) => return Ok(false),
            marked => marked?,
        }
        // If we stop here, then files are left whose items are sealed; the next start removes them.
        for segment in self.segments.drain(..gone) {
            let removed = self.folder.remove(segment.first);
            removed.map_err(io::Error::other)?;
        }
        Ok(true)
    }
}

/// The largest item that any store takes.
pub(super) fn fits(item: &Item) -> bool {
    frame::size(item) <= MAX_SPOOL_ITEM
}

/// Whether the disk, or what this user may take of it, is full.
fn is_no_room(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// Reserves room for a file, so that the disk being full is known before anything is written.
fn reserve(file: &File, bytes: u64) -> io::Result<()> {
    match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, bytes) {
        Err(rustix::io::Errno::OPNOTSUPP) => file.set_len(bytes),
        reserved => Ok(reserved?),
    }
}

/// The file of the segment that holds a place, as names tell; none when it is gone.
pub(super) fn segment_of(dir: &Path, number: u64) -> io::Result<Option<(u64, PathBuf)>> {
    let firsts = folder::list(dir)?;
    let first = firsts.into_iter().filter(|first| *first <= number).max();
    Ok(first.map(|first| (first, folder::path(dir, first))))
}

/// The first segment that begins behind a place.
pub(super) fn segments_behind(dir: &Path, number: u64) -> io::Result<Option<u64>> {
    let firsts = folder::list(dir)?;
    Ok(firsts.into_iter().find(|first| *first > number))
}

#[cfg(test)]
mod tests;

//! Reading a stretch of the log through a filter. ListEntries and Follow both do it.
//!
//! Frames are checked again on the way: their checksum by the store, records, chain and time order
//! by `chain::verify::parse_records`, and that the checkpoint's size is that of the frame.

use std::ops::Range;

use countersign_chain::checkpoint::Checkpoint;
use countersign_chain::frame::Frame;
use countersign_chain::hash::Hash;
use countersign_chain::record::Record;
use countersign_chain::verify::parse_records;
use countersign_proto::{convert, v1};
use prost::Message as _;

use crate::filter::Filter;
use crate::limits::READ_BYTES;
use crate::log::{Log, LookupError};
use crate::server::log_service::candidates::Candidates;
use crate::store::ReadError;

/// How much one reading may do.
#[derive(Debug, Clone, Copy)]
pub(in crate::server) struct Bounds {
    /// Entries that match, at least 1.
    pub(in crate::server) entries: usize,
    /// Bytes of these entries and their checkpoints on the wire; the first entry may be larger.
    pub(in crate::server) bytes: usize,
    /// Entries that are looked at, at least 1.
    pub(in crate::server) scanned: u64,
}

/// Entries that match, with the checkpoints of their commits.
#[derive(Debug, Default)]
pub(in crate::server) struct Page {
    pub(in crate::server) entries: Vec<v1::Entry>,
    pub(in crate::server) checkpoints: Vec<String>,
    /// Everything below is in the page or does not match.
    pub(in crate::server) next: u64,
}

/// Reads the entries of `range` that match, until a bound is reached. All of them must be durable.
/// Blocks.
pub(in crate::server) fn scan(
    log: &Log,
    filter: &Filter,
    range: Range<u64>,
    bounds: &Bounds,
) -> Result<Page, LookupError> {
    let mut candidates = Candidates::new(log, filter);
    let mut scan = Scan {
        log,
        filter,
        bounds,
        page: Page {
            next: range.start,
            ..Page::default()
        },
        bytes: 0,
        scanned: 0,
        covered: 0,
        full: false,
    };
    while scan.page.next < range.end && scan.has_room() {
        let stretch = candidates.next(scan.page.next..range.end);
        scan.page.next = stretch.start;
        if !stretch.is_empty() {
            scan.read(stretch.end)?;
        }
    }
    count(&scan);
    Ok(scan.page)
}

fn count(scan: &Scan<'_>) {
    let read = u64::try_from(scan.page.entries.len()).unwrap_or(u64::MAX);
    metrics::counter!("countersign_entries_read_total").increment(read);
    metrics::counter!("countersign_entries_scanned_total").increment(scan.scanned);
}

struct Scan<'a> {
    log: &'a Log,
    filter: &'a Filter,
    bounds: &'a Bounds,
    page: Page,
    bytes: usize,
    scanned: u64,
    /// Size of the last checkpoint in the page.
    covered: u64,
    /// Set when an entry that matches did not fit.
    full: bool,
}

impl Scan<'_> {
    fn has_room(&self) -> bool {
        let Bounds {
            entries,
            bytes,
            scanned,
        } = self.bounds;
        let room = self.page.entries.len() < *entries && self.bytes < *bytes;
        room && self.scanned < *scanned && !self.full
    }

    /// Reads on from the next entry, below `end`, as far as the store gives it at once.
    fn read(&mut self, end: u64) -> Result<(), LookupError> {
        let from = self.page.next;
        let run = self.log.read(from, READ_BYTES)?;
        for frame in run.frames() {
            let index = self.page.next;
            let frame = frame.map_err(|error| ReadError::Damaged { index, error })?;
            if !self.read_frame(&frame, end)? {
                return Ok(());
            }
        }
        if self.page.next > from {
            return Ok(());
        }
        let (index, why) = (from, "not in the frame that should hold it".to_owned());
        Err(LookupError::Damaged { index, why })
    }

    /// Takes the entries of a frame; false when no more is to be read.
    fn read_frame(&mut self, frame: &Frame<'_>, end: u64) -> Result<bool, LookupError> {
        let index = self.page.next;
        let damaged = |why: String| LookupError::Damaged { index, why };
        if frame.first() > index {
            return Err(damaged(format!(
                "the next commit starts with entry {}",
                frame.first()
            )));
        }
        let (records, leaves) = parse_records(frame).map_err(|fault| LookupError::Damaged {
            index: fault.index(),
            why: fault.to_string(),
        })?;
        let signed = Checkpoint::peek(frame.note()).map_err(|error| damaged(error.to_string()))?;
        if signed.size != frame.size_after() {
            let (expected, got) = (frame.size_after(), signed.size);
            return Err(damaged(format!(
                "checkpoint has size {got}; expected {expected}"
            )));
        }
        for (record, leaf) in records.iter().zip(leaves) {
            let index = record.index().get();
            if index < self.page.next {
                continue;
            }
            if index >= end || !self.has_room() || !self.take((record, leaf), frame) {
                return Ok(false);
            }
            self.page.next = index.saturating_add(1);
        }
        Ok(self.page.next < end && self.has_room())
    }

    /// Puts an entry into the page if it matches; false when there is no room for it.
    fn take(&mut self, (record, leaf): (&Record<'_>, Hash), frame: &Frame<'_>) -> bool {
        self.scanned += 1;
        if !self.filter.matches(record) {
            return true;
        }
        let entry = convert::entry_of(record, leaf);
        let first_of_commit = self.covered != frame.size_after();
        let note = if first_of_commit {
            frame.note().len()
        } else {
            0
        };
        // Tag and length of a field of this size take at most 5 bytes.
        let bytes = self.bytes + entry.encoded_len() + note + 10;
        if bytes > self.bounds.bytes && !self.page.entries.is_empty() {
            self.full = true;
            return false;
        }
        if first_of_commit {
            self.page.checkpoints.push(frame.note().to_owned());
            self.covered = frame.size_after();
        }
        self.bytes = bytes;
        self.page.entries.push(entry);
        true
    }
}

#[cfg(test)]
mod tests;

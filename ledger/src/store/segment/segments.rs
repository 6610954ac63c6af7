//! One segment file: where its frames are, and how runs of them are read.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use countersign_chain::frame::{self, FrameError, Nonce};
use countersign_chain::limits::FRAME_HEAD;
use countersign_chain::segment;
use parking_lot::Mutex;

use super::super::{FrameRun, ReadError};
use super::FOLDER;
use crate::fs::{Fs, FsFile};
use crate::limits::INDEX_STRIDE;

/// Fixed part of a frame up to the first entry: head, nonce, first index, count.
const FRAME_FIXED: usize = FRAME_HEAD + 28;

/// A segment file of the log.
#[derive(Debug)]
pub(super) struct Segment {
    /// Index of its first entry.
    pub(super) first: u64,
    /// Its frames carry this.
    pub(super) nonce: Nonce,
    /// Size of the file.
    pub(super) bytes: u64,
    /// The file, while it is open. The last segment of the log always is.
    file: Mutex<Option<Arc<dyn FsFile>>>,
    map: Mutex<Map>,
}

/// Every so many bytes one place of a frame: some 16 bytes of memory for 64 KiB of log.
#[derive(Debug)]
struct Map {
    places: Vec<Place>,
    /// Behind the last durable frame.
    end: u64,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    first: u64,
    offset: u64,
}

impl Segment {
    pub(super) fn new(
        first: u64,
        nonce: Nonce,
        file: Option<Arc<dyn FsFile>>,
        bytes: u64,
        end: u64,
    ) -> Self {
        let map = Mutex::new(Map {
            places: Vec::new(),
            end,
        });
        Self {
            first,
            nonce,
            bytes,
            file: Mutex::new(file),
            map,
        }
    }

    /// Its file, and whether it was opened for this.
    pub(super) fn file(&self, fs: &dyn Fs) -> io::Result<(Arc<dyn FsFile>, bool)> {
        let mut file = self.file.lock();
        if let Some(file) = &*file {
            return Ok((Arc::clone(file), false));
        }
        let opened = fs.open_read(&format!("{FOLDER}/{}", segment::file_name(self.first)))?;
        *file = Some(Arc::clone(&opened));
        Ok((opened, true))
    }

    pub(super) fn is_open(&self) -> bool {
        self.file.lock().is_some()
    }

    /// Closes its file once nobody reads it any more.
    pub(super) fn close(&self) {
        self.file.lock().take();
    }

    /// Takes note of a frame that became durable.
    pub(super) fn extend(&self, first: u64, offset: u64, end: u64) {
        let mut map = self.map.lock();
        map.end = end;
        let far = map
            .places
            .last()
            .is_none_or(|last| offset - last.offset >= INDEX_STRIDE);
        if far {
            map.places.push(Place { first, offset });
        }
    }

    /// The known place at or before an entry, and the end of the data.
    fn locate(&self, from: u64) -> Option<(Place, u64)> {
        let map = self.map.lock();
        let at = map
            .places
            .partition_point(|place| place.first <= from)
            .checked_sub(1)?;
        map.places.get(at).map(|place| (*place, map.end))
    }

    /// Walks a segment that was not opened by recovery, once, to find the places of its frames.
    fn survey(&self, file: &dyn FsFile, start: u64) -> Result<(), ReadError> {
        let mut fixed = [0_u8; FRAME_FIXED];
        let mut offset = start;
        let mut expected = self.first;
        let damaged = |index, error| ReadError::Damaged { index, error };
        while offset + u64::try_from(FRAME_FIXED).unwrap_or(u64::MAX) <= self.bytes {
            file.read_exact_at(&mut fixed, offset)?;
            let Some(len) = frame::peek_len(&fixed).map_err(|e| damaged(expected, e))? else {
                break;
            };
            let (first, count) = first_and_count(&fixed);
            if first != expected {
                return Err(damaged(
                    expected,
                    FrameError::BadBody("unexpected first index"),
                ));
            }
            let end = offset + u64::try_from(len).unwrap_or(u64::MAX);
            self.extend(first, offset, end);
            expected = first.saturating_add(u64::from(count));
            offset = end;
        }
        Ok(())
    }

    /// Whole frames from the one that holds `from` on, out of its file.
    pub(super) fn read(
        &self,
        file: &dyn FsFile,
        from: u64,
        max_bytes: usize,
    ) -> Result<FrameRun, ReadError> {
        if self.map.lock().places.is_empty() {
            let header = countersign_chain::limits::SEGMENT_HEADER;
            self.survey(file, u64::try_from(header).unwrap_or(u64::MAX))?;
        }
        let damaged = |error| ReadError::Damaged { index: from, error };
        let (place, end) = self
            .locate(from)
            .ok_or_else(|| damaged(FrameError::Truncated))?;
        // One read covers the stride to the wanted frame, and what was asked for behind it.
        let stride = usize::try_from(INDEX_STRIDE).unwrap_or(usize::MAX);
        let mut want = max_bytes.saturating_add(stride);
        loop {
            let left = usize::try_from(end - place.offset).unwrap_or(usize::MAX);
            let mut bytes = vec![0; want.min(left)];
            file.read_exact_at(&mut bytes, place.offset)?;
            match cut(&bytes, from, max_bytes).map_err(damaged)? {
                Cut::Run(range) => {
                    return Ok(FrameRun::new(Bytes::from(bytes).slice(range), self.nonce));
                }
                Cut::Need(more) if want < left => want = more.max(want.saturating_mul(2)),
                Cut::Need(_) => return Err(damaged(FrameError::Truncated)),
            }
        }
    }
}

fn first_and_count(fixed: &[u8]) -> (u64, u32) {
    let first = fixed.get(28..36).and_then(|bytes| bytes.try_into().ok());
    let count = fixed.get(36..40).and_then(|bytes| bytes.try_into().ok());
    (
        first.map_or(0, u64::from_be_bytes),
        count.map_or(0, u32::from_be_bytes),
    )
}

enum Cut {
    Run(std::ops::Range<usize>),
    /// So many bytes are needed from the start.
    Need(usize),
}

/// Finds the whole frames from the one that holds `from` up to about `max_bytes`.
fn cut(bytes: &[u8], from: u64, max_bytes: usize) -> Result<Cut, FrameError> {
    let (mut at, mut start) = (0_usize, None::<usize>);
    while let Some(rest) = bytes.get(at..).filter(|rest| rest.len() >= FRAME_FIXED) {
        let Some(len) = frame::peek_len(rest)? else {
            break;
        };
        let next = at.saturating_add(len);
        let (first, count) = first_and_count(rest);
        if start.is_none() && from < first.saturating_add(u64::from(count)) {
            start = Some(at);
        }
        let taken = start.map_or(0, |start| next - start);
        if next > bytes.len() {
            // The last frame is cut off: enough when there is one before it.
            return Ok(match start {
                Some(start) if start < at => Cut::Run(start..at),
                _ => Cut::Need(next),
            });
        }
        at = next;
        if let Some(start) = start
            && taken >= max_bytes
        {
            return Ok(Cut::Run(start..at));
        }
    }
    match start {
        Some(start) => Ok(Cut::Run(start..at)),
        None => Ok(Cut::Need(bytes.len().saturating_add(FRAME_FIXED))),
    }
}

#[cfg(test)]
impl Segment {
    /// First entries and offsets of the known places, and the end of the data.
    pub(super) fn places(&self) -> (Vec<(u64, u64)>, u64) {
        let map = self.map.lock();
        let places = map.places.iter();
        (places.map(|p| (p.first, p.offset)).collect(), map.end)
    }
}

#[cfg(test)]
mod tests {
    use countersign_chain::commit::{CommitBuilder, Draft, LogHead};
    use countersign_chain::key::SigningKey;
    use countersign_chain::kind::Kind;
    use countersign_chain::origin::Origin;
    use countersign_chain::time::UnixMicros;

    use super::*;

    /// Frames of commits of two entries each.
    fn frames(count: usize) -> Vec<Vec<u8>> {
        let origin = Origin::parse("example.com/log").expect("an origin");
        let key = SigningKey::from_seed(origin, &[7; 32]).expect("a key");
        let mut head = LogHead::empty();
        let frame = |_| {
            let mut builder = CommitBuilder::after(&head);
            for _ in 0..2 {
                let opens = builder.next_index() == 0;
                let draft = Draft {
                    kind: Kind::new(if opens { 1 } else { 140 }).expect("a kind"),
                    now: UnixMicros::EPOCH,
                    case: 0,
                    actor: "agent:a",
                    via: "",
                    idem: b"",
                    payload: b"x",
                };
                builder.push(&draft).expect("a good entry");
            }
            let mut commit = builder.finish(&key).expect("not empty");
            head = commit.head().clone();
            commit.seal(&Nonce([9; 16])).to_vec()
        };
        (0..count).map(frame).collect()
    }

    /// What is cut out, or how many bytes are needed.
    fn cut_out(bytes: &[u8], from: u64, max_bytes: usize) -> Result<(usize, usize), usize> {
        match cut(bytes, from, max_bytes).expect("whole heads") {
            Cut::Run(range) => Ok((range.start, range.end)),
            Cut::Need(bytes) => Err(bytes),
        }
    }

    #[test]
    fn a_run_starts_with_the_wanted_frame_and_ends_where_it_is_long_enough() {
        let frames = frames(4);
        let bytes = frames.concat();
        let ends: Vec<usize> = (1..=4)
            .map(|count| frames[..count].concat().len())
            .collect();
        for (from, start) in [(0, 0), (1, 0), (2, ends[0]), (3, ends[0]), (4, ends[1])] {
            let next = ends
                .iter()
                .position(|end| *end > start)
                .expect("not the last");
            let first = ends[next] - start;
            for (max_bytes, end) in [
                (0, ends[next]),
                (first, ends[next]),
                (first + 1, ends[next + 1]),
                (1 << 20, ends[3]),
            ] {
                assert_eq!(cut_out(&bytes, from, max_bytes), Ok((start, end)), "{from}");
            }
        }
    }

    #[test]
    fn a_frame_that_is_cut_off_is_left_out_or_asked_for_when_it_is_the_wanted_one() {
        let frames = frames(3);
        let bytes = frames.concat();
        let [one, two] = [1, 2].map(|count| frames[..count].concat().len());
        // All of its head is there, or not even that.
        for cut_off in [two + 60, two + 8] {
            let bytes = &bytes[..cut_off];
            assert_eq!(cut_out(bytes, 0, 1 << 20), Ok((0, two)));
            assert_eq!(cut_out(bytes, 2, 1 << 20), Ok((one, two)));
        }
        assert_eq!(cut_out(&bytes[..two + 60], 4, 1), Err(bytes.len()));
        assert_eq!(cut_out(&bytes[..two + 8], 4, 1), Err(two + 8 + FRAME_FIXED));
        assert_eq!(cut_out(&bytes[..bytes.len() - 1], 4, 1), Err(bytes.len()));
    }
}

//! Reading items back, to send them.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use countersign_chain::hash::Hash;
use countersign_chain::sequence::Sequence;

use super::frame::{self, Frame, FrameError, HEAD, Head};
use super::store::{next_frame, segment_of};
use crate::limits::{MAX_SPOOL_ITEM, SHIP_BYTES};
use crate::outlet::Item;

/// Reads items in order of their numbers. All calls block.
#[derive(Debug)]
pub(super) struct Reader {
    dir: Arc<Path>,
    open: Option<Open>,
    next: u64,
}

#[derive(Debug)]
struct Open {
    file: File,
    first: u64,
    head: Head,
    at: u64,
    chain: Hash,
}

/// An item, where it is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Placed {
    /// Its place in the spool.
    pub(super) number: u64,
    /// Its place in its queue.
    pub(super) sequence: Sequence,
    /// Where its queue begins.
    pub(super) base: u64,
    pub(super) item: Item,
}

impl Reader {
    pub(super) const fn new(dir: Arc<Path>, next: u64) -> Self {
        let open = None;
        Self { dir, open, next }
    }

    /// Some items below `end`, the number of the first that is not on disk yet. None when
    /// there is nothing more, or when all that was left is lost.
    pub(super) fn read(&mut self, end: u64) -> io::Result<Vec<Placed>> {
        while self.next < end {
            let Some(open) = self.open()? else {
                self.next = end;
                break;
            };
            let mut bytes = vec![0; SHIP_BYTES];
            let read = read_at(&open.file, &mut bytes, open.at)?;
            bytes.truncate(read);
            if let Err(FrameError::Short { expected, .. }) = frame::decode(&bytes, &open.chain)
                && read == SHIP_BYTES
            {
                bytes = vec![0; expected.max(MAX_SPOOL_ITEM)];
                let read = read_at(&open.file, &mut bytes, open.at)?;
                bytes.truncate(read);
            }
            let items = self.take(&bytes, end);
            if !items.is_empty() {
                return Ok(items);
            }
            self.around(end)?;
        }
        Ok(Vec::new())
    }

    /// The segment that holds what comes next.
    fn open(&mut self) -> io::Result<Option<&mut Open>> {
        if self.open.is_none() {
            let Some((first, path)) = segment_of(&self.dir, self.next)? else {
                return Ok(None);
            };
            let file = File::open(path)?;
            let mut head = [0; HEAD];
            read_at(&file, &mut head, 0)?;
            let head = Head::decode(&head).map_err(io::Error::other)?;
            let at = u64::try_from(HEAD).unwrap_or(0);
            let chain = head.chain;
            self.open = Some(Open {
                file,
                first,
                head,
                at,
                chain,
            });
        }
        Ok(self.open.as_mut())
    }

    fn take(&mut self, bytes: &[u8], end: u64) -> Vec<Placed> {
        let mut items = Vec::new();
        let Some(open) = &mut self.open else {
            return items;
        };
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let Ok(frame) = frame::decode(rest, &open.chain) else {
                break;
            };
            if frame.number >= end {
                break;
            }
            at += frame.bytes;
            Self::step(open, &frame);
            // A segment may begin with what is sealed.
            if frame.number >= self.next {
                let (number, base) = (frame.number, open.head.base);
                self.next = number + 1;
                items.push(Placed {
                    number,
                    sequence: Sequence {
                        queue: open.head.queue,
                        number: number.saturating_sub(base),
                    },
                    base,
                    item: frame.item,
                });
            }
        }
        items
    }

    fn step(open: &mut Open, frame: &Frame) {
        open.at += u64::try_from(frame.bytes).unwrap_or(0);
        open.chain = frame.chain;
    }

    /// Nothing could be taken where the reader stands: more of what is sealed, the end of the
    /// segment, or damage.
    fn around(&mut self, end: u64) -> io::Result<()> {
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        let len = open.file.metadata()?.len();
        let left = usize::try_from(len.saturating_sub(open.at)).unwrap_or(0);
        let mut bytes = vec![0; left];
        let read = read_at(&open.file, &mut bytes, open.at)?;
        bytes.truncate(read);
        match frame::decode(&bytes, &open.chain) {
            // What is sealed was passed over, and this is next.
            Ok(frame) if frame.number < end => return Ok(()),
            Ok(_) | Err(_) => {}
        }
        let found = next_frame(&bytes, 1, (self.next, &open.chain));
        if let Some((offset, frame)) = found.filter(|(_, frame)| frame.number < end) {
            tracing::error!(number = self.next, "items of the spool cannot be read");
            open.at += u64::try_from(offset).unwrap_or(0);
            self.next = frame.number;
            return Ok(());
        }
        // The next segment begins where this one ends, or behind what is lost.
        let first = open.first;
        self.open = None;
        match segment_of(&self.dir, self.next)? {
            Some((next, _path)) if next > first => Ok(()),
            _ => {
                let behind = super::store::segments_behind(&self.dir, self.next)?;
                tracing::error!(number = self.next, "items of the spool cannot be read");
                self.next = behind.unwrap_or(end).min(end);
                Ok(())
            }
        }
    }
}

fn read_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<usize> {
    let mut done = 0;
    while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
        let offset = at + u64::try_from(done).unwrap_or(0);
        match file.read_at(rest, offset) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

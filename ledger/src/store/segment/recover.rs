//! Opening a log: what is there, is it all there, and what was torn by a crash.
//!
//! One commit is in flight at a time, and everything sealed lies below a durable floor. So an
//! honest crash leaves at most one commit that is not whole, at the very end, above the floor.
//! Anything else is damage, and opening refuses: entries below the floor that are missing or
//! changed, a whole commit behind a broken one, a segment behind a torn one. What was torn goes to
//! `quarantine/` before the space is cleared, and the caller writes `LogRecovered`.
//!
//! Every step can be repeated: a crash inside recovery is like the crash before it.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use countersign_chain::commit::LogHead;
use countersign_chain::head::{HeadError, HeadSlot};
use countersign_chain::limits::HEAD_SLOT;
use countersign_chain::segment::{self, SegmentError};
use parking_lot::{Mutex, RwLock};

use super::{DurableHead, FOLDER, HEAD, MAKING, SPARE, SegmentStore, Settings, View, Writer};
use crate::fs::Fs;

mod quarantine;
mod walk;

pub use self::quarantine::{QUARANTINE, Torn, pending, told};
use self::walk::{Walk, older};

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

fn io_error(doing: &'static str) -> impl Fn(io::Error) -> OpenError {
    move |error| OpenError::Io { doing, error }
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
        full: Mutex::new(VecDeque::new()),
    };
    store.keep_some_open();
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
    fs.sync_dir(FOLDER).map_err(io_error(
        "sync the folder of segments, which must be writable",
    ))?;
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

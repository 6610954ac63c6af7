//! The first look at commits: each one by itself, on all cores.

use countersign_chain::frame::Frame;
use countersign_chain::hash::Hash;
use countersign_chain::key::VerifierKey;
use countersign_chain::verify::{self, Outline};
use rayon::iter::ParallelIterator as _;
use rayon::iter::{IndexedParallelIterator as _, IntoParallelRefIterator as _};

use crate::cases::Step;
use crate::payload::{self, Oddity};
use crate::traces::Marks;
use crate::traces::blobs::BlobFolder;
use crate::tree;
use crate::window::{Framing, Span, Window};

/// Pieces of a window that a core takes at most: small ones, so that none waits for another.
const PIECES: usize = 64;

/// What the first look at a commit showed.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) span: Span,
    /// The commit, where frame, records, chain and signature hold by themselves. `None` needs a
    /// closer look.
    pub(crate) outline: Option<Outline>,
    /// Level and root of the subtrees in the commit that a folder stores, leaves not among them.
    pub(crate) subtrees: Vec<(u32, Hash)>,
    /// Number of its entries.
    pub(crate) entries: u64,
    /// Payloads that are not well-formed events of a known kind.
    pub(crate) oddities: Vec<(u64, Oddity)>,
    /// Entries that the replay of the cases looks at.
    pub(crate) steps: Vec<Step>,
    /// What the entries leave behind.
    pub(crate) marks: Marks,
}

/// The frame at the start of `bytes`, when its checksum holds or there is none.
pub(crate) fn frame<'a>(window: &Window, bytes: &'a [u8]) -> Option<Frame<'a>> {
    let frame = match window.framing {
        Framing::Stored => Frame::parse(bytes, &window.nonce).ok().flatten(),
        Framing::Rebuilt => Frame::salvage(bytes, &window.nonce),
    };
    frame.filter(|frame| frame.len() == bytes.len())
}

/// Looks at every commit of a window. The order is kept.
pub(crate) fn look(window: &Window, key: &VerifierKey, blobs: &BlobFolder) -> Vec<Look> {
    window
        .spans
        .par_iter()
        .with_max_len(window.spans.len().div_ceil(PIECES))
        .map(|span| look_at(window, *span, (key, blobs)))
        .collect()
}

fn look_at(window: &Window, span: Span, (key, blobs): (&VerifierKey, &BlobFolder)) -> Look {
    let mut look = Look {
        span,
        outline: None,
        subtrees: Vec::new(),
        entries: 0,
        oddities: Vec::new(),
        steps: Vec::new(),
        marks: Marks::default(),
    };
    let Some(frame) = frame(window, window.span(span)) else {
        return look;
    };
    let Look {
        subtrees,
        oddities,
        steps,
        marks,
        ..
    } = &mut look;
    let mut before = None;
    let outline = verify::outline(
        &frame,
        key,
        |record| {
            let place = (record.index().get(), record.time());
            let gone = before.replace(place);
            let read = payload::read(record);
            marks.see(record, read.as_ref(), blobs);
            let (step, oddity) = read.map_or((None, None), |read| Step::of(record, read));
            steps.extend(
                Step::passed(gone, place, step.is_some())
                    .into_iter()
                    .flatten(),
            );
            steps.extend(step);
            oddities.extend(oddity.map(|oddity| (record.index().get(), oddity)));
        },
        &mut |level, hash| {
            if tree::is_stored(level) {
                subtrees.push((level, hash));
            }
        },
    );
    look.entries = u64::try_from(frame.records().len()).unwrap_or(u64::MAX);
    look.outline = outline.ok();
    look
}

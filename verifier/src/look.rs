//! The first look at commits: each one by itself, on all cores.

use countersign_chain::frame::Frame;
use countersign_chain::key::VerifierKey;
use countersign_chain::record::Record;
use countersign_chain::verify::{self, Examined};
use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};

use crate::payload::{self, Oddity};
use crate::window::{Framing, Span, Window};

/// What the first look at a commit showed.
#[derive(Debug)]
pub(crate) struct Look<'a> {
    pub(crate) span: Span,
    /// The commit, where frame, records, chain and signature hold by themselves. `None` needs a
    /// closer look.
    pub(crate) examined: Option<Examined<'a>>,
    /// Number of its entries.
    pub(crate) entries: u64,
    /// Payloads that are not well-formed events of a known kind.
    pub(crate) oddities: Vec<(u64, Oddity)>,
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
pub(crate) fn look<'a>(window: &'a Window, key: &VerifierKey) -> Vec<Look<'a>> {
    window
        .spans
        .par_iter()
        .map(|span| look_at(window, *span, key))
        .collect()
}

fn look_at<'a>(window: &'a Window, span: Span, key: &VerifierKey) -> Look<'a> {
    let mut look = Look {
        span,
        examined: None,
        entries: 0,
        oddities: Vec::new(),
    };
    let Some(frame) = frame(window, window.span(span)) else {
        return look;
    };
    look.entries = u64::try_from(frame.records().len()).unwrap_or(u64::MAX);
    look.examined = verify::examine(&frame, key).ok();
    if look.examined.is_some() {
        for (index, bytes) in (frame.first()..).zip(frame.records()) {
            let oddity = Record::parse(bytes)
                .ok()
                .and_then(|record| payload::check(&record));
            look.oddities.extend(oddity.map(|oddity| (index, oddity)));
        }
    }
    look
}

//! Reading a whole segment back, around what is damaged in it.

use countersign_chain::hash::Hash;

use crate::spool::frame::{self, Frame, FrameError, HEAD, Head};

/// What a segment holds.
#[derive(Debug)]
pub(in crate::spool) struct Found {
    pub(in crate::spool) head: Head,
    /// Frames in order of their numbers; numbers that are missing are lost.
    pub(in crate::spool) frames: Vec<Frame>,
    /// Offset behind the last frame.
    pub(in crate::spool) end: u64,
    /// Bytes behind it up to the last that is not zero.
    pub(in crate::spool) torn: u64,
}

/// Reads a segment.
///
/// # Errors
/// [`FrameError`] when it has no head.
pub(in crate::spool) fn scan(bytes: &[u8]) -> Result<Found, FrameError> {
    let head = Head::decode(bytes)?;
    let (mut at, mut next, mut chain) = (HEAD, head.first, head.chain);
    let mut frames = Vec::new();
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let frame = match frame::decode(rest, &chain) {
            Ok(frame) if frame.number >= next => frame,
            Err(FrameError::End) if written(rest) == 0 => break,
            Ok(_) | Err(_) => match next_frame(bytes, at + 1, (next, &chain)) {
                Some((offset, frame)) => {
                    at = offset;
                    frame
                }
                None => break,
            },
        };
        at += frame.bytes;
        (next, chain) = (frame.number.saturating_add(1), frame.chain);
        frames.push(frame);
    }
    Ok(Found {
        head,
        frames,
        end: u64::try_from(at).unwrap_or(u64::MAX),
        torn: u64::try_from(written(bytes.get(at..).unwrap_or_default())).unwrap_or(0),
    })
}

/// Bytes up to the last that is not zero. Most of a segment may be room that was never used.
pub(super) fn written(bytes: &[u8]) -> usize {
    const PAGE: usize = 4_096;
    const EMPTY: [u8; PAGE] = [0; PAGE];
    let pages = bytes.len().div_ceil(PAGE);
    for page in (0..pages).rev() {
        let start = page * PAGE;
        let page = bytes.get(start..).unwrap_or_default();
        let page = page.get(..PAGE).unwrap_or(page);
        if Some(page) != EMPTY.get(..page.len()) {
            let last = page.iter().rposition(|byte| *byte != 0);
            return start + last.map_or(0, |last| last + 1);
        }
    }
    0
}

/// The first whole frame from an offset on whose number is not below what is expected.
pub(in crate::spool) fn next_frame(
    bytes: &[u8],
    from: usize,
    (expected, chain): (u64, &Hash),
) -> Option<(usize, Frame)> {
    (from..written(bytes)).find_map(|offset| {
        let frame = frame::decode(bytes.get(offset..)?, chain).ok()?;
        (frame.number >= expected).then_some((offset, frame))
    })
}

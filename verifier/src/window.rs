//! A stretch of frames as a source hands it over, and how frames are found in bytes that may be
//! damaged.

use countersign_chain::frame::{self, Frame, Nonce};
use countersign_chain::hash::Hash;
use countersign_chain::limits::{FRAME_ALIGN, FRAME_HEAD};

/// Offset of the nonce in a frame: behind magic, length and checksum.
const NONCE_AT: usize = FRAME_HEAD;
/// Offset of the first entry in a frame: nonce 16, first 8 and count 4 bytes behind the frame head.
pub(crate) const ENTRIES_AT: usize = FRAME_HEAD + 28;
/// Offset of the index in a record: version 1, flags 1 and kind 2.
pub(crate) const INDEX_AT: usize = 4;
/// Offset of prev in a record: behind index 8 and time 8.
pub(crate) const PREV_AT: usize = INDEX_AT + 16;
/// Frames that are tried while looking for the next good one: bytes made to look like many large
/// frames must not cost a checksum each.
const MAX_TRIES: usize = 4_096;

/// Where the bytes of a window come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Stored frames, with checksum and padding.
    Stored,
    /// Put together from what a server sent: there is no checksum to check.
    Rebuilt,
}

/// Bytes of one commit, or of what should be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Offset in the window.
    pub start: usize,
    /// Number of bytes.
    pub len: usize,
}

/// What the bytes behind a window say about the entry before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Follow {
    /// Index that comes next.
    pub index: u64,
    /// Its prev: the leaf hash of the last entry of the window.
    pub prev: Hash,
}

/// What the header of a segment says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opens {
    /// Index of its first entry.
    pub first: u64,
    /// Leaf hash of the entry before; `None` when the header cannot be trusted.
    pub prev: Option<Hash>,
}

/// Consecutive commits in memory.
#[derive(Debug, Clone)]
pub struct Window {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Commits in them, in order.
    pub spans: Vec<Span>,
    /// Ties the frames to their segment.
    pub nonce: Nonce,
    /// First index of the segment, by its place in the log.
    pub segment: u64,
    /// File offset of the first byte.
    pub offset: u64,
    /// Set on the first window of a segment.
    pub opens: Option<Opens>,
    /// What stands behind the last span.
    pub follow: Option<Follow>,
    /// How the frames came to be.
    pub framing: Framing,
    /// Whether nothing can come behind the last span: it is the end of the newest segment.
    pub newest: bool,
}

impl Window {
    /// Bytes of a span.
    #[must_use]
    pub fn span(&self, span: Span) -> &[u8] {
        let end = span.start.saturating_add(span.len);
        self.bytes.get(span.start..end).unwrap_or_default()
    }

    /// File offset of a place in the window.
    #[must_use]
    pub fn offset_of(&self, at: usize) -> u64 {
        self.offset
            .saturating_add(u64::try_from(at).unwrap_or(u64::MAX))
    }
}

/// Bytes of a fixed size at an offset.
pub(crate) fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    let end = at.checked_add(N)?;
    bytes.get(at..end)?.try_into().ok()
}

/// Index and prev of the first record of a frame, read from where they stand without checking
/// anything.
pub(crate) fn peek_follow(bytes: &[u8]) -> Option<Follow> {
    let record = ENTRIES_AT.saturating_add(2);
    let index = array(bytes, record.saturating_add(INDEX_AT)).map(u64::from_be_bytes)?;
    let prev = array(bytes, record.saturating_add(PREV_AT)).map(Hash::from_bytes)?;
    Some(Follow { index, prev })
}

/// Nonce of the frame that should start here.
pub(crate) fn peek_nonce(bytes: &[u8]) -> Option<Nonce> {
    array(bytes, NONCE_AT).map(Nonce)
}

pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    // Whole chunks first: the compiler compares many bytes at once.
    let (chunks, rest) = bytes.as_chunks::<64>();
    chunks.iter().all(|chunk| *chunk == [0; 64]) && rest.iter().all(|byte| *byte == 0)
}

/// Offset just behind the last byte that is not zero, up to the next multiple of a frame's
/// alignment.
pub(crate) fn data_end(bytes: &[u8]) -> usize {
    let last = bytes.iter().rposition(|byte| *byte != 0);
    let end = last.map_or(0, |last| last.saturating_add(1));
    end.next_multiple_of(FRAME_ALIGN).min(bytes.len())
}

/// Whether a frame of this segment starts here, by its magic and nonce.
fn starts_here(bytes: &[u8], nonce: &Nonce) -> bool {
    bytes.starts_with(&frame::MAGIC) && peek_nonce(bytes) == Some(*nonce)
}

/// Offset of the next whole frame of this segment at or behind `from`.
pub(crate) fn next_frame(bytes: &[u8], from: usize, nonce: &Nonce) -> Option<usize> {
    let mut tries = 0_usize;
    for at in (from.next_multiple_of(FRAME_ALIGN)..bytes.len()).step_by(FRAME_ALIGN) {
        let rest = bytes.get(at..).unwrap_or_default();
        if !starts_here(rest, nonce) {
            continue;
        }
        if matches!(Frame::parse(rest, nonce), Ok(Some(_))) {
            return Some(at);
        }
        tries = tries.saturating_add(1);
        if tries >= MAX_TRIES {
            return None;
        }
    }
    None
}

/// What a stretch of a segment holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hop {
    /// Commits, and what stands in their place.
    pub(crate) spans: Vec<Span>,
    /// How far they reach.
    pub(crate) end: usize,
    /// What comes at `end`.
    pub(crate) stop: Stop,
}

/// Why a hop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Zero bytes, or the end of the file.
    DataEnd,
    /// A frame or a damaged stretch that needs bytes behind this window.
    NeedsMore,
}

/// Hops from frame to frame by their lengths. Frames are not checked here, except where the length
/// of one leads to a place where none starts: then its own checksum decides, or the next frame that
/// holds.
pub(crate) fn hop(bytes: &[u8], nonce: &Nonce, at_eof: bool) -> Hop {
    let mut hop = Hop {
        spans: Vec::new(),
        end: 0,
        stop: Stop::DataEnd,
    };
    while let Some(rest) = bytes.get(hop.end..).filter(|rest| !rest.is_empty()) {
        let len = match frame::peek_len(rest) {
            Ok(None) if is_zero(rest) => return hop,
            Ok(None) if rest.len() < frame::MAGIC.len() => damaged(rest, nonce, at_eof),
            Ok(None) => zeros_then(rest, nonce),
            Ok(Some(len)) => frame_at(rest, len, nonce, at_eof),
            Err(_) if rest.len() < FRAME_HEAD && !at_eof => Len::NeedsMore,
            Err(_) => damaged(rest, nonce, at_eof),
        };
        match len {
            Len::Span(len) => {
                let start = hop.end;
                hop.spans.push(Span { start, len });
                hop.end = start.saturating_add(len);
            }
            Len::DataEnd => return hop,
            Len::NeedsMore => break,
        }
    }
    if !at_eof {
        hop.stop = Stop::NeedsMore;
    }
    hop
}

enum Len {
    Span(usize),
    DataEnd,
    NeedsMore,
}

/// Zero bytes with something behind them: a frame whose start was wiped out, or a dirty tail.
fn zeros_then(rest: &[u8], nonce: &Nonce) -> Len {
    match next_frame(rest, FRAME_ALIGN, nonce) {
        Some(len) => Len::Span(len),
        None => Len::DataEnd,
    }
}

fn frame_at(rest: &[u8], len: usize, nonce: &Nonce, at_eof: bool) -> Len {
    if len > rest.len() {
        return if at_eof {
            damaged(rest, nonce, at_eof)
        } else {
            Len::NeedsMore
        };
    }
    let behind = rest.get(len..).unwrap_or_default();
    let leads_on = match behind.len() {
        0 => at_eof,
        1..4 => is_zero(behind),
        _ => starts_here(behind, nonce) || (behind.starts_with(&[0; 4]) && is_zero(behind)),
    };
    if leads_on || matches!(Frame::parse(rest, nonce), Ok(Some(_))) {
        Len::Span(len)
    } else {
        damaged(rest, nonce, at_eof)
    }
}

/// Bytes up to the next frame that holds, or to the end of the data.
fn damaged(rest: &[u8], nonce: &Nonce, at_eof: bool) -> Len {
    match next_frame(rest, FRAME_ALIGN, nonce) {
        Some(len) => Len::Span(len),
        None if at_eof => Len::Span(data_end(rest)),
        None => Len::NeedsMore,
    }
}

//! The commit frame: consecutive records that became durable together, with the checkpoint that
//! signs them (docs/format.md, section 7). This file reads; [`crate::commit`] writes.

use crate::limits::{
    FRAME_ALIGN, FRAME_HEAD, MAX_COMMIT_ENTRIES, MAX_FRAME_BODY, MAX_U63, MIN_FRAME_BODY,
};
use crate::reader::{Reader, Short};

/// First bytes of every frame.
pub const MAGIC: [u8; 4] = *b"CSMT";

/// Random bytes that tie frames to their segment file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nonce(pub [u8; 16]);

/// Why bytes are no frame of this segment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// More bytes are needed than there are.
    #[error("frame ends before its length does")]
    Truncated,
    /// Something else stands here.
    #[error("frame does not start with its magic")]
    BadMagic,
    /// Out of range.
    #[error("frame length is {0}; expected {MIN_FRAME_BODY} to {MAX_FRAME_BODY}")]
    BadLength(usize),
    /// Changed bytes.
    #[error("frame checksum is {got:08x}; expected {expected:08x}")]
    BadCrc {
        /// As stored.
        expected: u32,
        /// As computed.
        got: u32,
    },
    /// Belongs to another file.
    #[error("frame carries the nonce of another segment")]
    Foreign,
    /// The body does not add up.
    #[error("frame body is malformed: {0}")]
    BadBody(&'static str),
}

impl FrameError {
    /// Stable code, as in docs/format.md.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::BadMagic => "bad-magic",
            Self::BadLength(_) => "bad-frame-length",
            Self::BadCrc { .. } => "bad-crc",
            Self::Foreign => "foreign-frame",
            Self::BadBody(_) => "bad-frame",
        }
    }
}

impl From<Short> for FrameError {
    fn from(_: Short) -> Self {
        Self::Truncated
    }
}

/// A frame that was read strictly. It borrows the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame<'a> {
    first: u64,
    records: Vec<&'a [u8]>,
    note: &'a str,
    len: usize,
}

/// Number of bytes of a frame with this body, padding included.
#[must_use]
pub const fn padded_len(body: usize) -> usize {
    FRAME_HEAD
        .saturating_add(body)
        .next_multiple_of(FRAME_ALIGN)
}

/// Length of the frame at the start of `bytes`, padding included, from its head alone; `None` at
/// the end of data.
///
/// # Errors
/// [`FrameError`] when no frame starts here.
pub fn peek_len(bytes: &[u8]) -> Result<Option<usize>, FrameError> {
    if bytes.len() < MAGIC.len() {
        return Ok(None);
    }
    let mut reader = Reader::new(bytes);
    match reader.array::<4>()? {
        [0, 0, 0, 0] => return Ok(None),
        MAGIC => {}
        _ => return Err(FrameError::BadMagic),
    }
    let length = reader.len32()?;
    if (MIN_FRAME_BODY..=MAX_FRAME_BODY).contains(&length) {
        Ok(Some(padded_len(length)))
    } else {
        Err(FrameError::BadLength(length))
    }
}

impl<'a> Frame<'a> {
    /// Reads the frame at the start of `bytes`; `None` where the data of a segment ends.
    ///
    /// # Errors
    /// The first rule of docs/format.md, section 7, that the bytes break.
    pub fn parse(bytes: &'a [u8], nonce: &Nonce) -> Result<Option<Self>, FrameError> {
        let Some(len) = peek_len(bytes)? else {
            return Ok(None);
        };
        let mut reader = Reader::new(bytes);
        reader.take(MAGIC.len())?;
        let length = reader.rest().get(..4).ok_or(FrameError::Truncated)?;
        let body_len = reader.len32()?;
        let expected = reader.u32()?;
        let body = reader.take(body_len)?;
        let got = checksum(length, body);
        if got != expected {
            return Err(FrameError::BadCrc { expected, got });
        }
        let padding = len.saturating_sub(FRAME_HEAD).saturating_sub(body_len);
        if reader.take(padding)?.iter().any(|byte| *byte != 0) {
            return Err(FrameError::BadBody("padding is not zero"));
        }
        let mut frame = Self::parse_body(body, nonce)?;
        frame.len = len;
        Ok(Some(frame))
    }

    fn parse_body(body: &'a [u8], nonce: &Nonce) -> Result<Self, FrameError> {
        let short = |_: Short| FrameError::BadBody("body ends before its fields do");
        let mut reader = Reader::new(body);
        if reader.array::<16>().map_err(short)? != nonce.0 {
            return Err(FrameError::Foreign);
        }
        let first = reader.u64().map_err(short)?;
        let count = reader.len32().map_err(short)?;
        if !(1..=MAX_COMMIT_ENTRIES).contains(&count) {
            return Err(FrameError::BadBody("expected 1 to 1,024 entries"));
        }
        let entries = u64::try_from(count).unwrap_or(u64::MAX);
        if first.checked_add(entries).is_none_or(|size| size > MAX_U63) {
            return Err(FrameError::BadBody("indexes reach 2^63"));
        }
        let mut records = Vec::with_capacity(count);
        for _ in 0..count {
            let len = usize::from(reader.u16().map_err(short)?);
            records.push(reader.take(len).map_err(short)?);
        }
        let len = usize::from(reader.u16().map_err(short)?);
        let note = std::str::from_utf8(reader.take(len).map_err(short)?)
            .map_err(|_why| FrameError::BadBody("checkpoint is not UTF-8"))?;
        if !reader.rest().is_empty() {
            return Err(FrameError::BadBody("bytes follow the checkpoint"));
        }
        Ok(Self {
            first,
            records,
            note,
            len: 0,
        })
    }

    /// What can still be told about a frame whose checksum is wrong: its parts, if they can be
    /// taken apart.
    #[must_use]
    pub fn salvage(bytes: &'a [u8], nonce: &Nonce) -> Option<Self> {
        let len = peek_len(bytes).ok()??;
        let mut reader = Reader::new(bytes);
        reader.take(MAGIC.len()).ok()?;
        let body_len = reader.len32().ok()?;
        reader.u32().ok()?;
        let mut frame = Self::parse_body(reader.take(body_len).ok()?, nonce).ok()?;
        frame.len = len;
        Some(frame)
    }

    /// Index of the first record.
    #[must_use]
    pub const fn first(&self) -> u64 {
        self.first
    }

    /// The records, not yet parsed.
    #[must_use]
    pub fn records(&self) -> &[&'a [u8]] {
        &self.records
    }

    /// Number of entries of the log after this commit.
    #[must_use]
    pub fn size_after(&self) -> u64 {
        self.first
            .saturating_add(u64::try_from(self.records.len()).unwrap_or(u64::MAX))
    }

    /// The checkpoint, not yet verified.
    #[must_use]
    pub const fn note(&self) -> &'a str {
        self.note
    }

    /// Number of bytes of the frame, padding included.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Never: a frame has at least one entry.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        false
    }
}

/// CRC-32C of the length bytes followed by the body.
pub(crate) fn checksum(length: &[u8], body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(length), body)
}

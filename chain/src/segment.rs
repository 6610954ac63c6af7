//! The segment header and the names of segment files (docs/format.md, section 8).

use crate::frame::Nonce;
use crate::hash::Hash;
use crate::limits::{MAX_ORIGIN, MAX_U63, SEGMENT_HEADER};
use crate::origin::Origin;
use crate::reader::{Reader, Short};

/// First bytes of every segment.
pub const MAGIC: [u8; 16] = *b"countersign-seg\n";
/// Version of the segment format.
pub const FORMAT: u16 = 1;
/// Bytes that the checksum covers.
const CHECKED: usize = 332;
/// Room for the origin.
const ORIGIN_ROOM: usize = 256;

/// Why bytes are no segment header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SegmentError {
    /// Too short.
    #[error("segment is shorter than its header of {SEGMENT_HEADER} bytes")]
    Truncated,
    /// Something else.
    #[error("file does not start with the segment magic")]
    BadMagic,
    /// Another version.
    #[error("segment format is {0}; expected {FORMAT}")]
    BadFormat(u16),
    /// Changed bytes.
    #[error("segment header checksum is {got:08x}; expected {expected:08x}")]
    BadCrc {
        /// As stored.
        expected: u32,
        /// As computed.
        got: u32,
    },
    /// The fields do not add up.
    #[error("segment header is malformed: {0}")]
    BadHeader(&'static str),
}

impl SegmentError {
    /// Stable code, as in docs/format.md.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::BadMagic => "bad-magic",
            Self::BadFormat(_) => "bad-format",
            Self::BadCrc { .. } => "bad-crc",
            Self::BadHeader(_) => "bad-header",
        }
    }
}

impl From<Short> for SegmentError {
    fn from(_: Short) -> Self {
        Self::Truncated
    }
}

/// First sector of a segment file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Name of the log.
    pub origin: Origin,
    /// Index of the first entry.
    pub first: u64,
    /// Leaf hash of the entry before; zero when there is none.
    pub prev: Hash,
    /// Ties frames to this file.
    pub nonce: Nonce,
}

impl SegmentHeader {
    /// The 512 bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let origin = self.origin.as_str().as_bytes();
        let mut out = Vec::with_capacity(SEGMENT_HEADER);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&FORMAT.to_be_bytes());
        out.extend_from_slice(&u16::try_from(origin.len()).unwrap_or(0).to_be_bytes());
        out.extend_from_slice(origin);
        out.resize(20_usize.saturating_add(ORIGIN_ROOM), 0);
        out.extend_from_slice(&self.first.to_be_bytes());
        out.extend_from_slice(self.prev.as_bytes());
        out.extend_from_slice(&self.nonce.0);
        let crc = crc32c::crc32c(&out);
        out.extend_from_slice(&crc.to_be_bytes());
        out.resize(SEGMENT_HEADER, 0);
        out
    }

    /// Reads the header at the start of `bytes`.
    ///
    /// # Errors
    /// The first rule of docs/format.md, section 8, that the bytes break.
    pub fn parse(bytes: &[u8]) -> Result<Self, SegmentError> {
        let bytes = bytes.get(..SEGMENT_HEADER).ok_or(SegmentError::Truncated)?;
        let checked = bytes.get(..CHECKED).ok_or(SegmentError::Truncated)?;
        let mut reader = Reader::new(bytes);
        if reader.array::<16>()? != MAGIC {
            return Err(SegmentError::BadMagic);
        }
        match reader.u16()? {
            FORMAT => {}
            other => return Err(SegmentError::BadFormat(other)),
        }
        let len = usize::from(reader.u16()?);
        let room = reader.take(ORIGIN_ROOM)?;
        let first = reader.u64()?;
        let prev = Hash::from_bytes(reader.array()?);
        let nonce = Nonce(reader.array()?);
        let (expected, got) = (reader.u32()?, crc32c::crc32c(checked));
        if expected != got {
            return Err(SegmentError::BadCrc { expected, got });
        }
        let (name, rest) = room
            .split_at_checked(len)
            .filter(|_| len <= MAX_ORIGIN)
            .ok_or(SegmentError::BadHeader("origin is too long"))?;
        if rest.iter().chain(reader.rest()).any(|byte| *byte != 0) {
            return Err(SegmentError::BadHeader("padding is not zero"));
        }
        let origin = std::str::from_utf8(name)
            .ok()
            .and_then(|name| Origin::parse(name).ok());
        let origin = origin.ok_or(SegmentError::BadHeader("origin is malformed"))?;
        if first > MAX_U63 || (first == 0) != (prev == Hash::ZERO) {
            return Err(SegmentError::BadHeader("first index and prev do not fit"));
        }
        Ok(Self {
            origin,
            first,
            prev,
            nonce,
        })
    }
}

/// Name of the segment that starts with this entry: 20 digits and `.seg`.
#[must_use]
pub fn file_name(first: u64) -> String {
    format!("{first:020}.seg")
}

/// First index of a segment by its file name; `None` for any other file.
#[must_use]
pub fn parse_file_name(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".seg")?;
    let first = digits.parse::<u64>().ok()?;
    (file_name(first) == name).then_some(first)
}

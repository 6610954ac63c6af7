//! A slot of the durable head: how far the log was sealed, and all that is needed to go on from
//! there (docs/format.md, section 9).

use crate::checkpoint::{CheckpointError, SignedCheckpoint};
use crate::commit::LogHead;
use crate::hash::Hash;
use crate::key::VerifierKey;
use crate::limits::HEAD_SLOT;
use crate::reader::{Reader, Short};
use crate::time::UnixMicros;
use crate::tree::{Frontier, FrontierError};

/// First bytes of a slot.
pub const MAGIC: [u8; 8] = *b"CSHEAD1\n";
/// Magic, length and checksum.
const SLOT_HEAD: usize = 16;

/// Why bytes are no head slot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// Too short.
    #[error("head slot is shorter than {HEAD_SLOT} bytes")]
    Truncated,
    /// Something else, or never written.
    #[error("head slot does not start with its magic")]
    BadMagic,
    /// Changed bytes.
    #[error("head slot checksum is {got:08x}; expected {expected:08x}")]
    BadCrc {
        /// As stored.
        expected: u32,
        /// As computed.
        got: u32,
    },
    /// The fields do not add up.
    #[error("head slot is malformed: {0}")]
    BadBody(&'static str),
    /// Hashes and size differ.
    #[error(transparent)]
    Frontier(#[from] FrontierError),
    /// The checkpoint is wrong.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Checkpoint and hashes differ.
    #[error("checkpoint of the head slot signs another size or root than its hashes give")]
    WrongRoot,
}

impl HeadError {
    /// Stable code, as in docs/format.md.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::BadMagic => "bad-magic",
            Self::BadCrc { .. } => "bad-crc",
            Self::BadBody(_) | Self::Frontier(_) => "bad-head",
            Self::Checkpoint(error) => error.code(),
            Self::WrongRoot => "head-wrong-root",
        }
    }
}

impl From<Short> for HeadError {
    fn from(_: Short) -> Self {
        Self::BadBody("body ends before its fields do")
    }
}

/// One slot of the head file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadSlot {
    /// The end of the sealed log.
    pub head: LogHead,
    /// First index of the segment that holds it.
    pub segment: u64,
    /// File offset just behind its frame.
    pub offset: u64,
    /// Checkpoint of its commit.
    pub checkpoint: SignedCheckpoint,
}

impl HeadSlot {
    /// The 4,096 bytes.
    ///
    /// # Errors
    /// [`HeadError::BadBody`] when the checkpoint does not fit.
    pub fn encode(&self) -> Result<Vec<u8>, HeadError> {
        let mut body = Vec::with_capacity(HEAD_SLOT);
        body.extend_from_slice(&self.head.size().to_be_bytes());
        body.extend_from_slice(&self.head.time().get().to_be_bytes());
        body.extend_from_slice(self.head.last_leaf().as_bytes());
        body.extend_from_slice(&self.segment.to_be_bytes());
        body.extend_from_slice(&self.offset.to_be_bytes());
        let hashes = self.head.frontier().hashes();
        body.push(u8::try_from(hashes.len()).unwrap_or(u8::MAX));
        hashes
            .iter()
            .for_each(|hash| body.extend_from_slice(hash.as_bytes()));
        let note = self.checkpoint.text().as_bytes();
        body.extend_from_slice(&u16::try_from(note.len()).unwrap_or(u16::MAX).to_be_bytes());
        body.extend_from_slice(note);
        if body.len() > HEAD_SLOT.saturating_sub(SLOT_HEAD) {
            return Err(HeadError::BadBody("checkpoint is too long"));
        }
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes();
        let crc = crate::frame::checksum(&length, &body);
        let mut out = Vec::with_capacity(HEAD_SLOT);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&length);
        out.extend_from_slice(&crc.to_be_bytes());
        out.append(&mut body);
        out.resize(HEAD_SLOT, 0);
        Ok(out)
    }

    /// Reads the slot at the start of `bytes` and checks everything in it.
    ///
    /// # Errors
    /// The first rule of docs/format.md, section 9, that the bytes break.
    pub fn parse(bytes: &[u8], key: &VerifierKey) -> Result<Self, HeadError> {
        let bytes = bytes.get(..HEAD_SLOT).ok_or(HeadError::Truncated)?;
        let mut reader = Reader::new(bytes);
        if reader.array::<8>()? != MAGIC {
            return Err(HeadError::BadMagic);
        }
        let length = reader.rest().get(..4).ok_or(HeadError::Truncated)?;
        let body_len = reader.len32()?;
        let expected = reader.u32()?;
        let body = reader.take(body_len)?;
        let got = crate::frame::checksum(length, body);
        if got != expected {
            return Err(HeadError::BadCrc { expected, got });
        }
        if reader.rest().iter().any(|byte| *byte != 0) {
            return Err(HeadError::BadBody("padding is not zero"));
        }
        Self::parse_body(body, key)
    }

    fn parse_body(body: &[u8], key: &VerifierKey) -> Result<Self, HeadError> {
        let mut reader = Reader::new(body);
        let size = reader.u64()?;
        let time = UnixMicros::new(reader.u64()?)
            .map_err(|_why| HeadError::BadBody("time is out of range"))?;
        let last_leaf = Hash::from_bytes(reader.array()?);
        let (segment, offset) = (reader.u64()?, reader.u64()?);
        let count = reader.u8()?;
        let mut hashes = Vec::with_capacity(usize::from(count));
        for _ in 0..count {
            hashes.push(Hash::from_bytes(reader.array()?));
        }
        let len = usize::from(reader.u16()?);
        let note = std::str::from_utf8(reader.take(len)?)
            .map_err(|_why| HeadError::BadBody("checkpoint is not UTF-8"))?;
        if !reader.rest().is_empty() {
            return Err(HeadError::BadBody("bytes follow the checkpoint"));
        }
        let frontier = Frontier::from_hashes(size, hashes)?;
        let checkpoint = SignedCheckpoint::open(note, key)?;
        if checkpoint.size() != size || checkpoint.root() != frontier.root() {
            return Err(HeadError::WrongRoot);
        }
        let head = LogHead::new(frontier, time, last_leaf);
        Ok(Self {
            head,
            segment,
            offset,
            checkpoint,
        })
    }
}

//! The record: one entry as it is stored, hashed and proved (docs/format.md, section 1).

use crate::hash::{self, Hash};
use crate::index::Index;
use crate::kind::Kind;
use crate::limits::{
    MAX_IDEM, MAX_PAYLOAD, MAX_PRINCIPAL, MAX_RECORD, RECORD_OVERHEAD, RECORD_VERSION,
};
use crate::principal::{self, PrincipalError};
use crate::reader::{Reader, Short};
use crate::time::UnixMicros;

/// Why bytes are no record, or fields make none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Above the bundle limit.
    #[error("record has {0} bytes; expected at most {MAX_RECORD}")]
    TooLong(usize),
    /// Fewer bytes than the fields promise.
    #[error("record ends before its fields do")]
    Truncated,
    /// Another format.
    #[error("record version is {0}; expected {RECORD_VERSION}")]
    BadVersion(u8),
    /// Reserved bits.
    #[error("record flags are {0:#04x}; expected 0")]
    BadFlags(u8),
    /// Out of range.
    #[error("kind is {0}; expected 1 to 159")]
    BadKind(u16),
    /// Out of range.
    #[error("index is {0}; expected less than 2^63")]
    BadIndex(u64),
    /// Out of range.
    #[error("time is {0}; expected less than 2^63 microseconds")]
    BadTime(u64),
    /// Zero where there is a predecessor, or not zero where there is none.
    #[error("prev of index {0} is zero, or is not zero at index 0")]
    BadPrev(u64),
    /// Points ahead.
    #[error("case is {case}; expected at most the index {index}")]
    BadCase {
        /// The case.
        case: u64,
        /// The entry.
        index: u64,
    },
    /// Not a principal.
    #[error("actor is no principal: {0}")]
    BadActor(FieldError),
    /// Not a principal, or the actor again.
    #[error("via is no principal of its own: {0}")]
    BadVia(FieldError),
    /// Too long.
    #[error("idempotency key has {0} bytes; expected at most {MAX_IDEM}")]
    BadIdem(usize),
    /// Too long.
    #[error("payload has {0} bytes; expected at most {MAX_PAYLOAD}")]
    PayloadTooLong(usize),
    /// More bytes than fields.
    #[error("{0} bytes follow the payload")]
    TrailingBytes(usize),
}

/// What is wrong with a principal inside a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// Length prefix above the limit.
    #[error("length is {0}; expected at most {MAX_PRINCIPAL}")]
    Length(usize),
    /// Not text.
    #[error("not UTF-8")]
    NotUtf8,
    /// Equal to the actor.
    #[error("equal to the actor")]
    SameAsActor,
    /// Not a principal.
    #[error(transparent)]
    Principal(#[from] PrincipalError),
}

impl RecordError {
    /// Stable code, as in docs/format.md.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLong(_) => "record-too-long",
            Self::Truncated => "truncated",
            Self::BadVersion(_) => "bad-version",
            Self::BadFlags(_) => "bad-flags",
            Self::BadKind(_) => "bad-kind",
            Self::BadIndex(_) => "bad-index",
            Self::BadTime(_) => "bad-time",
            Self::BadPrev(_) => "bad-prev",
            Self::BadCase { .. } => "bad-case",
            Self::BadActor(_) => "bad-actor",
            Self::BadVia(_) => "bad-via",
            Self::BadIdem(_) => "bad-idem",
            Self::PayloadTooLong(_) => "payload-too-long",
            Self::TrailingBytes(_) => "trailing-bytes",
        }
    }
}

impl From<Short> for RecordError {
    fn from(_: Short) -> Self {
        Self::Truncated
    }
}

/// Fields of a record that is to be written.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a> {
    /// Field number of the event.
    pub kind: Kind,
    /// Position.
    pub index: Index,
    /// Ledger time.
    pub time: UnixMicros,
    /// Leaf hash of the entry before; zero at index 0.
    pub prev: Hash,
    /// Index of the entry that opened the case; 0 for none.
    pub case: u64,
    /// Principal that acts.
    pub actor: &'a str,
    /// Client that carried it; empty when it is the actor.
    pub via: &'a str,
    /// Idempotency key; empty for none.
    pub idem: &'a [u8],
    /// Bytes of the event message.
    pub payload: &'a [u8],
}

impl Fields<'_> {
    /// Number of bytes of the record.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        RECORD_OVERHEAD
            .saturating_add(self.actor.len())
            .saturating_add(self.via.len())
            .saturating_add(self.idem.len())
            .saturating_add(self.payload.len())
    }

    /// Checks the fields and appends the record to `out`; on error `out` is as it was.
    ///
    /// # Errors
    /// The same as [`Record::parse`] gives for the bytes.
    pub fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), RecordError> {
        self.check()?;
        let case = self.case.to_be_bytes();
        out.extend_from_slice(&[RECORD_VERSION, 0]);
        out.extend_from_slice(&self.kind.get().to_be_bytes());
        out.extend_from_slice(&self.index.get().to_be_bytes());
        out.extend_from_slice(&self.time.get().to_be_bytes());
        out.extend_from_slice(self.prev.as_bytes());
        out.extend_from_slice(&case);
        for field in [self.actor.as_bytes(), self.via.as_bytes(), self.idem] {
            out.extend_from_slice(&len16(field).to_be_bytes());
            out.extend_from_slice(field);
        }
        let len = u32::try_from(self.payload.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&len.to_be_bytes());
        out.extend_from_slice(self.payload);
        Ok(())
    }

    fn check(&self) -> Result<(), RecordError> {
        check_prev(self.index, &self.prev)?;
        check_case(self.case, self.index)?;
        principal::check(self.actor).map_err(|error| RecordError::BadActor(error.into()))?;
        check_via(self.via, self.actor)?;
        if self.idem.len() > MAX_IDEM {
            return Err(RecordError::BadIdem(self.idem.len()));
        }
        if self.payload.len() > MAX_PAYLOAD {
            return Err(RecordError::PayloadTooLong(self.payload.len()));
        }
        Ok(())
    }
}

fn len16(field: &[u8]) -> u16 {
    u16::try_from(field.len()).unwrap_or(u16::MAX)
}

fn check_prev(index: Index, prev: &Hash) -> Result<(), RecordError> {
    if (index == Index::FIRST) == (*prev == Hash::ZERO) {
        Ok(())
    } else {
        Err(RecordError::BadPrev(index.get()))
    }
}

const fn check_case(case: u64, index: Index) -> Result<(), RecordError> {
    let index = index.get();
    if case > index {
        Err(RecordError::BadCase { case, index })
    } else {
        Ok(())
    }
}

fn check_via(via: &str, actor: &str) -> Result<(), RecordError> {
    if via.is_empty() {
        return Ok(());
    }
    principal::check(via).map_err(|error| RecordError::BadVia(error.into()))?;
    if via == actor {
        Err(RecordError::BadVia(FieldError::SameAsActor))
    } else {
        Ok(())
    }
}

/// A record whose bytes were read strictly. It borrows them: they are what is hashed, never a
/// re-encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    bytes: &'a [u8],
    kind: Kind,
    index: Index,
    time: UnixMicros,
    prev: Hash,
    case: u64,
    actor: &'a str,
    via: &'a str,
    idem: &'a [u8],
    payload: &'a [u8],
}

impl<'a> Record<'a> {
    /// Reads a record.
    ///
    /// # Errors
    /// The first rule of docs/format.md, section 1, that the bytes break.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, RecordError> {
        if bytes.len() > MAX_RECORD {
            return Err(RecordError::TooLong(bytes.len()));
        }
        let mut reader = Reader::new(bytes);
        match reader.u8()? {
            RECORD_VERSION => {}
            other => return Err(RecordError::BadVersion(other)),
        }
        match reader.u8()? {
            0 => {}
            other => return Err(RecordError::BadFlags(other)),
        }
        let kind = Kind::new(reader.u16()?)?;
        let index = Index::new(reader.u64()?)?;
        let time = UnixMicros::new(reader.u64()?)?;
        let prev = Hash::from_bytes(reader.array()?);
        check_prev(index, &prev)?;
        let case = reader.u64()?;
        check_case(case, index)?;
        let actor = text(&mut reader).map_err(|e| e.named(RecordError::BadActor))?;
        principal::check(actor).map_err(|error| RecordError::BadActor(error.into()))?;
        let via = text(&mut reader).map_err(|e| e.named(RecordError::BadVia))?;
        check_via(via, actor)?;
        let idem = match usize::from(reader.u16()?) {
            len if len > MAX_IDEM => return Err(RecordError::BadIdem(len)),
            len => reader.take(len)?,
        };
        let payload = match reader.len32()? {
            len if len > MAX_PAYLOAD => return Err(RecordError::PayloadTooLong(len)),
            len => reader.take(len)?,
        };
        match reader.rest().len() {
            0 => Ok(Self {
                bytes,
                kind,
                index,
                time,
                prev,
                case,
                actor,
                via,
                idem,
                payload,
            }),
            more => Err(RecordError::TrailingBytes(more)),
        }
    }

    /// The bytes that were read.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
    /// Field number of the event.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }
    /// Position in the log.
    #[must_use]
    pub const fn index(&self) -> Index {
        self.index
    }
    /// Ledger time.
    #[must_use]
    pub const fn time(&self) -> UnixMicros {
        self.time
    }
    /// Leaf hash of the entry before; zero at index 0.
    #[must_use]
    pub const fn prev(&self) -> Hash {
        self.prev
    }
    /// Index of the entry that opened the case; 0 for none.
    #[must_use]
    pub const fn case(&self) -> u64 {
        self.case
    }
    /// Principal that acted.
    #[must_use]
    pub const fn actor(&self) -> &'a str {
        self.actor
    }
    /// Client that carried it; empty when it is the actor.
    #[must_use]
    pub const fn via(&self) -> &'a str {
        self.via
    }
    /// Idempotency key; empty for none.
    #[must_use]
    pub const fn idem(&self) -> &'a [u8] {
        self.idem
    }
    /// Bytes of the event message.
    #[must_use]
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }
    /// RFC 6962 leaf hash of the bytes.
    #[must_use]
    pub fn leaf(&self) -> Hash {
        hash::leaf(self.bytes)
    }
}

enum TextError {
    Short,
    Field(FieldError),
}

impl TextError {
    fn named(self, name: fn(FieldError) -> RecordError) -> RecordError {
        match self {
            Self::Short => RecordError::Truncated,
            Self::Field(error) => name(error),
        }
    }
}

impl From<Short> for TextError {
    fn from(_: Short) -> Self {
        Self::Short
    }
}

fn text<'a>(reader: &mut Reader<'a>) -> Result<&'a str, TextError> {
    let len = usize::from(reader.u16()?);
    if len > MAX_PRINCIPAL {
        return Err(TextError::Field(FieldError::Length(len)));
    }
    let bytes = reader.take(len)?;
    std::str::from_utf8(bytes).map_err(|_not_text| TextError::Field(FieldError::NotUtf8))
}

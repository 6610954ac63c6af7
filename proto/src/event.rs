//! The message `countersign.v1.Event`, written by hand so that no byte of an event is lost.
//!
//! An entry's payload is hashed as it was received (docs/format.md, section 1). Generated code
//! would decode the event and encode it anew, and would drop the fields that this version does not
//! know. [`Event`] therefore keeps the one length-delimited field of the message as it arrived.
//! [`Known`] is the decoded reading of it.
//!
//! Protobuf lets the last field of a oneof win. An event that is signed must not depend on which
//! reader's rule applies, so a message with more than one field is refused.

mod error;
mod evidence;
mod known;
mod rules;
#[cfg(test)]
mod tests;

use bytes::{Buf, BufMut, Bytes};
use countersign_chain::kind::Kind;
use prost::DecodeError;
use prost::encoding::{self, DecodeContext, WireType};

pub use error::EventError;
pub use evidence::{MAX_EVIDENCE_TEXT, check_evidence};
pub use known::{Kinded, Known, kind_by_name, kind_name, kinds};

/// One event: its kind and the bytes of its message, as received.
///
/// Decoding accepts whatever is well-formed protobuf; [`Event::parts`] and [`Event::into_parts`]
/// say whether it is exactly one event, so that a refusal carries its reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Event {
    content: Content,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
enum Content {
    /// No field was seen.
    #[default]
    Absent,
    /// Exactly one field, with the number of a possible kind, holding bytes.
    One { kind: Kind, payload: Bytes },
    /// One field, with a number that no kind can have.
    Unknown { field: u32 },
    /// One field, but a number or a group where a message belongs.
    NotAMessage { kind: Kind },
    /// More than one field.
    Conflict { first: u32, second: u32 },
}

impl Event {
    /// An event out of the bytes of its message, which are not looked at.
    #[must_use]
    pub const fn new(kind: Kind, payload: Bytes) -> Self {
        Self {
            content: Content::One { kind, payload },
        }
    }

    /// An event out of its message, encoded here and never again.
    #[must_use]
    pub fn from_message<M: Kinded>(message: &M) -> Self {
        let payload = Bytes::from(message.encode_to_vec());
        match Kind::new(M::KIND) {
            Ok(kind) => Self::new(kind, payload),
            Err(_) => Self {
                content: Content::Unknown {
                    field: u32::from(M::KIND),
                },
            },
        }
    }

    /// Kind and bytes of the event's message.
    ///
    /// The kind is in the range of kinds, but this version may not know it.
    ///
    /// # Errors
    /// [`EventError`] unless the message held exactly one event.
    pub fn parts(&self) -> Result<(Kind, &Bytes), EventError> {
        match &self.content {
            Content::One { kind, payload } => Ok((*kind, payload)),
            Content::Absent => Err(EventError::Missing),
            Content::Unknown { field } => Err(EventError::UnknownKind { field: *field }),
            Content::NotAMessage { kind } => Err(EventError::NotAMessage { kind: *kind }),
            Content::Conflict { first, second } => Err(EventError::Conflict {
                first: *first,
                second: *second,
            }),
        }
    }

    /// As [`Event::parts`], giving the bytes away.
    ///
    /// # Errors
    /// [`EventError`] unless the message held exactly one event.
    pub fn into_parts(self) -> Result<(Kind, Bytes), EventError> {
        if let Content::One { kind, payload } = self.content {
            return Ok((kind, payload));
        }
        self.parts().map(|(kind, payload)| (kind, payload.clone()))
    }

    /// The kind, when the message held exactly one event.
    #[must_use]
    pub const fn kind(&self) -> Option<Kind> {
        match &self.content {
            Content::One { kind, .. } => Some(*kind),
            Content::Absent
            | Content::Unknown { .. }
            | Content::NotAMessage { .. }
            | Content::Conflict { .. } => None,
        }
    }

    /// The decoded event.
    ///
    /// # Errors
    /// [`EventError`] unless the message held exactly one event of a known kind that keeps the
    /// rules of its kind.
    pub fn known(&self) -> Result<Known, EventError> {
        let (kind, payload) = self.parts()?;
        Known::decode(kind.get(), payload)
    }

    /// What the content is after one more field with number `field` was seen.
    fn see(&mut self, field: u32, value: Option<Bytes>) {
        let kind = u16::try_from(field)
            .ok()
            .and_then(|number| Kind::new(number).ok());
        self.content = match (&self.content, kind, value) {
            (Content::Absent, Some(kind), Some(payload)) => Content::One { kind, payload },
            (Content::Absent, Some(kind), None) => Content::NotAMessage { kind },
            (Content::Absent, None, _) => Content::Unknown { field },
            (Content::One { kind: first, .. } | Content::NotAMessage { kind: first }, _, _) => {
                Content::Conflict {
                    first: u32::from(first.get()),
                    second: field,
                }
            }
            (Content::Unknown { field: first }, _, _) => Content::Conflict {
                first: *first,
                second: field,
            },
            (Content::Conflict { first, second }, _, _) => Content::Conflict {
                first: *first,
                second: *second,
            },
        };
    }
}

/// Encodes exactly the field that was received. A message that did not hold exactly one event
/// encodes as an empty one.
impl prost::Message for Event {
    fn encode_raw(&self, buf: &mut impl BufMut) {
        if let Content::One { kind, payload } = &self.content {
            encoding::bytes::encode(u32::from(kind.get()), payload, buf);
        }
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        ctx: DecodeContext,
    ) -> Result<(), DecodeError> {
        if wire_type == WireType::LengthDelimited {
            let mut payload = Bytes::new();
            // Takes a view of `buf` where `buf` can give one: `Bytes` and tonic's buffer can.
            encoding::bytes::merge(wire_type, &mut payload, buf, ctx)?;
            self.see(tag, Some(payload));
        } else {
            encoding::skip_field(wire_type, tag, buf, ctx)?;
            self.see(tag, None);
        }
        Ok(())
    }

    fn encoded_len(&self) -> usize {
        match &self.content {
            Content::One { kind, payload } => {
                encoding::bytes::encoded_len(u32::from(kind.get()), payload)
            }
            Content::Absent
            | Content::Unknown { .. }
            | Content::NotAMessage { .. }
            | Content::Conflict { .. } => 0,
        }
    }

    fn clear(&mut self) {
        self.content = Content::Absent;
    }
}

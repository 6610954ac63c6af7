//! Why a message is not an event.

use countersign_chain::kind::Kind;
use prost::DecodeError;
use tonic::Status;

use crate::reason::{Reason, field_violation};

/// Why a message is not exactly one event of a known kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// The message is empty.
    #[error("expected one event, got none")]
    Missing,
    /// The message holds more than one field, or one field twice.
    #[error("expected one event, got field {first} and field {second}")]
    Conflict {
        /// Number of the first field.
        first: u32,
        /// Number of the next one.
        second: u32,
    },
    /// No event has this field number.
    #[error("expected the field number of an event, got {field}")]
    UnknownKind {
        /// The field number.
        field: u32,
    },
    /// The field is there, but not as a message.
    #[error("expected a message in field {kind}, got another wire type")]
    NotAMessage {
        /// The field number.
        kind: Kind,
    },
    /// The bytes are not the message that the kind promises.
    #[error("expected a {name} message, got other bytes: {source}")]
    Malformed {
        /// Name of the kind.
        name: &'static str,
        /// What is wrong with them.
        source: DecodeError,
    },
    /// A field breaks a rule of its kind.
    #[error("expected {expected} in {name}.{field}, got {got}")]
    Field {
        /// Name of the kind.
        name: &'static str,
        /// Name of the field.
        field: &'static str,
        /// What the rule asks for.
        expected: &'static str,
        /// What was there instead.
        got: String,
    },
}

impl EventError {
    /// The reason under which the event is refused.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Missing => Reason::EventMissing,
            Self::Conflict { .. } => Reason::EventConflict,
            Self::UnknownKind { .. } => Reason::KindUnknown,
            Self::NotAMessage { .. } | Self::Malformed { .. } | Self::Field { .. } => {
                Reason::PayloadMalformed
            }
        }
    }

    /// What the caller can do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Missing => "set exactly one of the events of countersign.v1.Event",
            Self::Conflict { .. } => "send one event per draft, and its field once",
            Self::UnknownKind { .. } => {
                "use an event of countersign.v1.Event; a newer client needs a newer ledger"
            }
            Self::NotAMessage { .. } | Self::Malformed { .. } => {
                "encode the event with the .proto files of this version"
            }
            Self::Field { .. } => "fill the field as the .proto file describes it",
        }
    }

    /// The refusal, with a violation of the request field `path`, for example `draft.event`.
    #[must_use]
    pub fn refusal(&self, path: &str) -> Status {
        let message = self.to_string();
        match self {
            Self::Field { field, .. } => {
                let path = format!("{path}.{field}");
                field_violation(self.reason(), &path, message, self.hint())
            }
            Self::Missing
            | Self::Conflict { .. }
            | Self::UnknownKind { .. }
            | Self::NotAMessage { .. }
            | Self::Malformed { .. } => field_violation(self.reason(), path, message, self.hint()),
        }
    }
}

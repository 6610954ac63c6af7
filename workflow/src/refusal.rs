//! Why a command changes nothing.

use countersign_proto::reason::Reason;

use crate::draft::Draft;
use crate::limits::MAX_REASON;

/// A refusal as its caller hears it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// Its code (docs/errors.md).
    pub reason: Reason,
    /// What is wrong, with expected and got.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl Refusal {
    /// A refusal.
    pub fn new(reason: Reason, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            hint: hint.into(),
        }
    }

    /// The message as an entry tells it: some list all policies that there are, and an entry has to
    /// hold it.
    #[must_use]
    pub(crate) fn recorded(&self) -> &str {
        let end = self.message.floor_char_boundary(MAX_REASON);
        self.message.get(..end).unwrap_or_default()
    }

    /// Whether the attempt matters to those who watch: someone tried what the rules are there to
    /// prevent. A slip of the keyboard does not.
    #[must_use]
    pub const fn matters(&self) -> bool {
        matches!(
            self.reason,
            Reason::SelfApproval
                | Reason::NotAReviewer
                | Reason::PasskeyNeeded
                | Reason::PasskeyInvalid
                | Reason::AlreadyReviewed
                | Reason::AlreadyDecided
                | Reason::NotYours
                | Reason::GrantNotActive
                | Reason::RequestNotAllowed
                | Reason::DurationTooLong
                | Reason::PolicyLocksOut
                | Reason::PersonUnknown
        )
    }
}

/// A refusal, and the entry that records the attempt when it matters.
#[derive(Debug, Clone)]
pub struct Refused {
    /// What the caller hears.
    pub refusal: Refusal,
    /// What is recorded.
    pub record: Option<Box<Draft>>,
}

//! What a person asks for or says, read from a form.

use countersign_chain::time::UnixMicros;

use crate::card::action::Action;
use crate::card::moment::Verdict;
use crate::card::name::Name;
use crate::card::span::Span;

/// A form that was filled in well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Submission {
    /// Access is asked for.
    Request(Ask),
    /// Access is taken.
    BreakGlass(Ask),
    /// More time is asked for.
    Extend {
        /// What it is about.
        action: Action,
        /// How much more.
        duration: Span,
        /// Why.
        reason: String,
    },
    /// A break-glass access was judged.
    RetroReview {
        /// What it is about.
        action: Action,
        /// What the person thinks.
        verdict: Verdict,
        /// Why.
        reason: String,
    },
    /// How it was.
    Feedback {
        /// What it is about.
        action: Action,
        /// Whether the access was what was needed.
        sufficient: Rating,
        /// Whether the wait was acceptable.
        wait: Rating,
        /// Anything else; may be empty.
        comment: String,
    },
    /// Any other action, with its reason.
    Act {
        /// What.
        action: Action,
        /// Why; empty where none is needed.
        reason: String,
    },
}

/// What somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// On what.
    pub resource: Name,
    /// What.
    pub permission: Name,
    /// For how long.
    pub duration: Span,
    /// Why.
    pub reason: String,
    /// Ticket; may be empty.
    pub ticket: String,
    /// `sev1` to `sev4`, or empty.
    pub severity: String,
    /// Other systems.
    pub affected: Vec<String>,
    /// Wanted start; none for at once.
    pub start: Option<UnixMicros>,
}

/// An answer of few words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rating {
    /// Yes.
    Yes,
    /// In part.
    Partly,
    /// No.
    No,
}

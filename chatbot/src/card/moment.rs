//! What just happened, which is why a card is shown now.

use countersign_chain::time::UnixMicros;

use crate::card::name::Name;
use crate::card::span::Span;
use crate::card::view::{CaseView, Status};

/// One thing that happened, with what the case itself does not tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moment {
    /// Somebody asks.
    Opened,
    /// Those whose decision is missing are reminded.
    Reminded {
        /// 1 for the first time.
        number: u32,
    },
    /// Others are told that nobody decided.
    Escalated {
        /// Who is told.
        group: Name,
    },
    /// Somebody decided; more decisions are needed.
    Reviewed {
        /// Who.
        person: Name,
    },
    /// Approved; access begins later.
    Scheduled {
        /// When.
        start: UnixMicros,
    },
    /// Approved; access begins.
    Issued,
    /// Somebody said no.
    Denied,
    /// The requester took it back.
    Cancelled {
        /// Why.
        reason: String,
    },
    /// Nobody decided in time.
    RequestExpired,
    /// Access exists.
    Provisioned {
        /// What was made.
        target: String,
    },
    /// Access could not be made.
    ProvisioningFailed {
        /// What went wrong.
        error: String,
        /// 1 for the first try.
        attempt: u32,
    },
    /// The end is near.
    EndNear {
        /// How much time was left when it was said.
        left: Span,
    },
    /// More time is asked for.
    ExtensionAsked,
    /// More time was given.
    Extended {
        /// The end now.
        end: UnixMicros,
    },
    /// More time was refused, taken back or not decided.
    ExtensionOver {
        /// How.
        how: ExtensionOver,
    },
    /// The time is over.
    GrantExpired,
    /// Somebody ended it.
    Revoked {
        /// Who; none for an administrator whom the policy does not know.
        person: Option<Name>,
        /// Why.
        reason: String,
    },
    /// Its holder is done.
    Finished {
        /// Why, or how it went.
        reason: String,
    },
    /// Access is gone.
    Removed {
        /// What was removed, and how that was checked.
        proof: String,
    },
    /// Access could not be taken away.
    RemovalFailed {
        /// What went wrong.
        error: String,
        /// 1 for the first try.
        attempt: u32,
    },
    /// A session outlives its grant.
    SessionOverran,
    /// What exists is not what was granted.
    Drifted {
        /// What was found.
        target: String,
        /// How it differs, in words.
        detail: String,
        /// Whether it was mended.
        repair: Repair,
    },
    /// Access was taken without asking.
    BrokeGlass,
    /// Somebody has to look at a break-glass access.
    RetroDue,
    /// Somebody did.
    RetroRecorded {
        /// Who.
        person: Name,
        /// What the person thinks.
        verdict: Verdict,
        /// Why.
        reason: String,
    },
    /// Those who took part are asked how it was.
    FeedbackAsked,
    /// The reader has said how it was.
    FeedbackGiven,
    /// The case is over.
    Closed,
}

/// How a wish for more time ended without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtensionOver {
    /// Somebody said no.
    Denied,
    /// The requester took it back.
    Cancelled,
    /// Nobody decided in time.
    Expired,
}

/// Whether drift was mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repair {
    /// It is as it should be again.
    Mended,
    /// Somebody has to look.
    Open,
}

/// What a reviewer thinks of a break-glass access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was needed.
    Justified,
    /// It was not.
    NotJustified,
}

impl Moment {
    /// The word for it, as files and metrics name it.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Reminded { .. } => "reminded",
            Self::Escalated { .. } => "escalated",
            Self::Reviewed { .. } => "reviewed",
            Self::Scheduled { .. } => "scheduled",
            Self::Issued => "issued",
            Self::Denied => "denied",
            Self::Cancelled { .. } => "cancelled",
            Self::RequestExpired => "request-expired",
            Self::Provisioned { .. } => "provisioned",
            Self::ProvisioningFailed { .. } => "provisioning-failed",
            Self::EndNear { .. } => "end-near",
            Self::ExtensionAsked => "extension-asked",
            Self::Extended { .. } => "extended",
            Self::ExtensionOver { how } => match how {
                ExtensionOver::Denied => "extension-denied",
                ExtensionOver::Cancelled => "extension-cancelled",
                ExtensionOver::Expired => "extension-expired",
            },
            Self::GrantExpired => "grant-expired",
            Self::Revoked { .. } => "revoked",
            Self::Finished { .. } => "finished",
            Self::Removed { .. } => "removed",
            Self::RemovalFailed { .. } => "removal-failed",
            Self::SessionOverran => "session-overran",
            Self::Drifted { .. } => "drifted",
            Self::BrokeGlass => "break-glass",
            Self::RetroDue => "retro-due",
            Self::RetroRecorded { .. } => "retro-recorded",
            Self::FeedbackAsked => "feedback-asked",
            Self::FeedbackGiven => "feedback-given",
            Self::Closed => "closed",
        }
    }

    /// Whether what is said of it goes with where a case stands. A case can be a step ahead of what
    /// is known to have happened to it.
    #[must_use]
    pub fn fits(&self, case: &CaseView) -> bool {
        let waits = case.status == Status::Pending || case.extension.is_some();
        match self {
            Self::Opened => case.status == Status::Pending,
            Self::Reminded { .. } | Self::Escalated { .. } | Self::Reviewed { .. } => waits,
            Self::Scheduled { .. } => case.status == Status::Scheduled,
            Self::Issued
            | Self::Provisioned { .. }
            | Self::ProvisioningFailed { .. }
            | Self::EndNear { .. }
            | Self::Extended { .. } => case.status == Status::Active,
            Self::ExtensionAsked => case.extension.is_some(),
            Self::ExtensionOver { .. } => case.status == Status::Active && case.extension.is_none(),
            Self::Denied | Self::Cancelled { .. } | Self::RequestExpired => {
                matches!(case.status, Status::Refused | Status::Closed)
            }
            Self::GrantExpired
            | Self::Revoked { .. }
            | Self::Finished { .. }
            | Self::Removed { .. }
            | Self::RemovalFailed { .. } => matches!(case.status, Status::Ended | Status::Closed),
            Self::BrokeGlass | Self::RetroDue => case.retro_review_open,
            Self::RetroRecorded { .. } => !case.retro_review_open,
            Self::FeedbackAsked => matches!(case.status, Status::Ended | Status::Refused),
            Self::Closed => case.status == Status::Closed,
            Self::SessionOverran | Self::Drifted { .. } | Self::FeedbackGiven => true,
        }
    }

    /// Whether somebody should look at once.
    #[must_use]
    pub const fn is_alarm(&self) -> bool {
        matches!(
            self,
            Self::RemovalFailed { .. }
                | Self::SessionOverran
                | Self::Drifted { .. }
                | Self::BrokeGlass
                | Self::ProvisioningFailed { .. }
        )
    }
}

//! What people and programs ask for.

use std::sync::Arc;

use countersign_chain::principal::Principal;
use countersign_chain::time::UnixMicros;
use countersign_proto::event::Known;
use countersign_proto::v1;

use crate::policy::{Bundle, Facts, Policy, RequestFacts};
use crate::wire;

/// Who asks: authenticated, and not taken from what they say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Who acts.
    pub actor: Principal,
    /// The bot or agent that carries it, when it is not the actor.
    pub via: Option<Principal>,
}

/// A command, and what the world looks like as it is given.
#[derive(Debug, Clone)]
pub struct Command {
    /// Who asks.
    pub caller: Caller,
    /// What for.
    pub action: Action,
    /// Who is on call, and the time of day.
    pub facts: Facts,
    /// What the bot that carries it knows about who asks.
    pub evidence: Option<Box<v1::Evidence>>,
}

/// What somebody wants access for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ask {
    /// Resource, as the policy names it.
    pub resource: String,
    /// Permission on it.
    pub permission: String,
    /// Seconds.
    pub duration: u64,
    /// Why.
    pub reason: String,
    /// Ticket of another system.
    pub ticket: String,
    /// `sev1` to `sev4`, or empty.
    pub severity: String,
    /// Other systems that are affected.
    pub affected: Vec<String>,
    /// Wanted start; as soon as approved without one.
    pub start: Option<UnixMicros>,
}

impl Ask {
    /// What the policy is asked about it.
    #[must_use]
    pub fn facts<'a>(&'a self, person: &'a str, facts: &'a Facts) -> RequestFacts<'a> {
        RequestFacts {
            person,
            resource: &self.resource,
            permission: &self.permission,
            duration_seconds: self.duration,
            severity: &self.severity,
            ticket: &self.ticket,
            affected: &self.affected,
            facts,
        }
    }
}

/// A policy that was read and found sound.
#[derive(Debug, Clone)]
pub struct NewPolicy {
    /// Its files.
    pub bundle: Bundle,
    /// The same, packed.
    pub packed: Vec<u8>,
    /// The same, compiled.
    pub policy: Arc<Policy>,
    /// Whether an administrator insists.
    pub force: bool,
    /// Which policy it is meant to replace; 0 for whichever is in force.
    pub expected: u64,
}

/// What a command is about. Numbers are indexes of entries.
#[derive(Debug, Clone)]
pub enum Action {
    /// Open a case.
    Request(Ask),
    /// Open a case, with access at once.
    BreakGlass(Ask),
    /// Approve or deny.
    Review {
        /// Request or extension.
        request: u64,
        /// Yes or no.
        approve: bool,
        /// The group that it shall count for.
        group: Option<String>,
        /// Why.
        reason: String,
    },
    /// Judge a break-glass access.
    RetroReview {
        /// The case.
        request: u64,
        /// The verdict.
        justified: bool,
        /// Why.
        reason: String,
    },
    /// Take back a request or an extension.
    Cancel {
        /// Request or extension.
        request: u64,
        /// Why.
        reason: String,
    },
    /// Ask for more time.
    Extend {
        /// The grant.
        grant: u64,
        /// Seconds.
        duration: u64,
        /// Why.
        reason: String,
    },
    /// End somebody's access.
    Revoke {
        /// The grant.
        grant: u64,
        /// Why.
        reason: String,
    },
    /// End one's own access.
    Finish {
        /// The grant.
        grant: u64,
        /// How it went.
        reason: String,
    },
    /// Begin a session.
    StartSession {
        /// The grant.
        grant: u64,
        /// With what.
        client: String,
        /// From where.
        source_address: String,
    },
    /// End a session.
    EndSession {
        /// The session.
        session: u64,
        /// Why.
        reason: String,
        /// Exit status of what ran.
        exit_status: i32,
        /// What was recorded of it.
        recording: Option<v1::Recording>,
    },
    /// Say what became of access that was to be made or taken away.
    Report(Report),
    /// Say how it was.
    Feedback {
        /// The case.
        case: u64,
        /// Whether the access was what was needed.
        access: v1::Rating,
        /// Whether the wait was acceptable.
        wait: v1::Rating,
        /// Anything else.
        comment: String,
    },
    /// Give one's place as a reviewer to somebody else.
    Delegate {
        /// To whom.
        to: String,
        /// From when; now without it.
        start: Option<UnixMicros>,
        /// Until when.
        end: UnixMicros,
        /// Why.
        reason: String,
    },
    /// Put a policy into force.
    PutPolicy(Box<NewPolicy>),
}

/// What a provisioner reports.
#[derive(Debug, Clone)]
pub enum Report {
    /// Access exists.
    Provisioned(v1::GrantProvisioned),
    /// Access could not be made.
    Failed(v1::ProvisioningFailed),
    /// Access is gone.
    Removed(v1::AccessRemoved),
    /// Access could not be taken away.
    RemovalFailed(v1::RemovalFailed),
}

impl Report {
    /// The grant that it is about.
    #[must_use]
    pub const fn grant(&self) -> u64 {
        match self {
            Self::Provisioned(report) => report.grant,
            Self::Failed(report) => report.grant,
            Self::Removed(report) => report.grant,
            Self::RemovalFailed(report) => report.grant,
        }
    }

    pub(crate) fn event(&self) -> Known {
        match self {
            Self::Provisioned(report) => report.clone().into(),
            Self::Failed(report) => report.clone().into(),
            Self::Removed(report) => report.clone().into(),
            Self::RemovalFailed(report) => report.clone().into(),
        }
    }
}

impl Action {
    /// What it is called in `ActionRefused` and in messages.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Request(_) => "request",
            Self::BreakGlass(_) => "break-glass",
            Self::Review { .. } => "review",
            Self::RetroReview { .. } => "retro-review",
            Self::Cancel { .. } => "cancel",
            Self::Extend { .. } => "extend",
            Self::Revoke { .. } => "revoke",
            Self::Finish { .. } => "finish",
            Self::StartSession { .. } => "start-session",
            Self::EndSession { .. } => "end-session",
            Self::Report(_) => "report-provisioning",
            Self::Feedback { .. } => "feedback",
            Self::Delegate { .. } => "delegate",
            Self::PutPolicy(_) => "put-policy",
        }
    }

    /// Roles that may give the command, as far as the policy lets them: the ledger's table of calls
    /// says the same.
    #[must_use]
    pub const fn roles(&self) -> &'static [&'static str] {
        match self {
            Self::Report(_) => &["admin", "provisioner"],
            Self::StartSession { .. } | Self::EndSession { .. } => {
                &["admin", "user", "bot", "agent"]
            }
            Self::PutPolicy(_) => &["admin"],
            Self::Request(_)
            | Self::BreakGlass(_)
            | Self::Review { .. }
            | Self::RetroReview { .. }
            | Self::Cancel { .. }
            | Self::Extend { .. }
            | Self::Revoke { .. }
            | Self::Finish { .. }
            | Self::Feedback { .. }
            | Self::Delegate { .. } => &["admin", "user", "bot"],
        }
    }

    /// What it is about; 0 when it is about nothing that is there already.
    #[must_use]
    pub const fn target(&self) -> u64 {
        match self {
            Self::Request(_) | Self::BreakGlass(_) | Self::Delegate { .. } | Self::PutPolicy(_) => {
                0
            }
            Self::Review { request, .. }
            | Self::RetroReview { request, .. }
            | Self::Cancel { request, .. } => *request,
            Self::Extend { grant, .. }
            | Self::Revoke { grant, .. }
            | Self::Finish { grant, .. }
            | Self::StartSession { grant, .. } => *grant,
            Self::EndSession { session, .. } => *session,
            Self::Report(report) => report.grant(),
            Self::Feedback { case, .. } => *case,
        }
    }

    /// Whether this event is the first one that the command led to. It tells a repeat from another
    /// command under the same idempotency key.
    #[must_use]
    pub fn leads_to(&self, event: &Known) -> bool {
        match (self, event) {
            (Self::Request(ask), Known::AccessRequested(event)) => *ask == wire::ask_of(event),
            (Self::BreakGlass(ask), Known::BreakGlassInvoked(event)) => {
                *ask == wire::break_glass_ask_of(event)
            }
            (
                Self::Review {
                    request, approve, ..
                },
                Known::ReviewRecorded(event),
            ) => {
                let approved = event.decision() == v1::Decision::Approve;
                *request == event.request && *approve == approved
            }
            (
                Self::RetroReview {
                    request, justified, ..
                },
                Known::RetroReviewRecorded(event),
            ) => *request == event.request && *justified == event.justified,
            (
                Self::Extend {
                    grant, duration, ..
                },
                Known::ExtensionRequested(event),
            ) => *grant == event.grant && *duration == event.duration_seconds,
            (Self::Feedback { access, wait, .. }, Known::FeedbackSubmitted(event)) => {
                *access == event.access_sufficient() && *wait == event.wait_acceptable()
            }
            (Self::Delegate { to, .. }, Known::DelegationChanged(event)) => *to == event.to,
            (Self::PutPolicy(new), Known::PolicyChanged(event)) => {
                new.bundle.digest().as_slice() == event.digest
            }
            (Self::Report(report), event) => report.event() == *event,
            (Self::Cancel { request, .. }, Known::RequestCancelled(event)) => {
                *request == event.request
            }
            (Self::Revoke { grant, .. }, Known::GrantRevoked(event)) => *grant == event.grant,
            (Self::Finish { grant, .. }, Known::GrantFinished(event)) => *grant == event.grant,
            (Self::StartSession { grant, .. }, Known::SessionStarted(event)) => {
                *grant == event.grant
            }
            (Self::EndSession { session, .. }, Known::SessionEnded(event)) => {
                *session == event.session
            }
            _ => false,
        }
    }
}

//! How urgent an event is, in one scale for every format.

use countersign_proto::event::{EventError, Known};
use countersign_proto::v1;

/// How urgent an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// What happens every day.
    Informational,
    /// Worth a look when one reads anyway.
    Low,
    /// Somebody should look at it.
    Medium,
    /// Somebody should look at it now.
    High,
}

impl Severity {
    /// How urgent an entry is. An entry that cannot be read is worth a look.
    #[must_use]
    pub const fn of(event: Result<&Known, &EventError>) -> Self {
        match event {
            Ok(known) => Self::of_known(known),
            Err(_) => Self::Medium,
        }
    }

    /// The name in OCSF.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Informational => "Informational",
            Self::Low => "Low",
            Self::Medium => "Medium",
            Self::High => "High",
        }
    }

    const fn of_known(known: &Known) -> Self {
        match known {
            Known::LogOpened(_)
            | Known::LogStopped(_)
            | Known::CertificateIssued(_)
            | Known::AccessRequested(_)
            | Known::RequestCancelled(_)
            | Known::ApproversReminded(_)
            | Known::GrantScheduled(_)
            | Known::GrantIssued(_)
            | Known::GrantFinished(_)
            | Known::GrantExpired(_)
            | Known::ExpiryWarned(_)
            | Known::ExtensionRequested(_)
            | Known::FeedbackSubmitted(_)
            | Known::CaseClosed(_)
            | Known::SessionStarted(_)
            | Known::CommandExecuted(_)
            | Known::SessionOutput(_)
            | Known::SessionEnded(_)
            | Known::GrantProvisioned(_)
            | Known::AccessRemoved(_)
            | Known::NotificationDelivered(_)
            | Known::ExternalEvent(_)
            | Known::AgentStarted(_)
            | Known::AgentStopped(_) => Self::Informational,
            Known::RequestDenied(_)
            | Known::RequestExpired(_)
            | Known::RequestEscalated(_)
            | Known::GrantExtended(_)
            | Known::IdentityLinked(_)
            | Known::DelegationChanged(_)
            | Known::RecordingViewed(_)
            | Known::ExportCreated(_)
            | Known::ReportCreated(_) => Self::Low,
            Known::ClockStepped(_)
            | Known::CertificateRevoked(_)
            | Known::GrantRevoked(_)
            | Known::ActionRefused(_)
            | Known::ProvisioningFailed(_) => Self::Medium,
            Known::DiskLow(_)
            | Known::BreakGlassInvoked(_)
            | Known::SessionOverran(_)
            | Known::RemovalFailed(_)
            | Known::SpoolGap(_) => Self::High,
            Known::LogRecovered(event) => Self::either(event.quarantined_bytes > 0, Self::Low),
            Known::PolicyChanged(event) => Self::either(event.forced, Self::Medium),
            Known::AccessDriftDetected(event) => Self::either(!event.mended, Self::Medium),
            Known::RetroReviewRecorded(event) => Self::either(!event.justified, Self::Low),
            Known::ReviewRecorded(event) => match event.decision {
                DENY => Self::Low,
                _ => Self::Informational,
            },
            Known::NotificationFailed(event) => match event.given_up {
                true => Self::Medium,
                false => Self::Low,
            },
            Known::SinkFailed(event) => match (event.recovered, event.put_aside) {
                (true, 0) => Self::Informational,
                (false, 0) => Self::Medium,
                _ => Self::High,
            },
        }
    }

    const fn either(alarm: bool, otherwise: Self) -> Self {
        if alarm { Self::High } else { otherwise }
    }
}

const DENY: i32 = v1::Decision::Deny as i32;

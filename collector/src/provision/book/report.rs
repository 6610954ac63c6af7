//! What is told to the ledger about a grant.

use countersign_proto::v1;
use prost_types::Timestamp;

use crate::provision::provisioner::Made;
use crate::provision::text::cut;

/// Bytes that the ledger takes as the name of what was made.
const MAX_TARGET: usize = 256;

/// One report.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Report {
    Made(v1::GrantProvisioned),
    Failed(v1::ProvisioningFailed),
    Removed(v1::AccessRemoved),
    RemovalFailed(v1::RemovalFailed),
}

/// Why a report did not become an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReportError {
    /// The ledger does not take it, and never will: it knows already, or the case is closed.
    #[error("the ledger does not take it: {0}")]
    Settled(String),
    /// Later it may.
    #[error("{0}")]
    Later(String),
}

impl Report {
    pub(super) fn made(grant: u64, made: &Made) -> Self {
        let until = made.valid_until.and_then(|until| i64::try_from(until).ok());
        let sha256 = made.credential.as_ref().map(|credential| credential.sha256);
        Self::Made(v1::GrantProvisioned {
            grant,
            target: cut(&made.target, MAX_TARGET).to_owned(),
            credential_sha256: sha256.map(|hash| hash.to_vec().into()).unwrap_or_default(),
            valid_until: until.map(|seconds| Timestamp { seconds, nanos: 0 }),
        })
    }

    /// The grant that it is about.
    pub(crate) const fn grant(&self) -> u64 {
        match self {
            Self::Made(report) => report.grant,
            Self::Failed(report) => report.grant,
            Self::Removed(report) => report.grant,
            Self::RemovalFailed(report) => report.grant,
        }
    }

    /// The idempotency key: what happens once has one for each grant, failures one for each
    /// attempt. At most 46 bytes.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Made(report) => format!("p:{}:made", report.grant),
            Self::Failed(report) => format!("p:{}:failed:{}", report.grant, report.attempt),
            Self::Removed(report) => format!("p:{}:removed", report.grant),
            Self::RemovalFailed(report) => {
                format!("p:{}:removal-failed:{}", report.grant, report.attempt)
            }
        }
    }

    /// As a call of the access service.
    pub(crate) fn request(&self) -> v1::ReportProvisioningRequest {
        use v1::report_provisioning_request::Report as Wire;
        let call = v1::Call {
            idempotency_key: self.key(),
            ..v1::Call::default()
        };
        let report = match self {
            Self::Made(report) => Wire::Provisioned(report.clone()),
            Self::Failed(report) => Wire::Failed(report.clone()),
            Self::Removed(report) => Wire::Removed(report.clone()),
            Self::RemovalFailed(report) => Wire::RemovalFailed(report.clone()),
        };
        v1::ReportProvisioningRequest {
            call: Some(call),
            report: Some(report),
        }
    }
}

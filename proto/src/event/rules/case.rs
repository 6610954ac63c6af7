//! Rules of the events of access cases.

use prost_types::Timestamp;

use super::{broken, present, sha256, time};
use crate::event::{EventError, Kinded, Known};
use crate::v1;

/// Checks an event of a case, of a session or of provisioning; any other one passes.
pub(super) fn check(event: &Known) -> Result<(), EventError> {
    match event {
        Known::PolicyChanged(message) => {
            sha256::<v1::PolicyChanged>("digest", &message.digest)?;
            if message.bundle.is_empty() {
                return broken::<v1::PolicyChanged>("bundle", "some bytes", "none".to_owned());
            }
            Ok(())
        }
        Known::AccessRequested(message) => {
            present::<v1::AccessRequested>("person", &message.person)?;
            present::<v1::AccessRequested>("resource", &message.resource)?;
            present::<v1::AccessRequested>("permission", &message.permission)?;
            optional::<v1::AccessRequested>("start", message.start.as_ref())
        }
        Known::BreakGlassInvoked(message) => {
            present::<v1::BreakGlassInvoked>("person", &message.person)?;
            present::<v1::BreakGlassInvoked>("resource", &message.resource)?;
            present::<v1::BreakGlassInvoked>("permission", &message.permission)
        }
        Known::ReviewRecorded(message) => {
            present::<v1::ReviewRecorded>("person", &message.person)?;
            match message.decision() {
                v1::Decision::Approve | v1::Decision::Deny => Ok(()),
                v1::Decision::Unspecified => {
                    let got = message.decision.to_string();
                    broken::<v1::ReviewRecorded>("decision", "approve or deny", got)
                }
            }
        }
        Known::GrantScheduled(message) => {
            time::<v1::GrantScheduled>("start", message.start.as_ref())
        }
        Known::GrantIssued(message) => {
            present::<v1::GrantIssued>("person", &message.person)?;
            present::<v1::GrantIssued>("resource", &message.resource)?;
            present::<v1::GrantIssued>("permission", &message.permission)?;
            time::<v1::GrantIssued>("end", message.end.as_ref())
        }
        Known::GrantExtended(message) => time::<v1::GrantExtended>("end", message.end.as_ref()),
        Known::ExpiryWarned(message) => time::<v1::ExpiryWarned>("end", message.end.as_ref()),
        Known::GrantProvisioned(message) => {
            let (digest, until) = (&message.credential_sha256, &message.valid_until);
            if !digest.is_empty() {
                sha256::<v1::GrantProvisioned>("credential_sha256", digest)?;
            }
            optional::<v1::GrantProvisioned>("valid_until", until.as_ref())
        }
        Known::DelegationChanged(message) => {
            present::<v1::DelegationChanged>("from", &message.from)?;
            present::<v1::DelegationChanged>("to", &message.to)?;
            time::<v1::DelegationChanged>("start", message.start.as_ref())?;
            time::<v1::DelegationChanged>("end", message.end.as_ref())
        }
        Known::ActionRefused(message) => {
            present::<v1::ActionRefused>("action", &message.action)?;
            present::<v1::ActionRefused>("code", &message.code)
        }
        Known::CaseClosed(message) => present::<v1::CaseClosed>("outcome", &message.outcome),
        other => of_session(other),
    }
}

/// Checks what recorders and provisioners bring.
fn of_session(event: &Known) -> Result<(), EventError> {
    match event {
        Known::CommandExecuted(message) => {
            present::<v1::CommandExecuted>("command", &message.command)?;
            present::<v1::CommandExecuted>("source", &message.source)?;
            counted::<v1::CommandExecuted>("number", message.number)?;
            optional::<v1::CommandExecuted>("started_at", message.started_at.as_ref())
        }
        Known::SessionOutput(message) => {
            counted::<v1::SessionOutput>("part", message.part)?;
            sha256::<v1::SessionOutput>("blob_sha256", &message.blob_sha256)?;
            present::<v1::SessionOutput>("encoding", &message.encoding)
        }
        Known::RecordingViewed(message) => {
            present::<v1::RecordingViewed>("purpose", &message.purpose)
        }
        Known::AccessDriftDetected(message) => {
            present::<v1::AccessDriftDetected>("resource", &message.resource)?;
            present::<v1::AccessDriftDetected>("target", &message.target)?;
            match message.drift() {
                v1::Drift::Unspecified => {
                    let got = message.drift.to_string();
                    broken::<v1::AccessDriftDetected>("drift", "a kind of drift", got)
                }
                v1::Drift::Unknown
                | v1::Drift::Outlived
                | v1::Drift::Missing
                | v1::Drift::Changed => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// A place that counts from 1.
fn counted<M: Kinded>(field: &'static str, number: u64) -> Result<(), EventError> {
    if number == 0 {
        return broken::<M>(field, "a number from 1", "0".to_owned());
    }
    Ok(())
}

fn optional<M: Kinded>(field: &'static str, value: Option<&Timestamp>) -> Result<(), EventError> {
    match value {
        None => Ok(()),
        value => time::<M>(field, value),
    }
}

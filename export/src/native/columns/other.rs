//! Events of everything else: the log, provisioning, delivery, reading, intake. The match has no
//! arm for the rest but the kinds that stand in the file beside this one.

use std::borrow::Cow;

use countersign_proto::event::Known;
use countersign_proto::reading;
use countersign_proto::v1;

use super::{Facts, hex, list, some, text, time};

/// The values of an event that is not about a request, a grant or a session.
pub(super) fn facts(known: &Known) -> Facts<'_> {
    match known {
        Known::LogOpened(_)
        | Known::LogRecovered(_)
        | Known::ClockStepped(_)
        | Known::DiskLow(_)
        | Known::LogStopped(_)
        | Known::CertificateIssued(_)
        | Known::CertificateRevoked(_)
        | Known::PolicyChanged(_) => of_log(known),
        Known::GrantProvisioned(_)
        | Known::ProvisioningFailed(_)
        | Known::AccessRemoved(_)
        | Known::RemovalFailed(_)
        | Known::AccessDriftDetected(_) => provisioned(known),
        Known::IdentityLinked(_)
        | Known::NotificationDelivered(_)
        | Known::NotificationFailed(_)
        | Known::SinkFailed(_)
        | Known::ExportCreated(_)
        | Known::ReportCreated(_) => delivered(known),
        Known::ExternalEvent(_)
        | Known::SpoolGap(_)
        | Known::AgentStarted(_)
        | Known::AgentStopped(_) => taken_in(known),
        // The kinds that the match over requests, grants and sessions takes. They are named, so
        // that a new kind has a place before this compiles.
        Known::AccessRequested(_)
        | Known::ReviewRecorded(_)
        | Known::RequestDenied(_)
        | Known::RequestCancelled(_)
        | Known::RequestExpired(_)
        | Known::ApproversReminded(_)
        | Known::RequestEscalated(_)
        | Known::GrantScheduled(_)
        | Known::GrantIssued(_)
        | Known::GrantExtended(_)
        | Known::GrantRevoked(_)
        | Known::GrantFinished(_)
        | Known::GrantExpired(_)
        | Known::ExpiryWarned(_)
        | Known::ExtensionRequested(_)
        | Known::BreakGlassInvoked(_)
        | Known::RetroReviewRecorded(_)
        | Known::ActionRefused(_)
        | Known::FeedbackSubmitted(_)
        | Known::CaseClosed(_)
        | Known::DelegationChanged(_)
        | Known::SessionStarted(_)
        | Known::CommandExecuted(_)
        | Known::SessionOutput(_)
        | Known::SessionEnded(_)
        | Known::SessionOverran(_)
        | Known::RecordingViewed(_) => Facts::default(),
    }
}

/// The log itself, its certificates and policies.
fn of_log(known: &Known) -> Facts<'_> {
    match known {
        Known::LogOpened(event) => Facts {
            target: text(&event.vkey),
            ..Facts::default()
        },
        Known::LogRecovered(event) => Facts {
            count: Some(event.size),
            digest: hex(&event.quarantined_sha256),
            bytes: Some(event.quarantined_bytes),
            ..Facts::default()
        },
        Known::ClockStepped(event) => Facts {
            start: time(event.before.as_ref()),
            end: time(event.after.as_ref()),
            ..Facts::default()
        },
        Known::DiskLow(event) => Facts {
            bytes: Some(event.free_bytes),
            ..Facts::default()
        },
        Known::LogStopped(event) => Facts {
            reason: text(&event.reason),
            ..Facts::default()
        },
        Known::CertificateIssued(event) => Facts {
            target: text(&event.principal),
            serial: text(&event.serial),
            digest: hex(&event.sha256),
            start: time(event.not_before.as_ref()),
            end: time(event.not_after.as_ref()),
            ..Facts::default()
        },
        Known::CertificateRevoked(event) => Facts {
            target: text(&event.principal),
            serial: text(&event.serial),
            reason: text(&event.reason),
            ..Facts::default()
        },
        Known::PolicyChanged(event) => Facts {
            digest: hex(&event.digest),
            bytes: u64::try_from(event.bundle.len()).ok(),
            policy: some(event.previous),
            detail: list(&event.changes),
            outcome: event.forced.then_some(Cow::Borrowed("forced")),
            ..Facts::default()
        },
        _ => Facts::default(),
    }
}

/// What agents brought.
fn taken_in(known: &Known) -> Facts<'_> {
    match known {
        Known::ExternalEvent(event) => Facts {
            source: text(&event.source),
            position: text(&event.position),
            observed_at: time(event.observed_at.as_ref()),
            error: text(&event.malformed),
            ..Facts::default()
        },
        Known::SpoolGap(event) => Facts {
            source: text(&event.source),
            count: some(event.lost_events),
            bytes: some(event.lost_bytes),
            reason: text(&event.reason),
            ..Facts::default()
        },
        Known::AgentStarted(event) => Facts {
            client: text(&event.version),
            source: list(&event.sources),
            ..Facts::default()
        },
        Known::AgentStopped(event) => Facts {
            reason: text(&event.reason),
            ..Facts::default()
        },
        _ => Facts::default(),
    }
}

/// What became of an access.
fn provisioned(known: &Known) -> Facts<'_> {
    match known {
        Known::GrantProvisioned(event) => Facts {
            grant: some(event.grant),
            target: text(&event.target),
            digest: hex(&event.credential_sha256),
            end: time(event.valid_until.as_ref()),
            ..Facts::default()
        },
        Known::ProvisioningFailed(event) => Facts {
            grant: some(event.grant),
            error: text(&event.error),
            number: Some(event.attempt.into()),
            ..Facts::default()
        },
        Known::AccessRemoved(event) => Facts {
            grant: some(event.grant),
            detail: text(&event.proof),
            ..Facts::default()
        },
        Known::RemovalFailed(event) => Facts {
            grant: some(event.grant),
            error: text(&event.error),
            number: Some(event.attempt.into()),
            ..Facts::default()
        },
        Known::AccessDriftDetected(event) => Facts {
            resource: text(&event.resource),
            target: text(&event.target),
            outcome: Some(Cow::Borrowed(reading::drift(event.drift()))),
            action: event.mended.then_some(Cow::Borrowed("mended")),
            grant: some(event.grant),
            detail: text(&event.detail),
            ..Facts::default()
        },
        _ => Facts::default(),
    }
}

/// Who was told what, and what was taken out of the log.
fn delivered(known: &Known) -> Facts<'_> {
    match known {
        Known::IdentityLinked(event) => Facts {
            person: text(&event.person),
            platform: text(&event.platform),
            tenant: text(&event.tenant),
            account: text(&event.user),
            verified_by: text(&event.proof),
            outcome: event.ended.then_some(Cow::Borrowed("ended")),
            ..Facts::default()
        },
        Known::NotificationDelivered(event) => notified(event),
        Known::NotificationFailed(event) => Facts {
            about: some(event.about),
            recipient: text(&event.recipient),
            platform: text(&event.platform),
            error: text(&event.error),
            number: Some(event.attempt.into()),
            outcome: event.given_up.then_some(Cow::Borrowed("given up")),
            ..Facts::default()
        },
        Known::SinkFailed(event) => Facts {
            target: text(&event.sink),
            about: Some(event.index),
            error: text(&event.error),
            number: some(event.attempt.into()),
            count: Some(event.put_aside),
            outcome: event.recovered.then_some(Cow::Borrowed("recovered")),
            ..Facts::default()
        },
        Known::ExportCreated(event) => Facts {
            preset: text(&event.preset),
            range_first: Some(event.first),
            range_end: Some(event.end),
            count: Some(event.entries),
            detail: text(&event.filter),
            digest: hex(&event.manifest_sha256),
            bytes: Some(event.bytes),
            ..Facts::default()
        },
        Known::ReportCreated(event) => Facts {
            preset: text(&event.report),
            about: some(event.about),
            start: time(event.since.as_ref()),
            end: time(event.until.as_ref()),
            digest: hex(&event.sha256),
            bytes: Some(event.bytes),
            ..Facts::default()
        },
        _ => Facts::default(),
    }
}

fn notified(event: &v1::NotificationDelivered) -> Facts<'_> {
    let message = event.message.as_ref();
    Facts {
        about: some(event.about),
        recipient: text(&event.recipient),
        platform: message.and_then(|it| text(&it.platform)),
        tenant: message.and_then(|it| text(&it.tenant)),
        target: message.and_then(|it| text(&it.channel)),
        digest: hex(&event.card_sha256),
        outcome: event.updated.then_some(Cow::Borrowed("updated")),
        ..Facts::default()
    }
}

//! Events of access: what was asked, decided, given, used and taken away.

use std::borrow::Cow;

use countersign_proto::event::Known;
use countersign_proto::reading;
use countersign_proto::v1;

use super::{Facts, hex, list, other, some, text, time};

/// The values of an event of a case; all other kinds are elsewhere.
pub(super) fn facts(known: &Known) -> Facts<'_> {
    match known {
        Known::AccessRequested(event) => requested(event),
        Known::BreakGlassInvoked(event) => broke_glass(event),
        Known::ReviewRecorded(event) => review(event),
        Known::RequestDenied(event) => Facts {
            request: some(event.request),
            review: some(event.review),
            outcome: Some(Cow::Borrowed("denied")),
            ..Facts::default()
        },
        Known::RequestCancelled(event) => Facts {
            request: some(event.request),
            reason: text(&event.reason),
            outcome: Some(Cow::Borrowed("cancelled")),
            ..Facts::default()
        },
        Known::RequestExpired(event) => Facts {
            request: some(event.request),
            outcome: Some(Cow::Borrowed("expired")),
            ..Facts::default()
        },
        Known::ApproversReminded(event) => Facts {
            request: some(event.request),
            number: Some(event.number.into()),
            group: list(&event.groups),
            ..Facts::default()
        },
        Known::RequestEscalated(event) => Facts {
            request: some(event.request),
            group: text(&event.group),
            ..Facts::default()
        },
        Known::ExtensionRequested(event) => Facts {
            grant: some(event.grant),
            duration_seconds: Some(event.duration_seconds),
            reason: text(&event.reason),
            policy: some(event.policy),
            ..obliged(event.obligations.as_ref())
        },
        Known::RetroReviewRecorded(event) => Facts {
            request: some(event.request),
            person: text(&event.person),
            outcome: Some(Cow::Borrowed(match event.justified {
                true => "justified",
                false => "not justified",
            })),
            reason: text(&event.reason),
            ..Facts::default()
        },
        Known::ActionRefused(event) => Facts {
            action: text(&event.action),
            code: text(&event.code),
            detail: text(&event.message),
            about: some(event.target),
            person: text(&event.person),
            ..Facts::default()
        },
        Known::FeedbackSubmitted(event) => feedback(event),
        Known::CaseClosed(event) => Facts {
            outcome: text(&event.outcome),
            count: u64::try_from(event.entries.len()).ok(),
            ..Facts::default()
        },
        other => granted(other),
    }
}

/// What became of a grant.
fn granted(known: &Known) -> Facts<'_> {
    match known {
        Known::GrantScheduled(event) => Facts {
            request: some(event.request),
            start: time(event.start.as_ref()),
            ..Facts::default()
        },
        Known::GrantIssued(event) => Facts {
            request: some(event.request),
            person: text(&event.person),
            resource: text(&event.resource),
            permission: text(&event.permission),
            end: time(event.end.as_ref()),
            record_session: Some(event.record_session),
            ..Facts::default()
        },
        Known::GrantExtended(event) => Facts {
            grant: some(event.grant),
            extension: some(event.extension),
            end: time(event.end.as_ref()),
            ..Facts::default()
        },
        Known::GrantRevoked(event) => Facts {
            grant: some(event.grant),
            person: text(&event.person),
            reason: text(&event.reason),
            outcome: Some(Cow::Borrowed("revoked")),
            ..Facts::default()
        },
        Known::GrantFinished(event) => Facts {
            grant: some(event.grant),
            reason: text(&event.reason),
            outcome: Some(Cow::Borrowed("finished")),
            ..Facts::default()
        },
        Known::GrantExpired(event) => Facts {
            grant: some(event.grant),
            outcome: Some(Cow::Borrowed("expired")),
            ..Facts::default()
        },
        Known::ExpiryWarned(event) => Facts {
            grant: some(event.grant),
            end: time(event.end.as_ref()),
            ..Facts::default()
        },
        Known::DelegationChanged(event) => Facts {
            person: text(&event.to),
            delegate_of: text(&event.from),
            start: time(event.start.as_ref()),
            end: time(event.end.as_ref()),
            reason: text(&event.reason),
            ..Facts::default()
        },
        other => used(other),
    }
}

/// How a grant was used.
fn used(known: &Known) -> Facts<'_> {
    match known {
        Known::SessionStarted(event) => Facts {
            grant: some(event.grant),
            person: text(&event.person),
            client: text(&event.client),
            source_address: text(&event.source_address),
            ..Facts::default()
        },
        Known::SessionEnded(event) => Facts {
            session: some(event.session),
            reason: text(&event.reason),
            exit_status: Some(event.exit_status),
            count: event.recording.as_ref().map(|it| it.commands),
            bytes: event.recording.as_ref().map(|it| it.output_bytes),
            redactions: event.recording.as_ref().map(|it| it.redactions),
            ..Facts::default()
        },
        Known::SessionOverran(event) => Facts {
            session: some(event.session),
            grant: some(event.grant),
            ..Facts::default()
        },
        Known::CommandExecuted(event) => Facts {
            session: some(event.session),
            number: Some(event.number),
            command: text(&event.command),
            client: text(&event.source),
            directory: text(&event.directory),
            start: time(event.started_at.as_ref()),
            exit_status: event.exit_status,
            redactions: Some(event.redactions),
            ..Facts::default()
        },
        Known::SessionOutput(event) => Facts {
            session: some(event.session),
            number: Some(event.part),
            digest: hex(&event.blob_sha256),
            bytes: Some(event.blob_bytes),
            redactions: Some(event.redactions),
            ..Facts::default()
        },
        Known::RecordingViewed(event) => Facts {
            session: some(event.session),
            action: text(&event.purpose),
            ..Facts::default()
        },
        other => other::facts(other),
    }
}

/// What the policy asks for.
fn obliged(obligations: Option<&v1::Obligations>) -> Facts<'static> {
    let Some(it) = obligations else {
        return Facts::default();
    };
    let slot = |slot: &v1::Slot| format!("{}:{}", slot.group, slot.count);
    let approvals: Vec<_> = it.approvals.iter().map(slot).collect();
    Facts {
        approvals: (!approvals.is_empty()).then(|| Cow::Owned(approvals.join(", "))),
        record_session: Some(it.record_session),
        ..Facts::default()
    }
}

fn requested(event: &v1::AccessRequested) -> Facts<'_> {
    Facts {
        policy: some(event.policy),
        person: text(&event.person),
        resource: text(&event.resource),
        permission: text(&event.permission),
        duration_seconds: Some(event.duration_seconds),
        reason: text(&event.reason),
        ticket: text(&event.ticket),
        severity: text(&event.severity),
        affected: list(&event.affected),
        start: time(event.start.as_ref()),
        ..obliged(event.obligations.as_ref())
    }
}

fn broke_glass(event: &v1::BreakGlassInvoked) -> Facts<'_> {
    Facts {
        policy: some(event.policy),
        person: text(&event.person),
        resource: text(&event.resource),
        permission: text(&event.permission),
        duration_seconds: Some(event.duration_seconds),
        reason: text(&event.reason),
        ticket: text(&event.ticket),
        severity: text(&event.severity),
        affected: list(&event.affected),
        ..obliged(event.obligations.as_ref())
    }
}

fn review(event: &v1::ReviewRecorded) -> Facts<'_> {
    Facts {
        request: some(event.request),
        person: text(&event.person),
        decision: Some(Cow::Borrowed(reading::decision(event.decision()))),
        group: text(&event.group),
        reason: text(&event.reason),
        delegate_of: text(&event.delegate_of),
        delegation: some(event.delegation),
        ..Facts::default()
    }
}

fn feedback(event: &v1::FeedbackSubmitted) -> Facts<'_> {
    let sufficient = reading::rating(event.access_sufficient());
    let wait = reading::rating(event.wait_acceptable());
    Facts {
        person: text(&event.person),
        outcome: Some(Cow::Owned(format!("access {sufficient}, wait {wait}"))),
        detail: text(&event.comment),
        ..Facts::default()
    }
}

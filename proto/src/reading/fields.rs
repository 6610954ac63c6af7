//! Events of access cases, field by field.

use super::case::{decision, drift, rating};
use super::field::{Field, Fields, fields};
use super::text::{hex, wire};
use crate::event::Known;
use crate::v1;

/// What the policy attaches to an access.
#[must_use]
pub fn obligations(obligations: Option<&v1::Obligations>) -> Field<'_> {
    let Some(it) = obligations else {
        return Field::Null;
    };
    Field::Object(fields! {
        "policies": &it.policies,
        "approvals": slots(&it.approvals),
        "max_duration_seconds": &it.max_duration_seconds,
        "request_ttl_seconds": &it.request_ttl_seconds,
        "remind_seconds": &it.remind_seconds,
        "escalate_seconds": &it.escalate_seconds,
        "escalate_group": &it.escalate_group,
        "record_session": &it.record_session,
        "record_input": &it.record_input,
        "warn_seconds": &it.warn_seconds,
        "max_extensions": &it.max_extensions,
        "feedback_seconds": &it.feedback_seconds,
        "retro_group": &it.retro_group,
        "retro_seconds": &it.retro_seconds,
        "step_up": &it.step_up,
    })
}

/// Who must agree.
#[must_use]
pub fn slots(slots: &[v1::Slot]) -> Field<'_> {
    let slots = slots.iter();
    let slots = slots.map(|it| fields! { "group": &it.group, "count": &it.count });
    Field::List(slots.map(Field::Object).collect())
}

/// Groups with their people.
#[must_use]
pub fn groups(groups: &[v1::OnCall]) -> Field<'_> {
    let groups = groups.iter();
    let groups = groups.map(|it| fields! { "group": &it.group, "people": &it.people });
    Field::List(groups.map(Field::Object).collect())
}

fn facts(facts: Option<&v1::Facts>) -> Field<'_> {
    let Some(it) = facts else {
        return Field::Null;
    };
    Field::Object(fields! {
        "on_call": groups(&it.on_call),
        "hour": &it.hour,
        "weekday": &it.weekday,
        "zone": &it.zone,
    })
}

/// The fields of a kind of case, session or provisioning.
pub(super) fn of(known: &Known) -> Fields<'_> {
    match known {
        Known::PolicyChanged(event) => fields! {
            "digest": hex(&event.digest),
            "bundle_bytes": event.bundle.len(),
            "previous": &event.previous,
            "changes": &event.changes,
            "forced": &event.forced,
        },
        Known::AccessRequested(event) => requested(event),
        Known::BreakGlassInvoked(event) => broke_glass(event),
        Known::ReviewRecorded(event) => review(event),
        Known::RequestDenied(event) => {
            fields! { "request": &event.request, "review": &event.review }
        }
        Known::RequestCancelled(event) => {
            fields! { "request": &event.request, "reason": &event.reason }
        }
        Known::RequestExpired(event) => fields! { "request": &event.request },
        Known::ApproversReminded(event) => fields! {
            "request": &event.request,
            "number": &event.number,
            "groups": &event.groups,
        },
        Known::RequestEscalated(event) => {
            fields! { "request": &event.request, "group": &event.group }
        }
        Known::RetroReviewRecorded(event) => fields! {
            "request": &event.request,
            "person": &event.person,
            "justified": &event.justified,
            "reason": &event.reason,
        },
        Known::ActionRefused(event) => fields! {
            "action": &event.action,
            "code": &event.code,
            "message": &event.message,
            "target": &event.target,
            "person": &event.person,
        },
        Known::FeedbackSubmitted(event) => fields! {
            "person": &event.person,
            "access_sufficient": rating(event.access_sufficient()),
            "wait_acceptable": rating(event.wait_acceptable()),
            "comment": &event.comment,
        },
        Known::CaseClosed(event) => {
            fields! { "outcome": &event.outcome, "entries": &event.entries }
        }
        Known::DelegationChanged(event) => fields! {
            "from": &event.from,
            "to": &event.to,
            "start": wire(event.start.as_ref()),
            "end": wire(event.end.as_ref()),
            "reason": &event.reason,
        },
        other => of_grant(other),
    }
}

/// What became of a grant.
fn of_grant(known: &Known) -> Fields<'_> {
    match known {
        Known::GrantScheduled(event) => {
            fields! { "request": &event.request, "start": wire(event.start.as_ref()) }
        }
        Known::GrantIssued(event) => fields! {
            "request": &event.request,
            "person": &event.person,
            "resource": &event.resource,
            "permission": &event.permission,
            "end": wire(event.end.as_ref()),
            "record_session": &event.record_session,
            "record_input": &event.record_input,
        },
        Known::GrantExtended(event) => fields! {
            "grant": &event.grant,
            "extension": &event.extension,
            "end": wire(event.end.as_ref()),
        },
        Known::GrantRevoked(event) => fields! {
            "grant": &event.grant,
            "person": &event.person,
            "reason": &event.reason,
        },
        Known::GrantFinished(event) => {
            fields! { "grant": &event.grant, "reason": &event.reason }
        }
        Known::GrantExpired(event) => fields! { "grant": &event.grant },
        Known::ExpiryWarned(event) => {
            fields! { "grant": &event.grant, "end": wire(event.end.as_ref()) }
        }
        Known::ExtensionRequested(event) => fields! {
            "grant": &event.grant,
            "duration_seconds": &event.duration_seconds,
            "reason": &event.reason,
            "policy": &event.policy,
            "facts": facts(event.facts.as_ref()),
            "obligations": obligations(event.obligations.as_ref()),
        },
        other => of_use(other),
    }
}

/// How a grant was used.
fn of_use(known: &Known) -> Fields<'_> {
    match known {
        Known::SessionStarted(event) => fields! {
            "grant": &event.grant,
            "person": &event.person,
            "client": &event.client,
            "source_address": &event.source_address,
        },
        Known::SessionEnded(event) => fields! {
            "session": &event.session,
            "reason": &event.reason,
            "exit_status": &event.exit_status,
            "recording": recording(event.recording.as_ref()),
        },
        Known::SessionOverran(event) => {
            fields! { "session": &event.session, "grant": &event.grant }
        }
        Known::CommandExecuted(event) => fields! {
            "session": &event.session,
            "number": &event.number,
            "command": &event.command,
            "source": &event.source,
            "directory": &event.directory,
            "started_at": wire(event.started_at.as_ref()),
            "exit_status": &event.exit_status,
            "redactions": &event.redactions,
        },
        Known::SessionOutput(event) => fields! {
            "session": &event.session,
            "part": &event.part,
            "blob_sha256": hex(&event.blob_sha256),
            "blob_bytes": &event.blob_bytes,
            "encoding": &event.encoding,
            "output_bytes": &event.output_bytes,
            "from_micros": &event.from_micros,
            "to_micros": &event.to_micros,
            "redactions": &event.redactions,
        },
        Known::RecordingViewed(event) => {
            fields! { "session": &event.session, "purpose": &event.purpose }
        }
        other => of_access(other),
    }
}

/// What was recorded of a session.
#[must_use]
pub fn recording(recording: Option<&v1::Recording>) -> Field<'_> {
    let Some(it) = recording else {
        return Field::Null;
    };
    Field::Object(fields! {
        "parts": &it.parts,
        "commands": &it.commands,
        "output_bytes": &it.output_bytes,
        "redactions": &it.redactions,
    })
}

/// What became of an access.
fn of_access(known: &Known) -> Fields<'_> {
    match known {
        Known::GrantProvisioned(event) => fields! {
            "grant": &event.grant,
            "target": &event.target,
            "credential_sha256": hex(&event.credential_sha256),
            "valid_until": wire(event.valid_until.as_ref()),
        },
        Known::ProvisioningFailed(event) => fields! {
            "grant": &event.grant,
            "error": &event.error,
            "attempt": &event.attempt,
        },
        Known::AccessRemoved(event) => {
            fields! { "grant": &event.grant, "proof": &event.proof }
        }
        Known::RemovalFailed(event) => fields! {
            "grant": &event.grant,
            "error": &event.error,
            "attempt": &event.attempt,
        },
        Known::AccessDriftDetected(event) => fields! {
            "resource": &event.resource,
            "target": &event.target,
            "drift": drift(event.drift()),
            "grant": &event.grant,
            "detail": &event.detail,
            "mended": &event.mended,
        },
        // Every other kind has its fields elsewhere.
        _ => Fields::default(),
    }
}

fn requested(event: &v1::AccessRequested) -> Fields<'_> {
    fields! {
        "policy": &event.policy,
        "person": &event.person,
        "resource": &event.resource,
        "permission": &event.permission,
        "duration_seconds": &event.duration_seconds,
        "reason": &event.reason,
        "ticket": &event.ticket,
        "severity": &event.severity,
        "affected": &event.affected,
        "start": wire(event.start.as_ref()),
        "facts": facts(event.facts.as_ref()),
        "obligations": obligations(event.obligations.as_ref()),
    }
}

fn broke_glass(event: &v1::BreakGlassInvoked) -> Fields<'_> {
    fields! {
        "policy": &event.policy,
        "person": &event.person,
        "resource": &event.resource,
        "permission": &event.permission,
        "duration_seconds": &event.duration_seconds,
        "reason": &event.reason,
        "ticket": &event.ticket,
        "severity": &event.severity,
        "affected": &event.affected,
        "facts": facts(event.facts.as_ref()),
        "obligations": obligations(event.obligations.as_ref()),
    }
}

fn review(event: &v1::ReviewRecorded) -> Fields<'_> {
    fields! {
        "request": &event.request,
        "person": &event.person,
        "decision": decision(event.decision()),
        "group": &event.group,
        "reason": &event.reason,
        "delegate_of": &event.delegate_of,
        "delegation": &event.delegation,
        "facts": facts(event.facts.as_ref()),
    }
}

#[cfg(test)]
mod tests {
    use crate::event::kinds;

    use super::*;

    #[test]
    fn no_kind_of_a_case_is_without_fields() {
        for (kind, name) in kinds().filter(|(kind, _)| *kind == 10 || (20..=99).contains(kind)) {
            if let Ok(known) = Known::decode(kind, &[]) {
                assert_ne!(of(&known), Fields::default(), "{name}");
            }
        }
    }
}

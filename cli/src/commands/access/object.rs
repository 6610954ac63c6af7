//! A case as a JSON object.

use countersign_proto::v1;
use serde_json::{Value, json};

use countersign_proto::reading::decision;
use countersign_proto::reading::text::wire;
use countersign_proto::reading::{obligations, slots};

/// States by name, for arguments and for programs.
pub(super) const STATUSES: [(&str, v1::CaseStatus); 6] = [
    ("pending", v1::CaseStatus::Pending),
    ("scheduled", v1::CaseStatus::Scheduled),
    ("active", v1::CaseStatus::Active),
    ("ended", v1::CaseStatus::Ended),
    ("refused", v1::CaseStatus::Refused),
    ("closed", v1::CaseStatus::Closed),
];

/// Name of a state.
pub(super) fn status(status: v1::CaseStatus) -> &'static str {
    let named = STATUSES.iter().find(|(_, known)| *known == status);
    named.map_or("unknown", |(name, _)| name)
}

/// A case with everything that is known of it.
pub(super) fn case(case: &v1::Case) -> Value {
    json!({
        "id": case.id,
        "status": status(case.status()),
        "summary": case.summary,
        "person": case.person,
        "resource": case.resource,
        "permission": case.permission,
        "duration_seconds": case.duration_seconds,
        "reason": case.reason,
        "ticket": case.ticket,
        "severity": case.severity,
        "affected": case.affected,
        "start": wire(case.start.as_ref()),
        "break_glass": case.break_glass,
        "policy": case.policy,
        "obligations": obligations(case.obligations.as_ref()),
        "opened": wire(case.opened.as_ref()),
        "request_expires": wire(case.request_expires.as_ref()),
        "reviews": reviews(&case.reviews),
        "grant": case.grant.as_ref().map(grant),
        "extension": case.extension.as_ref().map(extension),
        "sessions": case.sessions.iter().map(session).collect::<Value>(),
        "outcome": case.outcome,
        "entries": case.entries,
        "open_issues": case.open_issues,
    })
}

fn reviews(reviews: &[v1::ReviewState]) -> Value {
    let review = |it: &v1::ReviewState| {
        json!({
            "index": it.index,
            "person": it.person,
            "decision": decision(it.decision()),
            "group": it.group,
            "reason": it.reason,
            "delegate_of": it.delegate_of,
        })
    };
    reviews.iter().map(review).collect()
}

fn grant(grant: &v1::Grant) -> Value {
    json!({
        "id": grant.id,
        "issued": wire(grant.issued.as_ref()),
        "end": wire(grant.end.as_ref()),
        "active": grant.active,
        "ended_by": grant.ended_by,
        "provisioning": grant.provisioning,
    })
}

fn extension(extension: &v1::Extension) -> Value {
    json!({
        "id": extension.id,
        "duration_seconds": extension.duration_seconds,
        "reason": extension.reason,
        "expires": wire(extension.expires.as_ref()),
        "reviews": reviews(&extension.reviews),
        "approvals": slots(&extension.approvals),
    })
}

fn session(session: &v1::Session) -> Value {
    json!({
        "id": session.id,
        "started": wire(session.started.as_ref()),
        "ended": wire(session.ended.as_ref()),
        "overran": session.overran,
        "client": session.client,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_a_name() {
        for number in 1..=6 {
            let known = v1::CaseStatus::try_from(number).expect("a state");
            assert_ne!(status(known), "unknown");
        }
        assert!(v1::CaseStatus::try_from(7).is_err(), "name the new state");
    }
}

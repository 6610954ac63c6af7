//! Cases as people and programs read them.

use countersign_proto::v1;

use crate::case::{Case, EndedBy, Round, Stage};
use crate::decide::provisioning;
use crate::policy::Obligations;
use crate::{timer, wire};

/// A case that is open, after the clock was set back by so many microseconds in all.
#[must_use]
pub fn case(case: &Case, setbacks: u64) -> v1::Case {
    let ask = &case.ask;
    let pending = matches!(case.stage, Stage::Pending);
    v1::Case {
        id: case.id,
        status: status(case).into(),
        summary: summary(case),
        person: case.person.clone(),
        resource: ask.resource.clone(),
        permission: ask.permission.clone(),
        duration_seconds: ask.duration,
        reason: ask.reason.clone(),
        ticket: ask.ticket.clone(),
        severity: ask.severity.clone(),
        affected: ask.affected.clone(),
        start: ask.start.map(wire::timestamp),
        break_glass: case.break_glass,
        policy: case.policy,
        obligations: Some(wire::obligations(&case.obligations)),
        opened: Some(wire::timestamp(case.opened)),
        request_expires: pending.then(|| expires(&case.round, setbacks)),
        reviews: reviews(&case.round),
        grant: grant(case, setbacks),
        extension: case.extension().map(|extension| v1::Extension {
            id: extension.round.id,
            duration_seconds: extension.duration,
            reason: extension.reason.clone(),
            expires: Some(expires(&extension.round, setbacks)),
            reviews: reviews(&extension.round),
            approvals: wire::obligations(&extension.obligations).approvals,
        }),
        sessions: sessions(case),
        outcome: case.outcome().to_owned(),
        entries: case.entries.clone(),
        open_issues: case.open_issues().into_iter().map(str::to_owned).collect(),
        retro_review_open: case.waits_for_retro(),
    }
}

/// A case that was closed, as it was before its last entry.
#[must_use]
pub fn closed(last: &Case, index: u64) -> v1::Case {
    let mut view = case(last, 0);
    view.status = v1::CaseStatus::Closed.into();
    view.summary = format!("closed: {}", last.outcome());
    view.entries.push(index);
    view
}

/// Where a case stands.
#[must_use]
pub const fn status(case: &Case) -> v1::CaseStatus {
    match &case.stage {
        Stage::Pending => v1::CaseStatus::Pending,
        Stage::Scheduled(_) => v1::CaseStatus::Scheduled,
        Stage::Active(_) => v1::CaseStatus::Active,
        Stage::Ended(_) => v1::CaseStatus::Ended,
        Stage::Refused(_) => v1::CaseStatus::Refused,
    }
}

fn expires(round: &Round, setbacks: u64) -> prost_types::Timestamp {
    wire::timestamp(round.expires.ledger_time(setbacks))
}

fn reviews(round: &Round) -> Vec<v1::ReviewState> {
    let reviews = round.reviews.iter().map(|review| v1::ReviewState {
        index: review.index,
        person: review.person.clone(),
        decision: match review.approve {
            true => v1::Decision::Approve.into(),
            false => v1::Decision::Deny.into(),
        },
        group: review.group.clone(),
        reason: review.reason.clone(),
        delegate_of: review.delegate_of.clone(),
    });
    reviews.collect()
}

fn grant(case: &Case, setbacks: u64) -> Option<v1::Grant> {
    match &case.stage {
        Stage::Scheduled(scheduled) => Some(v1::Grant {
            id: scheduled.id,
            provisioning: "none".to_owned(),
            ..v1::Grant::default()
        }),
        Stage::Active(grant) => Some(v1::Grant {
            id: grant.id,
            issued: Some(wire::timestamp(grant.issued)),
            end: Some(wire::timestamp(grant.end.ledger_time(setbacks))),
            active: true,
            ended_by: String::new(),
            provisioning: provisioning(grant.provisioning).to_owned(),
        }),
        Stage::Ended(ended) => Some(v1::Grant {
            id: ended.grant.as_ref().map_or(0, |grant| grant.id),
            issued: ended
                .grant
                .as_ref()
                .map(|grant| wire::timestamp(grant.issued)),
            end: Some(wire::timestamp(ended.time)),
            active: false,
            ended_by: ended_by(ended.by).to_owned(),
            provisioning: ended
                .grant
                .as_ref()
                .map_or("none", |grant| provisioning(grant.provisioning))
                .to_owned(),
        }),
        Stage::Pending | Stage::Refused(_) => None,
    }
}

const fn ended_by(by: EndedBy) -> &'static str {
    match by {
        EndedBy::Expired => "expired",
        EndedBy::Revoked => "revoked",
        EndedBy::Finished => "finished",
    }
}

fn sessions(case: &Case) -> Vec<v1::Session> {
    let sessions = case.sessions.iter().map(|session| v1::Session {
        id: session.id,
        started: Some(wire::timestamp(session.started)),
        ended: session.ended.map(wire::timestamp),
        overran: session.overran,
        client: session.client.clone(),
    });
    sessions.collect()
}

/// What a case waits for when nothing else is to be done; some may have done it.
const FEEDBACK: &str = "whoever took part can say how it was";

/// Where a case stands, in a few words.
#[must_use]
pub fn summary(case: &Case) -> String {
    match &case.stage {
        Stage::Pending => format!("pending: {}", so_far(&case.round, &case.obligations)),
        Stage::Scheduled(_) => "approved, begins later".to_owned(),
        Stage::Active(_) => match timer::open_round(case) {
            Some((round, obligations)) => {
                format!("active; extension pending: {}", so_far(round, obligations))
            }
            None => "active".to_owned(),
        },
        Stage::Ended(ended) => {
            let issues = case.open_issues();
            let left = match issues.as_slice() {
                [] => FEEDBACK.to_owned(),
                issues => issues.join(", "),
            };
            format!("{}; {left}", ended_by(ended.by))
        }
        Stage::Refused(_) => format!("{}; {FEEDBACK}", case.outcome()),
    }
}

/// Decisions so far: `1 of 2 (security ada, team-leads open)`.
fn so_far(round: &Round, obligations: &Obligations) -> String {
    let wanted: u32 = obligations
        .approvals
        .values()
        .fold(0, |sum, n| sum.saturating_add(*n));
    let given = round.reviews.iter().filter(|review| review.approve).count();
    let groups = obligations.approvals.keys().map(|group| {
        let people = round.reviews.iter();
        let people = people.filter(|review| review.approve && review.group == *group);
        let mut words: Vec<&str> = people.map(|review| review.person.as_str()).collect();
        if round.missing(obligations, group) > 0 {
            words.push("open");
        }
        format!("{group} {}", words.join(" "))
    });
    format!(
        "{given} of {wanted} ({})",
        groups.collect::<Vec<_>>().join(", ")
    )
}

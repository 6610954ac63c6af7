//! Labels and values of a case.

use countersign_chain::time::UnixMicros;

use crate::card::view::{CaseView, Grant, Status};
use crate::card::{Fact, Piece};

/// On what has to be done in the inbox.
pub(super) const SIGN: &str = "To approve";

pub(super) fn facts(case: &CaseView) -> Vec<Fact> {
    let mut facts = vec![
        fact("Requester", &case.person.to_string()),
        fact("Resource", &case.resource.to_string()),
        fact("Permission", &case.permission.to_string()),
        fact("Duration", &case.duration.to_string()),
    ];
    facts.extend(given("Severity", &case.severity));
    facts.extend(given("Ticket", &case.ticket));
    facts.extend(given("Affected", &case.affected.join(", ")));
    facts.extend(case.start.map(|start| at("Wanted from", start)));
    facts.push(fact("Policy", &policy(case)));
    facts.push(at("Asked", case.opened));
    if let (Status::Pending, Some(until)) = (case.status, case.request_expires) {
        facts.push(at("Decide before", until));
    }
    if case.step_up && (case.status == Status::Pending || case.extension.is_some()) {
        facts.push(fact(SIGN, "sign with your passkey in the web inbox"));
    }
    if let Some(grant) = &case.grant {
        facts.extend(grant_facts(grant, case.status));
    }
    if let Some(wish) = &case.extension {
        facts.push(fact("More time", &wish.duration.to_string()));
        facts.extend(given("Why more", &wish.reason));
        facts.push(at("Decide before", wish.expires));
    }
    if case.sessions > 0 {
        facts.push(fact("Sessions", &case.sessions.to_string()));
    }
    facts.extend(given("Outcome", &case.outcome));
    facts.extend(given("Still open", &case.open_issues.join(", ")));
    facts
}

/// The policy that asks, by the index of its entry, and its rules.
fn policy(case: &CaseView) -> String {
    match case.rules.as_slice() {
        [] => format!("{}", case.policy),
        rules => format!("{} ({})", case.policy, rules.join(", ")),
    }
}

fn grant_facts(grant: &Grant, status: Status) -> Vec<Fact> {
    let mut facts = Vec::new();
    facts.extend(grant.issued.map(|issued| at("Access from", issued)));
    let until = match status {
        Status::Active => "Access until",
        Status::Pending | Status::Scheduled | Status::Ended | Status::Refused | Status::Closed => {
            "Access ended"
        }
    };
    facts.extend(grant.end.map(|end| at(until, end)));
    facts.extend(given("Ended by", &grant.ended_by));
    if grant.provisioning != "none" {
        facts.extend(given("Access is", &grant.provisioning.replace('-', " ")));
    }
    facts
}

fn fact(label: &'static str, value: &str) -> Fact {
    let value = vec![Piece::text(value)];
    Fact { label, value }
}

/// None for a value that nobody gave.
fn given(label: &'static str, value: &str) -> Option<Fact> {
    (!value.trim().is_empty()).then(|| fact(label, value))
}

fn at(label: &'static str, time: UnixMicros) -> Fact {
    let value = vec![Piece::Time(time)];
    Fact { label, value }
}

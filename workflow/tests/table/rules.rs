//! The rules, once more, in the words of docs/workflow.md and docs/policy.md. Nothing here asks the
//! code under test.

use std::collections::BTreeSet;

use countersign_proto::reason::Reason;

use super::people::{REQUESTER, Role, could_decide, in_place_of, is_in, is_program};
use super::permits::{Permit, Situation, permit_for};
use super::states::{Answer, Given, State, missing};

/// What must come of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// These events, one after the other; and what the first one says.
    Taken(Vec<&'static str>, Says),
    /// This reason, and whether the attempt is an entry.
    Refused(Reason, Recorded),
}

/// What the first event of a command that is taken says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Says {
    /// A request: who asks, and how many of which groups must agree, under which permit.
    Asked(String, Vec<(String, u32)>, String),
    /// A decision: whose it is, for which group, and in whose place.
    Decided(String, String, String),
    /// A review afterwards: whose it is.
    Looked(String),
}

/// Whether an attempt becomes an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recorded {
    Yes,
    No,
}

/// A slip of the keyboard is told to the caller alone; what the rules are there to prevent is told
/// to everybody who reads the log.
fn refused(reason: Reason) -> Outcome {
    let slips = [
        Reason::PolicyMissing,
        Reason::PermissionUnknown,
        Reason::IdUnknown,
        Reason::IdWrongKind,
        Reason::RetroNotOpen,
    ];
    let recorded = match slips.contains(&reason) {
        true => Recorded::No,
        false => Recorded::Yes,
    };
    Outcome::Refused(reason, recorded)
}

/// Whether a log has a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Log {
    WithPolicy,
    Empty,
}

/// Somebody asks for access.
pub(crate) fn request(log: Log, role: Role, what: &Situation) -> Outcome {
    if log == Log::Empty {
        return refused(Reason::PolicyMissing);
    }
    let Some(person) = role.person else {
        return refused(Reason::PersonUnknown);
    };
    if !what.resource.permissions().contains(&what.permission) {
        return refused(Reason::PermissionUnknown);
    }
    let Some(permit) = permit_for((person, is_program(person)), what) else {
        return refused(Reason::RequestNotAllowed);
    };
    if what.duration > permit.max_duration {
        return refused(Reason::DurationTooLong);
    }
    let slots = permit.approvals.iter();
    let slots = slots.map(|(group, count)| ((*group).to_owned(), *count));
    let says = Says::Asked(person.to_owned(), slots.collect(), permit.id.to_owned());
    // Where nobody has to agree, access begins at once.
    match permit.approvals {
        [] => Outcome::Taken(vec!["AccessRequested", "GrantIssued"], says),
        _ => Outcome::Taken(vec!["AccessRequested"], says),
    }
}

/// Somebody decides.
pub(crate) fn review(permit: &Permit, state: State, role: Role, answer: Answer) -> Outcome {
    let (given, last) = match state {
        State::NoCase => return refused(Reason::IdUnknown),
        State::Pending(given) => (given, "GrantIssued"),
        State::PendingLater => (&[][..], "GrantScheduled"),
        State::Extending(given) => (given, "GrantExtended"),
        // The caller tries again: whatever came of it then is what counts now.
        State::ApprovedByCaller => return again(permit, role, answer),
        // A click that comes late changes nothing.
        State::Scheduled
        | State::Active
        | State::RequestWhileExtending
        | State::Expired
        | State::Revoked
        | State::RevokedEarly
        | State::Finished
        | State::FinishedEarly
        | State::Denied
        | State::Cancelled
        | State::Unanswered
        | State::ClosedAfterUse
        | State::ClosedAfterRefusal => return refused(Reason::AlreadyDecided),
    };
    decide((permit, given, last), role, answer)
}

/// Somebody judges an access that was taken at once.
pub(crate) fn look_back(permit: &Permit, state: State, role: Role) -> Outcome {
    match state {
        State::NoCase => return refused(Reason::IdUnknown),
        State::Extending(_) => return refused(Reason::IdWrongKind),
        State::ClosedAfterUse | State::ClosedAfterRefusal => return refused(Reason::RetroNotOpen),
        _ => {}
    }
    let Some(person) = role.person else {
        return refused(Reason::PersonUnknown);
    };
    if role.is_program() {
        return refused(Reason::NotAReviewer);
    }
    if !permit.at_once {
        return refused(Reason::RetroNotOpen);
    }
    if person == REQUESTER {
        return refused(Reason::SelfApproval);
    }
    // It is the business of security, and no place in that is given away.
    if !is_in(person, "security") {
        return refused(Reason::NotAReviewer);
    }
    let says = Says::Looked(person.to_owned());
    Outcome::Taken(vec!["RetroReviewRecorded"], says)
}

/// The second decision of one caller, after an approval.
fn again(permit: &Permit, role: Role, answer: Answer) -> Outcome {
    let first = decide((permit, &[], "GrantIssued"), role, Answer::Yes);
    match first {
        Outcome::Taken(events, _) if events.contains(&"GrantIssued") => {
            refused(Reason::AlreadyDecided)
        }
        Outcome::Taken(..) => refused(Reason::AlreadyReviewed),
        Outcome::Refused(..) => decide((permit, &[], "GrantIssued"), role, answer),
    }
}

fn decide(
    (permit, given, last): (&Permit, &[Given], &'static str),
    role: Role,
    answer: Answer,
) -> Outcome {
    let Some(person) = role.person else {
        return refused(Reason::PersonUnknown);
    };
    // Decisions are for people.
    if role.is_program() {
        return refused(Reason::NotAReviewer);
    }
    // Nobody decides on an access of their own, through whatever account.
    if person == REQUESTER {
        return refused(Reason::SelfApproval);
    }
    // Nobody decides twice, nor does anybody whose place was taken.
    if has_decided(person, given) {
        return refused(Reason::AlreadyReviewed);
    }
    let left = missing(permit, given).expect("the state is possible");
    // A yes fills a place that is open; a no may come from whoever is asked.
    let asked: BTreeSet<&str> = match answer {
        Answer::No => left.keys().copied().collect(),
        Answer::Yes | Answer::YesFor(_) => {
            let open = left.iter().filter(|(_, count)| **count > 0);
            open.map(|(group, _)| *group).collect()
        }
    };
    let Some((whose, places)) = place(person, &asked, given) else {
        return refused(Reason::NotAReviewer);
    };
    let group = match answer {
        Answer::No => "",
        Answer::YesFor(group) if places.contains(group) => group,
        Answer::YesFor(_) => return refused(Reason::NotAReviewer),
        Answer::Yes => scarcest(&places),
    };
    let says = Says::Decided(person.to_owned(), group.to_owned(), whose.to_owned());
    let owed: u32 = left.values().sum();
    match answer {
        // Any no ends it.
        Answer::No => Outcome::Taken(vec!["ReviewRecorded", "RequestDenied"], says),
        Answer::Yes | Answer::YesFor(_) if owed == 1 => {
            Outcome::Taken(vec!["ReviewRecorded", last], says)
        }
        Answer::Yes | Answer::YesFor(_) => Outcome::Taken(vec!["ReviewRecorded"], says),
    }
}

fn has_decided(person: &str, given: &[Given]) -> bool {
    // Whoever is in no group has decided in the place of somebody else.
    let taken = |who: &'static str, group: &str| match is_in(who, group) {
        true => vec![who],
        false => vec![who, in_place_of(who).expect("a delegate")],
    };
    let mut given = given.iter();
    given.any(|(who, group)| taken(who, group).contains(&person))
}

/// Places that a person may take, and whose they are; empty for an own one. Places that were given
/// away are not given away again, and that of the requester is none.
fn place<'a>(
    person: &'a str,
    asked: &BTreeSet<&'a str>,
    given: &[Given],
) -> Option<(&'a str, BTreeSet<&'a str>)> {
    let of = |who: &str| -> BTreeSet<&'a str> {
        let groups = asked.iter().copied();
        groups
            .filter(|group| is_in(who, group) && could_decide(group).contains(who))
            .collect()
    };
    let own = of(person);
    if !own.is_empty() {
        return Some(("", own));
    }
    let whose = in_place_of(person)?;
    if whose == REQUESTER || has_decided(whose, given) {
        return None;
    }
    let places = of(whose);
    (!places.is_empty()).then_some((whose, places))
}

/// The group that the fewest could decide for, by name when there are several.
fn scarcest<'a>(places: &BTreeSet<&'a str>) -> &'a str {
    let order = places.iter().copied();
    let first = order.min_by_key(|group| (could_decide(group).len(), *group));
    first.expect("a place is open")
}

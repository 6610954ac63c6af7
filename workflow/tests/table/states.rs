//! Where a case stands: how it is brought there, and whether it can come there at all.

use std::collections::BTreeMap;

use countersign_proto::v1::Decision;
use countersign_workflow::case::Stage;
use countersign_workflow::command::Action;

use super::people::REQUESTER;
use super::permits::{HOUR, Permit};
use super::world::{World, review};

/// A decision that was made before: who decided, and for which group.
pub(crate) type Given = (&'static str, &'static str);

/// What somebody decides on, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    NoCase,
    /// A request that waits, with these approvals.
    Pending(&'static [Given]),
    /// The same, of a request for a later time.
    PendingLater,
    /// A request that the caller has approved.
    ApprovedByCaller,
    Scheduled,
    Active,
    /// A request for more time that waits, with these approvals.
    Extending(&'static [Given]),
    /// The request, while the one for more time waits.
    RequestWhileExtending,
    Expired,
    Revoked,
    RevokedEarly,
    Finished,
    FinishedEarly,
    Denied,
    Cancelled,
    Unanswered,
    ClosedAfterUse,
    ClosedAfterRefusal,
}

const SECURITY: Given = ("dana", "security");
const SECURITY_TOO: Given = ("emeka", "security");
const LEAD: Given = ("ada", "team-leads");
const MANAGER: Given = ("hana", "sre-managers");
/// In the place of `emeka`.
const FOR_SECURITY: Given = ("olaf", "security");
/// In the place of `fatima`.
const FOR_LEAD: Given = ("petra", "team-leads");

/// People who decide when the case has to go on, by group.
const DECIDERS: [Given; 4] = [SECURITY, SECURITY_TOO, LEAD, MANAGER];

/// Every state.
pub(crate) const STATES: &[State] = &[
    State::NoCase,
    State::Pending(&[]),
    State::Pending(&[SECURITY]),
    State::Pending(&[LEAD]),
    State::Pending(&[FOR_SECURITY]),
    State::Pending(&[FOR_LEAD]),
    State::Pending(&[SECURITY, SECURITY_TOO]),
    State::Pending(&[SECURITY, LEAD]),
    State::PendingLater,
    State::ApprovedByCaller,
    State::Scheduled,
    State::Active,
    State::Extending(&[]),
    State::Extending(&[SECURITY]),
    State::Extending(&[LEAD]),
    State::Extending(&[FOR_SECURITY, LEAD]),
    State::RequestWhileExtending,
    State::Expired,
    State::Revoked,
    State::RevokedEarly,
    State::Finished,
    State::FinishedEarly,
    State::Denied,
    State::Cancelled,
    State::Unanswered,
    State::ClosedAfterUse,
    State::ClosedAfterRefusal,
];

/// Approvals that are still missing after these; none when one of them is not asked for.
pub(crate) fn missing(permit: &Permit, given: &[Given]) -> Option<BTreeMap<&'static str, u32>> {
    let mut left: BTreeMap<&'static str, u32> = permit.approvals.iter().copied().collect();
    for (_who, group) in given {
        let count = left.get_mut(group).filter(|count| **count > 0)?;
        *count -= 1;
    }
    Some(left)
}

impl State {
    /// Whether a case under this permit can stand there: what is decided by nobody never waits, and
    /// what the last one has agreed to does not wait any more.
    pub(crate) fn is_possible(self, permit: &Permit) -> bool {
        let waits = !permit.approvals.is_empty();
        let waits_after = |given: &[Given]| {
            let left = missing(permit, given);
            left.is_some_and(|left| left.values().any(|count| *count > 0))
        };
        match self {
            Self::NoCase
            | Self::Active
            | Self::Expired
            | Self::Revoked
            | Self::Finished
            | Self::ClosedAfterUse => true,
            Self::Pending(given) => waits_after(given),
            Self::PendingLater | Self::ApprovedByCaller => waits,
            Self::Scheduled | Self::RevokedEarly | Self::FinishedEarly => !permit.at_once,
            Self::Extending(given) => permit.extensions > 0 && waits_after(given),
            Self::RequestWhileExtending => waits && permit.extensions > 0,
            Self::Denied | Self::Cancelled | Self::Unanswered | Self::ClosedAfterRefusal => waits,
        }
    }

    /// Brings a case there. Returns what is decided on, and where the case should stand.
    pub(crate) fn reach(self, world: &mut World, permit: &Permit) -> (u64, &'static str) {
        let mut way = Way { world, permit };
        match self {
            Self::NoCase => (way.world.at.index + 3, ""),
            Self::Pending(given) => {
                let case = way.ask(0);
                way.give(case, given);
                (case, "pending")
            }
            Self::PendingLater => (way.ask(2 * HOUR), "pending"),
            Self::ApprovedByCaller => (way.ask(0), "pending"),
            Self::Denied => {
                let case = way.ask(0);
                way.deny(case);
                (case, "refused")
            }
            Self::Cancelled => {
                let case = way.ask(0);
                let reason = String::new();
                let cancel = Action::Cancel {
                    request: case,
                    reason,
                };
                way.world.must(&account(REQUESTER), cancel);
                (case, "refused")
            }
            Self::Unanswered => {
                let case = way.ask(0);
                way.world.wait(2 * HOUR);
                (case, "refused")
            }
            Self::ClosedAfterRefusal => {
                let case = way.ask(0);
                way.deny(case);
                way.world.close(case);
                (case, "")
            }
            Self::Scheduled | Self::RevokedEarly | Self::FinishedEarly => self.scheduled(way),
            _ => self.used(way),
        }
    }

    fn scheduled(self, mut way: Way<'_>) -> (u64, &'static str) {
        let case = way.ask(2 * HOUR);
        way.approve(case);
        match self {
            Self::RevokedEarly => way.revoke(),
            Self::FinishedEarly => way.finish(),
            _ => return (case, "scheduled"),
        }
        (case, "ended")
    }

    fn used(self, mut way: Way<'_>) -> (u64, &'static str) {
        let case = way.ask(0);
        way.approve(case);
        match self {
            Self::Active => (case, "active"),
            Self::Extending(given) => {
                let extension = way.extend();
                way.give(extension, given);
                (extension, "active")
            }
            Self::RequestWhileExtending => {
                way.extend();
                (case, "active")
            }
            Self::Revoked => {
                way.revoke();
                (case, "ended")
            }
            Self::Finished => {
                way.finish();
                (case, "ended")
            }
            Self::Expired => {
                way.world.wait(2 * HOUR);
                (case, "ended")
            }
            _ => {
                if way.permit.at_once {
                    way.look_back(case);
                }
                way.world.wait(2 * HOUR);
                way.world.close(case);
                (case, "")
            }
        }
    }
}

/// Where a case stands in the state.
pub(crate) fn stage(world: &World, number: u64) -> &'static str {
    let case = world.state.thing(number).map_or(0, |(_thing, case)| case);
    let stage = world.state.case(case).map(|case| &case.stage);
    stage.map_or("", Stage::name)
}

fn account(person: &str) -> String {
    format!("user:{person}@example.com")
}

/// A case on its way.
struct Way<'a> {
    world: &'a mut World,
    permit: &'a Permit,
}

impl Way<'_> {
    fn ask(&mut self, start_in: u64) -> u64 {
        let usual = &self.permit.usual;
        let ask = self.world.ask(usual, start_in);
        let action = match self.permit.at_once {
            true => Action::BreakGlass(ask),
            false => Action::Request(ask),
        };
        let facts = World::facts(usual);
        self.world.must_in(&account(REQUESTER), action, facts)
    }

    fn give(&mut self, number: u64, given: &[Given]) {
        for (who, group) in given {
            let action = review(number, Decision::Approve, Some(group));
            self.world.must(&account(who), action);
        }
    }

    /// Everybody agrees who has to.
    fn approve(&mut self, number: u64) {
        for (group, count) in self.permit.approvals {
            let people = DECIDERS.iter().filter(|(_, of)| of == group);
            let count = usize::try_from(*count).expect("small");
            let given: Vec<Given> = people.take(count).copied().collect();
            self.give(number, &given);
        }
    }

    fn deny(&mut self, number: u64) {
        let mut deciders = DECIDERS.iter();
        let asked = |group: &str| self.permit.approvals.iter().any(|(of, _)| *of == group);
        let (who, _) = deciders
            .find(|(_, of)| asked(of))
            .expect("somebody decides");
        self.world
            .must(&account(who), review(number, Decision::Deny, None));
    }

    fn extend(&mut self) -> u64 {
        let action = Action::Extend {
            grant: self.world.last_grant(),
            duration: 600,
            reason: "more".to_owned(),
        };
        let facts = World::facts(&self.permit.usual);
        self.world.must_in(&account(REQUESTER), action, facts)
    }

    fn revoke(&mut self) {
        let grant = self.world.last_grant();
        let reason = "enough".to_owned();
        self.world
            .must("admin:root", Action::Revoke { grant, reason });
    }

    fn finish(&mut self) {
        let grant = self.world.last_grant();
        let reason = String::new();
        self.world
            .must(&account(REQUESTER), Action::Finish { grant, reason });
    }

    fn look_back(&mut self, case: u64) {
        let action = Action::RetroReview {
            request: case,
            justified: true,
            reason: "it was".to_owned(),
        };
        self.world.must(&account("dana"), action);
    }
}

/// The other two answers of a decision, as the table names them.
pub(crate) const fn decision(approve: Answer) -> Decision {
    match approve {
        Answer::Yes | Answer::YesFor(_) => Decision::Approve,
        Answer::No => Decision::Deny,
    }
}

/// What somebody says to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Yes,
    /// For this group.
    YesFor(&'static str),
    No,
}

/// Every answer.
pub(crate) const ANSWERS: [Answer; 6] = [
    Answer::Yes,
    Answer::No,
    Answer::YesFor("security"),
    Answer::YesFor("team-leads"),
    Answer::YesFor("sre-managers"),
    Answer::YesFor("no-such-group"),
];

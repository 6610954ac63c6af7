//! Who may decide: the slots of a request, and the people who could fill them.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::Context;

use super::RequestFacts;
use super::compile::Policy;
use super::judge::Answer;
use super::names::Act;

impl Policy {
    /// Those of the groups for which a person may decide on a request.
    ///
    /// The person is in the group, and on call if the group has a calendar; is neither the
    /// requester nor a program; and Cedar permits `approve` with this group in the context.
    pub fn approver_groups<'g>(
        &self,
        ask: &RequestFacts<'_>,
        approver: &str,
        groups: impl IntoIterator<Item = &'g str>,
    ) -> BTreeSet<String> {
        let may = |group: &&str| {
            let context = || self.approve_context(ask, group);
            self.may_approve(ask, (approver, group), context)
        };
        groups.into_iter().filter(may).map(str::to_owned).collect()
    }

    /// People who could decide on a request for a group.
    #[must_use]
    pub fn eligible(&self, ask: &RequestFacts<'_>, group: &str) -> BTreeSet<String> {
        self.each_eligible(ask, group).map(str::to_owned).collect()
    }

    /// The same people, in order of their names: Cedar is asked about those that are looked at.
    pub(crate) fn each_eligible<'a>(
        &'a self,
        ask: &'a RequestFacts<'a>,
        group: &'a str,
    ) -> impl Iterator<Item = &'a str> {
        // The same for everybody.
        let context = self.approve_context(ask, group);
        let members = self.members_of(group);
        members.filter(move |person| self.may_approve(ask, (person, group), || context.clone()))
    }

    fn may_approve(
        &self,
        ask: &RequestFacts<'_>,
        (approver, group): (&str, &str),
        context: impl FnOnce() -> Option<Context>,
    ) -> bool {
        let (Some(person), Some(facts)) = (self.person(approver), self.group(group)) else {
            return false;
        };
        let waits = facts.on_call.is_some() && !ask.facts.on_call_in(group, approver);
        if approver == ask.person || person.bot || !facts.members.contains(approver) || waits {
            return false;
        }
        let answer = self.ask(
            Act::Approve,
            self.types.person(approver),
            self.types.resource(ask.resource),
            context(),
        );
        matches!(answer, Answer::Yes(_))
    }

    /// Whether there are people enough, each of whom decides for one group only.
    pub(crate) fn could_decide(
        &self,
        ask: &RequestFacts<'_>,
        approvals: &BTreeMap<String, u32>,
    ) -> bool {
        let slots = approvals.iter().flat_map(|(group, count)| {
            let people = self.eligible(ask, group);
            (0..*count).map(move |_| people.clone())
        });
        seats(&slots.collect::<Vec<_>>())
    }
}

/// Whether every slot can be given a person of its own (Kuhn's algorithm).
fn seats(slots: &[BTreeSet<String>]) -> bool {
    let mut taken: BTreeMap<&str, usize> = BTreeMap::new();
    (0..slots.len()).all(|slot| place(slots, slot, &mut taken, &mut BTreeSet::new()))
}

/// Finds a person for a slot, and another slot for whoever has to leave. It goes no deeper than
/// there are slots.
fn place<'a>(
    slots: &'a [BTreeSet<String>],
    slot: usize,
    taken: &mut BTreeMap<&'a str, usize>,
    seen: &mut BTreeSet<&'a str>,
) -> bool {
    for person in slots.get(slot).into_iter().flatten() {
        if !seen.insert(person) {
            continue;
        }
        let free = match taken.get(person.as_str()) {
            None => true,
            Some(other) => place(slots, *other, taken, seen),
        };
        if free {
            taken.insert(person, slot);
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_sits_on_one_seat() {
        let slot = |people: &[&str]| people.iter().map(|p| (*p).to_owned()).collect();
        assert!(seats(&[]));
        assert!(!seats(&[slot(&[])]));
        assert!(!seats(&[slot(&["ada"]), slot(&["ada"])]));
        assert!(seats(&[slot(&["ada", "dana"]), slot(&["ada"])]));
        assert!(seats(
            &[slot(&["a", "b"]), slot(&["a", "c"]), slot(&["a"]),]
        ));
        assert!(!seats(&[
            slot(&["a", "b"]),
            slot(&["a", "b"]),
            slot(&["a", "b"]),
        ]));
    }
}

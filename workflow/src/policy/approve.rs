//! Who may decide: the slots of a request, and the people who could fill them.

use std::collections::BTreeSet;

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
        let may = |group: &&str| self.may_approve(ask, approver, group);
        groups.into_iter().filter(may).map(str::to_owned).collect()
    }

    /// People who could decide on a request for a group.
    #[must_use]
    pub fn eligible(&self, ask: &RequestFacts<'_>, group: &str) -> BTreeSet<String> {
        let members = self.members_of(group);
        let may = |person: &&str| self.may_approve(ask, person, group);
        members.filter(may).map(str::to_owned).collect()
    }

    fn may_approve(&self, ask: &RequestFacts<'_>, approver: &str, group: &str) -> bool {
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
            self.approve_context(ask, group),
        );
        matches!(answer, Answer::Yes(_))
    }
}

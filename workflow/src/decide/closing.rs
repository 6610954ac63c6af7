//! What is left after access: feedback. And places that are given away.

use countersign_chain::time::UnixMicros;
use countersign_proto::reason::Reason;
use countersign_proto::v1;

use super::Desk;
use crate::case::Provisioning;
use crate::draft::Draft;
use crate::limits::{MAX_DELEGATION, MAX_REASON};
use crate::moment;
use crate::refusal::Refusal;
use crate::state::Thing;
use crate::wire;

impl Desk<'_> {
    pub(super) fn feedback(
        &self,
        number: u64,
        (access, wait): (v1::Rating, v1::Rating),
        comment: &str,
    ) -> Result<Draft, Refusal> {
        let case = self.find(number, &[Thing::Request])?;
        let person = self.person(self.policy_of(case)?)?;
        self.text("comment", comment, MAX_REASON)?;
        let refuse = |message: String| {
            Refusal::new(
                Reason::FeedbackNotOpen,
                message,
                "those who took part say how it was, once, when access is over",
            )
        };
        if case.over_since().is_none() {
            return Err(refuse(format!("case {number} is {}", case.stage.name())));
        }
        if !case.participants().contains(person) {
            return Err(refuse(format!("{person} took no part in case {number}")));
        }
        if case.feedback.contains(person) {
            return Err(refuse(format!("{person} has answered before")));
        }
        let event = v1::FeedbackSubmitted {
            person: person.to_owned(),
            access_sufficient: access.into(),
            wait_acceptable: wait.into(),
            comment: comment.to_owned(),
            evidence: None,
        };
        Ok(self.draft(case.id, event))
    }

    pub(super) fn delegate(
        &self,
        to: &str,
        (start, end): (Option<UnixMicros>, UnixMicros),
        reason: &str,
    ) -> Result<Draft, Refusal> {
        let (_index, policy) = self.policy()?;
        let from = self.human(policy)?;
        self.name("to", to)?;
        self.text("reason", reason, MAX_REASON)?;
        let refuse =
            |message: String, hint: &str| Refusal::new(Reason::DelegationInvalid, message, hint);
        let to = policy.person_of(to).unwrap_or(to);
        if !policy.has_person(to) || policy.is_bot(to) {
            let message = format!("{to} is no person of the policy");
            return Err(refuse(message, "name a person as the policy does"));
        }
        if to == from {
            let message = "a place cannot be given to oneself".to_owned();
            return Err(refuse(message, "name somebody else"));
        }
        let now = self.at.time;
        let start = start.unwrap_or(now).max(now);
        // An end that is past takes the place back.
        let end = end.max(now);
        if end == now {
            let given = self.state.delegations.get(from);
            if given.is_none_or(|given| given.to != to || given.end <= now) {
                let message = format!("{to} does not have the place of {from}");
                return Err(refuse(
                    message,
                    "an end that is past takes a place back; name a later one to give it",
                ));
            }
        } else if start >= end {
            let message = "it would end before it begins".to_owned();
            return Err(refuse(message, "name a later end, or an earlier begin"));
        }
        let start = start.min(end);
        if end > moment::later(start, MAX_DELEGATION) {
            let message = "it would last longer than 90 days".to_owned();
            return Err(refuse(message, "give an earlier end"));
        }
        let event = v1::DelegationChanged {
            from: from.to_owned(),
            to: to.to_owned(),
            start: Some(wire::timestamp(start)),
            end: Some(wire::timestamp(end)),
            reason: reason.to_owned(),
            evidence: None,
        };
        Ok(self.draft(0, event))
    }
}

/// What is known of a grant's access, in words.
#[must_use]
pub const fn provisioning(provisioning: Provisioning) -> &'static str {
    match provisioning {
        Provisioning::None => "none",
        Provisioning::Provisioned => "provisioned",
        Provisioning::Failed => "failed",
        Provisioning::Removed => "removed",
        Provisioning::RemovalFailed => "removal-failed",
    }
}

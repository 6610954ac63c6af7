//! What an entry does to the state. Every change of a case is here.
//!
//! It follows entries as they are; whether they should be there is asked by [`crate::replay`].

use std::collections::BTreeSet;
use std::sync::Arc;

use countersign_proto::event::Known;
use countersign_proto::v1;

use crate::case::{
    Case, Ended, EndedBy, Extension, Grant, Provisioning, RefusedAt, RefusedBy, Retro, Review,
    Round, Scheduled, Session, Stage,
};
use crate::draft::EntryFacts;
use crate::moment::Moment;
use crate::policy::{Bundle, Obligations, Policy};
use crate::state::{Delegation, InForce, State, Thing};
use crate::{timer, wire};

/// Why an entry does not fit what was there before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// No such case.
    #[error("case {0} is not open")]
    NoCase(u64),
    /// The case is elsewhere.
    #[error("{event} does not fit a case that is {stage}")]
    Stage {
        /// Name of the event.
        event: &'static str,
        /// Where the case stands.
        stage: &'static str,
    },
    /// It names something that is not there.
    #[error("{event} names {number}, which is not {expected}")]
    Number {
        /// Name of the event.
        event: &'static str,
        /// What it names.
        number: u64,
        /// What that should be.
        expected: &'static str,
    },
    /// The policy in it cannot be used.
    #[error("the policy cannot be used: {0}")]
    Policy(String),
}

impl State {
    /// Takes an entry in. Events that are not about access change nothing, except that a clock that
    /// was set back is remembered.
    ///
    /// # Errors
    /// [`ApplyError`] when the entry does not fit; the state is as it was then.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "most kinds are not about access"
    )]
    pub fn apply(&mut self, entry: &EntryFacts<'_>, event: &Known) -> Result<(), ApplyError> {
        match event {
            Known::ClockStepped(step) => self.clock_stepped(step),
            Known::PolicyChanged(changed) => return self.policy_changed(entry, changed),
            Known::DelegationChanged(changed) => self.delegation_changed(entry, changed),
            Known::AccessRequested(_) | Known::BreakGlassInvoked(_) => self.opened(entry, event),
            Known::ActionRefused(_) if entry.case == 0 => {}
            Known::CaseClosed(_) => {
                let case = self.cases.get(&entry.case);
                let case = case.ok_or(ApplyError::NoCase(entry.case))?;
                if case.over_since().is_none() {
                    return Err(case.misfit(event));
                }
                self.close(entry.case, entry.index);
            }
            event if is_of_case(event) => return self.changed(entry, event),
            _ => {}
        }
        Ok(())
    }

    fn clock_stepped(&mut self, step: &v1::ClockStepped) {
        let before = wire::time(step.before.as_ref());
        let after = wire::time(step.after.as_ref());
        if let (Some(before), Some(after)) = (before, after) {
            let back = before.get().saturating_sub(after.get());
            self.setbacks = self.setbacks.saturating_add(back);
            if back > 0 {
                self.set_deadlines_again();
            }
        }
    }

    fn policy_changed(
        &mut self,
        entry: &EntryFacts<'_>,
        changed: &v1::PolicyChanged,
    ) -> Result<(), ApplyError> {
        let wrong = |why: String| ApplyError::Policy(why);
        let bundle = Bundle::unpack(&changed.bundle).map_err(|error| wrong(error.to_string()))?;
        let digest = bundle.digest();
        if digest.as_slice() != changed.digest {
            return Err(wrong("its digest is of another bundle".to_owned()));
        }
        let known = self.policies.values().find(|old| old.digest == digest);
        let policy = match known {
            Some(old) => Arc::clone(&old.policy),
            None => Arc::new(Policy::compile(&bundle).map_err(|problems| {
                let first = problems.first().map(ToString::to_string);
                wrong(first.unwrap_or_default())
            })?),
        };
        let in_force = InForce {
            index: entry.index,
            since: entry.time,
            actor: entry.actor.to_owned(),
            digest,
            changes: changed.changes.clone(),
            forced: changed.forced,
            bundle: Arc::new(bundle),
            policy,
        };
        self.policies.insert(entry.index, Arc::new(in_force));
        Ok(())
    }

    fn delegation_changed(&mut self, entry: &EntryFacts<'_>, changed: &v1::DelegationChanged) {
        let start = wire::time(changed.start.as_ref()).unwrap_or(entry.time);
        let end = wire::time(changed.end.as_ref()).unwrap_or(entry.time);
        let delegation = Delegation {
            index: entry.index,
            from: changed.from.clone(),
            to: changed.to.clone(),
            start,
            end,
        };
        self.delegations.insert(changed.from.clone(), delegation);
    }

    fn opened(&mut self, entry: &EntryFacts<'_>, event: &Known) {
        let now = self.moment(entry.time);
        let Some(case) = Case::open(entry, event, now) else {
            return;
        };
        self.things.insert(case.id, (Thing::Request, case.id));
        let of_person = self.by_person.entry(case.person.clone());
        of_person.or_default().insert(case.id);
        let next = timer::next(&case, self.setbacks).map(|(moment, _timer)| moment);
        self.set_deadline(case.id, next);
        self.cases.insert(case.id, Arc::new(case));
    }

    fn changed(&mut self, entry: &EntryFacts<'_>, event: &Known) -> Result<(), ApplyError> {
        let now = self.moment(entry.time);
        let case = self.cases.get_mut(&entry.case);
        let case = case.ok_or(ApplyError::NoCase(entry.case))?;
        // Copied only while somebody else holds it.
        Arc::make_mut(case).apply(entry, event, now)?;
        let next = timer::next(case, self.setbacks).map(|(moment, _timer)| moment);
        self.things.insert(entry.index, (thing(event), entry.case));
        self.set_deadline(entry.case, next);
        Ok(())
    }
}

/// Whether an event belongs to a case that is open. What a session did and showed, and who looked
/// at it, changes no case: it may come late, and there may be any number of it.
#[must_use]
pub const fn is_of_case(event: &Known) -> bool {
    matches!(event.kind(), 20..=39 | 60..=89) && !is_beside(event.kind())
}

/// Kinds of sessions and provisioning that change no case. A kind that is not known yet may.
const fn is_beside(kind: u16) -> bool {
    matches!(kind, 61 | 62 | 65 | 84)
}

/// Whether an event is about access at all.
#[must_use]
pub const fn is_of_workflow(kind: u16) -> bool {
    matches!(kind, 10 | 20..=39 | 41 | 60..=89) && !is_beside(kind)
}

const fn thing(event: &Known) -> Thing {
    match event.kind() {
        20 | 35 => Thing::Request,
        21 => Thing::Review,
        27 | 28 => Thing::Grant,
        34 => Thing::Extension,
        60 => Thing::Session,
        _ => Thing::Other,
    }
}

impl Round {
    fn open(id: u64, obligations: &Obligations, now: Moment) -> Self {
        let escalate = obligations.escalate.as_ref();
        Self {
            id,
            reviews: Vec::new(),
            expires: now.after(obligations.request_ttl),
            remind: obligations.remind.map(|seconds| now.after(seconds)),
            reminders: 0,
            escalate: escalate.map(|escalate| now.after(escalate.after)),
        }
    }
}

impl Case {
    /// The case that an entry opens.
    #[expect(clippy::wildcard_enum_match_arm, reason = "two kinds open a case")]
    pub fn open(entry: &EntryFacts<'_>, event: &Known, now: Moment) -> Option<Self> {
        let (policy, person, ask, facts, obligations) = match event {
            Known::AccessRequested(message) => (
                message.policy,
                &message.person,
                wire::ask_of(message),
                message.facts.as_ref(),
                message.obligations.as_ref(),
            ),
            Known::BreakGlassInvoked(message) => (
                message.policy,
                &message.person,
                wire::break_glass_ask_of(message),
                message.facts.as_ref(),
                message.obligations.as_ref(),
            ),
            _ => return None,
        };
        let break_glass = matches!(event, Known::BreakGlassInvoked(_));
        let obligations = wire::obligations_of(obligations);
        let retro = obligations.retro.as_ref().filter(|_| break_glass);
        let retro = retro.map(|retro| Retro {
            group: retro.group.clone(),
            due: now.after(retro.after),
            remind: obligations.remind.map(|seconds| now.after(seconds)),
            reminders: 0,
            escalated: false,
            by: None,
        });
        Some(Self {
            id: entry.index,
            opened: entry.time,
            principal: entry.actor.to_owned(),
            person: person.clone(),
            ask,
            break_glass,
            policy,
            facts: wire::facts_of(facts),
            round: Round::open(entry.index, &obligations, now),
            obligations,
            stage: Stage::Pending,
            sessions: Vec::new(),
            retro,
            feedback: BTreeSet::new(),
            entries: vec![entry.index],
        })
    }

    /// Takes an entry of this case in.
    ///
    /// # Errors
    /// [`ApplyError`]; the case is as it was then: whatever may fail stands before what changes.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the caller sorts out what is not of a case"
    )]
    pub fn apply(
        &mut self,
        entry: &EntryFacts<'_>,
        event: &Known,
        now: Moment,
    ) -> Result<(), ApplyError> {
        match event {
            Known::ReviewRecorded(message) => self.reviewed(entry, (event, message))?,
            Known::RequestDenied(message) => {
                self.round_over(event, message.request, (RefusedBy::Denied, now))?;
            }
            Known::RequestCancelled(message) => {
                self.round_over(event, message.request, (RefusedBy::Cancelled, now))?;
            }
            Known::RequestExpired(message) => {
                self.round_over(event, message.request, (RefusedBy::Expired, now))?;
            }
            Known::ApproversReminded(message) => self.reminded(event, message, now)?,
            Known::RequestEscalated(message) => self.escalated(event, message.request)?,
            Known::GrantScheduled(message) => {
                let Stage::Pending = self.stage else {
                    return Err(self.misfit(event));
                };
                let start = wire::time(message.start.as_ref()).unwrap_or(entry.time);
                self.stage = Stage::Scheduled(Scheduled {
                    id: entry.index,
                    start,
                });
            }
            Known::GrantIssued(message) => self.issued(entry, (event, message), now)?,
            Known::GrantExtended(message) => self.extended(event, message, now)?,
            Known::GrantRevoked(message) => {
                self.ended(event, message.grant, EndedBy::Revoked, (entry, now))?;
            }
            Known::GrantFinished(message) => {
                self.ended(event, message.grant, EndedBy::Finished, (entry, now))?;
            }
            Known::GrantExpired(message) => {
                self.ended(event, message.grant, EndedBy::Expired, (entry, now))?;
            }
            Known::ExpiryWarned(_) => self.active(event)?.warned = true,
            Known::ExtensionRequested(message) => {
                self.extension_asked(entry, (event, message), now)?
            }
            Known::RetroReviewRecorded(message) => match &mut self.retro {
                Some(retro) if retro.by.is_none() => retro.by = Some(message.person.clone()),
                _ => return Err(self.misfit(event)),
            },
            Known::FeedbackSubmitted(message) => {
                if self.over_since().is_none() {
                    return Err(self.misfit(event));
                }
                self.feedback.insert(message.person.clone());
            }
            Known::SessionStarted(message) => self.session_started(entry, (event, message))?,
            Known::SessionEnded(message) => {
                self.session(event, message.session)?.ended = Some(entry.time);
            }
            Known::SessionOverran(message) => self.session(event, message.session)?.overran = true,
            Known::GrantProvisioned(_) => self.provisioned(event, Provisioning::Provisioned)?,
            Known::ProvisioningFailed(_) => self.provisioned(event, Provisioning::Failed)?,
            Known::AccessRemoved(_) => self.provisioned(event, Provisioning::Removed)?,
            Known::RemovalFailed(_) => self.provisioned(event, Provisioning::RemovalFailed)?,
            _ => {}
        }
        self.entries.push(entry.index);
        Ok(())
    }
}

mod change;

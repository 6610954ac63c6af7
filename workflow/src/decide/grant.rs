//! Grants: more time, an early end, their use, and what provisioners tell of them.

use countersign_proto::event::Known;
use countersign_proto::reason::Reason;
use countersign_proto::v1;

use super::Desk;
use super::opening::{check_duration, not_allowed};
use crate::case::{Case, Grant, Provisioning, Stage};
use crate::command::Report;
use crate::draft::Draft;
use crate::limits::{MAX_REASON, MAX_SESSIONS};
use crate::policy::{AskKind, RequestFacts};
use crate::refusal::Refusal;
use crate::state::Thing;
use crate::wire;

impl<'a> Desk<'a> {
    /// A grant that may be used now.
    fn active(&self, number: u64) -> Result<(&'a Case, &'a Grant), Refusal> {
        let case = self.find(number, &[Thing::Grant])?;
        match &case.stage {
            // Before it began it had another number.
            Stage::Active(grant) if grant.id != number => Err(not_active(number, case)),
            Stage::Active(grant) if self.now() < grant.end => Ok((case, grant)),
            Stage::Active(_)
            | Stage::Pending
            | Stage::Scheduled(_)
            | Stage::Ended(_)
            | Stage::Refused(_) => Err(not_active(number, case)),
        }
    }

    /// A grant that is active, or begins later under this number.
    fn ending(&self, number: u64) -> Result<&'a Case, Refusal> {
        let case = self.find(number, &[Thing::Grant])?;
        let found = match &case.stage {
            Stage::Active(grant) => grant.id == number,
            Stage::Scheduled(scheduled) => scheduled.id == number,
            Stage::Pending | Stage::Ended(_) | Stage::Refused(_) => false,
        };
        if found {
            Ok(case)
        } else {
            Err(not_active(number, case))
        }
    }

    /// The holder of a grant.
    fn holder(&self, case: &Case) -> Result<(), Refusal> {
        let person = self.person(self.policy_of(case)?)?;
        if person == case.person {
            return Ok(());
        }
        Err(Refusal::new(
            Reason::NotYours,
            format!("the access is of {}, not of {person}", case.person),
            "the holder does it; a reviewer may revoke the access instead",
        ))
    }

    pub(super) fn extend(
        &self,
        (number, duration): (u64, u64),
        reason: &str,
    ) -> Result<Draft, Refusal> {
        let (case, grant) = self.active(number)?;
        self.holder(case)?;
        self.reason("reason", reason)?;
        check_duration(duration)?;
        self.room(case)?;
        if let Some(extension) = &grant.extension {
            return Err(Refusal::new(
                Reason::ExtensionPending,
                format!("extension {} waits for decisions", extension.round.id),
                "wait, or cancel it",
            ));
        }
        if grant.extended >= case.obligations.max_extensions {
            return Err(Refusal::new(
                Reason::ExtensionsUsedUp,
                format!(
                    "grant {number} was extended {} times; the policy allows {}",
                    grant.extended, case.obligations.max_extensions
                ),
                "ask for access anew",
            ));
        }
        // All of it counts: what was granted, and what is added.
        let granted = grant.end.seconds_since(grant.since);
        let total = granted.saturating_add(duration);
        let max = case.obligations.max_duration;
        if total > max {
            return Err(Refusal::new(
                Reason::DurationTooLong,
                format!("{granted} s and {duration} s more; the policy allows {max} s in all"),
                format!("ask for at most {} s more", max.saturating_sub(granted)),
            ));
        }
        let kind = if case.break_glass {
            AskKind::BreakGlass
        } else {
            AskKind::Request
        };
        let facts = &self.command.facts;
        let ask = RequestFacts {
            duration_seconds: total,
            ..case.ask.facts(&case.person, facts)
        };
        let obligations = self.policy_of(case)?.judge(kind, &ask);
        let obligations = obligations.map_err(|why| not_allowed(&why))?;
        let event = v1::ExtensionRequested {
            grant: number,
            duration_seconds: duration,
            reason: reason.to_owned(),
            policy: case.policy,
            facts: Some(wire::facts(facts)),
            obligations: Some(wire::obligations(&obligations)),
            evidence: None,
        };
        Ok(self.draft(case.id, event))
    }

    pub(super) fn finish(&self, number: u64, reason: &str) -> Result<Draft, Refusal> {
        let case = self.ending(number)?;
        self.holder(case)?;
        self.text("reason", reason, MAX_REASON)?;
        let event = v1::GrantFinished {
            grant: number,
            reason: reason.to_owned(),
            evidence: None,
        };
        Ok(self.draft(case.id, event))
    }

    pub(super) fn revoke(&self, number: u64, reason: &str) -> Result<Draft, Refusal> {
        let case = self.ending(number)?;
        self.reason("reason", reason)?;
        let person = self.revoker(case)?;
        let event = v1::GrantRevoked {
            grant: number,
            person,
            reason: reason.to_owned(),
            evidence: None,
        };
        Ok(self.draft(case.id, event))
    }

    /// Who may take access away: administrators, and those who could have approved it.
    fn revoker(&self, case: &Case) -> Result<String, Refusal> {
        let policy = self.policy_of(case)?;
        let known = policy.person_of(self.caller().actor.as_str());
        if self.is("admin") {
            return Ok(known.unwrap_or_default().to_owned());
        }
        let person = self.human(policy)?;
        if person == case.person {
            return Err(Refusal::new(
                Reason::NotYours,
                format!("the access is of {person}"),
                "end an access of your own with `countersign access finish`",
            ));
        }
        // Whether on call or not: the entry records no facts, and a replay has to come to the same.
        let member = |group: &str| policy.members_of(group).any(|member| member == person);
        let reviewer = case.obligations.approvals.keys().any(|group| member(group));
        let overseer = case
            .retro
            .as_ref()
            .is_some_and(|retro| member(&retro.group));
        if reviewer || overseer || case.round.has_decided(person) {
            return Ok(person.to_owned());
        }
        Err(Refusal::new(
            Reason::NotAReviewer,
            format!("{person} could not have approved this access, so cannot revoke it"),
            "ask a reviewer, or an administrator",
        ))
    }

    pub(super) fn start_session(
        &self,
        number: u64,
        client: &str,
        source_address: &str,
    ) -> Result<Draft, Refusal> {
        let (case, _grant) = self.active(number)?;
        if !self.is("agent") {
            self.holder(case)?;
        }
        self.name("client", client)?;
        self.name("source_address", source_address)?;
        self.room(case)?;
        if case.sessions.len() >= MAX_SESSIONS {
            return Err(Refusal::new(
                Reason::TooManyCases,
                format!("case {} has {MAX_SESSIONS} sessions already", case.id),
                "finish it, and ask for access anew",
            ));
        }
        let event = v1::SessionStarted {
            grant: number,
            person: case.person.clone(),
            client: client.to_owned(),
            source_address: source_address.to_owned(),
        };
        Ok(self.draft(case.id, event))
    }

    pub(super) fn end_session(
        &self,
        number: u64,
        reason: &str,
        (exit_status, recording): (i32, Option<v1::Recording>),
    ) -> Result<Draft, Refusal> {
        let case = self.find(number, &[Thing::Session])?;
        if !self.is("agent") && !self.is("admin") {
            self.holder(case)?;
        }
        self.text("reason", reason, MAX_REASON)?;
        let mut sessions = case.sessions.iter();
        if !sessions.any(|session| session.id == number && session.ended.is_none()) {
            return Err(Refusal::new(
                Reason::SessionEnded,
                format!("session {number} is over"),
                "nothing to do",
            ));
        }
        let event = v1::SessionEnded {
            session: number,
            reason: reason.to_owned(),
            exit_status,
            recording,
        };
        Ok(self.draft(case.id, event))
    }

    pub(super) fn report(&self, report: &Report) -> Result<Draft, Refusal> {
        let number = report.grant();
        let case = self.find(number, &[Thing::Grant])?;
        // Failures repeat. What is there and what is gone is told once, and always has room.
        if matches!(report, Report::Failed(_) | Report::RemovalFailed(_)) {
            self.room(case)?;
        }
        let Some(grant) = case.grant().filter(|grant| grant.id == number) else {
            return Err(not_active(number, case));
        };
        let over = matches!(case.stage, Stage::Ended(_));
        let fits = match (report, grant.provisioning) {
            (
                Report::Provisioned(_) | Report::Failed(_),
                Provisioning::None | Provisioning::Failed,
            ) => true,
            (Report::Removed(_) | Report::RemovalFailed(_), Provisioning::Removed) => false,
            (Report::Removed(_) | Report::RemovalFailed(_), _) => over,
            (Report::Provisioned(_) | Report::Failed(_), _) => false,
        };
        if !fits {
            let state = super::closing::provisioning(grant.provisioning);
            let stage = case.stage.name();
            return Err(Refusal::new(
                Reason::ProvisioningOrder,
                format!("the grant is {stage} and its access is {state}"),
                "access is made once, and removed after the grant is over",
            ));
        }
        match report {
            Report::Provisioned(report) => self.name("target", &report.target)?,
            Report::Failed(report) => self.text("error", &report.error, MAX_REASON)?,
            Report::Removed(report) => self.text("proof", &report.proof, MAX_REASON)?,
            Report::RemovalFailed(report) => self.text("error", &report.error, MAX_REASON)?,
        }
        let event: Known = report.event();
        Ok(self.draft(case.id, event))
    }
}

fn not_active(number: u64, case: &Case) -> Refusal {
    let state = match &case.stage {
        Stage::Active(grant) if grant.id == number => "its time is over".to_owned(),
        Stage::Active(grant) => format!("the grant of its case is {}", grant.id),
        Stage::Scheduled(_) => "it has not begun".to_owned(),
        Stage::Pending => "there is no grant yet".to_owned(),
        Stage::Ended(_) | Stage::Refused(_) => format!("its case is {}", case.stage.name()),
    };
    Refusal::new(
        Reason::GrantNotActive,
        format!("{number} is no active grant: {state}"),
        format!("`countersign access show {}` tells more", case.id),
    )
}

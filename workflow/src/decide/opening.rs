//! Requests, and access at once.

use std::collections::BTreeSet;

use countersign_proto::reason::Reason;
use countersign_proto::v1;

use super::Desk;
use crate::command::Ask;
use crate::draft::Draft;
use crate::limits::{MAX_AFFECTED, MAX_AHEAD, MAX_CASES, MAX_CASES_EACH, MAX_DURATION};
use crate::moment;
use crate::policy::{AskKind, NotAllowed, Obligations};
use crate::refusal::Refusal;
use crate::wire;

impl Desk<'_> {
    pub(super) fn request(&self, ask: &Ask) -> Result<Draft, Refusal> {
        let (policy, person, obligations) = self.asked(AskKind::Request, ask)?;
        let event = v1::AccessRequested {
            policy,
            person,
            resource: ask.resource.clone(),
            permission: ask.permission.clone(),
            duration_seconds: ask.duration,
            reason: ask.reason.clone(),
            ticket: ask.ticket.clone(),
            severity: ask.severity.clone(),
            affected: ask.affected.clone(),
            start: ask.start.map(wire::timestamp),
            facts: Some(wire::facts(&self.command.facts)),
            obligations: Some(wire::obligations(&obligations)),
            evidence: None,
        };
        Ok(self.draft(self.at.index, event))
    }

    pub(super) fn break_glass(&self, ask: &Ask) -> Result<Draft, Refusal> {
        if ask.start.is_some() {
            return Err(Refusal::new(
                Reason::StartInvalid,
                "break-glass access begins at once; expected no start",
                "leave the start out, or make a request",
            ));
        }
        let (policy, person, obligations) = self.asked(AskKind::BreakGlass, ask)?;
        let event = v1::BreakGlassInvoked {
            policy,
            person,
            resource: ask.resource.clone(),
            permission: ask.permission.clone(),
            duration_seconds: ask.duration,
            reason: ask.reason.clone(),
            ticket: ask.ticket.clone(),
            severity: ask.severity.clone(),
            affected: ask.affected.clone(),
            facts: Some(wire::facts(&self.command.facts)),
            obligations: Some(wire::obligations(&obligations)),
            evidence: None,
        };
        Ok(self.draft(self.at.index, event))
    }

    /// Checks what is asked for, and judges it.
    fn asked(&self, kind: AskKind, ask: &Ask) -> Result<(u64, String, Obligations), Refusal> {
        self.check_ask(ask)?;
        let (index, policy) = self.policy()?;
        let person = self.person(policy)?;
        self.check_room(person)?;
        let obligations = policy.judge(kind, &ask.facts(person, &self.command.facts));
        let obligations = obligations.map_err(|why| not_allowed(&why))?;
        Ok((index, person.to_owned(), obligations))
    }

    fn check_ask(&self, ask: &Ask) -> Result<(), Refusal> {
        self.reason("reason", &ask.reason)?;
        self.name("resource", &ask.resource)?;
        self.name("permission", &ask.permission)?;
        self.name("ticket", &ask.ticket)?;
        if !matches!(
            ask.severity.as_str(),
            "" | "sev1" | "sev2" | "sev3" | "sev4"
        ) {
            return Err(Refusal::new(
                Reason::TextInvalid,
                format!(
                    "severity {:?}; expected sev1, sev2, sev3, sev4 or none",
                    ask.severity
                ),
                "use one of them, or leave it out",
            ));
        }
        if ask.affected.len() > MAX_AFFECTED {
            let message = format!(
                "{} affected systems; expected at most {MAX_AFFECTED}",
                ask.affected.len()
            );
            return Err(Refusal::new(
                Reason::TextInvalid,
                message,
                "name the most important",
            ));
        }
        for system in &ask.affected {
            self.name("affected", system)?;
        }
        check_duration(ask.duration)?;
        let Some(start) = ask.start else {
            return Ok(());
        };
        if start < self.at.time || start > moment::later(self.at.time, MAX_AHEAD) {
            return Err(Refusal::new(
                Reason::StartInvalid,
                "the wanted start is past, or more than 90 days ahead",
                "ask for a later start, or for none to begin when it is approved",
            ));
        }
        Ok(())
    }

    fn check_room(&self, person: &str) -> Result<(), Refusal> {
        let mine = self.state.cases_of(person).count();
        if mine >= MAX_CASES_EACH || self.state.open() >= MAX_CASES {
            return Err(Refusal::new(
                Reason::TooManyCases,
                format!(
                    "{mine} cases of {person} are open, {} in all",
                    self.state.open()
                ),
                "cancel requests that are not needed, and give feedback on what is over",
            ));
        }
        Ok(())
    }
}

/// Whether access could last so long at all.
pub(super) fn check_duration(seconds: u64) -> Result<(), Refusal> {
    if (1..=MAX_DURATION).contains(&seconds) {
        return Ok(());
    }
    Err(Refusal::new(
        Reason::DurationInvalid,
        format!("duration of {seconds} s; expected 1 to {MAX_DURATION}"),
        "say for how long access is needed, for example 30m",
    ))
}

/// A judgement as its caller hears it.
#[must_use]
pub fn not_allowed(why: &NotAllowed) -> Refusal {
    let reason = match why {
        NotAllowed::UnknownPerson { .. } => Reason::PersonUnknown,
        NotAllowed::UnknownResource { .. } => Reason::ResourceUnknown,
        NotAllowed::UnknownPermission { .. } => Reason::PermissionUnknown,
        NotAllowed::TooLong { .. } => Reason::DurationTooLong,
        NotAllowed::NoPermit { .. }
        | NotAllowed::PermissionNotCovered { .. }
        | NotAllowed::Forbidden { .. }
        | NotAllowed::Evaluation { .. } => Reason::RequestNotAllowed,
    };
    let plain = "`countersign access simulate` tries another request without writing anything";
    let hint = match why {
        NotAllowed::UnknownPerson { .. } => "ask those who write the policy to add the person",
        NotAllowed::UnknownResource { .. } => "`countersign policy show` lists the resources",
        NotAllowed::UnknownPermission { .. } => "use one of those that the message names",
        NotAllowed::TooLong { .. } => "ask for less time",
        NotAllowed::NoPermit { .. }
        | NotAllowed::PermissionNotCovered { .. }
        | NotAllowed::Forbidden { .. }
        | NotAllowed::Evaluation { .. } => plain,
    };
    Refusal::new(reason, why.to_string(), hint)
}

/// Names joined for a message.
pub(super) fn list(names: &BTreeSet<String>) -> String {
    if names.is_empty() {
        return "nobody".to_owned();
    }
    names
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}

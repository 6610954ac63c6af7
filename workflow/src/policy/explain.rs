//! Why no permit matched: what is near, and what would have to be different.

use std::collections::BTreeSet;

use cedar_policy::{PolicyId, PrincipalConstraint, ResourceConstraint};

use super::compile::{Permit, Policy};
use super::judge::Answer;
use super::names::Act;
use super::refusal::NotAllowed;
use super::{AskKind, Facts, RequestFacts};

/// Permits that are listed.
const LISTED: usize = 8;

/// Severities, the one that opens most first.
const SEVERITIES: [&str; 4] = ["sev1", "sev2", "sev3", "sev4"];

/// Something that could be different.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Ticket,
    Severity(&'static str),
    OnCall,
    At(u8, u8, &'static str),
    Shorter,
}

impl Change {
    fn words(self) -> String {
        match self {
            Self::Ticket => "with a ticket".to_owned(),
            Self::Severity(severity) => format!("with severity {severity}"),
            Self::OnCall => "on call".to_owned(),
            Self::At(_, _, when) => when.to_owned(),
            Self::Shorter => "for a shorter time".to_owned(),
        }
    }

    fn apply<'a>(self, ask: &mut RequestFacts<'a>, facts: &mut Facts) {
        match self {
            Self::Ticket => ask.ticket = "T-1",
            Self::Severity(severity) => ask.severity = severity,
            Self::OnCall => {
                let people = BTreeSet::from([ask.person.to_owned()]);
                facts.on_call.insert(String::new(), people);
            }
            Self::At(hour, weekday, _) => (facts.hour, facts.weekday) = (hour, weekday),
            Self::Shorter => ask.duration_seconds = 60,
        }
    }

    /// Whether the two say different things.
    fn goes_with(self, other: Self) -> bool {
        std::mem::discriminant(&self) != std::mem::discriminant(&other)
    }
}

impl Policy {
    /// The refusal of a request that no permit matched.
    pub(crate) fn no_permit(&self, kind: AskKind, ask: &RequestFacts<'_>) -> NotAllowed {
        let permits = self.permits.values();
        let permits = permits.filter_map(|permit| self.describe(kind.into(), ask, permit));
        NotAllowed::NoPermit {
            would: self.would(kind, ask),
            permits: permits.take(LISTED).collect(),
        }
    }

    /// A permit for this resource and permission, with what it needs.
    fn describe(&self, act: Act, ask: &RequestFacts<'_>, permit: &Permit) -> Option<String> {
        if !permit.acts.contains(&act) || !permit.covers(ask.permission) {
            return None;
        }
        let policy = self.sets.get(&act)?.policy(&PolicyId::new(&permit.id))?;
        let resource = self.types.resource(ask.resource);
        let fits = match policy.resource_constraint() {
            ResourceConstraint::Any | ResourceConstraint::Is(_) => true,
            ResourceConstraint::Eq(named) => named == resource,
            ResourceConstraint::In(named) | ResourceConstraint::IsIn(_, named) => {
                named == resource || self.entities.is_ancestor_of(&named, &resource)
            }
        };
        let person = self.types.person(ask.person);
        let needs = match policy.principal_constraint() {
            PrincipalConstraint::Eq(named) if named != person => {
                format!("for {} only", named.id().unescaped())
            }
            PrincipalConstraint::In(named) | PrincipalConstraint::IsIn(_, named)
                if !self.entities.is_ancestor_of(&named, &person) =>
            {
                format!("for people in {}", named.id().unescaped())
            }
            PrincipalConstraint::Any
            | PrincipalConstraint::Is(_)
            | PrincipalConstraint::Eq(_)
            | PrincipalConstraint::In(_)
            | PrincipalConstraint::IsIn(..) => "its conditions do not hold".to_owned(),
        };
        fits.then(|| format!("{} ({needs})", permit.id))
    }

    /// What would have to be different: one thing, or else two. Some forty questions at most, since
    /// whoever writes the log waits for the answer.
    fn would(&self, kind: AskKind, ask: &RequestFacts<'_>) -> Vec<String> {
        let mut changes = vec![Change::Ticket];
        changes.extend(SEVERITIES.map(Change::Severity));
        changes.push(Change::OnCall);
        changes.push(Change::At(10, 2, "on a working day"));
        changes.push(Change::At(3, 2, "at night"));
        changes.push(Change::Shorter);
        changes.retain(|change| match change {
            Change::Ticket => ask.ticket.is_empty(),
            Change::Severity(severity) => ask.severity != *severity,
            Change::OnCall => !ask.facts.on_call_anywhere(ask.person),
            Change::At(..) | Change::Shorter => true,
        });
        let mut would: Vec<String> = Vec::new();
        let mut severity_found = false;
        for change in &changes {
            let is_severity = matches!(change, Change::Severity(_));
            if (is_severity && severity_found) || !self.allows(kind, ask, &[*change]) {
                continue;
            }
            severity_found |= is_severity;
            would.push(change.words());
        }
        if !would.is_empty() {
            return would;
        }
        // Of severities, only the one that opens most.
        changes.retain(|c| !matches!(c, Change::Severity(severity) if *severity != "sev1"));
        for (at, first) in changes.iter().enumerate() {
            for second in changes.iter().skip(at) {
                if first.goes_with(*second) && self.allows(kind, ask, &[*first, *second]) {
                    would.push(format!("{} and {}", first.words(), second.words()));
                }
            }
        }
        would
    }

    fn allows(&self, kind: AskKind, ask: &RequestFacts<'_>, changes: &[Change]) -> bool {
        let (mut facts, mut ask) = (ask.facts.clone(), *ask);
        for change in changes {
            change.apply(&mut ask, &mut facts);
        }
        let ask = RequestFacts {
            facts: &facts,
            ..ask
        };
        let person = self.types.person(ask.person);
        let resource = self.types.resource(ask.resource);
        match self.ask(kind.into(), person, resource, self.context(&ask)) {
            Answer::Yes(ids) => ids.iter().any(|id| {
                let permit = self.permits.get(id);
                permit.is_some_and(|permit| permit.covers(ask.permission))
            }),
            Answer::No(_) | Answer::Failed(_) => false,
        }
    }
}

//! What a person may ask for, as far as the policy tells before it is tried.

use std::collections::{BTreeMap, BTreeSet};

use countersign_workflow::policy::{AskKind, Facts, Policy, RequestFacts};

use crate::card::name::Name;
use crate::card::span::Span;
use crate::form::offer::Offer;
use crate::limits::PROBES;

/// Hours and days that policies tell apart: noon of a Monday, night, a weekend.
const TIMES: [(u8, u8); 3] = [(12, 1), (3, 1), (12, 6)];
const SEVERITIES: [&str; 2] = ["", "sev1"];

/// Tries what the policy says to a person under one circumstance or another.
#[derive(Debug)]
pub struct Probe<'a> {
    policy: &'a Policy,
    person: &'a str,
    kind: AskKind,
    worlds: Vec<Facts>,
    tried: usize,
}

impl<'a> Probe<'a> {
    /// For this person.
    #[must_use]
    pub fn new(policy: &'a Policy, person: &'a str, kind: AskKind) -> Self {
        Self {
            policy,
            person,
            kind,
            worlds: worlds(policy, person),
            tried: 0,
        }
    }

    /// The longest access in seconds that any circumstance gives; none when none gives it. After
    /// [`PROBES`] questions everything is thought to be given, for a minute: the ledger decides.
    pub fn longest(&mut self, resource: &str, permission: &str) -> Option<u64> {
        let mut longest = None;
        for facts in &self.worlds {
            for severity in SEVERITIES {
                self.tried = self.tried.saturating_add(1);
                let ask = RequestFacts {
                    person: self.person,
                    resource,
                    permission,
                    duration_seconds: 60,
                    severity,
                    ticket: "ticket",
                    affected: &[],
                    facts,
                };
                let given = match self.tried > PROBES {
                    true => Some(60),
                    false => {
                        let judged = self.policy.judge(self.kind, &ask);
                        judged.ok().map(|given| given.max_duration)
                    }
                };
                longest = longest.max(given);
            }
        }
        longest
    }
}

/// Everything that a person may get, by resource.
#[must_use]
pub fn offers(policy: &Policy, person: &str, kind: AskKind) -> Vec<Offer> {
    let mut probe = Probe::new(policy, person, kind);
    let mut found = Vec::new();
    for (resource, facts) in policy.resources() {
        for permission in &facts.permissions {
            let longest = probe.longest(resource, permission).and_then(Span::new);
            let names = Name::new(resource).zip(Name::new(permission));
            if let (Some(longest), Some((resource, permission))) = (longest, names) {
                found.push(Offer {
                    resource,
                    permission,
                    longest,
                });
            }
        }
    }
    found
}

/// What the world could look like: the person on call or not.
fn worlds(policy: &Policy, person: &str) -> Vec<Facts> {
    let on_call: BTreeMap<String, BTreeSet<String>> = policy
        .groups_of(person)
        .filter(|group| {
            let facts = policy.group(group);
            facts.is_some_and(|facts| facts.on_call.is_some())
        })
        .map(|group| (group.to_owned(), BTreeSet::from([person.to_owned()])))
        .collect();
    let mut all = Vec::new();
    for on_call in [on_call, BTreeMap::new()] {
        for (hour, weekday) in TIMES {
            all.push(Facts {
                on_call: on_call.clone(),
                hour,
                weekday,
                zone: policy.zone().to_owned(),
            });
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use countersign_workflow::policy::starter;

    use super::*;

    #[test]
    fn everyone_is_offered_what_the_policy_may_give_them() {
        let policy = Policy::compile(&starter()).unwrap();
        let names = |person, kind| -> Vec<String> {
            let all = offers(&policy, person, kind).into_iter();
            all.map(|offer| format!("{} {}", offer.resource, offer.permission))
                .collect()
        };
        let bruno = names("bruno", AskKind::Request);
        assert!(
            bruno.contains(&"orders-db read-write".to_owned()),
            "{bruno:?}"
        );
        assert!(!bruno.contains(&"orders-db break-glass".to_owned()));
        let loud = names("bruno", AskKind::BreakGlass);
        assert!(
            loud.contains(&"payments-db break-glass".to_owned()),
            "{loud:?}"
        );
        assert!(names("dana", AskKind::Request).is_empty());
        assert!(names("nobody", AskKind::Request).is_empty());
    }
}

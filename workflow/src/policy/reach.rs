//! Who could get what: a search through the requests that someone might make.
//!
//! People and resources that no policy tells apart are tried once. The search is bounded, and says
//! when it did not get through.

use std::collections::{BTreeMap, BTreeSet};

use super::compile::Policy;
use super::directory::{PersonFacts, ResourceFacts};
use super::literals::{compared, texts};
use super::{AskKind, Facts, RequestFacts};
use crate::limits::MAX_PROBES;

/// People of one kind that are tried: one of them may be an exception.
const TRIED_OF_A_KIND: usize = 3;

/// Seconds that are asked for.
const SHORT: u64 = 60;

/// How far someone gets with a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// Nobody can ask for it.
    Closed,
    /// Someone can ask, but too few people could agree.
    Undecided,
    /// Nobody was found, but the search did not get through.
    Unknown,
    /// Someone can get it.
    Open,
}

/// The search.
#[derive(Debug)]
pub(crate) struct Search<'a> {
    policy: &'a Policy,
    people: Vec<&'a str>,
    tickets: Vec<String>,
    affected: Vec<String>,
    /// Everybody who follows a calendar is on call.
    all_on_call: BTreeMap<String, BTreeSet<String>>,
    left: usize,
}

impl<'a> Search<'a> {
    pub(crate) fn new(policy: &'a Policy) -> Self {
        let policies = || policy.sets.values().flat_map(|set| set.policies());
        let named: BTreeSet<String> = policies()
            .flat_map(|policy| policy.entity_literals())
            .map(|uid| uid.to_string())
            .collect();
        let compared = policies().flat_map(compared);
        let tickets = compared.filter(|compared| compared.attribute == "ticket");
        let mut tickets: Vec<String> = tickets.flat_map(|compared| compared.texts).collect();
        tickets.extend(["T-1".to_owned(), String::new()]);
        let affected: BTreeSet<String> = policies().flat_map(texts).collect();
        let follow = policy.groups().filter(|(_, group)| group.on_call.is_some());
        Self {
            policy,
            people: kinds_of_people(policy, &named),
            tickets,
            affected: affected.into_iter().collect(),
            all_on_call: follow
                .map(|(id, group)| (id.to_owned(), group.members.clone()))
                .collect(),
            left: MAX_PROBES,
        }
    }

    /// How far the luckiest person gets with a resource.
    pub(crate) fn reach(&mut self, resource: &str) -> Reach {
        let mut best = Reach::Closed;
        let Some(facts) = self.policy.resource(resource) else {
            return best;
        };
        for person in self.people.clone() {
            for permission in &facts.permissions {
                best = best.max(self.try_all(person, resource, permission));
                if best >= Reach::Unknown {
                    return best;
                }
            }
        }
        best
    }

    /// Tries every combination of what may matter, the usual ones first.
    fn try_all(&mut self, person: &str, resource: &str, permission: &str) -> Reach {
        let mut best = Reach::Closed;
        for facts in self.worlds(person) {
            for severity in ["", "sev1", "sev4", "sev2", "sev3"] {
                for ticket in &self.tickets {
                    let Some(left) = self.left.checked_sub(1) else {
                        return Reach::Unknown;
                    };
                    self.left = left;
                    let ask = RequestFacts {
                        person,
                        resource,
                        permission,
                        duration_seconds: SHORT,
                        severity,
                        ticket,
                        affected: &self.affected,
                        facts: &facts,
                    };
                    let Ok(obligations) = self.policy.judge(AskKind::Request, &ask) else {
                        continue;
                    };
                    best = Reach::Undecided;
                    let groups = obligations.approvals.keys();
                    let people = groups.map(|group| self.policy.members_of(group).count());
                    self.left = self.left.saturating_sub(people.sum());
                    if self.policy.could_decide(&ask, &obligations.approvals) {
                        return Reach::Open;
                    }
                }
            }
        }
        best
    }

    /// Day and night, working day and weekend, with the person on call and not.
    fn worlds(&self, person: &str) -> Vec<Facts> {
        let mut others = self.all_on_call.clone();
        for people in others.values_mut() {
            people.remove(person);
        }
        let mut on_call = vec![others];
        if on_call.first() != Some(&self.all_on_call) {
            on_call.push(self.all_on_call.clone());
        }
        let mut worlds = Vec::new();
        for on_call in on_call {
            for (hour, weekday) in [(10, 2), (3, 2), (20, 5), (14, 7)] {
                worlds.push(Facts {
                    on_call: on_call.clone(),
                    hour,
                    weekday,
                    zone: String::new(),
                });
            }
        }
        worlds
    }
}

/// A few people of each kind.
fn kinds_of_people<'a>(policy: &'a Policy, named: &BTreeSet<String>) -> Vec<&'a str> {
    let mut kinds: BTreeMap<Kind<'_>, usize> = BTreeMap::new();
    let people = policy.people().filter(|(id, person)| {
        let is_named = named.contains(&policy.types.person(id).to_string());
        let seen = kinds.entry(kind(person)).or_default();
        *seen = seen.saturating_add(1);
        is_named || *seen <= TRIED_OF_A_KIND
    });
    people.map(|(id, _)| id).collect()
}

type Kind<'a> = (&'a BTreeSet<String>, bool);

fn kind(person: &PersonFacts) -> Kind<'_> {
    (&person.groups, person.bot)
}

/// Resources that no policy tells apart, each with all of its kind.
pub(crate) fn kinds_of_resources(policy: &Policy) -> Vec<Vec<&str>> {
    let policies = policy.sets.values().flat_map(|set| set.policies());
    let named: BTreeSet<String> = policies
        .flat_map(|policy| policy.entity_literals())
        .map(|uid| uid.to_string())
        .collect();
    let mut kinds: BTreeMap<(&ResourceFacts, Option<&str>), Vec<&str>> = BTreeMap::new();
    for (id, resource) in policy.resources() {
        let is_named = named.contains(&policy.types.resource(id).to_string());
        let key = (resource, is_named.then_some(id));
        kinds.entry(key).or_default().push(id);
    }
    kinds.into_values().collect()
}

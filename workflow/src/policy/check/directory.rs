//! What looks wrong with people and resources.

use std::collections::BTreeSet;

use crate::policy::compile::Compiled;
use crate::policy::directory::Shared;
use crate::policy::entities::FILE;
use crate::policy::near::did_you_mean;
use crate::policy::problem::Problem;
use crate::policy::reach::{Reach, Search, kinds_of_resources};

/// All that looks wrong with them.
pub(super) fn warnings(compiled: &Compiled<'_>) -> Vec<Problem> {
    let (policy, loaded) = (&compiled.policy, &compiled.loaded);
    let person = |id: &str, message: String| {
        let at = loaded.place(&policy.types.person(id));
        Problem::new(FILE, message).at(at)
    };
    let mut found = Vec::new();
    for (id, facts) in policy.people() {
        if facts.groups.is_empty() {
            found.push(person(id, format!("person {id} is in no group")));
        }
    }
    for (uid, at) in &loaded.places {
        let groups = policy.entities.ancestors(uid).into_iter().flatten();
        let unknown = groups.filter(|group| policy.entities.get(group).is_none());
        found.extend(unknown.map(|group| {
            let (kind, id) = (uid.type_name(), uid.id().unescaped());
            let group = group.id().unescaped();
            let message = format!("{kind} {id:?} is in {group:?}, which there is not");
            let problem = Problem::new(FILE, message).at(Some(*at));
            let known = policy.groups().map(|(id, _)| id);
            let hint = did_you_mean(group, known);
            hint.map_or(problem.clone(), |hint| problem.hint(hint))
        }));
    }
    for Shared {
        principal,
        first,
        second,
        ..
    } in &loaded.shared_emails
    {
        let email = principal.trim_start_matches("user:");
        let message = format!("people {first} and {second} have the same e-mail {email}");
        let problem = person(second, message);
        found.push(problem.hint("neither of them is known by it"));
    }
    if loaded.place(&policy.types.company()).is_none() {
        let problem = Problem::new(FILE, "there is no Settings \"company\" with a time zone");
        found.push(problem.hint("hours and weekdays are those of UTC"));
    }
    found
}

/// Resources that nobody could get access to.
pub(super) fn closed(compiled: &Compiled<'_>) -> Vec<Problem> {
    let policy = &compiled.policy;
    let mut search = Search::new(policy);
    let mut closed: BTreeSet<(&str, &str)> = BTreeSet::new();
    for kind in kinds_of_resources(policy) {
        let Some(first) = kind.first() else {
            continue;
        };
        let why = match search.reach(first) {
            Reach::Closed => "nobody can ask for access to",
            Reach::Undecided => "too few people could agree to access to",
            Reach::Unknown | Reach::Open => continue,
        };
        closed.extend(kind.into_iter().map(|id| (id, why)));
    }
    let closed = closed.into_iter().map(|(id, why)| {
        let at = compiled.loaded.place(&policy.types.resource(id));
        Problem::new(FILE, format!("{why} {id}")).at(at)
    });
    closed.collect()
}

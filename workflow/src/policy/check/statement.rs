//! What looks wrong with policies.

use std::collections::BTreeSet;

use crate::policy::Policy;
use crate::policy::compile::{Compiled, Permit};
use crate::policy::duration::write;
use crate::policy::literals::{Compared, compared};
use crate::policy::near::did_you_mean;
use crate::policy::problem::Problem;
use crate::policy::source::Statement;

/// All that looks wrong with them.
pub(super) fn warnings(compiled: &Compiled<'_>) -> Vec<Problem> {
    let mut found = Vec::new();
    for statement in &compiled.statements {
        found.extend(unknown_entities(compiled, statement));
        let compared = compared(&statement.policy);
        found.extend(
            compared
                .iter()
                .flat_map(|compared| unknown_texts(&compiled.policy, statement, compared)),
        );
        let permit = statement
            .id()
            .and_then(|id| compiled.policy.permits.get(id));
        if let Some(permit) = permit {
            found.extend(obligations(&compiled.policy, statement, permit));
        }
    }
    found
}

/// People, groups and resources that a policy names and nobody has ever heard of.
fn unknown_entities(compiled: &Compiled<'_>, statement: &Statement<'_>) -> Vec<Problem> {
    let policy = &compiled.policy;
    let mut problems = Vec::new();
    for uid in statement.policy.entity_literals() {
        let (kind, id) = (uid.type_name(), uid.id().unescaped());
        if *kind == policy.types.action || policy.entities.get(&uid).is_some() {
            continue;
        }
        let places = compiled.loaded.places.iter();
        let same_kind = places.filter(|(known, _)| known.type_name() == kind);
        let names = same_kind.map(|(known, _)| known.id().unescaped());
        let word = kind.to_string().to_lowercase();
        let mut problem = statement.text_problem(
            &uid.to_string(),
            format!("names {word} {id:?}, which there is not"),
        );
        problem.hint = did_you_mean(id, names);
        problems.push(problem);
    }
    problems
}

/// Environments, sensitivities and permissions that no resource has.
fn unknown_texts(policy: &Policy, statement: &Statement<'_>, compared: &Compared) -> Vec<Problem> {
    let resources = || policy.resources().map(|(_, resource)| resource);
    let known: BTreeSet<&str> = match (compared.variable.as_str(), compared.attribute.as_str()) {
        ("resource", "environment") => resources().map(|r| r.environment.as_str()).collect(),
        ("resource", "sensitivity") => resources().map(|r| r.sensitivity.as_str()).collect(),
        ("resource", "permissions") | ("context", "permission") => permissions(policy),
        ("context", "severity") => BTreeSet::from(["", "sev1", "sev2", "sev3", "sev4"]),
        _ => return Vec::new(),
    };
    let unknown = compared
        .texts
        .iter()
        .filter(|text| !known.contains(text.as_str()));
    let unknown = unknown.map(|text| {
        let attribute = &compared.attribute;
        let whose = if attribute == "severity" {
            "there is not"
        } else {
            "no resource has"
        };
        let message = format!("names {attribute} {text:?}, which {whose}");
        let mut problem = statement.text_problem(&format!("{text:?}"), message);
        problem.hint = did_you_mean(text, known.iter().copied());
        problem
    });
    unknown.collect()
}

fn permissions(policy: &Policy) -> BTreeSet<&str> {
    let resources = policy.resources();
    let all = resources.flat_map(|(_, resource)| &resource.permissions);
    all.map(String::as_str).collect()
}

/// Groups of whom too few could sign what the permit wants signed.
fn passkeys(policy: &Policy, statement: &Statement<'_>, permit: &Permit) -> Vec<Problem> {
    let retro = permit.obligations.retro.as_ref();
    let retro = retro.map(|retro| (retro.group.as_str(), 1));
    let asked = permit.obligations.approvals.iter();
    let asked = asked.map(|(group, count)| (group.as_str(), *count));
    let mut found = Vec::new();
    for (group, count) in asked.chain(retro) {
        let signs = |id: &&str| {
            let facts = policy.person(id);
            facts.is_some_and(|facts| !facts.passkeys.is_empty())
        };
        let people = policy.members_of(group).filter(signs).count();
        if people < usize::try_from(count).unwrap_or(usize::MAX) {
            let message =
                format!("needs passkeys of {count} of group {group}, where {people} have one");
            let problem = statement.annotation_problem("step_up", message);
            found.push(problem.hint("people make them in the inbox; entities.json names them"));
        }
    }
    found
}

/// What a permit says of permissions, durations and groups.
fn obligations(policy: &Policy, statement: &Statement<'_>, permit: &Permit) -> Vec<Problem> {
    let mut found = Vec::new();
    let known = permissions(policy);
    for permission in permit.permissions.iter().flatten() {
        if !known.contains(permission.as_str()) {
            let message = format!("names permission {permission:?}, which no resource has");
            let mut problem = statement.annotation_problem("permissions", message);
            problem.hint = did_you_mean(permission, known.iter().copied());
            found.push(problem);
        }
    }
    if statement.policy.annotation("max_duration").is_none() {
        let max = write(permit.obligations.max_duration);
        let problem = statement.problem("permit has no @max_duration");
        found.push(problem.hint(format!("without it, access is for at most {max}")));
    }
    let people = |group: &str| {
        policy
            .members_of(group)
            .filter(|id| !policy.is_bot(id))
            .count()
    };
    for (group, count) in &permit.obligations.approvals {
        let (people, count) = (people(group), usize::try_from(*count).unwrap_or(usize::MAX));
        let message = match people {
            0 => format!("asks group {group}, which is empty"),
            1 => format!("asks group {group}, which is one person, perhaps the requester"),
            _ if people < count => format!("asks {count} of group {group}, which is {people}"),
            _ => continue,
        };
        found.push(statement.annotation_problem("approvals", message));
    }
    if permit.obligations.step_up {
        found.extend(passkeys(policy, statement, permit));
    }
    if let Some(escalate) = &permit.obligations.escalate {
        let group = &escalate.group;
        if people(group) == 0 {
            let message = format!("escalates to group {group}, which is empty");
            found.push(statement.annotation_problem("escalate", message));
        }
    }
    if let Some(retro) = &permit.obligations.retro {
        let group = &retro.group;
        let message = match people(group) {
            0 => Some(format!("lets group {group} look at it, which is empty")),
            1 => Some(format!(
                "lets group {group} look at it, which is one person, perhaps the user"
            )),
            _ => None,
        };
        found.extend(message.map(|text| statement.annotation_problem("retro_review", text)));
    }
    found
}

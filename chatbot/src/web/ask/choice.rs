//! What there is to ask for, and what this person is likely to get.

use countersign_workflow::policy::{AskKind, Policy};
use maud::{Markup, html};

use crate::bot::offers::Probe;

/// The permissions of one resource.
pub(super) struct Group<'a> {
    resource: &'a str,
    about: String,
    permissions: Vec<&'a str>,
}

/// What there is, in two parts: what the policy lets this person ask for under one circumstance or
/// another, and the rest.
pub(super) struct Choices<'a> {
    likely: Vec<Group<'a>>,
    rest: Vec<Group<'a>>,
}

/// Looks at everything that the policy names. A policy can look at more than is tried here, so
/// nothing is left out; the dry run tells.
pub(super) fn choices<'a>(policy: &'a Policy, person: &str, kind: AskKind) -> Choices<'a> {
    let mut probe = Probe::new(policy, person, kind);
    let mut may = |resource: &str, permission: &str| probe.longest(resource, permission).is_some();
    let (mut likely, mut rest) = (Vec::new(), Vec::new());
    for (resource, facts) in policy.resources() {
        let all = facts.permissions.iter().map(String::as_str);
        let (yes, no): (Vec<&str>, Vec<&str>) = all.partition(|name| may(resource, name));
        let about = format!("{}, {} sensitivity", facts.environment, facts.sensitivity);
        for (permissions, part) in [(yes, &mut likely), (no, &mut rest)] {
            if !permissions.is_empty() {
                part.push(Group {
                    resource,
                    about: about.clone(),
                    permissions,
                });
            }
        }
    }
    Choices { likely, rest }
}

impl Choices<'_> {
    /// As a list to choose from.
    pub(super) fn select(&self, chosen: &str, described: Option<&str>) -> Markup {
        html! {
            select id="what" name="what" required aria-describedby=[described] {
                option value="" { "Choose…" }
                @for group in &self.likely { (options(group, "", chosen)) }
                @for group in &self.rest { (options(group, "hardly for you: ", chosen)) }
            }
        }
    }
}

fn options(group: &Group<'_>, before: &str, chosen: &str) -> Markup {
    html! {
        optgroup label=(format!("{before}{} ({})", group.resource, group.about)) {
            @for permission in &group.permissions {
                @let value = format!("{} {permission}", group.resource);
                option value=(value) selected[value == chosen] {
                    (permission) " on " (group.resource)
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use countersign_workflow::policy::starter;

    use super::*;

    fn names(groups: &[Group<'_>]) -> Vec<String> {
        let name = |group: &Group<'_>| {
            let permissions = group.permissions.join("+");
            format!("{} {permissions}", group.resource)
        };
        groups.iter().map(name).collect()
    }

    #[test]
    fn what_somebody_may_get_comes_first_and_nothing_is_left_out() {
        let policy = Policy::compile(&starter()).unwrap();
        let bruno = choices(&policy, "bruno", AskKind::Request);
        assert!(names(&bruno.likely).contains(&"orders-db read-only+read-write".to_owned()));
        assert!(names(&bruno.rest).contains(&"orders-db break-glass".to_owned()));
        let loud = choices(&policy, "bruno", AskKind::BreakGlass);
        assert!(names(&loud.likely).contains(&"payments-db break-glass".to_owned()));
        let dana = choices(&policy, "dana", AskKind::Request);
        assert!(dana.likely.is_empty(), "security asks for nothing");
        assert_eq!(dana.rest.len(), 6);
    }
}

//! Why the policy does not allow what someone asks for.

use super::duration::write;

/// Why the policy does not allow what someone asks for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAllowed {
    /// The policy does not know the person.
    #[error("the policy knows no person {person:?}{}", list("; near by: ", near))]
    UnknownPerson {
        /// The name that was given.
        person: String,
        /// Names that differ little, nearest first.
        near: Vec<String>,
    },
    /// The policy does not know the resource.
    #[error(
        "the policy knows no resource {resource:?}{}",
        list("; near by: ", near)
    )]
    UnknownResource {
        /// The name that was given.
        resource: String,
        /// Names that differ little, nearest first.
        near: Vec<String>,
    },
    /// The resource has no such permission.
    #[error(
        "{resource} has no permission {permission:?}{}",
        list("; it has: ", known)
    )]
    UnknownPermission {
        /// The resource.
        resource: String,
        /// The permission that was asked for.
        permission: String,
        /// The permissions that it has.
        known: Vec<String>,
    },
    /// Permits matched, but none of them holds for the permission.
    #[error(
        "no permit covers {permission:?}; those that match ({}) cover: {}",
        policies.join(", "), covered.join(", ")
    )]
    PermissionNotCovered {
        /// The permission that was asked for.
        permission: String,
        /// The permissions that one could ask for.
        covered: Vec<String>,
        /// Ids of the permits that matched.
        policies: Vec<String>,
    },
    /// No permit matched.
    #[error(
        "no permit matches{}{}",
        list("; it would be allowed ", would),
        list("; permits for this resource: ", permits)
    )]
    NoPermit {
        /// What would have to be different for a permit to match, for example `with a ticket`.
        would: Vec<String>,
        /// Permits for this resource and permission, each with what it needs.
        permits: Vec<String>,
    },
    /// A policy forbids it.
    #[error("forbidden by {}", policies.join(", "))]
    Forbidden {
        /// Ids of the policies that forbid it.
        policies: Vec<String>,
    },
    /// The duration is above the maximum.
    #[error("{} is too long; expected at most {}", write(*asked), write(*max))]
    TooLong {
        /// Seconds that were asked for.
        asked: u64,
        /// Seconds that one could ask for.
        max: u64,
        /// Ids of the permits that matched.
        policies: Vec<String>,
    },
    /// A policy could not be evaluated. It could have been one that forbids, so nothing is allowed.
    #[error("the policy could not be evaluated: {}", errors.join("; "))]
    Evaluation {
        /// What Cedar says.
        errors: Vec<String>,
    },
}

/// The items after some words; nothing when there are none.
fn list(words: &str, items: &[String]) -> String {
    if items.is_empty() {
        String::new()
    } else {
        format!("{words}{}", items.join(", "))
    }
}

//! What a judgement is made from.

use std::collections::{BTreeMap, BTreeSet};

/// What the world looked like, as far as the policy may ask. It is recorded in entries, so that
/// whoever replays the log judges by the same.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// Who was on call: groups that follow a calendar, with people.
    pub on_call: BTreeMap<String, BTreeSet<String>>,
    /// Hour of the day in the company's zone, 0 to 23.
    pub hour: u8,
    /// Day of the week in the company's zone, 1 is Monday.
    pub weekday: u8,
    /// The company's zone, an IANA name.
    pub zone: String,
}

impl Facts {
    /// Whether a person was on call in a group.
    #[must_use]
    pub fn on_call_in(&self, group: &str, person: &str) -> bool {
        let people = self.on_call.get(group);
        people.is_some_and(|people| people.contains(person))
    }

    /// Whether a person was on call in any group.
    #[must_use]
    pub fn on_call_anywhere(&self, person: &str) -> bool {
        self.on_call.values().any(|people| people.contains(person))
    }
}

/// What someone asks for, and when.
#[derive(Debug, Clone, Copy)]
pub struct RequestFacts<'a> {
    /// Who asks: a person's id.
    pub person: &'a str,
    /// What for.
    pub resource: &'a str,
    /// What to be allowed there.
    pub permission: &'a str,
    /// For how long.
    pub duration_seconds: u64,
    /// Severity of the incident: `sev1` to `sev4`, or empty.
    pub severity: &'a str,
    /// Ticket of another system, or empty.
    pub ticket: &'a str,
    /// Other systems that are affected.
    pub affected: &'a [String],
    /// What the world looked like.
    pub facts: &'a Facts,
}

/// The two ways to ask for access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AskKind {
    /// Others decide before.
    Request,
    /// Others look at it afterwards.
    BreakGlass,
}

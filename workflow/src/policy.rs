//! The policy: who may ask for what, who decides, and what an access is bound to (docs/policy.md).
//!
//! A [`Bundle`] is a set of files. [`check`] says what is wrong with one; [`Policy::compile`] makes
//! it a [`Policy`], which judges. Judging is pure: what the world looked like comes in as
//! [`Facts`].

use std::collections::BTreeSet;

mod annotation;
mod approve;
mod bounds;
mod bundle;
mod check;
mod compile;
mod diff;
mod directory;
pub mod duration;
mod entities;
mod explain;
mod facts;
mod judge;
mod literals;
mod lockout;
mod names;
mod near;
mod obligation;
mod on_call;
mod problem;
mod reach;
mod refusal;
mod schema;
mod source;

pub use annotation::{Known, known};
pub use bundle::{Bundle, BundleError};
pub use check::{Report, check};
pub use compile::Policy;
pub use diff::diff_summary;
pub use directory::{GroupFacts, PersonFacts, ResourceFacts};
pub use facts::{AskKind, Facts, RequestFacts};
pub use lockout::lockout;
pub use obligation::{Deadline, Obligations};
pub use on_call::{Feed, Feeds};
pub use problem::{Position, Problem};
pub use refusal::NotAllowed;

/// The zone of a company whose entities name none.
const DEFAULT_ZONE: &str = "UTC";

/// The policy of a small company, to start from.
#[must_use]
pub fn starter() -> Bundle {
    let files = [
        ("access.cedar", include_str!("../starter/access.cedar")),
        ("entities.json", include_str!("../starter/entities.json")),
        ("on-call.ics", include_str!("../starter/on-call.ics")),
        ("readme.md", include_str!("../starter/readme.md")),
        ("schema.cedarschema", schema::BUILT_IN),
    ];
    Bundle::of(files)
}

impl Policy {
    /// SHA-256 of the bundle.
    #[must_use]
    pub const fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// The company's time zone, an IANA name: the zone of [`Facts::hour`] and [`Facts::weekday`].
    #[must_use]
    pub fn zone(&self) -> &str {
        self.directory.zone.as_deref().unwrap_or(DEFAULT_ZONE)
    }

    /// The person whom a principal such as `user:ada@example.com` stands for.
    #[must_use]
    pub fn person_of(&self, principal: &str) -> Option<&str> {
        let person = self.directory.principals.get(principal);
        person.map(String::as_str)
    }

    /// Ids of the permits for requests and for break-glass access, in order.
    pub fn permit_ids(&self) -> impl Iterator<Item = &str> {
        self.permits.keys().map(String::as_str)
    }

    /// Whether a person is a program.
    #[must_use]
    pub fn is_bot(&self, person: &str) -> bool {
        self.person(person).is_some_and(|person| person.bot)
    }

    /// Groups of a person, in order of their names.
    pub fn groups_of(&self, person: &str) -> impl Iterator<Item = &str> {
        let groups = self.person(person).map(|person| &person.groups);
        names(groups)
    }

    /// People of a group, in order of their names.
    pub fn members_of(&self, group: &str) -> impl Iterator<Item = &str> {
        let members = self.group(group).map(|group| &group.members);
        names(members)
    }

    /// Whether there is such a person.
    #[must_use]
    pub fn has_person(&self, id: &str) -> bool {
        self.directory.people.contains_key(id)
    }

    /// Whether there is such a resource.
    #[must_use]
    pub fn has_resource(&self, id: &str) -> bool {
        self.directory.resources.contains_key(id)
    }

    /// Whether there is such a group.
    #[must_use]
    pub fn has_group(&self, id: &str) -> bool {
        self.directory.groups.contains_key(id)
    }

    /// A person.
    #[must_use]
    pub fn person(&self, id: &str) -> Option<&PersonFacts> {
        self.directory.people.get(id)
    }

    /// A resource.
    #[must_use]
    pub fn resource(&self, id: &str) -> Option<&ResourceFacts> {
        self.directory.resources.get(id)
    }

    /// A group.
    #[must_use]
    pub fn group(&self, id: &str) -> Option<&GroupFacts> {
        self.directory.groups.get(id)
    }

    /// All people, in order of their names.
    pub fn people(&self) -> impl Iterator<Item = (&str, &PersonFacts)> {
        let people = self.directory.people.iter();
        people.map(|(id, facts)| (id.as_str(), facts))
    }

    /// All resources, in order of their names.
    pub fn resources(&self) -> impl Iterator<Item = (&str, &ResourceFacts)> {
        let resources = self.directory.resources.iter();
        resources.map(|(id, facts)| (id.as_str(), facts))
    }

    /// All groups, in order of their names.
    pub fn groups(&self) -> impl Iterator<Item = (&str, &GroupFacts)> {
        let groups = self.directory.groups.iter();
        groups.map(|(id, facts)| (id.as_str(), facts))
    }
}

fn names(set: Option<&BTreeSet<String>>) -> impl Iterator<Item = &str> {
    set.into_iter().flatten().map(String::as_str)
}

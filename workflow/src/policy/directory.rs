//! Who and what there is: people, groups, resources and the company's settings.

use std::collections::{BTreeMap, BTreeSet};

use crate::passkey::Passkey;

/// What the policy knows of a person.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PersonFacts {
    /// E-mail address.
    pub email: Option<String>,
    /// Id in Slack.
    pub slack: Option<String>,
    /// Id in Teams.
    pub teams: Option<String>,
    /// More principals of the same person.
    pub accounts: BTreeSet<String>,
    /// Keys with which the person signs decisions.
    pub passkeys: Vec<Passkey>,
    /// Whether it is a program.
    pub bot: bool,
    /// Groups, those that hold groups of the person among them.
    pub groups: BTreeSet<String>,
}

/// What the policy knows of a group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupFacts {
    /// The calendar that says who is on call: a file of the bundle, or an address.
    pub on_call: Option<String>,
    /// Id of the Slack channel in which the group is told; none when each of its people is.
    pub slack: Option<String>,
    /// Id of the Teams conversation, likewise.
    pub teams: Option<String>,
    /// People of the group and of the groups in it.
    pub members: BTreeSet<String>,
}

/// What the policy knows of a resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct ResourceFacts {
    /// For example `production`.
    pub environment: String,
    /// For example `high`.
    pub sensitivity: String,
    /// What one can ask for.
    pub permissions: BTreeSet<String>,
}

/// All of it, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Directory {
    pub(crate) people: BTreeMap<String, PersonFacts>,
    pub(crate) groups: BTreeMap<String, GroupFacts>,
    pub(crate) resources: BTreeMap<String, ResourceFacts>,
    pub(crate) zone: Option<String>,
    /// People by principal. A principal that could be two people is left out.
    pub(crate) principals: BTreeMap<String, String>,
}

/// A principal that could be two people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shared {
    pub(crate) principal: String,
    /// The person who was there first, in order of names.
    pub(crate) first: String,
    pub(crate) second: String,
    /// Whether it is no more than an e-mail address that both have.
    pub(crate) only_email: bool,
}

/// Where a principal of a person comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    Id,
    Email,
    Account,
}

impl Directory {
    /// Fills in members and principals, and returns the principals that could be two people.
    pub(crate) fn link(&mut self) -> Vec<Shared> {
        for (id, person) in &self.people {
            for group in &person.groups {
                if let Some(facts) = self.groups.get_mut(group) {
                    facts.members.insert(id.clone());
                }
            }
        }
        let mut owners: BTreeMap<String, (String, From)> = BTreeMap::new();
        let mut shared = Vec::new();
        for (id, person) in &self.people {
            for (principal, from) in principals(id, person) {
                let Some((first, before)) = owners.get(&principal) else {
                    owners.insert(principal, (id.clone(), from));
                    continue;
                };
                if first != id {
                    shared.push(Shared {
                        principal,
                        first: first.clone(),
                        second: id.clone(),
                        only_email: from == From::Email && *before == From::Email,
                    });
                }
            }
        }
        for Shared { principal, .. } in &shared {
            owners.remove(principal);
        }
        let owners = owners.into_iter();
        self.principals = owners.map(|(name, (id, _))| (name, id)).collect();
        shared
    }
}

fn principals(id: &str, person: &PersonFacts) -> Vec<(String, From)> {
    let mut all = vec![(format!("user:{id}"), From::Id)];
    if let Some(email) = &person.email {
        all.push((format!("user:{email}"), From::Email));
    }
    let accounts = person.accounts.iter();
    all.extend(accounts.map(|account| (account.clone(), From::Account)));
    all
}

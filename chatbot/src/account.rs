//! Accounts of chat platforms, and whose they are.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use countersign_proto::v1;
use countersign_workflow::policy::Policy;

/// A chat platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Platform {
    /// Slack.
    Slack,
    /// Microsoft Teams.
    Teams,
}

impl Platform {
    /// The word in entries: `slack` or `teams`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Teams => "teams",
        }
    }

    /// The platform of a word in an entry; none for another one.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        let all = [Self::Slack, Self::Teams];
        all.into_iter().find(|platform| platform.word() == word)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}

/// An account, by what never changes about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account {
    /// Where.
    pub platform: Platform,
    /// The platform's organisation: a Slack workspace or enterprise, a directory tenant.
    pub tenant: String,
    /// The platform's own id: `U…` in Slack, the Entra object id in Teams.
    pub user: String,
}

/// Whose an account is, and how that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The person of the policy.
    pub person: String,
    /// Index of the IdentityLinked entry that says so; 0 when the policy's directory does.
    pub link: u64,
}

/// What IdentityLinked entries say. The newest one of an account counts, and counts before the
/// directory: somebody may have ended what the directory still has.
#[derive(Debug, Clone, Default)]
pub struct Links(BTreeMap<(String, String, String), Link>);

#[derive(Debug, Clone)]
struct Link {
    index: u64,
    person: String,
    ended: bool,
}

impl Links {
    /// Takes the next entry of this kind; an older one than what is known changes nothing.
    pub fn take(&mut self, index: u64, event: &v1::IdentityLinked) {
        let key = (
            event.platform.clone(),
            event.tenant.clone(),
            event.user.clone(),
        );
        let link = Link {
            index,
            person: event.person.clone(),
            ended: event.ended,
        };
        let newest = self.0.get(&key).is_none_or(|known| known.index < index);
        if newest {
            self.0.insert(key, link);
        }
    }

    /// Whose an account is; `home` is the organisation that the directory's ids belong to.
    #[must_use]
    pub fn owner(&self, account: &Account, home: &str, policy: &Policy) -> Option<Owner> {
        if let Some(link) = self.0.get(&key(account)) {
            let holds = !link.ended && policy.has_person(&link.person);
            return holds.then(|| Owner {
                person: link.person.clone(),
                link: link.index,
            });
        }
        if account.tenant != home {
            return None;
        }
        let mut owners = policy.people().filter(|(_, facts)| {
            let id = match account.platform {
                Platform::Slack => &facts.slack,
                Platform::Teams => &facts.teams,
            };
            id.as_deref() == Some(account.user.as_str())
        });
        // An id that two people have says nothing about either.
        let (person, None) = (owners.next()?.0, owners.next()) else {
            return None;
        };
        Some(Owner {
            person: person.to_owned(),
            link: 0,
        })
    }

    /// Whether an entry has ever said whose an account is, or that it is nobody's.
    #[must_use]
    pub fn is_known(&self, account: &Account) -> bool {
        self.0.contains_key(&key(account))
    }

    /// All accounts of a person, and how each is known; `homes` are the organisations that the
    /// directory's ids belong to.
    #[must_use]
    pub fn accounts(
        &self,
        person: &str,
        homes: &[(Platform, String)],
        policy: &Policy,
    ) -> Vec<(Account, Owner)> {
        let linked = self.0.keys().filter_map(|(platform, tenant, user)| {
            Some(Account {
                platform: Platform::parse(platform)?,
                tenant: tenant.clone(),
                user: user.clone(),
            })
        });
        let facts = policy.person(person);
        let listed = homes.iter().filter_map(|(platform, tenant)| {
            let id = match platform {
                Platform::Slack => facts?.slack.as_ref()?,
                Platform::Teams => facts?.teams.as_ref()?,
            };
            Some(Account {
                platform: *platform,
                tenant: tenant.clone(),
                user: id.clone(),
            })
        });
        let all: BTreeSet<Account> = linked.chain(listed).collect();
        let owned = all.into_iter().filter_map(|account| {
            let owner = self.owner(&account, home(homes, account.platform), policy)?;
            (owner.person == person).then_some((account, owner))
        });
        owned.collect()
    }

    /// Where to reach a person on a platform, in this organisation: the newest link, or else the
    /// directory's id.
    #[must_use]
    pub fn account(
        &self,
        person: &str,
        (platform, home): (Platform, &str),
        policy: &Policy,
    ) -> Option<Account> {
        let account = |user: &str| Account {
            platform,
            tenant: home.to_owned(),
            user: user.to_owned(),
        };
        let linked = self.0.iter().filter(|((on, tenant, _), link)| {
            on == platform.word() && tenant == home && link.person == person && !link.ended
        });
        if let Some(((_, _, user), _)) = linked.max_by_key(|(_, link)| link.index) {
            return Some(account(user));
        }
        let facts = policy.person(person)?;
        let id = match platform {
            Platform::Slack => facts.slack.as_deref(),
            Platform::Teams => facts.teams.as_deref(),
        };
        let found = account(id?);
        let owner = self.owner(&found, home, policy);
        owner.filter(|owner| owner.person == person).map(|_| found)
    }
}

/// The organisation that the directory's ids of a platform belong to; empty when it is none.
#[must_use]
pub fn home(homes: &[(Platform, String)], platform: Platform) -> &str {
    let found = homes.iter().find(|(of, _)| *of == platform);
    found.map_or("", |(_, tenant)| tenant)
}

fn key(account: &Account) -> (String, String, String) {
    let platform = account.platform.word().to_owned();
    (platform, account.tenant.clone(), account.user.clone())
}

#[cfg(test)]
mod tests {
    use countersign_workflow::policy::{Bundle, starter};

    use super::*;

    const HOME: (Platform, &str) = (Platform::Slack, "T1");

    /// The starter policy, where two of its people have an id in Slack.
    fn policy() -> Policy {
        let files = starter();
        let files = files.files().map(|(name, text)| {
            let text = match name {
                "entities.json" => with_slack(text),
                _ => text.to_owned(),
            };
            (name.to_owned(), text)
        });
        Policy::compile(&Bundle::new(files).unwrap()).unwrap()
    }

    fn with_slack(text: &str) -> String {
        let mut all: serde_json::Value = serde_json::from_str(text).unwrap();
        for entity in all.as_array_mut().unwrap() {
            let id = entity["uid"]["id"].as_str().unwrap().to_owned();
            let attributes = entity["attrs"].as_object_mut().unwrap();
            attributes.remove("slack");
            if ["ada", "bruno"].contains(&id.as_str()) {
                attributes.insert("slack".to_owned(), format!("U-{id}").into());
            }
        }
        all.to_string()
    }

    fn account(tenant: &str, user: &str) -> Account {
        Account {
            platform: Platform::Slack,
            tenant: tenant.to_owned(),
            user: user.to_owned(),
        }
    }

    fn linked(user: &str, person: &str, ended: bool) -> v1::IdentityLinked {
        v1::IdentityLinked {
            person: person.to_owned(),
            platform: "slack".to_owned(),
            tenant: "T1".to_owned(),
            user: user.to_owned(),
            proof: "link".to_owned(),
            ended,
        }
    }

    #[test]
    fn the_directory_speaks_for_the_own_organisation_only() {
        let (policy, links) = (policy(), Links::default());
        let owner = |tenant, user| links.owner(&account(tenant, user), "T1", &policy);
        assert_eq!(owner("T1", "U-ada").unwrap().person, "ada");
        assert_eq!(owner("T2", "U-ada"), None, "a guest with the same id");
        assert_eq!(owner("T1", "U-eve"), None);
        let mut teams = account("T1", "U-ada");
        teams.platform = Platform::Teams;
        assert_eq!(links.owner(&teams, "T1", &policy), None);
    }

    #[test]
    fn the_newest_link_counts_before_the_directory() {
        let (policy, mut links) = (policy(), Links::default());
        let user = account("T1", "U-ada");
        links.take(9, &linked("U-ada", "chen", false));
        links.take(7, &linked("U-ada", "bruno", false));
        let owner = links.owner(&user, "T1", &policy).unwrap();
        assert_eq!((owner.person.as_str(), owner.link), ("chen", 9));
        assert_eq!(links.account("chen", HOME, &policy), Some(user.clone()));
        assert_eq!(links.account("ada", HOME, &policy), None, "it is chen's");
        links.take(12, &linked("U-ada", "chen", true));
        assert_eq!(links.owner(&user, "T1", &policy), None);
        assert_eq!(links.account("chen", HOME, &policy), None);
        links.take(13, &linked("U-ada", "nobody", false));
        assert_eq!(links.owner(&user, "T1", &policy), None, "not in the policy");
    }

    #[test]
    fn people_are_reached_where_they_are_known() {
        let (policy, mut links) = (policy(), Links::default());
        let at = |links: &Links| links.account("bruno", HOME, &policy).map(|a| a.user);
        assert_eq!(at(&links).as_deref(), Some("U-bruno"));
        links.take(3, &linked("U-new", "bruno", false));
        assert_eq!(at(&links).as_deref(), Some("U-new"));
        assert_eq!(links.account("dana", HOME, &policy), None);
    }

    #[test]
    fn all_accounts_of_a_person_are_told_and_no_others() {
        let (policy, mut links) = (policy(), Links::default());
        let homes = [(Platform::Slack, "T1".to_owned())];
        let of = |links: &Links, person: &str| -> Vec<(String, u64)> {
            let all = links.accounts(person, &homes, &policy);
            all.into_iter().map(|(a, by)| (a.user, by.link)).collect()
        };
        let own = |user: &str, link| (user.to_owned(), link);
        assert_eq!(of(&links, "bruno"), [own("U-bruno", 0)]);
        links.take(3, &linked("U-new", "bruno", false));
        links.take(4, &linked("U-ada", "chen", false));
        assert_eq!(of(&links, "bruno"), [own("U-bruno", 0), own("U-new", 3)]);
        assert_eq!(of(&links, "ada"), [], "chen has hers");
        assert_eq!(of(&links, "chen"), [own("U-ada", 4)]);
        links.take(5, &linked("U-bruno", "bruno", true));
        assert_eq!(of(&links, "bruno"), [own("U-new", 3)], "ended");
        assert!(links.is_known(&account("T1", "U-bruno")));
        assert!(!links.is_known(&account("T2", "U-bruno")));
    }
}

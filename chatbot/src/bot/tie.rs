//! Whose a chat account is, proven by both sides.
//!
//! The platform has authenticated the account when a link is made for it, and the inbox the person
//! who opens the link and agrees. Neither of them alone can say it. A link is random, for one use,
//! for ten minutes, and only its digest is kept: a look-up by digest tells nothing through its
//! time, and memory that leaks links nobody.

use std::collections::BTreeMap;
use std::io;

use countersign_chain::hash::{Hash, digest};
use countersign_client::{CallError, Draft, Level, random_key};
use countersign_proto::event::Known;
use countersign_proto::v1;
use parking_lot::Mutex;

use crate::account::{Account, Owner, Platform};
use crate::bot::Bot;
use crate::bot::shelf::Rules;
use crate::limits::{TIE_NAME, TIE_SECONDS, TIES};
use crate::text;

/// Why an account is nobody's yet.
#[derive(Debug, thiserror::Error)]
pub enum TieError {
    /// Too many links wait.
    #[error("{TIES} links wait to be opened already; try again in some minutes")]
    Full,
    /// No randomness.
    #[error("cannot make a link: {0}")]
    Random(#[from] io::Error),
    /// It was used, is over, or never was.
    #[error("the link was used before, or its ten minutes are over; ask the bot for a new one")]
    Gone,
    /// It is the account of somebody else.
    #[error("the account belongs to somebody else, who has to remove it from theirs first")]
    Taken,
    /// Not an account of this person.
    #[error("the account is not yours")]
    NotYours,
    /// The policy does not know the person.
    #[error("the policy does not know {0}; an administrator adds people to its entities.json")]
    Nobody(String),
    /// The ledger refused, or did not answer.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// An account that waits for its person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The account, as the platform has authenticated it.
    pub account: Account,
    /// What the platform calls it, cut to one line.
    pub name: String,
    ends: u64,
}

/// Links that wait.
#[derive(Debug, Default)]
pub(super) struct Ties(Mutex<BTreeMap<Hash, Claim>>);

impl Ties {
    /// A secret for this account. An older one of the same account is good for nothing any more,
    /// so that one account cannot take the places of all.
    fn offer(&self, account: &Account, name: &str, now: u64) -> Result<String, TieError> {
        let secret = random_key()?;
        let mut all = self.0.lock();
        all.retain(|_, claim| now < claim.ends && claim.account != *account);
        if all.len() >= TIES {
            return Err(TieError::Full);
        }
        let claim = Claim {
            account: account.clone(),
            name: text::cut(&text::line(name), TIE_NAME),
            ends: now.saturating_add(TIE_SECONDS),
        };
        all.insert(digest(secret.as_bytes()), claim);
        Ok(secret)
    }

    fn look(&self, secret: &str, now: u64) -> Option<Claim> {
        let all = self.0.lock();
        let claim = all.get(&digest(secret.as_bytes()))?;
        (now < claim.ends).then(|| claim.clone())
    }

    fn take(&self, secret: &str, now: u64) -> Option<Claim> {
        let taken = self.0.lock().remove(&digest(secret.as_bytes()));
        taken.filter(|claim| now < claim.ends)
    }

    /// The ledger did not take it, so it may be tried again.
    fn put_back(&self, secret: &str, claim: Claim) {
        self.0.lock().insert(digest(secret.as_bytes()), claim);
    }
}

impl Bot {
    /// A link for an account that the platform has authenticated and that is nobody's yet: whoever
    /// opens it in the inbox at `inbox`, signed in, can say that it is theirs. For that account's
    /// eyes only. `name` is what the platform calls it, for showing.
    ///
    /// # Errors
    /// [`TieError::Full`] and [`TieError::Random`].
    pub fn offer_link(
        &self,
        account: &Account,
        name: &str,
        inbox: &str,
    ) -> Result<String, TieError> {
        let secret = self.ties.offer(account, name, self.clock.seconds())?;
        Ok(format!("{}/link/{secret}", inbox.trim_end_matches('/')))
    }

    /// As [`Bot::offer_link`] where there is an inbox and room; why there is none is logged.
    pub(crate) fn link_for(&self, account: &Account, inbox: Option<&str>) -> Option<String> {
        let offered = self.offer_link(account, &account.user, inbox?);
        let platform = account.platform.word();
        let warn = |error: &TieError| tracing::warn!(%error, platform, "nobody was given a link");
        offered.inspect_err(warn).ok()
    }

    /// What a link is about; it stays good.
    #[must_use]
    pub fn claim(&self, secret: &str) -> Option<Claim> {
        self.ties.look(secret, self.clock.seconds())
    }

    /// Uses a link up: its account is that of this user from now on, who has signed in. The entry
    /// names them and this bot. `home` is the organisation that the directory's ids belong to.
    ///
    /// # Errors
    /// [`TieError`]; the link stays good unless it is [`TieError::Gone`].
    pub async fn tie(
        &self,
        secret: &str,
        (user, home): (&str, &str),
        rules: &Rules,
    ) -> Result<Owner, TieError> {
        let person = person(user, rules)?;
        // One at a time: between the look and the entry nobody else takes it.
        let _one = self.tying.lock().await;
        self.read_links().await?;
        let claim = self.claim(secret).ok_or(TieError::Gone)?;
        if let Some(owner) = self.owner(&claim.account, home, rules)
            && owner.person != person
        {
            return Err(TieError::Taken);
        }
        let claim = self.ties.take(secret, self.clock.seconds());
        let claim = claim.ok_or(TieError::Gone)?;
        let event = linked(&claim.account, person, "link");
        let key = digest(format!("tie {secret}").as_bytes());
        let said = self.say(event, user, &key).await;
        if said.is_err() {
            self.ties.put_back(secret, claim);
        }
        Ok(said?)
    }

    /// An account of this user is not theirs any more.
    ///
    /// # Errors
    /// [`TieError::NotYours`], [`TieError::Nobody`] and [`TieError::Call`].
    pub async fn untie(
        &self,
        account: &Account,
        (user, home): (&str, &str),
        rules: &Rules,
    ) -> Result<(), TieError> {
        let person = person(user, rules)?;
        let _one = self.tying.lock().await;
        self.read_links().await?;
        let owner = self.owner(account, home, rules);
        let owner = owner.filter(|owner| owner.person == person);
        let owner = owner.ok_or(TieError::NotYours)?;
        let mut event = linked(account, person, "inbox");
        event.ended = true;
        // With the link that it ends, so that it can be linked and ended anew.
        let key = digest(format!("untie {account:?} {}", owner.link).as_bytes());
        self.say(event, user, &key).await?;
        Ok(())
    }

    /// The account of the one person who has this e-mail address, whatever its case; none when it
    /// is nobody's or that of several, or when a link or the directory has ever said whose the
    /// account is. Call it only when the configuration says `match_email`, for an account of the
    /// own organisation, whose address the platform vouches for.
    ///
    /// # Errors
    /// [`TieError::Call`].
    pub async fn match_email(
        &self,
        account: &Account,
        email: &str,
        rules: &Rules,
    ) -> Result<Option<Owner>, TieError> {
        let Some(person) = of_email(email, rules) else {
            return Ok(None);
        };
        if is_listed(account, rules) {
            return Ok(None);
        }
        let _one = self.tying.lock().await;
        self.read_links().await?;
        // Whoever has removed it does not want it back because of an address.
        if self.links.read().is_known(account) {
            return Ok(None);
        }
        let key = digest(format!("email {account:?} {person}").as_bytes());
        let owner = self.say(linked(account, person, "email"), "", &key).await?;
        Ok(Some(owner))
    }

    /// Appends it, and knows it at once.
    async fn say(
        &self,
        event: v1::IdentityLinked,
        on_behalf_of: &str,
        key: &Hash,
    ) -> Result<Owner, CallError> {
        let key: String = key.to_string().chars().take(48).collect();
        let mut draft = Draft::new(&event).with_key(key);
        on_behalf_of.clone_into(&mut draft.on_behalf_of);
        let receipt = self.client.append(draft, Level::Sealed).await?;
        let owner = Owner {
            person: event.person.clone(),
            link: receipt.index,
        };
        let known: Result<Known, CallError> = Ok(Known::from(event));
        self.learn(receipt.index, &known);
        Ok(owner)
    }
}

/// The person that a user is to the policy.
fn person<'a>(user: &str, rules: &'a Rules) -> Result<&'a str, TieError> {
    let known = rules.policy.person_of(user);
    known.ok_or_else(|| TieError::Nobody(user.to_owned()))
}

/// The one person with an address.
fn of_email<'a>(email: &str, rules: &'a Rules) -> Option<&'a str> {
    let wanted = email.to_lowercase();
    let mut found = rules.policy.people().filter(|(_, facts)| {
        let address = facts.email.as_ref();
        address.is_some_and(|address| address.to_lowercase() == wanted)
    });
    let (Some((person, facts)), None) = (found.next(), found.next()) else {
        return None;
    };
    (!facts.bot).then_some(person)
}

/// Whether the directory knows an account, of whatever organisation.
fn is_listed(account: &Account, rules: &Rules) -> bool {
    let mut ids = rules
        .policy
        .people()
        .map(|(_, facts)| match account.platform {
            Platform::Slack => &facts.slack,
            Platform::Teams => &facts.teams,
        });
    ids.any(|id| id.as_deref() == Some(account.user.as_str()))
}

fn linked(account: &Account, person: &str, proof: &str) -> v1::IdentityLinked {
    v1::IdentityLinked {
        person: person.to_owned(),
        platform: account.platform.word().to_owned(),
        tenant: account.tenant.clone(),
        user: account.user.clone(),
        proof: proof.to_owned(),
        ended: false,
    }
}

#[cfg(test)]
mod tests {
    use countersign_workflow::policy::{Bundle, Policy, starter};
    use jiff::tz::TimeZone;

    use super::*;

    fn account(user: &str) -> Account {
        Account {
            platform: Platform::Slack,
            tenant: "T1".to_owned(),
            user: user.to_owned(),
        }
    }

    #[test]
    fn a_link_is_good_once_and_for_ten_minutes() {
        let ties = Ties::default();
        let secret = ties.offer(&account("U1"), "Ada\n\u{202e}L.", 100).unwrap();
        assert_eq!(secret.len(), 32, "128 bits in hexadecimal");
        let claim = ties.look(&secret, 699).unwrap();
        assert_eq!(claim.account, account("U1"));
        assert!(!claim.name.contains(['\n', '\u{202e}']), "{}", claim.name);
        assert_eq!(ties.look(&secret, 700), None, "its time is over");
        assert_eq!(ties.take("", 100), None);
        assert_eq!(ties.take(&secret.to_uppercase(), 100), None);
        assert_eq!(ties.take(&secret, 100), Some(claim));
        assert_eq!(ties.take(&secret, 100), None, "used up");
    }

    #[test]
    fn an_account_has_one_link_and_all_have_a_limit() {
        let ties = Ties::default();
        let first = ties.offer(&account("U1"), "", 0).unwrap();
        let second = ties.offer(&account("U1"), "", 0).unwrap();
        assert_eq!(ties.look(&first, 0), None, "there is a newer one");
        assert!(ties.look(&second, 0).is_some());
        for number in 1..TIES {
            ties.offer(&account(&format!("V{number}")), "", 0).unwrap();
        }
        let full = ties.offer(&account("W"), "", 1);
        assert!(matches!(full, Err(TieError::Full)), "{full:?}");
        assert!(ties.offer(&account("U1"), "", 1).is_ok(), "its own place");
        assert!(
            ties.offer(&account("W"), "", TIE_SECONDS).is_ok(),
            "old ones go"
        );
    }

    #[test]
    fn an_address_is_that_of_exactly_one_person() {
        let files = starter();
        let files = files.files().map(|(name, text)| {
            let text = match name {
                "entities.json" => with_addresses(text),
                _ => text.to_owned(),
            };
            (name.to_owned(), text)
        });
        let rules = Rules {
            policy: Policy::compile(&Bundle::new(files).unwrap()).unwrap(),
            zone: TimeZone::UTC,
        };
        assert_eq!(of_email("ADA@Example.com", &rules), Some("ada"));
        assert_eq!(of_email("shared@example.com", &rules), None, "two have it");
        for other in ["", "ada@example.co", " ada@example.com", "ada"] {
            assert_eq!(of_email(other, &rules), None, "{other:?}");
        }
    }

    fn with_addresses(text: &str) -> String {
        let mut all: serde_json::Value = serde_json::from_str(text).unwrap();
        for entity in all.as_array_mut().unwrap() {
            let id = entity["uid"]["id"].as_str().unwrap().to_owned();
            let email = match id.as_str() {
                "ada" => "Ada@example.com",
                "bruno" | "chen" => "shared@example.com",
                _ => continue,
            };
            entity["attrs"]["email"] = email.into();
        }
        all.to_string()
    }
}

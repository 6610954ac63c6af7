//! What every way to meet people shares: the ledger, its policies, whose account is whose, what a
//! person sees of a case and may ask for, and how what they say becomes a command.

pub mod offers;
pub mod order;
pub mod shelf;
pub mod sight;
pub mod tie;

use std::sync::Arc;

use countersign_client::{CallError, Client, Filter};
use countersign_proto::event::{Kinded as _, Known};
use countersign_proto::v1;
use parking_lot::RwLock;
use tokio_util::sync::CancellationToken;

use crate::account::{Account, Links, Owner, Platform};
use crate::bot::shelf::{Rules, RulesError, Shelf};
use crate::bot::tie::Ties;
use crate::clock::Clock;

/// A bot: a client with the role bot, and what it knows of the log.
#[derive(Debug)]
pub struct Bot {
    client: Client,
    clock: Clock,
    shelf: Shelf,
    links: RwLock<Links>,
    ties: Ties,
    /// Held while an account becomes somebody's, or stops to be.
    tying: tokio::sync::Mutex<()>,
    /// Index from which links are still to be followed.
    next: u64,
}

impl Bot {
    /// Reads whose account is whose.
    ///
    /// # Errors
    /// [`CallError`] when the ledger does not answer or does not let this identity read.
    pub async fn open(client: Client, clock: Clock) -> Result<Arc<Self>, CallError> {
        let mut bot = Self {
            client,
            clock,
            shelf: Shelf::default(),
            links: RwLock::default(),
            ties: Ties::default(),
            tying: tokio::sync::Mutex::default(),
            next: 0,
        };
        bot.next = bot.read_links().await?;
        Ok(Arc::new(bot))
    }

    /// Reads all links; the index behind the last one.
    async fn read_links(&self) -> Result<u64, CallError> {
        let mut next = 0;
        let mut pages = self.client.list(of_links());
        while let Some(page) = pages.next().await? {
            for entry in page.entries {
                next = next.max(entry.index().saturating_add(1));
                self.learn(entry.index(), &entry.known());
            }
        }
        Ok(next)
    }

    /// Learns of links until `stop` is cancelled.
    ///
    /// # Errors
    /// [`CallError`] when the ledger's answer is not what it signed, or this identity may not read.
    pub async fn keep_links(&self, stop: &CancellationToken) -> Result<(), CallError> {
        let mut follow = self.client.follow(self.next, of_links());
        while let Some(Some(part)) = stop.run_until_cancelled(follow.next()).await {
            for entry in part?.entries {
                self.learn(entry.index(), &entry.known());
            }
        }
        Ok(())
    }

    /// Takes an entry that may say whose an account is.
    pub fn learn<E>(&self, index: u64, event: &Result<Known, E>) {
        if let Ok(Known::IdentityLinked(event)) = event {
            self.links.write().take(index, event);
        }
    }

    /// The ledger.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// The time.
    #[must_use]
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The policy of this number; 0 for the one in force.
    ///
    /// # Errors
    /// [`RulesError`].
    pub async fn rules(&self, index: u64) -> Result<Arc<Rules>, RulesError> {
        self.shelf.rules(&self.client, index).await
    }

    /// Whose an account is. `home` is the organisation that the directory's ids belong to.
    #[must_use]
    pub fn owner(&self, account: &Account, home: &str, rules: &Rules) -> Option<Owner> {
        self.links.read().owner(account, home, &rules.policy)
    }

    /// All accounts of a person; `homes` are the organisations that the directory's ids belong to.
    #[must_use]
    pub fn accounts(
        &self,
        person: &str,
        homes: &[(Platform, String)],
        rules: &Rules,
    ) -> Vec<(Account, Owner)> {
        self.links.read().accounts(person, homes, &rules.policy)
    }

    /// Where a person is reached.
    #[must_use]
    pub fn account(&self, person: &str, home: (Platform, &str), rules: &Rules) -> Option<Account> {
        self.links.read().account(person, home, &rules.policy)
    }

    /// What a command of a person carries: `evidence` says how it is known who gave it, and `key`
    /// is the same for the same click, so that the platform's repeats do nothing.
    #[must_use]
    pub fn call(&self, owner: &Owner, key: &str, mut evidence: v1::Evidence) -> v1::Call {
        evidence.link = owner.link;
        v1::Call {
            log: String::new(),
            idempotency_key: key.to_owned(),
            on_behalf_of: principal(&owner.person),
            evidence: Some(Box::new(evidence)),
        }
    }
}

/// The principal of a person of the policy.
#[must_use]
pub fn principal(person: &str) -> String {
    format!("user:{person}")
}

fn of_links() -> Filter {
    Filter {
        kinds: vec![v1::IdentityLinked::KIND],
        ..Filter::default()
    }
}

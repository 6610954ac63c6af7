//! What becomes of the things that people do in Slack.
//!
//! Slack waits three seconds for an acknowledgement. So a form begins as a modal that says to wait,
//! which is opened before the ledger is asked; and work that takes longer goes on behind the
//! acknowledgement, and its result comes as a message for one person alone, or into the modal.
//! Every click gets an answer.
//!
//! Nothing that comes from Slack says what may be done: the account says who somebody is, the
//! number on a button says what it is about, and the ledger judges the rest.

mod click;
mod list;
mod open;
mod submit;

use std::future::Future;
use std::sync::Arc;

use countersign_chain::time::UnixMicros;
use countersign_proto::convert::timestamp;
use countersign_proto::reading::text::hex;
use countersign_proto::v1;
use countersign_workflow::policy::AskKind;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::account::{Account, Owner};
use crate::bot::Bot;
use crate::bot::shelf::{Rules, RulesError};
use crate::bot::tie::TieError;
use crate::limits::{SLACK_CLICKS, SLACK_PATIENCE, WEB_GOODBYE};
use crate::say;
use crate::slack::payload::who::Who;
use crate::slack::payload::{Command, Inbound, Reply, Seen};
use crate::slack::place::Slack;
use crate::slack::words::{NO_BUTTON, SOON, Said, alone, help, unknown_user_words};

/// How it is known that something came from Slack.
#[derive(Debug, Clone)]
pub struct Proof {
    /// SHA-256 of what came in, as its bytes were.
    pub digest: [u8; 32],
    /// When Slack says that it was sent, where it says so.
    pub time: Option<UnixMicros>,
    /// What proved it, as evidence names it.
    pub by: &'static str,
}

impl Proof {
    /// Of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8], time: Option<UnixMicros>, by: &'static str) -> Self {
        Self {
            digest: Sha256::digest(bytes).into(),
            time,
            by,
        }
    }
}

/// What Slack is told at once.
#[derive(Debug, Clone, PartialEq)]
pub enum Ack {
    /// That it came.
    Empty,
    /// That, and what to show.
    Json(Value),
    /// That there is too much to do: Slack tells the person that it did not work.
    Busy,
}

/// Takes what comes from Slack.
#[derive(Debug)]
pub struct Desk {
    bot: Arc<Bot>,
    slack: Arc<Slack>,
    inbox: Option<String>,
    tasks: TaskTracker,
    places: Arc<Semaphore>,
}

/// Somebody whom the ledger knows, and the policy in force.
#[derive(Debug, Clone)]
struct Asker {
    account: Account,
    owner: Owner,
    rules: Arc<Rules>,
}

impl Desk {
    /// A desk for this app; `inbox` is the address of the web inbox.
    #[must_use]
    pub fn new(bot: Arc<Bot>, slack: Arc<Slack>, inbox: Option<String>) -> Arc<Self> {
        Arc::new(Self {
            bot,
            slack,
            inbox,
            tasks: TaskTracker::new(),
            places: Arc::new(Semaphore::new(SLACK_CLICKS)),
        })
    }

    /// The time.
    pub(super) fn now(&self) -> UnixMicros {
        self.bot.clock().now()
    }

    /// Takes what came in. It returns in time for Slack, whatever the ledger does.
    pub async fn take(self: &Arc<Self>, inbound: Inbound, proof: Proof) -> Ack {
        match inbound {
            Inbound::Check | Inbound::Other => Ack::Empty,
            Inbound::Challenge(word) => Ack::Json(json!({"challenge": word})),
            Inbound::Command(command) => self.command(command).await,
            Inbound::Shortcut(shortcut) => {
                let desk = Arc::clone(self);
                self.start(async move { desk.shortcut(shortcut).await })
            }
            Inbound::Click(click) => {
                let desk = Arc::clone(self);
                self.start(async move { desk.click(click, proof).await })
            }
            Inbound::Submission(submitted) => self.submitted(submitted, proof).await,
        }
    }

    async fn command(self: &Arc<Self>, command: Command) -> Ack {
        let word = command.text.split_whitespace().next().unwrap_or_default();
        let kind = match word.to_ascii_lowercase().as_str() {
            "request" => AskKind::Request,
            "break-glass" => AskKind::BreakGlass,
            "list" => return self.list(command).await,
            "" | "help" => return Ack::Json(alone(help(self.inbox.as_deref()))),
            _ => {
                let words = format!("Not known here.\n{}", help(self.inbox.as_deref()));
                return Ack::Json(alone(words));
            }
        };
        let desk = Arc::clone(self);
        self.start(async move {
            let (who, trigger) = (command.who, command.trigger);
            desk.open_form(kind, &who, &trigger, Some(&command.reply))
                .await;
        })
    }

    /// Lets work go on behind the acknowledgement.
    fn start(&self, work: impl Future<Output = ()> + Send + 'static) -> Ack {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return Ack::Busy;
        };
        self.tasks.spawn(async move {
            work.await;
            drop(place);
        });
        Ack::Empty
    }

    /// The result of work, if it is there in time; otherwise the work goes on and `late` takes its
    /// result. Both are none when there is too much to do.
    async fn in_time<T, F>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
        late: impl FnOnce(T) -> F + Send + 'static,
    ) -> Result<Option<T>, Ack>
    where
        T: Send + 'static,
        F: Future<Output = ()> + Send,
    {
        let (sender, mut result) = oneshot::channel();
        let started = self.start(async move {
            if let Err(done) = sender.send(work.await) {
                late(done).await;
            }
        });
        if started == Ack::Busy {
            return Err(Ack::Busy);
        }
        match timeout(SLACK_PATIENCE, &mut result).await {
            Ok(done) => Ok(done.ok()),
            // What was sent in this moment is still taken.
            Err(_elapsed) => {
                result.close();
                Ok(result.try_recv().ok())
            }
        }
    }

    /// Waits for what is under way, for a few seconds.
    pub(super) async fn finish(&self) {
        self.tasks.close();
        if timeout(WEB_GOODBYE, self.tasks.wait()).await.is_err() {
            tracing::warn!(left = self.tasks.len(), "Slack clicks were not finished");
        }
    }

    /// Who it is, or what to say to somebody who is nobody here.
    async fn asker(&self, who: &Who) -> Result<Asker, Said> {
        let home = self.home();
        let account = who.account(home);
        let rules = self.bot.rules(0).await.map_err(|error| no_rules(&error))?;
        let owner = match self.bot.owner(&account, home, &rules) {
            Some(owner) => Some(owner),
            None => self.by_email(&account, &rules).await,
        };
        match owner {
            Some(owner) => Ok(Asker {
                account,
                owner,
                rules,
            }),
            None => Err(unknown_user_words(
                &account,
                home,
                self.bot.link_for(&account, self.inbox.as_deref()),
            )),
        }
    }

    /// Whose the address of an account is, where addresses count.
    async fn by_email(&self, account: &Account, rules: &Rules) -> Option<Owner> {
        let email = self.slack.email(account).await?;
        let matched = self.bot.match_email(account, &email, rules).await;
        let warn = |error: &TieError| tracing::warn!(%error, "somebody in Slack is not known");
        matched.inspect_err(warn).ok().flatten()
    }

    fn home(&self) -> &str {
        use crate::surface::Surface as _;
        self.slack.tenant()
    }

    /// Says something to one person alone: where Slack wants the answer, or else in the channel.
    async fn say(&self, reply: &Reply, said: impl Into<Said>) {
        let body = alone(said);
        let api = self.slack.api();
        if let Some(url) = &reply.url {
            match api.respond(url, &body).await {
                Ok(()) => return,
                Err(error) => tracing::info!(%error, "the answer goes another way"),
            }
        }
        let body = json!({
            "channel": reply.channel,
            "user": reply.user,
            "text": body["text"],
            "blocks": body["blocks"],
        });
        if let Err(error) = api.call("chat.postEphemeral", &body).await {
            tracing::warn!(%error, "somebody in Slack has no answer");
        }
    }
}

/// Why there is no policy, in words.
fn no_rules(error: &RulesError) -> String {
    match error {
        RulesError::Call(error) => say::refused(error),
        RulesError::Unreadable { .. } => {
            tracing::error!(%error, "no policy to ask");
            "The policy in force cannot be read by this program. Tell the operator of the ledger."
                .to_owned()
        }
    }
}

impl Asker {
    fn person(&self) -> &str {
        &self.owner.person
    }

    /// What is known about a callback of this person.
    fn evidence(&self, callback: &str, seen: &Seen, proof: &Proof) -> v1::Evidence {
        let card = seen.card.map(|card| card.bytes().to_vec().into());
        v1::Evidence {
            platform: self.account.platform.word().to_owned(),
            tenant: self.account.tenant.clone(),
            user: self.account.user.clone(),
            channel: seen.channel.clone(),
            message: seen.message.clone(),
            card_sha256: card.unwrap_or_default(),
            callback_sha256: proof.digest.to_vec().into(),
            callback: callback.chars().take(256).collect(),
            callback_time: proof.time.map(timestamp),
            verified_by: proof.by.to_owned(),
            link: 0,
            passkey: None,
        }
    }

    /// An idempotency key that is the same for the same thing done by the same account.
    fn key(&self, parts: &[&str]) -> String {
        let mut hash = Sha256::new();
        let account = ["slack", &self.account.tenant, &self.account.user];
        for part in account.iter().chain(parts) {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        hex(&hash.finalize())
    }
}

/// Seconds with a fraction, as Slack writes times.
fn slack_time(text: &str) -> Option<UnixMicros> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let seconds: u64 = seconds.parse().ok()?;
    let fraction: u64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    UnixMicros::new(seconds.checked_mul(1_000_000)?.checked_add(fraction)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slacks_times_are_read_to_the_microsecond() {
        for (text, micros) in [
            ("1548426417.840180", Some(1_548_426_417_840_180)),
            ("1548426417", Some(1_548_426_417_000_000)),
            ("1548426417.5", Some(1_548_426_417_500_000)),
            ("1548426417.84018099", Some(1_548_426_417_840_180)),
            ("", None),
            (".5", None),
            ("1.x", None),
            ("-1.0", None),
            ("99999999999999999999", None),
        ] {
            let read = slack_time(text).map(UnixMicros::get);
            assert_eq!(read, micros, "{text}");
        }
    }
}

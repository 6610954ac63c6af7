//! Where activities of Teams are worked on.
//!
//! Each is worked on once. Whoever clicked gets an answer in time, whatever the ledger does: when
//! it takes longer, the work goes on, and what came of it is put in the place of the card.

mod click;
mod lane;
mod seen;
mod talk;

use std::sync::Arc;

use countersign_proto::convert::timestamp;
use countersign_proto::reading::text::hex;
use countersign_proto::v1;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use crate::account::{Account, Owner, Platform};
use crate::bot::Bot;
use crate::bot::shelf::{Rules, RulesError};
use crate::bot::tie::TieError;
use crate::limits::{TEAMS_PATIENCE, TEAMS_PLACES};
use crate::say;
use crate::surface::{Place, SendError, Surface as _};
use crate::teams::activity::{Activity, Audience, Kind};
use crate::teams::desk::click::Outcome;
use crate::teams::desk::lane::Lanes;
use crate::teams::desk::seen::Seen;
use crate::teams::dress::{digest_in, with_card, with_words};
use crate::teams::service::ServiceUrl;
use crate::teams::surface::{Teams, patiently};
use crate::teams::{answer, words};

/// The desk.
#[derive(Debug)]
pub struct Desk {
    bot: Arc<Bot>,
    teams: Arc<Teams>,
    /// Where the inbox is, for words.
    inbox: Option<String>,
    seen: Seen,
    lanes: Lanes,
    places: Arc<Semaphore>,
}

/// An activity that was verified.
#[derive(Debug)]
pub struct Letter {
    /// What it says.
    pub activity: Activity,
    /// Where answers go.
    pub service: ServiceUrl,
    /// SHA-256 of its bytes.
    pub sha256: [u8; 32],
}

/// Who did something.
struct Person {
    owner: Owner,
    /// The directory's object id.
    object: String,
    rules: Arc<Rules>,
}

impl Desk {
    /// A desk.
    #[must_use]
    pub fn new(bot: Arc<Bot>, teams: Arc<Teams>, inbox: Option<String>) -> Arc<Self> {
        Arc::new(Self {
            bot,
            teams,
            inbox,
            seen: Seen::default(),
            lanes: Lanes::default(),
            places: Arc::new(Semaphore::new(TEAMS_PLACES)),
        })
    }

    /// The bot in Teams.
    #[must_use]
    pub fn teams(&self) -> &Teams {
        &self.teams
    }

    /// Takes an activity; what is to be answered at once. `None` needs no answer.
    pub async fn take(self: &Arc<Self>, letter: Letter) -> Option<Value> {
        self.teams.learn(&letter.activity, &letter.service);
        match letter.activity.kind {
            Kind::Invoke if letter.activity.name != "adaptiveCard/action" => {
                Some(answer::error("NotSupported", words::BUTTON))
            }
            Kind::Invoke => Some(self.invoke(letter).await),
            Kind::Message | Kind::ConversationUpdate | Kind::InstallationUpdate => {
                self.hear(letter);
                None
            }
            Kind::Other => None,
        }
    }

    /// Works on a click; the same answer for every repeat of it.
    async fn invoke(self: &Arc<Self>, letter: Letter) -> Value {
        let key = key(&letter.activity);
        let (mut result, mine) = self.seen.enter(&key);
        if let Some(mine) = mine {
            let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
                self.seen.forget(&key);
                return answer::message(words::BUSY);
            };
            let desk = Arc::clone(self);
            drop(tokio::spawn(async move {
                let begun = Instant::now();
                let outcome = desk.click(&letter).await;
                mine.send_replace(Some(outcome.answer()));
                // A tenth less: words that are said twice are better than none.
                let late = begun.elapsed() >= TEAMS_PATIENCE * 9 / 10;
                desk.show(&letter, &outcome, late).await;
                drop(place);
            }));
        }
        match timeout(TEAMS_PATIENCE, result.wait_for(Option::is_some)).await {
            Ok(Ok(answer)) => answer.clone().unwrap_or_default(),
            Ok(Err(_)) | Err(_) => answer::message(words::LATER),
        }
    }

    /// Works on what needs no answer.
    fn hear(self: &Arc<Self>, letter: Letter) {
        let welcomes = letter.activity.welcomes;
        let key = match letter.activity.kind {
            Kind::Message => key(&letter.activity),
            // The bot's coming is told in two ways, and often twice.
            _ if welcomes => format!("welcome {}", letter.activity.conversation),
            _ => return,
        };
        let (_, Some(mine)) = self.seen.enter(&key) else {
            return;
        };
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            self.seen.forget(&key);
            tracing::warn!("a message of Teams was left out: too many at a time");
            return;
        };
        let desk = Arc::clone(self);
        drop(tokio::spawn(async move {
            match (letter.activity.kind, letter.activity.value.is_object()) {
                (Kind::Message, true) => {
                    let outcome = desk.click(&letter).await;
                    desk.show(&letter, &outcome, true).await;
                }
                (Kind::Message, false) => desk.talk(&letter).await,
                _ => desk.welcome(&letter).await,
            }
            mine.send_replace(Some(Value::Null));
            drop(place);
        }));
    }

    /// Brings the message up to date whose button was used: an answer is seen by one, and for a
    /// moment. Words that come too late for an answer are posted.
    async fn show(&self, letter: &Letter, outcome: &Outcome, late: bool) {
        let activity = &letter.activity;
        if let Some(card) = &outcome.put
            && !activity.reply_to.is_empty()
        {
            let place = Place {
                channel: activity.conversation.clone(),
                id: activity.reply_to.clone(),
            };
            self.update(&place, &with_card(card)).await;
        }
        if let Some(words) = outcome.words.as_ref().filter(|_| late) {
            self.reply(letter, &with_words(words)).await;
        }
    }

    /// Puts a card in the place of a message, unless a newer one stands there.
    async fn update(&self, place: &Place, card: &Value) {
        let turn = self.lanes.turn();
        let Some(lane) = self.lanes.enter(place, turn).await else {
            return;
        };
        if let Err(error) = patiently(|| self.teams.put(place, card)).await {
            tracing::warn!(%error, "a card in Teams is not up to date");
        }
        drop(lane);
    }

    /// Posts to whoever did something, where nobody else hears it.
    async fn reply(&self, letter: &Letter, said: &Value) {
        let activity = &letter.activity;
        let here = &activity.conversation;
        let mut posted = match (activity.audience, activity.object.as_str()) {
            (Audience::Alone, _) => patiently(|| self.teams.say(here, said)).await,
            (Audience::Many, "") => Err(SendError::Never {
                why: words::WHO.to_owned(),
            }),
            (Audience::Many, object) => patiently(|| self.teams.tell(object, said)).await,
        };
        if posted.is_err() && activity.audience == Audience::Many {
            let alone = with_words(words::ALONE);
            posted = patiently(|| self.teams.say(here, &alone)).await;
        }
        if let Err(error) = posted {
            tracing::warn!(%error, "an answer in Teams was not posted");
        }
    }

    /// Whose account it is that did something.
    ///
    /// # Errors
    /// Words for whoever did it.
    async fn person(&self, letter: &Letter) -> Result<Person, String> {
        let activity = &letter.activity;
        let object = match activity.object.as_str() {
            "" => {
                let (service, place) = (&letter.service, &activity.conversation);
                let asked = self.teams.connector.member(service, place, &activity.from);
                asked
                    .await
                    .map_err(|error| {
                        tracing::warn!(%error, "a member in Teams is not known");
                        words::WHO.to_owned()
                    })?
                    .object
            }
            known => known.to_owned(),
        };
        let rules = self.bot.rules(0).await.map_err(|error| match error {
            RulesError::Call(error) => say::refused(&error),
            RulesError::Unreadable { .. } => words::POLICY.to_owned(),
        })?;
        let tenant = self.teams.tenant();
        let account = Account {
            platform: Platform::Teams,
            tenant: tenant.to_owned(),
            user: object.clone(),
        };
        let owner = match self.bot.owner(&account, tenant, &rules) {
            Some(owner) => Some(owner),
            None => self.by_email(letter, &account, &rules).await,
        };
        let owner = owner.ok_or_else(|| {
            words::unlinked(
                tenant,
                &object,
                self.bot
                    .link_for(&account, self.inbox.as_deref())
                    .as_deref(),
            )
        })?;
        Ok(Person {
            owner,
            object,
            rules,
        })
    }

    /// Whose the address of an account is, where addresses count. The account is of the own tenant,
    /// and Entra vouches for its address.
    async fn by_email(&self, letter: &Letter, account: &Account, rules: &Rules) -> Option<Owner> {
        if !self.teams.match_email {
            return None;
        }
        let activity = &letter.activity;
        let (service, place) = (&letter.service, &activity.conversation);
        let connector = &self.teams.connector;
        let member = connector.member(service, place, &activity.from).await;
        let warn = |error: &SendError| tracing::warn!(%error, "an address in Teams is not known");
        let member = member.inspect_err(warn).ok()?;
        let email = member.email.filter(|_| member.object == account.user)?;
        let matched = self.bot.match_email(account, &email, rules).await;
        let warn = |error: &TieError| tracing::warn!(%error, "somebody in Teams is not known");
        matched.inspect_err(warn).ok().flatten()
    }

    /// What a command of a person carries.
    fn call(&self, letter: &Letter, person: &Person, data: &Value) -> v1::Call {
        let activity = &letter.activity;
        let evidence = v1::Evidence {
            platform: Platform::Teams.word().to_owned(),
            tenant: self.teams.tenant().to_owned(),
            user: person.object.clone(),
            channel: activity.conversation.clone(),
            message: activity.reply_to.clone(),
            card_sha256: digest_in(data).unwrap_or_default().into(),
            callback_sha256: letter.sha256.to_vec().into(),
            callback: activity.id.clone(),
            callback_time: activity.sent.map(timestamp),
            verified_by: "teams-jwt".to_owned(),
            link: 0,
            passkey: None,
        };
        self.bot.call(&person.owner, &key(activity), evidence)
    }
}

/// The same for the same activity, however often it comes: 64 hexadecimal digits.
fn key(activity: &Activity) -> String {
    let mut hash = Sha256::new();
    hash.update(b"countersign.teams.activity.v1");
    for part in [&activity.conversation, &activity.from, &activity.id] {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}

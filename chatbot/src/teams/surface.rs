//! The bot in Teams: where it has met whom, and what it posts there.
//!
//! Nothing of this is kept when the program ends. A conversation with somebody is created again
//! when it is not known, and Teams names the same one; a message is brought up to date by the
//! conversation and the id that NotificationDelivered has, at the address that the conversation was
//! last heard from, or else at that of the settings, which takes every conversation of its cloud.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::RwLock;
use serde_json::Value;
use tokio::time::sleep;

use crate::account::{Account, Platform};
use crate::card::Card;
use crate::clock::Clock;
use crate::limits::{TEAMS_KNOWN, TEAMS_TRIES, TEAMS_TRY_PAUSE};
use crate::surface::{Mark, Place, Recipient, SendError, Surface};
use crate::teams::activity::{Activity, Audience};
use crate::teams::connector::Connector;
use crate::teams::dress::{dressed, with_card};
use crate::teams::fetch;
use crate::teams::keys::Keys;
use crate::teams::service::ServiceUrl;
use crate::teams::settings::TeamsSettings;
use crate::teams::token::Gate;

/// The bot in Teams.
#[derive(Debug)]
pub struct Teams {
    pub(super) connector: Connector,
    pub(super) gate: Gate,
    tenant: String,
    /// Whether addresses count.
    pub(super) match_email: bool,
    /// For cards about which something has to be done there.
    inbox: Option<String>,
    service: ServiceUrl,
    known: RwLock<Known>,
}

/// What inbound activities have told.
#[derive(Debug, Default)]
struct Known {
    /// Conversations by the object id of whom they are with.
    people: BTreeMap<String, String>,
    /// Addresses by conversation.
    services: BTreeMap<String, ServiceUrl>,
}

impl Teams {
    /// The bot of these settings; `inbox` is the address of the web inbox. Nothing is asked of
    /// Microsoft before it is needed.
    ///
    /// # Errors
    /// A sentence that names the setting, or says that this machine cannot speak HTTPS.
    pub fn new(
        settings: &TeamsSettings,
        inbox: Option<String>,
        clock: Clock,
    ) -> Result<Arc<Self>, String> {
        let addresses = settings.addresses()?;
        let http = fetch::client()?;
        let connector = Connector::new(http.clone(), settings, &addresses);
        let gate = Gate::new(
            Keys::new(http, addresses.openid),
            &addresses.issuer,
            (&settings.app_id, &settings.tenant),
            addresses.hosts,
            clock,
        );
        Ok(Arc::new(Self {
            connector,
            gate,
            tenant: settings.tenant.clone(),
            match_email: settings.match_email,
            inbox,
            service: addresses.service,
            known: RwLock::default(),
        }))
    }

    /// Whether Microsoft takes the secret of the settings.
    ///
    /// # Errors
    /// A sentence, when it does not. That Microsoft is away is none.
    pub async fn check(&self) -> Result<(), String> {
        self.connector.check().await
    }

    /// A card as it goes out.
    pub(super) fn dressed(&self, card: &Card, audience: Audience) -> Value {
        let card = card.clone().leading_to(self.inbox.as_deref());
        dressed(&card, audience)
    }

    /// Remembers where an activity came from.
    pub(super) fn learn(&self, activity: &Activity, service: &ServiceUrl) {
        let mut known = self.known.write();
        if activity.leaves {
            known
                .people
                .retain(|_, place| *place != activity.conversation);
            return;
        }
        let place = base(&activity.conversation).to_owned();
        put(&mut known.services, place, service.clone());
        if activity.audience == Audience::Alone && !activity.object.is_empty() {
            let place = activity.conversation.clone();
            put(&mut known.people, activity.object.clone(), place);
        }
    }

    /// Where the connector takes what is said in a conversation.
    fn service(&self, conversation: &str) -> ServiceUrl {
        let known = self.known.read();
        let service = known.services.get(base(conversation));
        service.unwrap_or(&self.service).clone()
    }

    /// The conversation with somebody; whether it was known.
    async fn meet(&self, object: &str) -> Result<(String, bool), SendError> {
        let known = self.known.read().people.get(object).cloned();
        if let Some(place) = known {
            return Ok((place, true));
        }
        let place = self.connector.create(&self.service, object).await?;
        put(
            &mut self.known.write().people,
            object.to_owned(),
            place.clone(),
        );
        Ok((place, false))
    }

    /// Posts to somebody alone.
    pub(super) async fn tell(&self, object: &str, activity: &Value) -> Result<Place, SendError> {
        let (place, was_known) = self.meet(object).await?;
        match self.say(&place, activity).await {
            // What was known may be of an installation that is gone: there can be a newer one.
            Err(SendError::Never { .. }) if was_known => {
                self.known.write().people.remove(object);
                let (place, _) = self.meet(object).await?;
                self.say(&place, activity).await
            }
            said => said,
        }
    }

    /// Posts into a conversation.
    pub(super) async fn say(
        &self,
        conversation: &str,
        activity: &Value,
    ) -> Result<Place, SendError> {
        let service = self.service(conversation);
        let posted = self.connector.post(&service, conversation, activity);
        Ok(Place {
            id: posted.await?,
            channel: conversation.to_owned(),
        })
    }

    /// Puts another activity in the place of one.
    pub(super) async fn put(&self, place: &Place, activity: &Value) -> Result<(), SendError> {
        let service = self.service(&place.channel);
        let at = (place.channel.as_str(), place.id.as_str());
        self.connector.put(&service, at, activity).await
    }
}

/// A conversation without the message of a channel that it hangs on.
fn base(conversation: &str) -> &str {
    conversation.split(';').next().unwrap_or(conversation)
}

/// Remembers, within bounds; whatever goes is asked for again.
fn put<T>(known: &mut BTreeMap<String, T>, key: String, value: T) {
    if known.len() >= TEAMS_KNOWN && !known.contains_key(&key) {
        known.pop_first();
    }
    known.insert(key, value);
}

/// Does something until Teams takes it, or says that it never will, or was asked often enough.
pub(super) async fn patiently<T, F>(mut work: impl FnMut() -> F) -> Result<T, SendError>
where
    F: Future<Output = Result<T, SendError>>,
{
    let mut pause = TEAMS_TRY_PAUSE;
    for _ in 1..TEAMS_TRIES {
        match work().await {
            Err(SendError::Later { after, why }) => {
                tracing::debug!(why, "Teams asks for patience");
                sleep(after.unwrap_or(pause).min(TEAMS_TRY_PAUSE * 20)).await;
                pause *= 2;
            }
            done => return done,
        }
    }
    work().await
}

impl Surface for Teams {
    fn platform(&self) -> Platform {
        Platform::Teams
    }

    fn tenant(&self) -> &str {
        &self.tenant
    }

    async fn post(&self, to: &Recipient, card: &Card, _mark: &Mark) -> Result<Place, SendError> {
        match to {
            Recipient::Account(account) if !self.is_ours(account) => Err(SendError::Never {
                why: format!("{} is no account of this bot's tenant", account.user),
            }),
            Recipient::Account(account) => {
                let activity = with_card(&self.dressed(card, Audience::Alone));
                self.tell(&account.user.to_ascii_lowercase(), &activity)
                    .await
            }
            Recipient::Channel(channel) => {
                let activity = with_card(&self.dressed(card, Audience::Many));
                self.say(channel, &activity).await
            }
        }
    }

    async fn update(&self, place: &Place, card: &Card) -> Result<(), SendError> {
        let activity = with_card(&self.dressed(card, audience(&place.channel)));
        self.put(place, &activity).await
    }

    /// Teams lets no bot read what it has said.
    async fn find(&self, _to: &Recipient, _mark: &Mark) -> Result<Option<Place>, SendError> {
        Ok(None)
    }
}

impl Teams {
    fn is_ours(&self, account: &Account) -> bool {
        account.platform == Platform::Teams && account.tenant.eq_ignore_ascii_case(&self.tenant)
    }
}

/// Who hears what is said in a conversation, by its id: those of channels and groups begin with
/// `19:`.
fn audience(conversation: &str) -> Audience {
    match conversation.starts_with("19:") {
        true => Audience::Many,
        false => Audience::Alone,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_known_has_bounds() {
        let mut known = BTreeMap::new();
        for number in 0..TEAMS_KNOWN + 10 {
            put(&mut known, format!("{number:08}"), number);
        }
        assert_eq!(known.len(), TEAMS_KNOWN);
        put(&mut known, format!("{:08}", TEAMS_KNOWN), 7);
        assert_eq!(known.len(), TEAMS_KNOWN);
    }

    #[test]
    fn a_channel_is_known_by_its_id() {
        assert_eq!(base("19:a@thread.tacv2;messageid=17"), "19:a@thread.tacv2");
        assert_eq!(audience("19:a@thread.tacv2;messageid=17"), Audience::Many);
        assert_eq!(audience("a:1x"), Audience::Alone);
    }

    #[tokio::test]
    async fn patience_ends() {
        let mut tries = 0;
        let later = patiently(|| {
            tries += 1;
            std::future::ready(Err::<(), _>(SendError::Later {
                after: Some(Duration::ZERO),
                why: "busy".to_owned(),
            }))
        });
        assert!(matches!(later.await, Err(SendError::Later { .. })));
        assert_eq!(tries, TEAMS_TRIES);
    }
}

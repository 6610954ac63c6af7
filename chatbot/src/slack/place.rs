//! Slack as a place where cards stand.

use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::account::{Account, Platform};
use crate::card::Card;
use crate::limits::{SLACK_PAGE, SLACK_PAGES};
use crate::slack::api::{API, Api, ApiError, Fault};
use crate::slack::message::message;
use crate::slack::settings::SlackSettings;
use crate::surface::{Mark, Place, Recipient, SendError, Surface};

/// Type of the metadata on our messages.
const CARD: &str = "countersign_card";

/// The app in a workspace or an enterprise.
#[derive(Debug)]
pub struct Slack {
    api: Api,
    team: String,
    match_email: bool,
    inbox: Option<String>,
    /// The account under which the app posts.
    me: OnceCell<Me>,
}

/// Whom a token belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Me {
    team: String,
    enterprise: Option<String>,
    user: String,
}

impl Slack {
    /// The app of these settings. Nothing is asked yet.
    ///
    /// # Errors
    /// A sentence that names the setting.
    pub fn new(settings: &SlackSettings) -> Result<Self, String> {
        let address = settings.api_url.as_deref().unwrap_or(API);
        Ok(Self {
            api: Api::new(address, settings.bot_token_file.expose())?,
            team: settings.team.clone(),
            match_email: settings.match_email,
            inbox: None,
            me: OnceCell::new(),
        })
    }

    /// With the address of the inbox, for cards about which something has to be done there.
    #[must_use]
    pub fn leading_to(mut self, inbox: Option<String>) -> Self {
        self.inbox = inbox;
        self
    }

    /// The API under the bot's token.
    #[must_use]
    pub const fn api(&self) -> &Api {
        &self.api
    }

    /// Whether the token is of the organisation of the settings.
    ///
    /// # Errors
    /// A sentence, when it is not, or when Slack does not take it. That Slack is away is none.
    pub async fn check(&self) -> Result<(), String> {
        match self.me().await {
            Ok(me) if me.team == self.team || me.enterprise.as_ref() == Some(&self.team) => Ok(()),
            Ok(me) => Err(format!(
                "slack.bot_token_file holds a token of {}, and slack.team is {}; take the token \
                 and the id of the same workspace or enterprise",
                me.enterprise.unwrap_or(me.team),
                self.team
            )),
            Err(error) if error.is_of_token() => Err(format!("slack.bot_token_file: {error}")),
            Err(error) => {
                tracing::warn!(%error, "the Slack token is not checked");
                Ok(())
            }
        }
    }

    /// The address of an account of the own organisation, which Slack vouches for; none unless the
    /// settings say that addresses count.
    pub(super) async fn email(&self, account: &Account) -> Option<String> {
        if !self.match_email || account.tenant != self.team {
            return None;
        }
        let answer = self.api.ask("users.info", &[("user", &account.user)]).await;
        let answer = answer
            .inspect_err(|error| tracing::warn!(%error, "an address in Slack is not known"))
            .ok()?;
        let user = &answer["user"];
        let strange = user["is_stranger"] == true || user["is_email_confirmed"] == false;
        let email = user["profile"]["email"].as_str().filter(|_| !strange);
        email.map(str::to_owned)
    }

    async fn me(&self) -> Result<Me, ApiError> {
        let asked = async || {
            let method = "auth.test";
            let answer = self.api.call(method, &json!({})).await?;
            let text = |name: &str| answer[name].as_str().map(str::to_owned);
            let (Some(team), Some(user)) = (text("team_id"), text("user_id")) else {
                let fault = Fault::Strange("without team_id and user_id".to_owned());
                return Err(ApiError { method, fault });
            };
            Ok(Me {
                team,
                enterprise: text("enterprise_id"),
                user,
            })
        };
        self.me.get_or_try_init(asked).await.cloned()
    }

    /// The conversation in which a recipient is told.
    async fn conversation(&self, to: &Recipient) -> Result<String, ApiError> {
        let account = match to {
            Recipient::Channel(channel) => return Ok(channel.clone()),
            Recipient::Account(account) => account,
        };
        let method = "conversations.open";
        let body = json!({"users": account.user});
        let answer = self.api.call(method, &body).await?;
        let channel = answer["channel"]["id"].as_str().map(str::to_owned);
        channel.ok_or(ApiError {
            method,
            fault: Fault::Strange("a conversation without an id".to_owned()),
        })
    }
}

impl Surface for Slack {
    fn platform(&self) -> Platform {
        Platform::Slack
    }

    fn tenant(&self) -> &str {
        &self.team
    }

    async fn post(&self, to: &Recipient, card: &Card, mark: &Mark) -> Result<Place, SendError> {
        let channel = self.conversation(to).await.map_err(before)?;
        let card = card.clone().leading_to(self.inbox.as_deref());
        let mut body = message(&card).post();
        body["channel"] = json!(channel);
        body["metadata"] = metadata(mark);
        let answer = self.api.call("chat.postMessage", &body).await?;
        let text = |name: &str| answer[name].as_str().map(str::to_owned);
        match (text("channel"), text("ts")) {
            (Some(channel), Some(id)) => Ok(Place { channel, id }),
            _ => Err(SendError::Unknown {
                why: "chat.postMessage: Slack's answer does not say where the message is"
                    .to_owned(),
            }),
        }
    }

    async fn update(&self, place: &Place, card: &Card) -> Result<(), SendError> {
        let card = card.clone().leading_to(self.inbox.as_deref());
        let mut body = message(&card).json();
        body["channel"] = json!(place.channel);
        body["ts"] = json!(place.id);
        body["parse"] = json!("none");
        body["link_names"] = json!(false);
        self.api.call("chat.update", &body).await?;
        Ok(())
    }

    async fn find(&self, to: &Recipient, mark: &Mark) -> Result<Option<Place>, SendError> {
        let me = self.me().await.map_err(before)?;
        let channel = self.conversation(to).await.map_err(before)?;
        let mut cursor = String::new();
        for _ in 0..SLACK_PAGES {
            let limit = SLACK_PAGE.to_string();
            let mut fields = vec![
                ("channel", channel.as_str()),
                ("include_all_metadata", "true"),
                ("limit", &limit),
            ];
            if !cursor.is_empty() {
                fields.push(("cursor", &cursor));
            }
            let page = self.api.ask("conversations.history", &fields).await;
            let page = page.map_err(before)?;
            let messages = page["messages"].as_array().map(Vec::as_slice);
            for message in messages.unwrap_or_default() {
                if let Some(id) = marked(message, &me.user, mark) {
                    return Ok(Some(Place { channel, id }));
                }
            }
            let next = page["response_metadata"]["next_cursor"].as_str();
            next.unwrap_or_default().clone_into(&mut cursor);
            if cursor.is_empty() {
                break;
            }
        }
        Ok(None)
    }
}

/// Nothing was posted, whatever became of a call that posts nothing.
fn before(error: ApiError) -> SendError {
    match SendError::from(error) {
        SendError::Unknown { why } => SendError::Later { after: None, why },
        sorted => sorted,
    }
}

fn metadata(mark: &Mark) -> Value {
    json!({
        "event_type": CARD,
        "event_payload": {"about": mark.about.to_string(), "recipient": mark.recipient},
    })
}

/// The id of a message of ours with this mark. Another app may write the same metadata, so it has
/// to be ours.
fn marked(message: &Value, me: &str, mark: &Mark) -> Option<String> {
    let ours = message["user"].as_str() == Some(me);
    let same = message["metadata"]["event_type"] == CARD
        && message["metadata"]["event_payload"] == metadata(mark)["event_payload"];
    let id = message["ts"].as_str().filter(|_| ours && same);
    id.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_on_our_own_messages_only() {
        let mark = Mark {
            about: 42,
            recipient: "ada".to_owned(),
        };
        let message = json!({"user": "UBOT", "ts": "1.2", "metadata": metadata(&mark)});
        assert_eq!(marked(&message, "UBOT", &mark).as_deref(), Some("1.2"));
        assert_eq!(marked(&message, "UEVIL", &mark), None);
        let other = Mark {
            about: 43,
            ..mark.clone()
        };
        assert_eq!(marked(&message, "UBOT", &other), None);
        assert_eq!(
            marked(&json!({"user": "UBOT", "ts": "1.2"}), "UBOT", &mark),
            None
        );
    }
}

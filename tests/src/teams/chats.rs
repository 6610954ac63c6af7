//! The chats of people with the bot, as Teams brings what they do to its door.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::Method;
use reqwest::Client;
use serde_json::{Value, json};

use crate::process::free_port;
use crate::teams::microsoft::{APP, Call, Microsoft, TENANT};

/// The object id of somebody of the policy.
#[must_use]
pub fn object(person: &str) -> String {
    let mut digits: String = person.bytes().map(|byte| format!("{byte:02x}")).collect();
    digits.push_str(&"0".repeat(32));
    format!(
        "{}-0000-0000-{}-{}",
        &digits[..8],
        &digits[8..12],
        &digits[12..24]
    )
}

/// The chats, and the connector that answers of the bot go to.
#[derive(Debug)]
pub struct Chats {
    /// Microsoft.
    pub microsoft: Microsoft,
    /// For requests to the bot.
    pub http: Client,
    /// Where the bot takes activities.
    pub port: u16,
    next: AtomicU64,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    /// Of HTTP.
    pub status: u16,
    /// JSON, or null.
    pub body: Value,
    /// From the request to the end of the answer.
    pub took: Duration,
}

impl Chats {
    /// Starts Microsoft's part.
    ///
    /// # Panics
    /// When loopback has no port.
    pub async fn start() -> Self {
        Self {
            microsoft: Microsoft::start().await,
            http: Client::builder().no_proxy().build().expect("a client"),
            port: free_port(),
            next: AtomicU64::new(1),
        }
    }

    /// The section of a configuration, whose secret goes into a file of this folder.
    ///
    /// # Panics
    /// When it cannot be written.
    #[must_use]
    pub fn settings(&self, folder: &Path) -> String {
        std::fs::create_dir_all(folder).expect("room");
        std::fs::write(folder.join("teams-secret"), "hush\n").expect("room");
        format!(
            "[teams]\ntenant = \"{TENANT}\"\napp_id = \"{APP}\"\n\
             client_secret_file = \"teams-secret\"\nlisten = \"127.0.0.1:{}\"\n{}",
            self.port,
            self.microsoft.settings()
        )
    }

    /// Where the bot takes activities.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/api/messages", self.port)
    }

    /// A new id of an activity.
    #[must_use]
    pub fn id(&self) -> String {
        format!("f:{}", self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// Posts a body with a header.
    pub async fn post(&self, authorization: Option<&str>, body: &Value) -> Reply {
        self.post_bytes(authorization, body.to_string()).await
    }

    /// As [`Chats::post`], of any bytes.
    ///
    /// # Panics
    /// When nobody listens.
    pub async fn post_bytes(&self, authorization: Option<&str>, body: String) -> Reply {
        let mut request = self.http.post(self.url()).body(body);
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        let begun = tokio::time::Instant::now();
        let answer = request.send().await.expect("it listens");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("text");
        Reply {
            status,
            body: serde_json::from_str(&text).unwrap_or_default(),
            took: begun.elapsed(),
        }
    }

    /// Posts what Teams would, with a good token.
    ///
    /// # Panics
    /// When it is not taken.
    pub async fn tell(&self, body: &Value) -> Reply {
        let token = self.microsoft.token(&self.microsoft.service());
        let reply = self.post(Some(&format!("Bearer {token}")), body).await;
        assert_eq!(reply.status, 200, "{body}");
        reply
    }

    /// An activity of somebody in a chat with the bot alone.
    #[must_use]
    pub fn activity(&self, person: &str, kind: &str) -> Value {
        json!({
            "type": kind,
            "id": self.id(),
            "timestamp": "2026-11-27T09:00:00.123Z",
            "serviceUrl": self.microsoft.service(),
            "channelId": "msteams",
            "from": {"id": format!("29:{person}"), "aadObjectId": object(person)},
            "recipient": {"id": format!("28:{APP}"), "name": "Countersign"},
            "conversation": {
                "id": format!("a:{}", object(person)),
                "tenantId": TENANT,
                "conversationType": "personal",
            },
            "channelData": {"tenant": {"id": TENANT}},
        })
    }

    /// Somebody writes, and the bot answers with this.
    ///
    /// # Panics
    /// When it does not.
    pub async fn write(&self, person: &str, words: &str) -> Value {
        let from = self.microsoft.calls();
        let mut body = self.activity(person, "message");
        body["text"] = json!(words);
        self.tell(&body).await;
        let path = path_of(person);
        // Meanwhile the bot may tell of a case by itself.
        let asks = words.starts_with("case ");
        let posted = |call: &Call| {
            let is_it = call.method == Method::POST && call.path == path;
            is_it && (asks || about(&call.body).is_none())
        };
        let (number, call) = self.microsoft.wait(from, posted).await;
        assert!(call.authorization.starts_with("Bearer pass-"), "{call:?}");
        said(number, call)
    }

    /// The message in which the bot has told somebody of a case by itself.
    ///
    /// # Panics
    /// When it does not.
    pub async fn told_of(&self, person: &str, case: u64) -> Value {
        self.told_in(&path_of(person), case).await
    }

    /// As [`Chats::told_of`], in the conversation of this path.
    ///
    /// # Panics
    /// When it does not.
    pub async fn told_in(&self, path: &str, case: u64) -> Value {
        let told = |call: &Call| {
            let is_it = call.method == Method::POST && call.path == path;
            is_it && about(&call.body) == Some(case)
        };
        let (number, call) = self.microsoft.wait(0, told).await;
        said(number, call)
    }

    /// A click on a button of a message in a channel.
    #[must_use]
    pub fn channel_click(
        &self,
        person: &str,
        (channel, message): (&str, &Value),
        button: &Value,
    ) -> Value {
        let mut body = self.click(person, message, button);
        body["conversation"] = json!({
            "id": format!("{channel};messageid={}", message["id"].as_str().unwrap_or_default()),
            "tenantId": TENANT,
            "conversationType": "channel",
        });
        body
    }

    /// A click on a button of a message, with what was filled in.
    #[must_use]
    pub fn click(&self, person: &str, message: &Value, button: &Value) -> Value {
        let mut body = self.activity(person, "invoke");
        body["name"] = json!("adaptiveCard/action");
        body["replyToId"] = message["id"].clone();
        body["value"] = json!({
            "action": {"type": "Action.Execute", "verb": button["verb"], "data": button["data"]},
            "trigger": "manual",
        });
        body
    }
}

/// Where messages to somebody are posted.
#[must_use]
pub fn path_of(person: &str) -> String {
    format!("/teams/v3/conversations/a:{}/activities", object(person))
}

/// The case whose card this is.
#[must_use]
pub fn about(said: &Value) -> Option<u64> {
    let card = &said["attachments"][0]["content"];
    let target = &card["refresh"]["action"]["data"]["target"];
    target.as_str()?.parse().ok()
}

/// What was posted, with the id that it got.
fn said(number: usize, call: Call) -> Value {
    let mut said = call.body;
    said["id"] = json!(format!("m{}", number + 1));
    said
}

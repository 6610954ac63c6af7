//! A small chat platform on loopback, and the surface of a bot that speaks to it: one JSON line
//! there and one back, over a connection for each call.

use std::net::SocketAddr;
use std::time::Duration;

use countersign_chatbot::account::Platform;
use countersign_chatbot::card::Card;
use countersign_chatbot::surface::{Mark, Place, Recipient, SendError, Surface};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// The organisation of every bot in tests.
pub const TENANT: &str = "T0001";

/// A bot's side.
#[derive(Debug)]
pub struct Wire {
    /// Where the platform listens.
    pub platform: SocketAddr,
}

impl Wire {
    /// One call. Before the platform has it, nothing happened; after that, anything may have.
    async fn call(&self, question: Value) -> Result<Value, SendError> {
        let later = |error: std::io::Error| SendError::Later {
            after: None,
            why: error.to_string(),
        };
        let unknown = |why: String| SendError::Unknown { why };
        let mut stream = TcpStream::connect(self.platform).await.map_err(later)?;
        let line = format!("{question}\n");
        let sent = stream.write_all(line.as_bytes()).await;
        sent.map_err(|error| unknown(error.to_string()))?;
        let mut answer = String::new();
        let read = BufReader::new(stream).read_line(&mut answer).await;
        read.map_err(|error| unknown(error.to_string()))?;
        let answer: Value =
            serde_json::from_str(&answer).map_err(|error| unknown(error.to_string()))?;
        match answer["error"].as_str() {
            None => Ok(answer),
            Some(why) => Err(error_of(why)),
        }
    }
}

/// What a platform's word means.
fn error_of(why: &str) -> SendError {
    let why_text = why.to_owned();
    match why.strip_prefix("later ") {
        Some(millis) => SendError::Later {
            after: millis.parse().ok().map(Duration::from_millis),
            why: why_text,
        },
        None if why == "unknown" => SendError::Unknown { why: why_text },
        None => SendError::Never { why: why_text },
    }
}

/// How a recipient is written.
#[must_use]
pub fn address(to: &Recipient) -> String {
    match to {
        Recipient::Account(account) => account.user.clone(),
        Recipient::Channel(id) => id.clone(),
    }
}

fn shown(card: &Card) -> Value {
    let actions = card.actions.iter().map(ToString::to_string);
    json!({
        "case": card.case,
        "badge": card.badge.word(),
        "digest": card.digest().to_string(),
        "actions": actions.collect::<Vec<_>>(),
    })
}

impl Surface for Wire {
    fn platform(&self) -> Platform {
        Platform::Slack
    }

    fn tenant(&self) -> &str {
        TENANT
    }

    async fn post(&self, to: &Recipient, card: &Card, mark: &Mark) -> Result<Place, SendError> {
        let question = json!({
            "call": "post", "to": address(to), "card": shown(card), "mark": mark.to_string(),
        });
        let answer = self.call(question).await?;
        Ok(Place {
            channel: address(to),
            id: answer["id"].as_str().unwrap_or_default().to_owned(),
        })
    }

    async fn update(&self, place: &Place, card: &Card) -> Result<(), SendError> {
        let question = json!({"call": "update", "id": place.id, "card": shown(card)});
        self.call(question).await.map(drop)
    }

    async fn find(&self, to: &Recipient, mark: &Mark) -> Result<Option<Place>, SendError> {
        let question = json!({"call": "find", "to": address(to), "mark": mark.to_string()});
        let answer = self.call(question).await?;
        Ok(answer["id"].as_str().map(|id| Place {
            channel: address(to),
            id: id.to_owned(),
        }))
    }
}

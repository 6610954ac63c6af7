//! What Slack sends when somebody types a command, clicks, or sends a form.
//!
//! Whoever reads it has checked before that it came from Slack. It is still judged field by field:
//! an id that has not the form of one is not there, and what is missing is said.

mod read;
pub mod who;

use serde_json::Value;

use crate::card::CardDigest;
use crate::card::action::{Action, ActionError};
use crate::slack::payload::who::Who;

/// Something from Slack.
#[derive(Debug, Clone, PartialEq)]
pub enum Inbound {
    /// Slack looks whether there is TLS.
    Check,
    /// Slack looks whether the address is ours; the word has to come back.
    Challenge(String),
    /// A command was typed.
    Command(Command),
    /// A shortcut was chosen.
    Shortcut(Shortcut),
    /// A button was clicked.
    Click(Click),
    /// A form was sent.
    Submission(Submitted),
    /// Something that needs no more than an acknowledgement.
    Other,
}

/// Why something is not from Slack, or of another version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// Not text.
    #[error("expected text in UTF-8")]
    Text,
    /// Not JSON.
    #[error("expected JSON in {0}")]
    Json(&'static str),
    /// A field is missing, stands twice, or has not its form.
    #[error("expected one {0} in the form that Slack documents")]
    Field(&'static str),
}

/// A command.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// Who typed it.
    pub who: Who,
    /// What stands behind the command.
    pub text: String,
    /// Lets us open a modal, within three seconds.
    pub trigger: String,
    /// Where answers go.
    pub reply: Reply,
}

/// A shortcut.
#[derive(Debug, Clone, PartialEq)]
pub struct Shortcut {
    /// Who chose it.
    pub who: Who,
    /// Which: as in the manifest.
    pub name: String,
    /// Lets us open a modal, within three seconds.
    pub trigger: String,
}

/// A click.
#[derive(Debug, Clone, PartialEq)]
pub struct Click {
    /// Who clicked.
    pub who: Who,
    /// On which button.
    pub action: Result<Action, ActionError>,
    /// When, as Slack says it: seconds with a fraction.
    pub at: String,
    /// Lets us open a modal, within three seconds.
    pub trigger: String,
    /// Which card it was on, for evidence only.
    pub seen: Seen,
    /// Where answers go.
    pub reply: Reply,
}

/// A form that came back.
#[derive(Debug, Clone, PartialEq)]
pub struct Submitted {
    /// Who sent it.
    pub who: Who,
    /// The modal's id.
    pub id: String,
    /// The modal.
    pub view: Value,
    /// The id of this callback.
    pub trigger: String,
}

/// The message and the card that somebody had before them. It says what was seen, and never what
/// may be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Channel or conversation; may be empty.
    pub channel: String,
    /// The message in it; may be empty.
    pub message: String,
    /// Digest of the card, when it is known.
    pub card: Option<CardDigest>,
}

/// Where answers for one person alone can go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    /// The address that Slack gave for answers to this.
    pub url: Option<String>,
    /// The channel in which it was done; may be empty.
    pub channel: String,
    /// The person.
    pub user: String,
}

impl Seen {
    /// Behind the number in a modal's `private_metadata`.
    #[must_use]
    pub fn keep(&self, target: &str) -> String {
        if self.channel.is_empty() || self.message.is_empty() {
            return target.to_owned();
        }
        let mut kept = format!("{target} {} {}", self.channel, self.message);
        if let Some(card) = self.card {
            kept = format!("{kept} {card}");
        }
        kept
    }

    /// The number, and what was kept behind it; none for what we never keep.
    #[must_use]
    pub fn split(metadata: &str) -> Option<(&str, Self)> {
        let words: Vec<&str> = metadata.split(' ').take(5).collect();
        let (target, channel, message, card) = match *words.as_slice() {
            [target] => return Some((target, Self::default())),
            [target, channel, message] => (target, channel, message, None),
            [target, channel, message, card] => {
                (target, channel, message, Some(CardDigest::parse(card)?))
            }
            _ => return None,
        };
        let seen = Self {
            channel: read::id(channel)?,
            message: read::id(message)?,
            card,
        };
        Some((target, seen))
    }
}

//! A chat platform as the follower sees it that tells people: a place where cards stand.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::account::{Account, Platform};
use crate::card::Card;

/// Who a message is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Recipient {
    /// Somebody, in a conversation with the bot alone.
    Account(Account),
    /// Everyone in a channel, by the platform's id.
    Channel(String),
}

/// Where a message stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Channel or conversation.
    pub channel: String,
    /// The platform's id of the message.
    pub id: String,
}

/// What a message carries, unseen, so that it is found again when the program ended between the
/// platform's answer and the entry that says so: the entry it tells of, and for whom.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// Index of the entry.
    pub about: u64,
    /// As in NotificationDelivered: a person of the policy, or `channel:` and its name.
    pub recipient: String,
}

impl fmt::Display for Mark {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.about, self.recipient)
    }
}

/// Why a message is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The platform asks for patience, or is away: nothing was posted.
    #[error("{why}")]
    Later {
        /// How long the platform wants to be left alone, if it said so.
        after: Option<Duration>,
        /// What it said.
        why: String,
    },
    /// It may have been posted: the connection ended before the answer.
    #[error("{why}")]
    Unknown {
        /// What happened.
        why: String,
    },
    /// It will not be taken, however often: the recipient is gone, the bot is not in the channel.
    #[error("{why}")]
    Never {
        /// What the platform said, and what to do about it.
        why: String,
    },
}

/// A platform on which cards are shown.
pub trait Surface: Send + Sync + 'static {
    /// Which.
    fn platform(&self) -> Platform;

    /// The organisation that the directory's ids belong to.
    fn tenant(&self) -> &str;

    /// Posts a card as a new message.
    fn post(
        &self,
        to: &Recipient,
        card: &Card,
        mark: &Mark,
    ) -> impl Future<Output = Result<Place, SendError>> + Send;

    /// Brings a message up to date. That it is gone is [`SendError::Never`].
    fn update(
        &self,
        place: &Place,
        card: &Card,
    ) -> impl Future<Output = Result<(), SendError>> + Send;

    /// Looks for a message of this bot with a mark; `None` when there is none, or when the platform
    /// has no way to look.
    fn find(
        &self,
        to: &Recipient,
        mark: &Mark,
    ) -> impl Future<Output = Result<Option<Place>, SendError>> + Send;
}

/// One surface for those who speak and those who answer.
impl<S: Surface> Surface for Arc<S> {
    fn platform(&self) -> Platform {
        S::platform(self)
    }

    fn tenant(&self) -> &str {
        S::tenant(self)
    }

    fn post(
        &self,
        to: &Recipient,
        card: &Card,
        mark: &Mark,
    ) -> impl Future<Output = Result<Place, SendError>> + Send {
        S::post(self, to, card, mark)
    }

    fn update(
        &self,
        place: &Place,
        card: &Card,
    ) -> impl Future<Output = Result<(), SendError>> + Send {
        S::update(self, place, card)
    }

    fn find(
        &self,
        to: &Recipient,
        mark: &Mark,
    ) -> impl Future<Output = Result<Option<Place>, SendError>> + Send {
        S::find(self, to, mark)
    }
}

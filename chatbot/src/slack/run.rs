//! The Slack app, from its settings to its end.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::bot::Bot;
use crate::slack::api::{API, Api};
use crate::slack::desk::Desk;
use crate::slack::http::{HttpError, Listening};
use crate::slack::place::Slack;
use crate::slack::settings::{SlackSettings, Way};
use crate::slack::socket::{self, SocketError};

/// Why the app cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SlackError {
    /// A setting is wrong.
    #[error("{0}")]
    Settings(String),
    /// Nobody can call.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// There will be no socket.
    #[error(transparent)]
    Socket(#[from] SocketError),
}

/// The app, ready to speak; [`listen`](Self::listen) takes what people do.
#[derive(Debug, Clone)]
pub struct App {
    slack: Arc<Slack>,
    settings: SlackSettings,
    inbox: Option<String>,
}

impl App {
    /// Checks the token, if Slack can be asked; `inbox` is the address of the web inbox.
    ///
    /// # Errors
    /// [`SlackError::Settings`].
    pub async fn open(settings: &SlackSettings, inbox: Option<String>) -> Result<Self, SlackError> {
        let slack = Slack::new(settings).map_err(SlackError::Settings)?;
        let slack = slack.leading_to(inbox.clone());
        slack.check().await.map_err(SlackError::Settings)?;
        Ok(Self {
            slack: Arc::new(slack),
            settings: settings.clone(),
            inbox,
        })
    }

    /// The place where cards stand, for the follower that tells people.
    #[must_use]
    pub const fn slack(&self) -> &Arc<Slack> {
        &self.slack
    }

    /// Takes what people do until `stop` is cancelled.
    ///
    /// # Errors
    /// [`SlackError`].
    pub async fn listen(&self, bot: Arc<Bot>, stop: &CancellationToken) -> Result<(), SlackError> {
        let desk = Desk::new(bot, Arc::clone(&self.slack), self.inbox.clone());
        match self.settings.way().map_err(SlackError::Settings)? {
            Way::Http { listen, secret } => {
                let listening = Listening::bind(listen).await?;
                let serving = listening.serve(desk, secret.expose(), stop.clone());
                Ok(serving.await?)
            }
            Way::Socket { token } => {
                let address = self.settings.api_url.as_deref().unwrap_or(API);
                let api = Api::new(address, token.expose()).map_err(SlackError::Settings)?;
                Ok(socket::run(desk, &api, stop).await?)
            }
        }
    }
}

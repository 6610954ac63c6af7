//! Socket Mode: we keep a WebSocket open, and Slack sends through it what it would post otherwise.
//!
//! There is no signature in this mode. What proves that something came from Slack is the TLS
//! connection to the address that Slack gave under our app token.
//!
//! Slack closes each socket after some hours and says so before: the next one is opened then, and
//! the old one is read until it ends. What comes twice is one command, by its idempotency key.

mod frame;
mod line;

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

pub use frame::{Envelope, Frame, FrameError, Kind, Reason};

use crate::limits::{SOCKET_BACKOFF, SOCKET_BACKOFF_MAX, WEB_GOODBYE};
use crate::slack::api::{Api, ApiError};
use crate::slack::desk::Desk;
use line::{Line, LineError};

/// Why there will be no socket again.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Slack does not take the app token.
    #[error(
        "slack.app_token_file: {0}; make an app-level token with the scope connections:write, and \
         turn Socket Mode on"
    )]
    Token(ApiError),
    /// Socket Mode was turned off.
    #[error(
        "Slack has turned Socket Mode off for this app; turn it on in the app's settings, or use \
         slack.signing_secret_file"
    )]
    LinkDisabled,
}

/// What a socket says about itself.
#[derive(Debug)]
enum News {
    /// It ends soon: the next one is to be opened.
    Leaving,
    /// It has ended.
    Over,
    /// There is to be no other.
    LinkDisabled,
}

/// Takes what Slack sends until `stop` is cancelled.
///
/// # Errors
/// [`SocketError`], when only a person can change what is wrong.
pub async fn run(desk: Arc<Desk>, api: &Api, stop: &CancellationToken) -> Result<(), SocketError> {
    let mut lines = JoinSet::new();
    let mut pause = SOCKET_BACKOFF;
    let ended = loop {
        let opened = stop.run_until_cancelled(open(api)).await;
        let line = match opened {
            None => break Ok(()),
            Some(Ok(line)) => line,
            Some(Err(OpenError::Call(error))) if error.is_of_token() => {
                break Err(SocketError::Token(error));
            }
            Some(Err(OpenError::Line(LineError::LinkDisabled))) => {
                break Err(SocketError::LinkDisabled);
            }
            Some(Err(error)) => {
                tracing::warn!(%error, "no socket to Slack; it is tried again");
                let pausing = sleep(wait(&error, pause));
                pause = (pause * 2).min(SOCKET_BACKOFF_MAX);
                match stop.run_until_cancelled(pausing).await {
                    None => break Ok(()),
                    Some(()) => continue,
                }
            }
        };
        pause = SOCKET_BACKOFF;
        tracing::info!("a socket to Slack is open");
        let (sender, mut news) = mpsc::channel(1);
        lines.spawn(line.serve(Arc::clone(&desk), sender, stop.clone()));
        match stop.run_until_cancelled(news.recv()).await {
            None => break Ok(()),
            Some(Some(News::LinkDisabled)) => break Err(SocketError::LinkDisabled),
            Some(Some(News::Leaving) | None) => {}
            // One that ends without a word may do so again and again.
            Some(Some(News::Over)) => {
                if stop.run_until_cancelled(sleep(pause)).await.is_none() {
                    break Ok(());
                }
            }
        }
        // Those that have ended are forgotten.
        while lines.try_join_next().is_some() {}
    };
    if ended.is_ok() {
        // They close by themselves, after what they have to acknowledge.
        let closing = async { while lines.join_next().await.is_some() {} };
        drop(timeout(WEB_GOODBYE, closing).await);
    }
    lines.shutdown().await;
    desk.finish().await;
    ended
}

/// Why a socket was not opened.
#[derive(Debug, thiserror::Error)]
enum OpenError {
    #[error(transparent)]
    Call(#[from] ApiError),
    #[error(transparent)]
    Line(#[from] LineError),
}

async fn open(api: &Api) -> Result<Line, OpenError> {
    let answer = api.call("apps.connections.open", &json!({})).await?;
    let url = answer["url"].as_str().unwrap_or_default();
    Ok(Line::open(url).await?)
}

fn wait(error: &OpenError, pause: Duration) -> Duration {
    match error {
        OpenError::Call(error) => error.after().unwrap_or(pause).max(pause),
        OpenError::Line(_) => pause,
    }
}

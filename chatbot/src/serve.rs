//! Everything that the bot does on chat platforms, until it is stopped.

use std::sync::Arc;

use countersign_client::CallError;
use tokio_util::sync::CancellationToken;

use crate::bot::Bot;
use crate::config::Config;
use crate::slack::run::{App, SlackError};

/// Why the bot cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The ledger refused, or its answer is not what it signed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Slack.
    #[error(transparent)]
    Slack(#[from] SlackError),
}

/// Listens and speaks on the platforms of the configuration until `stop` is cancelled. The first
/// part that fails stops all of them.
///
/// # Errors
/// [`ServeError`] of the part that failed.
pub async fn serve(
    bot: Arc<Bot>,
    config: &Config,
    stop: &CancellationToken,
) -> Result<(), ServeError> {
    let slack = match &config.slack {
        Some(settings) => Some(App::open(settings).await?),
        None => None,
    };
    let over = stop.child_token();
    let links = async { ended(bot.keep_links(&over).await, &over) };
    let clicks = async {
        match &slack {
            Some(app) => {
                let inbox = config.inbox_url.clone();
                ended(app.listen(Arc::clone(&bot), inbox, &over).await, &over)
            }
            None => Ok(()),
        }
    };
    let (links, clicks) = tokio::join!(links, clicks);
    links?;
    Ok(clicks?)
}

/// The end of a part, which stops the others when it failed.
fn ended<E>(result: Result<(), E>, over: &CancellationToken) -> Result<(), E> {
    if result.is_err() {
        over.cancel();
    }
    result
}

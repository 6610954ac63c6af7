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
    let stop = stop.child_token();
    let _guard = stop.clone().drop_guard();
    let slack = match &config.slack {
        Some(settings) => Some(App::open(settings).await?),
        None => None,
    };
    // What stands on cards goes out through `slack.slack()`, a `Surface`.
    tokio::try_join!(
        async { Ok(bot.keep_links(&stop).await?) },
        listen_to_slack(&bot, config, slack.as_ref(), &stop),
    )?;
    Ok(())
}

/// Takes what people do in Slack, when it is in the configuration.
async fn listen_to_slack(
    bot: &Arc<Bot>,
    config: &Config,
    slack: Option<&App>,
    stop: &CancellationToken,
) -> Result<(), ServeError> {
    let Some(app) = slack else {
        return Ok(());
    };
    let inbox = config.inbox_url.clone();
    Ok(app.listen(Arc::clone(bot), inbox, stop).await?)
}

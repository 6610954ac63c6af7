//! Everything that the bot does on chat platforms, until it is stopped.

use std::sync::Arc;

use countersign_client::CallError;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::bot::Bot;
use crate::config::Config;
use crate::delivery::{DeliverError, deliver};
use crate::slack::run::{App, SlackError};
use crate::teams;
use crate::teams::desk::Desk;
use crate::teams::surface::Teams;

/// Why the bot cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The ledger refused, or its answer is not what it signed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Nobody can be told anything.
    #[error(transparent)]
    Deliver(#[from] DeliverError),
    /// Slack.
    #[error(transparent)]
    Slack(#[from] SlackError),
    /// Teams cannot be set up.
    #[error("{0}")]
    Teams(String),
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
    // A part that fails ends the others in the middle of what they wait for, and these at once.
    let stop = stop.child_token();
    let _over = stop.clone().drop_guard();
    tokio::try_join!(
        async { Ok(bot.keep_links(&stop).await?) },
        slack(&bot, config, &stop),
        teams(&bot, config, &stop),
    )?;
    Ok(())
}

/// Takes what people do in Slack and tells them what happens, when it is in the configuration.
async fn slack(
    bot: &Arc<Bot>,
    config: &Config,
    stop: &CancellationToken,
) -> Result<(), ServeError> {
    let Some(settings) = &config.slack else {
        return Ok(());
    };
    let app = App::open(settings, config.inbox()).await?;
    tokio::try_join!(
        async { Ok::<_, ServeError>(app.listen(Arc::clone(bot), stop).await?) },
        async { Ok(deliver(Arc::clone(bot), Arc::clone(app.slack()), stop).await?) },
    )?;
    Ok(())
}

/// The same for Teams.
async fn teams(
    bot: &Arc<Bot>,
    config: &Config,
    stop: &CancellationToken,
) -> Result<(), ServeError> {
    let Some(settings) = &config.teams else {
        return Ok(());
    };
    let teams = Teams::new(settings, config.inbox(), bot.clock().clone());
    let teams = teams.map_err(ServeError::Teams)?;
    let address = settings.listen;
    let failed = |error| {
        ServeError::Teams(format!(
            "cannot listen for Teams on {address}: {error}; teams.listen chooses another address"
        ))
    };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let local = listener.local_addr().map_err(failed)?;
    if !local.ip().is_loopback() {
        tracing::warn!(address = %local, "activities of Teams come in without TLS");
    }
    tracing::info!(address = %local, "taking activities of Teams");
    let desk = Desk::new(Arc::clone(bot), Arc::clone(&teams), config.inbox());
    tokio::try_join!(
        // Beside the rest: Microsoft may be away for longer than somebody waits for a start.
        async { teams.check().await.map_err(ServeError::Teams) },
        async {
            let served = teams::http::serve(desk, listener, stop.clone()).await;
            served.map_err(failed)
        },
        async { Ok(deliver(Arc::clone(bot), Arc::clone(&teams), stop).await?) },
    )?;
    Ok(())
}

//! Everything that the bot does on chat platforms, until it is stopped.

use std::sync::Arc;

use countersign_client::CallError;
use tokio_util::sync::CancellationToken;

use crate::bot::Bot;
use crate::config::Config;

/// Why the bot cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The ledger refused, or its answer is not what it signed.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// Listens and speaks on the platforms of the configuration until `stop` is cancelled. The first
/// part that fails stops all of them.
///
/// # Errors
/// [`ServeError`] of the part that failed.
pub async fn serve(
    bot: Arc<Bot>,
    _config: &Config,
    stop: &CancellationToken,
) -> Result<(), ServeError> {
    Ok(bot.keep_links(stop).await?)
}

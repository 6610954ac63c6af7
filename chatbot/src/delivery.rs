//! Tells people on a chat platform what happens to their cases (docs/delivery.md).
//!
//! What is to be told follows from the log alone ([`Outbox`]): the cases, and what was told before.
//! A send is written into the log when the platform has taken it, so a bot that starts again goes
//! on where it was; what it may have posted without an entry, it looks for.

mod desk;
mod fact;
mod lanes;
mod line;
mod outbox;
mod pace;
mod past;
mod places;
mod record;
mod send;
mod told;
mod track;
mod who;

pub use fact::Fact;
pub use outbox::{Outbox, Step, Work};
pub use places::Places;
pub use told::{Part, Scene, Told, told};
pub use who::Who;

use std::sync::Arc;

use countersign_client::CallError;
use countersign_proto::reason::Reason;
use tokio_util::sync::CancellationToken;

use crate::bot::Bot;
use crate::bot::shelf::{Rules, RulesError};
use crate::delivery::desk::Desk;
use crate::surface::Surface;

/// Why delivery cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// The ledger refused, or its answer is not what it signed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The policy of a case cannot be asked.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// A send ended in a way that leaves its outcome open.
    #[error("a send ended without an outcome: {0}; start again, what was told is in the log")]
    Send(#[from] tokio::task::JoinError),
}

/// Tells people of their cases until `stop` is cancelled. Run one for each platform: a second one
/// cannot see what the first is about to post.
///
/// # Errors
/// [`DeliverError`]. That a platform or the ledger is away is none; it is waited for.
pub async fn deliver<S: Surface>(
    bot: Arc<Bot>,
    surface: S,
    stop: &CancellationToken,
) -> Result<(), DeliverError> {
    let Some(desk) = stop.run_until_cancelled(Desk::open(bot, surface)).await else {
        return Ok(());
    };
    desk?.run(stop).await
}

/// The policy of this number, when the ledger answers.
async fn rules(bot: &Bot, index: u64) -> Result<Arc<Rules>, RulesError> {
    loop {
        match bot.rules(index).await {
            Err(RulesError::Call(error)) if matches!(*error, CallError::NoAnswer { .. }) => {
                tracing::warn!(%error, "the ledger is waited for");
            }
            answer => return answer,
        }
    }
}

/// The policy in force; none before there is one.
async fn in_force(bot: &Bot) -> Result<Option<Arc<Rules>>, RulesError> {
    match rules(bot, 0).await {
        Ok(rules) => Ok(Some(rules)),
        Err(RulesError::Call(error)) if error.reason() == Some(Reason::PolicyMissing) => Ok(None),
        Err(error) => Err(error),
    }
}

//! Hands what was recorded to the outlet, in order. While the outlet takes nothing, the session
//! stands still: there is no access that is not recorded.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::limits::STORE_PATIENCE;
use crate::outlet::{Item, Outlet, OutletError};
use crate::session::queue::Queue;
use crate::session::screen::Screen;

/// What is to know when the outlet takes nothing.
pub(crate) struct Keeping {
    pub(crate) queue: Arc<Queue>,
    pub(crate) screen: Arc<Screen>,
    /// Cancelled when it never will again.
    pub(crate) failed: CancellationToken,
}

/// Stores items until there are no more, and returns when all of them are durable.
pub(crate) async fn keep<O: Outlet>(
    outlet: O,
    mut items: mpsc::Receiver<Item>,
    with: Keeping,
) -> Result<(), OutletError> {
    let result = async {
        while let Some(item) = items.recv().await {
            put(&outlet, item, &with).await?;
        }
        outlet.durable().await
    };
    let result = result.await;
    if result.is_err() {
        with.queue.abandon();
        with.failed.cancel();
    }
    result
}

async fn put<O: Outlet>(outlet: &O, item: Item, with: &Keeping) -> Result<(), OutletError> {
    let Keeping { queue, screen, .. } = with;
    let mut put = std::pin::pin!(outlet.put(item));
    if let Ok(result) = timeout(STORE_PATIENCE, &mut put).await {
        return result;
    }
    queue.hold();
    tracing::warn!("the recording cannot be stored; the session stands still");
    screen.tell(
        "the recording cannot be stored at the moment; the session stands still until it can",
    );
    let result = put.await;
    if result.is_ok() {
        queue.release();
        screen.tell("the recording is stored again; the session goes on");
    }
    result
}

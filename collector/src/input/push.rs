//! What the inputs have in common: handing records to the outlet, each with the place behind it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use countersign_client::Draft;
use countersign_proto::v1;
use tokio_util::sync::CancellationToken;

use crate::input::record::Record;
use crate::limits::STOP_PATIENCE;
use crate::outlet::{Item, Outlet, OutletError};
use crate::trouble::Health;

/// The outlet as one input sees it. A full one holds a running input, and not one that is to stop.
#[derive(Debug, Clone)]
pub(crate) struct Push<O> {
    outlet: O,
    input: String,
    stop: CancellationToken,
    /// Whether something was not handed over because the input is to stop.
    given_up: Arc<AtomicBool>,
    /// Where it says whether it can read.
    health: Health,
}

impl<O: Outlet> Push<O> {
    pub(crate) fn new(outlet: O, input: String, stop: CancellationToken) -> Self {
        Self {
            outlet,
            input,
            stop,
            given_up: Arc::default(),
            health: Health::default(),
        }
    }

    /// Says here whether it can read.
    pub(crate) fn telling(self, health: Health) -> Self {
        Self { health, ..self }
    }

    /// Whether the input can read, for whoever asks how the agent is.
    pub(crate) const fn health(&self) -> &Health {
        &self.health
    }

    /// Whether the input ended within an item because it was to stop. That is no error: what can be
    /// read again is, by the next run.
    pub(crate) fn gave_up(&self) -> bool {
        self.given_up.load(Ordering::Relaxed)
    }

    /// Waits, but after the stop only for a time.
    async fn patiently(
        &self,
        wait: impl Future<Output = Result<(), OutletError>>,
    ) -> Result<(), OutletError> {
        let patience = async {
            self.stop.cancelled().await;
            tokio::time::sleep(STOP_PATIENCE).await;
        };
        tokio::select! {
            biased;
            done = wait => done,
            () = patience => {
                tracing::warn!(input = %self.input, "no room for what was read before the stop");
                self.given_up.store(true, Ordering::Relaxed);
                Err(OutletError::Closed("the input was told to stop".to_owned()))
            }
        }
    }

    /// The place behind the last durable item.
    pub(crate) fn place(&self) -> Option<String> {
        self.outlet.place(&self.input)
    }

    /// Hands over an event. Keys are the outlet's business.
    pub(crate) async fn draft(
        &self,
        draft: Draft,
        position: Option<String>,
    ) -> Result<(), OutletError> {
        let item = Item::new(draft.with_key(""));
        let item = match position {
            Some(position) => item.at(&self.input, position),
            None => item,
        };
        self.patiently(self.outlet.put(item)).await
    }

    /// Hands over a record; the place comes with its last part, so that a record is there whole or
    /// read again.
    pub(crate) async fn record(
        &self,
        record: Record,
        mut position: Option<String>,
    ) -> Result<(), OutletError> {
        let mut drafts = record.into_drafts().into_iter().peekable();
        while let Some(draft) = drafts.next() {
            let position = if drafts.peek().is_none() {
                position.take()
            } else {
                None
            };
            self.draft(draft, position).await?;
        }
        Ok(())
    }

    /// Says that records are missing.
    pub(crate) async fn gap(&self, gap: &v1::SpoolGap) -> Result<(), OutletError> {
        self.draft(Draft::new(gap), None).await
    }

    /// Waits until everything before is on disk.
    pub(crate) async fn durable(&self) -> Result<(), OutletError> {
        self.patiently(self.outlet.durable()).await
    }
}

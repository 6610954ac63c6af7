//! Where events go.

mod dry_run;

use std::io;

use countersign_client::{Ack, Client, Draft, StreamAppender, StreamError, StreamOptions};

pub use dry_run::DryRun;

/// Why events cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The stream to the ledger ended.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The writer of a dry run failed.
    #[error("cannot write what would be sent: {0}")]
    Write(#[from] io::Error),
    /// The event is none that a dry run can show.
    #[error("expected an event, got none: {0}")]
    Event(#[from] countersign_proto::event::EventError),
}

/// Takes events in order and says how many of them are safe.
pub trait Sink: Send {
    /// Hands over an event; waits when the sink is behind. A call that is dropped has not handed
    /// over anything.
    fn send(&mut self, draft: Draft) -> impl Future<Output = Result<(), SinkError>> + Send;

    /// Number of events, from the first on, that are sealed.
    fn acknowledged(&self) -> u64;

    /// Waits until more events than this are acknowledged.
    fn acknowledged_beyond(
        &mut self,
        count: u64,
    ) -> impl Future<Output = Result<u64, SinkError>> + Send;

    /// Says that nothing more comes; called once everything is acknowledged.
    fn close(&mut self) -> impl Future<Output = ()> + Send;
}

/// Sends to a ledger over a stream.
#[derive(Debug)]
pub struct LedgerSink {
    stream: StreamAppender,
}

impl LedgerSink {
    /// Opens the stream. `on_ack` sees every acknowledgement.
    pub fn new<F>(client: &Client, options: StreamOptions, on_ack: F) -> Self
    where
        F: FnMut(&Ack) + Send + 'static,
    {
        Self {
            stream: client.append_stream(options, on_ack),
        }
    }
}

impl Sink for LedgerSink {
    async fn send(&mut self, draft: Draft) -> Result<(), SinkError> {
        self.stream.send(draft).await?;
        Ok(())
    }

    fn acknowledged(&self) -> u64 {
        self.stream.acknowledged()
    }

    async fn acknowledged_beyond(&mut self, count: u64) -> Result<u64, SinkError> {
        Ok(self.stream.acknowledged_beyond(count).await?)
    }

    async fn close(&mut self) {
        self.stream.close().await;
    }
}

//! Appending events as they come, over one stream that survives lost connections.
//!
//! The appender keeps every event until the ledger has acknowledged it. After a lost connection it
//! sends what is not acknowledged again, in the same order and under the same idempotency keys, so
//! that each event becomes one entry.

mod driver;
mod window;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinHandle;

use crate::append::keyed;
use crate::call::CallError;
use crate::client::Client;
use crate::draft::{Draft, Level};
use crate::limits::{CLOSE_PATIENCE, STREAM_BYTES, STREAM_EVENTS};
use crate::receipt::ReceiptRun;
use crate::stream::driver::Driver;
use crate::stream::window::{Item, Window};

/// How a stream behaves.
#[derive(Debug, Clone)]
pub struct StreamOptions {
    /// What an acknowledgement must promise.
    pub level: Level,
    /// Most events without acknowledgement, at least 1.
    pub max_events: usize,
    /// Most bytes of these events; one larger event is let through when no other waits.
    pub max_bytes: usize,
    /// How long to go on without any acknowledgement while events wait for one; `None` for ever.
    pub patience: Option<Duration>,
}

impl Default for StreamOptions {
    fn default() -> Self {
        Self {
            level: Level::Sealed,
            max_events: STREAM_EVENTS,
            max_bytes: STREAM_BYTES,
            patience: None,
        }
    }
}

/// Acknowledges consecutive events of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ack {
    /// Position in the stream of the first event, from 0, counted over all connections.
    pub first_position: u64,
    /// Their receipt. Its `first_position` is that of the connection.
    pub run: ReceiptRun,
}

/// Why a stream ended early. What was acknowledged before stays so.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StreamError {
    /// The ledger refused an event, or an answer is not believed, or patience ran out.
    #[error("{source}; the stream ended with {position} events acknowledged")]
    Call {
        /// Position of the first event that is not acknowledged, from 0.
        position: u64,
        /// Why.
        source: Arc<CallError>,
    },
    /// The stream was ended before, or its task was stopped.
    #[error("stream is closed, with {acknowledged} events acknowledged")]
    Closed {
        /// Number of events that were acknowledged.
        acknowledged: u64,
    },
    /// The operating system gave no random bytes for an idempotency key.
    #[error("cannot make an idempotency key: {0}")]
    Random(Arc<std::io::Error>),
}

/// What the driver tells the appender.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress {
    acknowledged: u64,
    error: Option<StreamError>,
}

/// Appends events in order. Dropping it without [`StreamAppender::finish`] gives up what is not
/// acknowledged.
pub struct StreamAppender {
    items: Option<mpsc::Sender<Item>>,
    window: Arc<Window>,
    progress: watch::Receiver<Progress>,
    sent: u64,
    task: JoinHandle<()>,
}

impl Client {
    /// Opens a stream. `on_ack` is called for every acknowledgement, in order, and must not block.
    /// Must be called inside a tokio runtime.
    pub fn append_stream<F>(&self, options: StreamOptions, on_ack: F) -> StreamAppender
    where
        F: FnMut(&Ack) + Send + 'static,
    {
        // Permits bound what waits here; the queue only has to have as many places.
        let events = options.max_events.clamp(1, Semaphore::MAX_PERMITS);
        let (items, queue) = mpsc::channel(events);
        let (reports, progress) = watch::channel(Progress::default());
        let window = Arc::new(Window::new(events, options.max_bytes));
        let driver = Driver::new(
            self.clone(),
            options,
            Arc::clone(&window),
            reports,
            Box::new(on_ack),
        );
        let task = tokio::spawn(driver.run(queue));
        StreamAppender {
            items: Some(items),
            window,
            progress,
            sent: 0,
            task,
        }
    }
}

impl StreamAppender {
    /// Hands over an event; waits while the window is full. Returns its position in the stream,
    /// from 0.
    ///
    /// A call that is dropped while it waits has not handed over anything.
    ///
    /// # Errors [`StreamError`] when the stream has ended.
    pub async fn send(&mut self, draft: Draft) -> Result<u64, StreamError> {
        let draft = keyed(draft).map_err(|error| StreamError::Random(Arc::new(error)))?;
        let weight = draft.weight();
        let Some(items) = self.items.as_ref() else {
            return Err(self.closed());
        };
        let room = match self.window.try_room(weight) {
            Some(room) => room,
            None => tokio::select! {
                room = self.window.room(weight) => room,
                () = items.closed() => return Err(self.ended().await),
            },
        };
        // Whoever has room has a place in the queue too.
        if items.try_send(Item::new(draft, room)).is_err() {
            return Err(self.ended().await);
        }
        let position = self.sent;
        self.sent += 1;
        Ok(position)
    }

    /// Number of events handed over.
    #[must_use]
    pub const fn sent(&self) -> u64 {
        self.sent
    }

    /// Number of events acknowledged so far.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.progress.borrow().acknowledged
    }

    /// Waits until more events than this are acknowledged, and returns how many are.
    ///
    /// # Errors
    /// [`StreamError`] when the stream ends before.
    pub async fn acknowledged_beyond(&mut self, count: u64) -> Result<u64, StreamError> {
        let waited = self
            .progress
            .wait_for(|progress| progress.acknowledged > count || progress.error.is_some())
            .await
            .map(|progress| progress.clone());
        match waited {
            Ok(progress) if progress.acknowledged > count => Ok(progress.acknowledged),
            Ok(Progress {
                error: Some(error), ..
            }) => Err(error),
            Ok(_) | Err(_) => Err(self.closed()),
        }
    }

    /// Waits until everything is acknowledged and ends the stream. Returns the number of events.
    ///
    /// # Errors
    /// [`StreamError`] when the stream ends before.
    pub async fn finish(mut self) -> Result<u64, StreamError> {
        // The driver sees that nothing more comes.
        self.items = None;
        while self.acknowledged() < self.sent {
            self.acknowledged_beyond(self.acknowledged()).await?;
        }
        self.close().await;
        Ok(self.sent)
    }

    /// Takes no more events, and waits a moment for the ledger to end the stream from its side too.
    /// What is not acknowledged by then is given up.
    pub async fn close(&mut self) {
        self.items = None;
        if tokio::time::timeout(CLOSE_PATIENCE, &mut self.task)
            .await
            .is_err()
        {
            self.task.abort();
        }
    }

    async fn ended(&mut self) -> StreamError {
        let waited = self
            .progress
            .wait_for(|progress| progress.error.is_some())
            .await;
        let error = waited.ok().and_then(|progress| progress.error.clone());
        error.unwrap_or_else(|| self.closed())
    }

    fn closed(&self) -> StreamError {
        StreamError::Closed {
            acknowledged: self.acknowledged(),
        }
    }
}

impl Drop for StreamAppender {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for StreamAppender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamAppender")
            .field("sent", &self.sent)
            .finish_non_exhaustive()
    }
}

//! Where inputs and recorders leave what they have.
//!
//! An outlet keeps things in order, and keeps them until the ledger has sealed them. Inputs that
//! can read again hand over their place with each item: place and item become durable together, so
//! that an input goes on exactly behind the last item that is safe.

use bytes::Bytes;
use countersign_client::Draft;

/// One event on its way to the ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The event. Its idempotency key is left empty: the outlet numbers what it keeps.
    pub draft: Draft,
    /// Content that the event commits to by digest, at most 1 MiB; it reaches the ledger before.
    pub blob: Option<Bytes>,
    /// Where the input goes on behind this item.
    pub place: Option<Place>,
}

/// How far an input has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Name of the input, unique within the agent.
    pub input: String,
    /// Whatever the input needs to find the next item, for example a journal cursor.
    pub position: String,
}

impl Item {
    /// An event without blob and place.
    #[must_use]
    pub const fn new(draft: Draft) -> Self {
        Self {
            draft,
            blob: None,
            place: None,
        }
    }

    /// The item with a blob.
    #[must_use]
    pub fn with_blob(self, blob: Bytes) -> Self {
        Self {
            blob: Some(blob),
            ..self
        }
    }

    /// The item with the place behind it.
    #[must_use]
    pub fn at(self, input: &str, position: impl Into<String>) -> Self {
        let place = Some(Place {
            input: input.to_owned(),
            position: position.into(),
        });
        Self { place, ..self }
    }
}

/// Why an outlet takes nothing more.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OutletError {
    /// It was closed, or failed before; the agent ends.
    #[error("the queue takes nothing more: {0}")]
    Closed(String),
    /// The item is none that could ever be stored.
    #[error("{0}")]
    Unfit(String),
}

/// Takes items in order. Clones share the queue.
pub trait Outlet: Clone + Send + Sync + 'static {
    /// Hands an item over; waits while there is no room. Whether it is durable then is another
    /// question: see [`Outlet::durable`].
    fn put(&self, item: Item) -> impl Future<Output = Result<(), OutletError>> + Send;

    /// Waits until everything that was handed over before the call is on disk.
    fn durable(&self) -> impl Future<Output = Result<(), OutletError>> + Send;

    /// The place of an input behind its last durable item; `None` when it has none.
    fn place(&self, input: &str) -> Option<String>;
}

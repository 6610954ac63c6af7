//! Takes secrets out of what passes on its way to the ledger.

use crate::outlet::{Item, Outlet, OutletError};
use crate::redact::Redactor;
use crate::redact::events::Events;

/// An outlet that takes secrets out of every event, and hands it to another one.
///
/// It looks at the line and the fields of an `ExternalEvent` and at the command of a
/// `CommandExecuted`. A private key of which each line is an event of its own is found too, as long
/// as the events of a source come in order. An event without secrets keeps its bytes.
#[derive(Debug, Clone)]
pub struct Redacting<O> {
    outlet: O,
    events: Events,
}

impl<O> Redacting<O> {
    /// Hands everything to this outlet.
    pub fn new(outlet: O, redactor: Redactor) -> Self {
        Self {
            outlet,
            events: Events::new(redactor),
        }
    }
}

impl<O: Outlet> Outlet for Redacting<O> {
    async fn put(&self, mut item: Item) -> Result<(), OutletError> {
        let unfit = |error| OutletError::Unfit(format!("an event cannot be read: {error}"));
        self.events.clean(&mut item.draft).map_err(unfit)?;
        self.outlet.put(item).await
    }

    fn durable(&self) -> impl Future<Output = Result<(), OutletError>> + Send {
        self.outlet.durable()
    }

    fn place(&self, input: &str) -> Option<String> {
        self.outlet.place(input)
    }
}

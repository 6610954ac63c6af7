//! What is handed over and not acknowledged: its bound, and its order over several connections.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::draft::Draft;
use crate::receipt::ReceiptRun;
use crate::verify::VerifyError;

/// Bounds the number and the bytes of events.
#[derive(Debug)]
pub(crate) struct Window {
    events: Semaphore,
    bytes: Semaphore,
    max_bytes: u32,
}

/// The place of one event in the window, until [`Window::release`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    bytes: u32,
}

/// An event on its way.
#[derive(Debug)]
pub(crate) struct Item {
    draft: Draft,
    room: Room,
}

impl Item {
    pub(crate) const fn new(draft: Draft, room: Room) -> Self {
        Self { draft, room }
    }
}

impl Window {
    pub(crate) fn new(events: usize, bytes: usize) -> Self {
        let max_bytes = u32::try_from(bytes.clamp(1, Semaphore::MAX_PERMITS)).unwrap_or(u32::MAX);
        let permits = usize::try_from(max_bytes).unwrap_or(1);
        Self {
            events: Semaphore::new(events),
            bytes: Semaphore::new(permits),
            max_bytes,
        }
    }

    /// A place, when there is one at once. An event above the bound of bytes takes the whole
    /// window.
    pub(crate) fn try_room(&self, weight: usize) -> Option<Room> {
        let bytes = self.bounded(weight);
        let event = self.events.try_acquire().ok()?;
        self.bytes.try_acquire_many(bytes).ok()?.forget();
        event.forget();
        Some(Room { bytes })
    }

    /// Waits for a place. A call that is dropped while it waits has taken none.
    pub(crate) async fn room(&self, weight: usize) -> Room {
        let bytes = self.bounded(weight);
        // The semaphores are never closed, so both are granted.
        let event = self.events.acquire().await;
        let taken = self.bytes.acquire_many(bytes).await;
        event
            .into_iter()
            .chain(taken)
            .for_each(|permit| permit.forget());
        Room { bytes }
    }

    fn bounded(&self, weight: usize) -> u32 {
        u32::try_from(weight)
            .unwrap_or(u32::MAX)
            .min(self.max_bytes)
    }

    /// Gives places back.
    fn release(&self, events: usize, bytes: usize) {
        self.events.add_permits(events);
        self.bytes.add_permits(bytes);
    }
}

/// Events in order, the oldest without acknowledgement first.
#[derive(Debug)]
pub(crate) struct Unacknowledged {
    window: Arc<Window>,
    items: VecDeque<Item>,
    /// Number of events that were acknowledged: the position of the first item.
    acknowledged: u64,
    /// Number of items that this connection was given.
    given: usize,
    /// Number of events that this connection acknowledged.
    acknowledged_here: u64,
}

impl Unacknowledged {
    pub(crate) const fn new(window: Arc<Window>) -> Self {
        Self {
            window,
            items: VecDeque::new(),
            acknowledged: 0,
            given: 0,
            acknowledged_here: 0,
        }
    }

    pub(crate) fn push(&mut self, item: Item) {
        self.items.push_back(item);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Number of events that were acknowledged.
    pub(crate) const fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// A new connection has to be given everything again.
    pub(crate) const fn restart(&mut self) {
        self.given = 0;
        self.acknowledged_here = 0;
    }

    /// The next event for this connection.
    pub(crate) fn peek(&self) -> Option<&Draft> {
        self.items.get(self.given).map(|item| &item.draft)
    }

    /// The event of [`Unacknowledged::peek`] was given to the connection.
    pub(crate) const fn give(&mut self) {
        self.given += 1;
    }

    /// Takes the acknowledgement of a run, and returns the position of its first event over all
    /// connections.
    pub(crate) fn acknowledge(&mut self, run: &ReceiptRun) -> Result<u64, VerifyError> {
        if run.first_position != self.acknowledged_here {
            let (expected, got) = (self.acknowledged_here, run.first_position);
            return Err(VerifyError::other("first position", expected, got));
        }
        if run.count() > self.given {
            let expected = format!("at most {}", self.given);
            return Err(VerifyError::other(
                "number of entries",
                expected,
                run.count(),
            ));
        }
        let first = self.acknowledged;
        let done = self.items.drain(..run.count());
        let bytes = done.map(|item| usize::try_from(item.room.bytes).unwrap_or(0));
        let bytes = bytes.sum();
        self.window.release(run.count(), bytes);
        self.given -= run.count();
        let count = u64::try_from(run.count()).unwrap_or(u64::MAX);
        self.acknowledged += count;
        self.acknowledged_here += count;
        Ok(first)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use countersign_proto::event::Event;

    use super::*;
    use crate::draft::Level;
    use crate::verify::testing::Log;

    /// Polls once: nothing here may need a second time when there is room.
    fn now<T>(future: impl Future<Output = T>) -> Option<T> {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    fn item(window: &Window, key: &str) -> Item {
        let draft = Draft::of(Event::default()).with_key(key);
        Item::new(draft, now(window.room(1)).unwrap())
    }

    fn run(first_position: u64, count: u64) -> ReceiptRun {
        let log = Log::of(count);
        ReceiptRun {
            first_position,
            first_index: 0,
            leaves: (0..usize::try_from(count).unwrap())
                .map(|index| log.leaf(index))
                .collect(),
            level: Level::Sealed,
            checkpoint: Arc::new(log.checkpoint(count)),
            repeated: false,
        }
    }

    fn keys(waiting: &mut Unacknowledged) -> Vec<String> {
        let mut keys = Vec::new();
        while let Some(draft) = waiting.peek() {
            keys.push(draft.idempotency_key.clone());
            waiting.give();
        }
        keys
    }

    #[test]
    fn a_full_window_waits_for_an_acknowledgement() {
        let window = Arc::new(Window::new(2, 100));
        let mut waiting = Unacknowledged::new(Arc::clone(&window));
        waiting.push(item(&window, "a"));
        waiting.push(item(&window, "b"));
        assert!(now(window.room(1)).is_none());
        keys(&mut waiting);
        assert_eq!(waiting.acknowledge(&run(0, 1)), Ok(0));
        assert!(now(window.room(1)).is_some());
    }

    #[test]
    fn bytes_are_bounded_and_a_large_event_goes_alone() {
        let window = Window::new(10, 100);
        assert!(now(window.room(60)).is_some());
        assert!(window.try_room(60).is_none());
        assert!(now(window.room(60)).is_none());
        assert!(now(window.room(1_000_000)).is_none());
        window.release(1, 60);
        assert!(now(window.room(1_000_000)).is_some());
        assert!(window.try_room(1).is_none());
        window.release(1, 100);
        assert!(window.try_room(100).is_some());
    }

    #[test]
    fn whoever_stops_waiting_has_taken_nothing() {
        let window = Window::new(2, 100);
        assert!(window.try_room(100).is_some());
        assert!(now(window.room(1)).is_none());
        window.release(1, 100);
        assert!(window.try_room(50).is_some());
        assert!(window.try_room(50).is_some());
    }

    #[test]
    fn a_new_connection_gets_what_is_not_acknowledged_in_order() {
        let window = Arc::new(Window::new(10, 100));
        let mut waiting = Unacknowledged::new(Arc::clone(&window));
        for key in ["a", "b", "c", "d"] {
            waiting.push(item(&window, key));
        }
        assert_eq!(keys(&mut waiting), ["a", "b", "c", "d"]);
        assert_eq!(waiting.acknowledge(&run(0, 1)), Ok(0));
        assert_eq!(waiting.acknowledge(&run(1, 1)), Ok(1));
        waiting.restart();
        waiting.push(item(&window, "e"));
        assert_eq!(keys(&mut waiting), ["c", "d", "e"]);
        // Positions of the ledger start anew, those of the caller go on.
        assert_eq!(waiting.acknowledge(&run(0, 3)), Ok(2));
        assert_eq!(waiting.acknowledged(), 5);
        assert!(waiting.is_empty());
    }

    #[test]
    fn acknowledgements_out_of_order_or_of_nothing_are_refused() {
        let window = Arc::new(Window::new(10, 100));
        let mut waiting = Unacknowledged::new(Arc::clone(&window));
        waiting.push(item(&window, "a"));
        waiting.push(item(&window, "b"));
        assert!(
            waiting.acknowledge(&run(0, 1)).is_err(),
            "nothing was given"
        );
        waiting.give();
        assert!(waiting.acknowledge(&run(1, 1)).is_err(), "a gap");
        assert!(
            waiting.acknowledge(&run(0, 2)).is_err(),
            "more than was given"
        );
        assert_eq!(waiting.acknowledge(&run(0, 1)), Ok(0));
        assert!(waiting.acknowledge(&run(0, 1)).is_err(), "twice");
    }
}

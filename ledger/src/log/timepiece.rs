//! The wall clock against the monotonic one: a step of the wall clock is told, not hidden.

use std::sync::Arc;
use std::time::Duration;

use countersign_chain::time::UnixMicros;
use countersign_proto::convert;
use countersign_proto::event::Event;
use countersign_proto::v1::ClockStepped;

use crate::clock::Clock;
use crate::limits::{CLOCK_STEP_BACK, CLOCK_STEP_FORWARD};

/// Both clocks, as they were last read together.
#[derive(Debug)]
pub(super) struct Timepiece {
    clock: Arc<dyn Clock>,
    hands: Option<(UnixMicros, Duration)>,
}

impl Timepiece {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, hands: None }
    }

    /// The wall clock now, and the event that tells of its step since the last reading. `before` is
    /// the time of the newest entry.
    pub(super) fn read(&mut self, before: UnixMicros) -> (UnixMicros, Option<Event>) {
        let (wall, monotonic) = (self.clock.wall(), self.clock.monotonic());
        let expected = match self.hands.replace((wall, monotonic)) {
            Some((last, then)) => {
                let passed = monotonic.saturating_sub(then).as_micros();
                last.get()
                    .saturating_add(u64::try_from(passed).unwrap_or(u64::MAX))
            }
            // After a start only a clock that went back can be told.
            None => wall.get().max(before.get()),
        };
        let back = Duration::from_micros(expected.saturating_sub(wall.get()));
        let forward = Duration::from_micros(wall.get().saturating_sub(expected));
        let stepped = back > CLOCK_STEP_BACK || forward > CLOCK_STEP_FORWARD;
        let expected = UnixMicros::new(expected).unwrap_or(before);
        (wall, stepped.then(|| step(expected, wall)))
    }
}

fn step(before: UnixMicros, after: UnixMicros) -> Event {
    tracing::warn!(
        before = before.get(),
        after = after.get(),
        "the wall clock stepped"
    );
    Event::from_message(&ClockStepped {
        before: Some(convert::timestamp(before)),
        after: Some(convert::timestamp(after)),
    })
}

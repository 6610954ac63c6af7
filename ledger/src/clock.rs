//! The one place that asks what time it is.

use std::fmt::Debug;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use countersign_chain::time::UnixMicros;

/// A wall clock for the record and a monotonic one for differences.
pub trait Clock: Send + Sync + Debug {
    /// Time of day, UTC. It may jump either way.
    fn wall(&self) -> UnixMicros;

    /// Time since some moment. It never goes back.
    fn monotonic(&self) -> Duration;
}

/// The clocks of this machine.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// Starts the monotonic clock at zero.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that the others ask"
    )]
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that the others ask"
    )]
    fn wall(&self) -> UnixMicros {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let micros = u64::try_from(since.as_micros()).unwrap_or(u64::MAX);
        UnixMicros::new(micros).unwrap_or(UnixMicros::EPOCH)
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}

/// A clock whose hands are moved by hand, for tests and simulations.
#[derive(Debug, Default)]
pub struct ManualClock {
    hands: parking_lot::Mutex<(u64, Duration)>,
}

impl ManualClock {
    /// Starts at this many microseconds of Unix time.
    #[must_use]
    pub fn at(micros: u64) -> Self {
        Self {
            hands: parking_lot::Mutex::new((micros, Duration::ZERO)),
        }
    }

    /// Lets time pass: both clocks move.
    pub fn pass(&self, time: Duration) {
        let mut hands = self.hands.lock();
        hands.0 = hands
            .0
            .saturating_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
        hands.1 = hands.1.saturating_add(time);
    }

    /// Sets the wall clock only, as an administrator or a time daemon does.
    pub fn set_wall(&self, micros: u64) {
        self.hands.lock().0 = micros;
    }
}

impl Clock for ManualClock {
    fn wall(&self) -> UnixMicros {
        UnixMicros::new(self.hands.lock().0).unwrap_or(UnixMicros::EPOCH)
    }

    fn monotonic(&self) -> Duration {
        self.hands.lock().1
    }
}

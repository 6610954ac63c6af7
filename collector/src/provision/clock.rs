//! What time it is, for access that must end in time.

use std::fmt::Debug;
use std::time::Duration;

use countersign_chain::time::UnixMicros;
use tokio::time::Instant;

/// A wall clock.
pub trait Clock: Send + Sync + Debug {
    /// Time of day, UTC. It may jump either way.
    fn wall(&self) -> UnixMicros;
}

/// The clock of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn wall(&self) -> UnixMicros {
        let now = jiff::Timestamp::now().as_microsecond();
        let now = u64::try_from(now).unwrap_or(0);
        UnixMicros::new(now).unwrap_or(UnixMicros::EPOCH)
    }
}

/// Time that never goes back: a clock that is set back would prolong access. It is also never
/// behind the entries of the log that were read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Time {
    floor: u64,
    since: Instant,
}

impl Time {
    /// Begins at what the clock says.
    pub(crate) fn new(clock: &dyn Clock) -> Self {
        Self {
            floor: clock.wall().get(),
            since: Instant::now(),
        }
    }

    /// Microseconds of Unix time.
    pub(crate) fn now(&mut self, clock: &dyn Clock) -> u64 {
        self.raise(clock.wall().get());
        self.floor
    }

    /// It is at least this late.
    pub(crate) fn raise(&mut self, micros: u64) {
        let passed = micros_of(self.since.elapsed());
        self.floor = self.floor.saturating_add(passed).max(micros);
        self.since = Instant::now();
    }
}

/// Whole microseconds.
pub(crate) fn micros_of(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Microseconds of Unix time as RFC 3339, in whole seconds.
pub(crate) fn rfc3339(micros: u64) -> String {
    let seconds = i64::try_from(micros / 1_000_000).unwrap_or(i64::MAX);
    match jiff::Timestamp::from_second(seconds) {
        Ok(time) => time.to_string(),
        Err(_) => "infinity".to_owned(),
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! A clock that follows the time of the test, and can be set.

    use std::sync::atomic::{AtomicU64, Ordering};

    use super::{Clock, Instant, UnixMicros, micros_of};

    #[derive(Debug)]
    pub(crate) struct TestClock {
        start: Instant,
        at: AtomicU64,
    }

    impl TestClock {
        pub(crate) fn at(micros: u64) -> Self {
            Self {
                start: Instant::now(),
                at: AtomicU64::new(micros),
            }
        }

        pub(crate) fn set_back(&self, micros: u64) {
            self.at.fetch_sub(micros, Ordering::SeqCst);
        }
    }

    impl Clock for TestClock {
        fn wall(&self) -> UnixMicros {
            let at = self.at.load(Ordering::SeqCst) + micros_of(self.start.elapsed());
            UnixMicros::new(at).expect("in range")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::TestClock;
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn time_goes_on_when_the_clock_is_set_back() {
        let clock = TestClock::at(1_000_000_000);
        let mut time = Time::new(&clock);
        clock.set_back(500_000_000);
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(time.now(&clock), 1_003_000_000);
        time.raise(1_010_000_000);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(time.now(&clock), 1_011_000_000);
    }

    #[test]
    fn times_are_written_in_whole_seconds() {
        assert_eq!(rfc3339(1_700_000_000_999_999), "2023-11-14T22:13:20Z");
        assert_eq!(rfc3339(u64::MAX), "infinity");
    }
}

//! How much the log of the server says about refusals: a client that is refused a thousand times a
//! second must not fill the disk, or hold up the server while the log is written.
//!
//! Every refusal is counted in the metrics; those that nobody reads about are counted in the next
//! line that is written.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::limits::REFUSALS_TOLD;

/// One for the process, as there is one log.
static REFUSALS: Throttle = Throttle(Mutex::new(State {
    since: None,
    told: 0,
    unsaid: 0,
}));

#[derive(Debug)]
struct Throttle(Mutex<State>);

#[derive(Debug)]
struct State {
    since: Option<Instant>,
    told: u32,
    unsaid: u64,
}

/// Whether this refusal may be told; if so, how many before it were not.
pub(super) fn may_tell() -> Option<u64> {
    REFUSALS.may_tell(Instant::now())
}

impl Throttle {
    fn may_tell(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock();
        let fresh = |since| now.saturating_duration_since(since) < Duration::from_secs(1);
        if !state.since.is_some_and(fresh) {
            state.since = Some(now);
            state.told = 0;
        }
        if state.told >= REFUSALS_TOLD {
            state.unsaid = state.unsaid.saturating_add(1);
            return None;
        }
        state.told += 1;
        Some(std::mem::take(&mut state.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_a_second_are_told_and_the_rest_is_counted() {
        let throttle = Throttle(Mutex::new(State {
            since: None,
            told: 0,
            unsaid: 0,
        }));
        let start = Instant::now();
        for _ in 0..REFUSALS_TOLD {
            assert_eq!(throttle.may_tell(start), Some(0));
        }
        assert_eq!(throttle.may_tell(start), None);
        assert_eq!(throttle.may_tell(start), None);
        let later = start + Duration::from_secs(1);
        assert_eq!(throttle.may_tell(later), Some(2));
        assert_eq!(throttle.may_tell(later), Some(0));
    }
}

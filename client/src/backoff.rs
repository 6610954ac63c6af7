//! How long to wait before a repeat.

use std::time::Duration;

use crate::limits::{BACKOFF_FIRST, BACKOFF_LAST};

/// Exponential pauses with jitter: pause n is between a half and the whole of `first · 2^n`, at
/// most `last`.
///
/// The lower half keeps a failing ledger from being asked at once; the upper half keeps clients
/// that lost it together from coming back together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    ceiling: Duration,
}

impl Backoff {
    pub(crate) const fn new() -> Self {
        Self {
            ceiling: BACKOFF_FIRST,
        }
    }

    /// The next pause. `random` is uniform over all numbers.
    pub(crate) fn next(&mut self, random: u64) -> Duration {
        let ceiling = self.ceiling.min(BACKOFF_LAST);
        self.ceiling = ceiling.saturating_mul(2);
        let half = u64::try_from(ceiling.as_micros() / 2).unwrap_or(u64::MAX);
        Duration::from_micros(half.saturating_add(random % half.saturating_add(1)))
    }

    /// After a success, the next pause is the first again.
    pub(crate) const fn reset(&mut self) {
        self.ceiling = BACKOFF_FIRST;
    }

    /// Sleeps for the next pause.
    pub(crate) async fn wait(&mut self) {
        // Without randomness the pause is the shortest of its range: less fair, still a pause.
        let random = getrandom::u64().unwrap_or(0);
        tokio::time::sleep(self.next(random)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_last() {
        let mut backoff = Backoff::new();
        let mut ceiling = BACKOFF_FIRST;
        for _ in 0..20 {
            let (mut low, mut high) = (backoff, backoff);
            // The pause for 0 is the shortest, the pause for `half` the longest.
            let half = u64::try_from(ceiling.as_micros() / 2).unwrap();
            assert_eq!(low.next(0), ceiling / 2);
            assert_eq!(high.next(half), ceiling);
            let pause = backoff.next(u64::MAX);
            assert!(
                pause >= ceiling / 2 && pause <= ceiling,
                "{pause:?} {ceiling:?}"
            );
            ceiling = (ceiling * 2).min(BACKOFF_LAST);
        }
        assert_eq!(ceiling, BACKOFF_LAST);
        backoff.reset();
        assert_eq!(backoff.next(0), BACKOFF_FIRST / 2);
    }
}

//! How long to wait before a batch is tried again.

use std::time::Duration;

use crate::limits::MAX_RETRY_AFTER;

/// Exponential pauses with jitter: pause n is between a half and the whole of `first · 2^n`, at
/// most `last`. What the receiver asks for is kept to when it is longer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backoff {
    first: Duration,
    last: Duration,
    ceiling: Duration,
}

impl Backoff {
    pub(super) const fn new(first: Duration, last: Duration) -> Self {
        Self {
            first,
            last,
            ceiling: first,
        }
    }

    /// The next pause. `random` is uniform over all numbers, `asked` what the receiver asks for.
    pub(super) fn next(&mut self, random: u64, asked: Option<Duration>) -> Duration {
        let ceiling = self.ceiling.min(self.last);
        self.ceiling = ceiling.saturating_mul(2);
        let half = u64::try_from(ceiling.as_micros() / 2).unwrap_or(u64::MAX);
        let extra = random.checked_rem(half.saturating_add(1)).unwrap_or(0);
        let own = Duration::from_micros(half.saturating_add(extra));
        own.max(asked.unwrap_or_default().min(MAX_RETRY_AFTER))
    }

    /// After a success, the next pause is the first again.
    pub(super) const fn reset(&mut self) {
        self.ceiling = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_last_and_keep_to_what_is_asked_for() {
        let (first, last) = (Duration::from_millis(100), Duration::from_secs(1));
        let mut backoff = Backoff::new(first, last);
        let mut ceiling = first;
        for _ in 0..8 {
            let pause = backoff.next(u64::MAX, None);
            assert!(pause >= ceiling / 2 && pause <= ceiling, "{pause:?}");
            ceiling = (ceiling * 2).min(last);
        }
        let asked = Some(Duration::from_secs(7));
        assert_eq!(backoff.next(0, asked), Duration::from_secs(7));
        let forever = Some(Duration::from_secs(1 << 40));
        assert_eq!(backoff.next(0, forever), MAX_RETRY_AFTER);
        backoff.reset();
        assert_eq!(backoff.next(0, None), first / 2);
    }
}

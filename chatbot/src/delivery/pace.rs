//! How long to wait before something is tried again.

use std::time::Duration;

use crate::limits::{AGAIN_FIRST, AGAIN_LAST, AGAIN_LONGEST};

/// The pause after so many failures in a row: it doubles, and lies between a half and the whole, so
/// that those who failed together do not come back together. What the platform asks for is the
/// least. `random` is uniform over all numbers.
pub(super) fn pause(failures: u32, after: Option<Duration>, random: u64) -> Duration {
    let doubled = 1_u32.checked_shl(failures.saturating_sub(1));
    let ceiling = AGAIN_FIRST.saturating_mul(doubled.unwrap_or(u32::MAX));
    let half = ceiling.min(AGAIN_LAST) / 2;
    let half_micros = u64::try_from(half.as_micros()).unwrap_or(u64::MAX);
    let more = random
        .checked_rem(half_micros.saturating_add(1))
        .unwrap_or(0);
    let asked = after.unwrap_or_default().min(AGAIN_LONGEST);
    // Beyond what is asked for, so that not all are back at that very moment.
    asked.max(half).saturating_add(Duration::from_micros(more))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_keep_to_what_the_platform_asks_for() {
        let mut ceiling = AGAIN_FIRST;
        for failures in 1..40 {
            let half = u64::try_from(ceiling.as_micros() / 2).unwrap();
            assert_eq!(pause(failures, None, 0), ceiling / 2, "{failures}");
            assert_eq!(pause(failures, None, half), ceiling, "{failures}");
            ceiling = (ceiling * 2).min(AGAIN_LAST);
        }
        let asked = Duration::from_secs(600);
        assert_eq!(pause(1, Some(asked), 0), asked);
        assert!(pause(1, Some(asked), u64::MAX) <= asked + AGAIN_FIRST);
        let nonsense = Duration::from_secs(1 << 40);
        assert!(pause(40, Some(nonsense), u64::MAX) <= AGAIN_LONGEST + AGAIN_LAST);
    }
}

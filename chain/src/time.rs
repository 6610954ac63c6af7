//! Ledger time.

use crate::limits::MAX_U63;
use crate::record::RecordError;

/// Microseconds since 1970-01-01T00:00:00Z, UTC, below 2^63.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMicros(u64);

impl UnixMicros {
    /// The epoch.
    pub const EPOCH: Self = Self(0);

    /// Checks the bound.
    ///
    /// # Errors
    /// [`RecordError::BadTime`] at 2^63 and above.
    pub const fn new(micros: u64) -> Result<Self, RecordError> {
        if micros > MAX_U63 {
            Err(RecordError::BadTime(micros))
        } else {
            Ok(Self(micros))
        }
    }

    /// Microseconds.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Whole seconds, rounded down.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0 / 1_000_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_rounded_down() {
        let cases = [
            (0, 0),
            (999_999, 0),
            (1_000_000, 1),
            (5_999_999, 5),
            (MAX_U63, MAX_U63 / 1_000_000),
        ];
        for (micros, seconds) in cases {
            let time = UnixMicros::new(micros).expect("in range");
            assert_eq!(time.seconds(), seconds, "{micros}");
        }
    }
}

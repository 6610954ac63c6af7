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

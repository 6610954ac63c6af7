//! Time for deadlines.
//!
//! Ledger time never goes back, but the wall clock behind it may: then ledger time stands still
//! until the clock has caught up, and a grant measured by it would last longer than it should. A
//! [`Moment`] is ledger time plus all that the clock was ever set back, as ClockStepped entries
//! tell. A step back counts as time that passed, at once, and a step forward moves it with the
//! clock: access can end early. While ledger time stands still, the ledger gives no access, for
//! that could end late.

use countersign_chain::time::UnixMicros;

const MICROS: u64 = 1_000_000;

/// A moment on the scale of deadlines, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

impl Moment {
    /// Ledger time after the clock was set back by so much in all.
    #[must_use]
    pub const fn new(time: UnixMicros, setbacks: u64) -> Self {
        Self(time.get().saturating_add(setbacks))
    }

    /// So many seconds later.
    #[must_use]
    pub const fn after(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(MICROS)))
    }

    /// So many microseconds later.
    #[must_use]
    pub const fn after_micros(self, micros: u64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// So many seconds earlier.
    #[must_use]
    pub const fn before(self, seconds: u64) -> Self {
        Self(self.0.saturating_sub(seconds.saturating_mul(MICROS)))
    }

    /// Ledger time at which this moment comes if the clock is not set back any more.
    #[must_use]
    pub fn ledger_time(self, setbacks: u64) -> UnixMicros {
        UnixMicros::new(self.0.saturating_sub(setbacks)).unwrap_or(UnixMicros::EPOCH)
    }

    /// Whole seconds from another moment to this one; 0 when it is later.
    #[must_use]
    pub const fn seconds_since(self, other: Self) -> u64 {
        self.0.saturating_sub(other.0) / MICROS
    }
}

/// Ledger time so many seconds later.
#[must_use]
pub fn later(time: UnixMicros, seconds: u64) -> UnixMicros {
    let micros = time.get().saturating_add(seconds.saturating_mul(MICROS));
    UnixMicros::new(micros).unwrap_or(time)
}

//! Ledger time and `google.protobuf.Timestamp`.

use countersign_chain::time::UnixMicros;
use prost_types::Timestamp;

const MICROS_PER_SECOND: u64 = 1_000_000;
const NANOS_PER_MICRO: u32 = 1_000;
const NANOS_PER_SECOND: u32 = 1_000_000_000;
/// 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z, the bounds of `google.protobuf.Timestamp`.
const SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// Why a timestamp is not a time here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Outside the years 1 to 9999.
    #[error("expected seconds of the years 1 to 9999, got {0}")]
    Seconds(i64),
    /// Not a part of a second.
    #[error("expected 0 to 999999999 nanoseconds, got {0}")]
    Nanos(i32),
    /// Ledger time starts in 1970.
    #[error("expected a time since 1970-01-01T00:00:00Z, got {0} seconds before")]
    BeforeEpoch(u64),
    /// Ledger time counts microseconds.
    #[error("expected whole microseconds, got {0} nanoseconds")]
    Precision(u32),
}

/// The timestamp of a ledger time.
///
/// Ledger time reaches beyond the year 9999, where protobuf's JSON form does not follow; its binary
/// form does.
#[must_use]
pub fn timestamp(time: UnixMicros) -> Timestamp {
    let micros = time.get() % MICROS_PER_SECOND;
    Timestamp {
        seconds: time.seconds().cast_signed(),
        nanos: i32::try_from(micros * u64::from(NANOS_PER_MICRO)).unwrap_or(i32::MAX),
    }
}

/// The ledger time of a timestamp that has one, exactly.
///
/// # Errors
/// [`TimeError`] when it is no timestamp, before 1970, or finer than a microsecond.
pub fn unix_micros(time: &Timestamp) -> Result<UnixMicros, TimeError> {
    let (micros, rest) = split(time)?;
    if rest != 0 {
        Err(TimeError::Precision(rest))
    } else {
        Ok(micros)
    }
}

/// The first ledger time that is not before a timestamp, whose fractions of a microsecond count.
///
/// Both bounds of a filter keep their meaning under it: a ledger time is at or after (or before)
/// the timestamp exactly when it is at or after (or before) the result.
///
/// # Errors
/// [`TimeError`] when it is no timestamp or before 1970.
pub fn unix_micros_ceil(time: &Timestamp) -> Result<UnixMicros, TimeError> {
    let (micros, rest) = split(time)?;
    match UnixMicros::new(micros.get() + u64::from(rest != 0)) {
        Ok(up) => Ok(up),
        Err(_) => Err(TimeError::Seconds(time.seconds)),
    }
}

/// Checks that a timestamp keeps the bounds of `google.protobuf.Timestamp`.
///
/// # Errors
/// [`TimeError::Seconds`] or [`TimeError::Nanos`].
pub fn check_timestamp(time: &Timestamp) -> Result<(), TimeError> {
    nanos(time).map(|_| ())
}

fn nanos(time: &Timestamp) -> Result<u32, TimeError> {
    if !SECONDS.contains(&time.seconds) {
        return Err(TimeError::Seconds(time.seconds));
    }
    match u32::try_from(time.nanos) {
        Ok(nanos) if nanos < NANOS_PER_SECOND => Ok(nanos),
        _ => Err(TimeError::Nanos(time.nanos)),
    }
}

/// Whole microseconds since the epoch, and the nanoseconds beyond them.
fn split(time: &Timestamp) -> Result<(UnixMicros, u32), TimeError> {
    let nanos = nanos(time)?;
    let Ok(seconds) = u64::try_from(time.seconds) else {
        return Err(TimeError::BeforeEpoch(time.seconds.unsigned_abs()));
    };
    // Below 2^58: the seconds are those of the year 9999 at most.
    let micros = seconds * MICROS_PER_SECOND + u64::from(nanos / NANOS_PER_MICRO);
    match UnixMicros::new(micros) {
        Ok(micros) => Ok((micros, nanos % NANOS_PER_MICRO)),
        Err(_) => Err(TimeError::Seconds(time.seconds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64, nanos: i32) -> Timestamp {
        Timestamp { seconds, nanos }
    }

    #[test]
    fn ledger_time_survives_the_wire() {
        for micros in [
            0,
            1,
            999_999,
            1_000_000,
            1_767_225_600_123_456,
            253_402_300_799_999_999,
        ] {
            let time = UnixMicros::new(micros).unwrap();
            assert_eq!(unix_micros(&timestamp(time)), Ok(time), "{micros}");
            assert_eq!(unix_micros_ceil(&timestamp(time)), Ok(time), "{micros}");
        }
    }

    #[test]
    fn the_last_ledger_time_has_a_timestamp() {
        let last = UnixMicros::new((1 << 63) - 1).unwrap();
        assert_eq!(timestamp(last), at(9_223_372_036_854, 775_807_000));
        assert_eq!(
            unix_micros(&timestamp(last)),
            Err(TimeError::Seconds(9_223_372_036_854))
        );
    }

    #[test]
    fn fractions_of_a_microsecond_are_refused_or_rounded_up() {
        assert_eq!(unix_micros(&at(1, 1)), Err(TimeError::Precision(1)));
        assert_eq!(unix_micros_ceil(&at(1, 1)).unwrap().get(), 1_000_001);
        assert_eq!(
            unix_micros_ceil(&at(1, 999_999_999)).unwrap().get(),
            2_000_000
        );
    }

    #[test]
    fn what_is_no_time_is_refused() {
        assert_eq!(unix_micros(&at(-1, 0)), Err(TimeError::BeforeEpoch(1)));
        assert_eq!(unix_micros(&at(0, -1)), Err(TimeError::Nanos(-1)));
        assert_eq!(
            unix_micros(&at(0, 1_000_000_000)),
            Err(TimeError::Nanos(1_000_000_000))
        );
        assert_eq!(
            unix_micros(&at(i64::MAX, 0)),
            Err(TimeError::Seconds(i64::MAX))
        );
        assert_eq!(
            unix_micros_ceil(&at(i64::MIN, 0)),
            Err(TimeError::Seconds(i64::MIN))
        );
        assert_eq!(check_timestamp(&at(-62_135_596_800, 0)), Ok(()));
        assert_eq!(
            check_timestamp(&at(-62_135_596_801, 0)),
            Err(TimeError::Seconds(-62_135_596_801))
        );
    }
}

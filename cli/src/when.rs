//! Times as people write and read them.

use countersign_chain::time::UnixMicros;
pub(crate) use countersign_proto::reading::text::rfc3339;
use jiff::Timestamp;
use jiff::civil::Date;

/// Units of a relative time, in microseconds.
const UNITS: [(&str, u64); 5] = [
    ("s", 1_000_000),
    ("m", 60_000_000),
    ("h", 3_600_000_000),
    ("d", 86_400_000_000),
    ("w", 604_800_000_000),
];

/// Why a text is no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WhenError {
    /// Neither form.
    #[error(
        "{0:?} is no time; expected RFC 3339 (2026-01-31T12:00:00Z), a date, or how long ago \
         (90s, 15m, 1h30m, 2d, 1w)"
    )]
    Form(String),
    /// Outside what a ledger can record.
    #[error("{0:?} is before 1970 or too far away")]
    Range(String),
}

/// A point in time, absolute or before now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum When {
    /// Microseconds of Unix time.
    At(UnixMicros),
    /// Microseconds before now.
    Ago(u64),
}

impl When {
    /// Reads RFC 3339, a date (midnight UTC), or how long ago.
    pub(crate) fn parse(text: &str) -> Result<Self, WhenError> {
        if let Some(ago) = micros_of_units(text) {
            return Ok(Self::Ago(ago));
        }
        let day = |text: &str| {
            let date = text.parse::<Date>().ok()?;
            format!("{date}T00:00:00Z").parse::<Timestamp>().ok()
        };
        let is_day = text.len() == "2026-01-31".len();
        let time = if is_day {
            day(text)
        } else {
            text.parse::<Timestamp>().ok()
        };
        let time = time.ok_or_else(|| WhenError::Form(text.to_owned()))?;
        let micros = u64::try_from(time.as_microsecond()).ok();
        let micros = micros.and_then(|micros| UnixMicros::new(micros).ok());
        micros
            .map(Self::At)
            .ok_or_else(|| WhenError::Range(text.to_owned()))
    }

    /// The ledger time that is meant.
    pub(crate) fn resolve(&self, now: UnixMicros) -> UnixMicros {
        match self {
            Self::At(time) => *time,
            Self::Ago(micros) => {
                UnixMicros::new(now.get().saturating_sub(*micros)).unwrap_or(UnixMicros::EPOCH)
            }
        }
    }
}

/// A point in time, absolute or after now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ahead {
    /// Microseconds of Unix time.
    At(UnixMicros),
    /// Microseconds after now.
    In(u64),
}

impl Ahead {
    /// Reads RFC 3339, a date (midnight UTC), or how long from now.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match When::parse(text) {
            Ok(When::At(time)) => Ok(Self::At(time)),
            Ok(When::Ago(micros)) => Ok(Self::In(micros)),
            Err(WhenError::Form(text)) => Err(format!(
                "{text:?} is no time; expected RFC 3339 (2026-01-31T12:00:00Z), a date, or how \
                 long from now (90s, 15m, 1h30m, 2d, 1w)"
            )),
            Err(error @ WhenError::Range(_)) => Err(error.to_string()),
        }
    }

    /// The time that is meant.
    pub(crate) fn resolve(&self, now: UnixMicros) -> Result<UnixMicros, WhenError> {
        match self {
            Self::At(time) => Ok(*time),
            Self::In(micros) => UnixMicros::new(now.get().saturating_add(*micros))
                .map_err(|_too_far| WhenError::Range(format!("{micros} us from now"))),
        }
    }
}

/// Numbers with units, one after the other, in microseconds.
pub(crate) fn micros_of_units(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut total = 0_u64;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at(end);
        let (unit, micros) = UNITS.iter().find(|(unit, _)| after.starts_with(unit))?;
        total = number
            .parse::<u64>()
            .ok()?
            .checked_mul(*micros)?
            .checked_add(total)?;
        rest = after.strip_prefix(unit)?;
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> u64 {
        match When::parse(text).expect(text) {
            When::At(time) => time.get(),
            When::Ago(_) => panic!("{text} is relative"),
        }
    }

    #[test]
    fn absolute_times_are_rfc_3339_or_dates() {
        assert_eq!(at("1970-01-01T00:00:01Z"), 1_000_000);
        assert_eq!(at("1970-01-01T01:00:01.5+01:00"), 1_500_000);
        assert_eq!(at("1970-01-02"), 86_400_000_000);
    }

    #[test]
    fn relative_times_add_up() {
        for (text, seconds) in [
            ("90s", 90),
            ("15m", 900),
            ("1h30m", 5_400),
            ("1w1d", 691_200),
        ] {
            assert_eq!(
                When::parse(text),
                Ok(When::Ago(seconds * 1_000_000)),
                "{text}"
            );
        }
        let now = UnixMicros::new(10_000_000).expect("a time");
        let resolve = |text: &str| When::parse(text).expect(text).resolve(now).get();
        assert_eq!(resolve("3s"), 7_000_000);
        assert_eq!(resolve("1h"), 0);
        assert_eq!(resolve("1970-01-01T00:00:02Z"), 2_000_000);
    }

    #[test]
    fn times_to_come_add_up_too() {
        let now = UnixMicros::new(10_000_000).expect("a time");
        let resolve = |text: &str| Ahead::parse(text).expect(text).resolve(now);
        assert_eq!(resolve("3s").map(UnixMicros::get), Ok(13_000_000));
        assert_eq!(
            resolve("1970-01-01T00:00:02Z").map(UnixMicros::get),
            Ok(2_000_000)
        );
        assert!(resolve("18000000000000s").is_err());
        let why = Ahead::parse("tomorrow").expect_err("no time");
        assert!(why.contains("from now"), "{why}");
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "1",
            "h",
            "-1h",
            "1y",
            "1h 2m",
            "yesterday",
            "2026-13-01",
            "2026-01-31T12",
        ] {
            assert!(
                matches!(When::parse(text), Err(WhenError::Form(_))),
                "{text}"
            );
        }
        for text in ["1969-12-31", "1960-01-01T00:00:00Z"] {
            assert!(
                matches!(When::parse(text), Err(WhenError::Range(_))),
                "{text}"
            );
        }
        assert!(When::parse("99999999999999999999s").is_err());
    }

    #[test]
    fn ledger_times_read_as_rfc_3339() {
        let time = UnixMicros::new(1_500_000).expect("a time");
        assert_eq!(rfc3339(time), "1970-01-01T00:00:01.500000Z");
        assert_eq!(at(&rfc3339(time)), 1_500_000);
    }
}

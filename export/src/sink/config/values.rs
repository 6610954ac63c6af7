//! Lengths of time and sizes in a configuration, as people write them.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// Units of time with their milliseconds.
const TIMES: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];
/// Units of size with their bytes.
const SIZES: [(&str, u64); 4] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// A length of time above zero, for example `500ms`, `30s`, `5m`, `1h` or `1d`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Span(Duration);

/// A number of bytes above zero, for example `64KiB` or `1MiB`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Size(u64);

impl Span {
    pub(crate) const fn of(time: Duration) -> Self {
        Self(time)
    }

    /// The time.
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }

    /// Microseconds, as the ledger counts time.
    #[must_use]
    pub fn micros(self) -> u64 {
        u64::try_from(self.0.as_micros()).unwrap_or(u64::MAX)
    }
}

impl Size {
    pub(crate) const fn of(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl fmt::Debug for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}B", self.0)
    }
}

/// An address to listen on.
pub(super) fn address<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(from)?;
    text.parse().map(Some).map_err(|_error| {
        D::Error::custom(format!(
            "expected an address with its port, as in \"127.0.0.1:7481\", got {text:?}"
        ))
    })
}

/// A whole number above zero with one of these units.
fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    let number: u64 = number.parse().ok()?;
    number.checked_mul(*factor).filter(|number| *number > 0)
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let millis = parse(&text, &TIMES).ok_or_else(|| {
            D::Error::custom(format!(
                "expected a whole number above 0 with ms, s, m, h or d, as in \"30s\", got {text:?}"
            ))
        })?;
        Ok(Self(Duration::from_millis(millis)))
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let bytes = parse(&text, &SIZES).ok_or_else(|| {
            D::Error::custom(format!(
                "expected a whole number above 0 with B, KiB, MiB or GiB, as in \"1MiB\", got \
                 {text:?}"
            ))
        })?;
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_sizes_are_read_as_people_write_them() {
        for (text, millis) in [
            ("500ms", 500),
            ("30s", 30_000),
            ("5m", 300_000),
            ("1 h", 3_600_000),
        ] {
            assert_eq!(parse(text, &TIMES), Some(millis), "{text}");
        }
        assert_eq!(parse("1MiB", &SIZES), Some(1 << 20));
        for bad in [
            "",
            "s",
            "0s",
            "-1s",
            "1.5s",
            "30",
            "30 seconds",
            "99999999999999999999d",
        ] {
            assert_eq!(parse(bad, &TIMES), None, "{bad}");
        }
        assert_eq!(parse("18446744073709551615d", &TIMES), None);
    }
}

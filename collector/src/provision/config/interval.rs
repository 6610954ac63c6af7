//! Times in configurations: `30s`, `5m`, `1h`, `1d`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

/// A time in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval(Duration);

impl Interval {
    /// This long.
    #[must_use]
    pub const fn of(time: Duration) -> Self {
        Self(time)
    }

    /// How long.
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let seconds: u64 = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return None,
        };
        if number.is_empty() || !number.chars().all(|c| c.is_ascii_digit()) {
            return None;
        }
        let number: u64 = number.parse().ok()?;
        // More than a year is a slip of the pen.
        let seconds = number
            .checked_mul(seconds)
            .filter(|all| *all <= 366 * 86_400)?;
        Some(Self(Duration::from_secs(seconds)))
    }
}

impl<'de> Deserialize<'de> for Interval {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let other = || {
            let expected = "a time like 30s, 5m, 1h or 1d, of a year at most";
            de::Error::invalid_value(de::Unexpected::Str(&text), &expected)
        };
        Self::parse(&text).ok_or_else(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        for (text, seconds) in [
            ("0s", 0),
            ("30s", 30),
            ("5m", 300),
            ("2h", 7_200),
            ("1d", 86_400),
        ] {
            let parsed = Interval::parse(text).map(Interval::get);
            assert_eq!(parsed, Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "5",
            "m",
            "-5m",
            "+5m",
            "5 m",
            "1.5h",
            "5w",
            "9999d",
            "5µ",
            "18446744073709551616s",
        ] {
            assert_eq!(Interval::parse(text), None, "{text}");
        }
    }
}

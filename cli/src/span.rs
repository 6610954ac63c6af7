//! Lengths of time as people write and read them: 90s, 15m, 1h30m, 2d.

use std::fmt;

use countersign_proto::reading::text::length;

use crate::when::micros_of_units;

const SECOND: u64 = 1_000_000;

/// A length of time in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span(u64);

/// Why a text is no length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SpanError {
    /// Not the form.
    #[error("{0:?} is no length of time; expected for example 90s, 15m, 1h30m, 2d or 1w")]
    Form(String),
    /// Nothing.
    #[error("expected a length of time above zero")]
    Zero,
}

impl Span {
    /// A length of so many seconds.
    pub(crate) const fn of(seconds: u64) -> Self {
        Self(seconds)
    }

    /// Reads numbers with units, one after the other.
    pub(crate) fn parse(text: &str) -> Result<Self, SpanError> {
        let micros = micros_of_units(text).ok_or_else(|| SpanError::Form(text.to_owned()))?;
        match micros / SECOND {
            0 => Err(SpanError::Zero),
            seconds => Ok(Self(seconds)),
        }
    }

    /// In seconds.
    pub(crate) const fn seconds(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&length(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_read_as_they_are_written() {
        for (text, seconds) in [("90s", 90), ("15m", 900), ("1h30m", 5_400), ("2d", 172_800)] {
            assert_eq!(Span::parse(text), Ok(Span(seconds)), "{text}");
        }
        for (seconds, text) in [(0, "0s"), (90, "1m30s"), (5_400, "1h30m"), (172_800, "2d")] {
            assert_eq!(Span(seconds).to_string(), text);
        }
        assert_eq!(
            Span::parse("1w").map(|span| span.to_string()),
            Ok("7d".to_owned())
        );
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "1",
            "h",
            "-1h",
            "1 h",
            "one hour",
            "99999999999999999999s",
        ] {
            assert_eq!(Span::parse(text), Err(SpanError::Form(text.to_owned())));
        }
        assert_eq!(Span::parse("0s"), Err(SpanError::Zero));
    }
}

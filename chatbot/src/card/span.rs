//! A length of time as people say it.

use std::fmt;

use crate::limits::MAX_DURATION;

const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];

/// Whole seconds, at most a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(u64);

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// Checks the bound; none beyond a year.
    #[must_use]
    pub const fn new(seconds: u64) -> Option<Self> {
        if seconds <= MAX_DURATION {
            Some(Self(seconds))
        } else {
            None
        }
    }

    /// Seconds.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0
    }
}

/// The two largest parts, for example `2 h 30 min`.
impl fmt::Display for Span {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        let mut parts = Vec::new();
        for (size, name) in UNITS {
            let count = rest / size;
            rest %= size;
            if count > 0 {
                parts.push(format!("{count} {name}"));
            } else if !parts.is_empty() {
                break;
            }
        }
        parts.truncate(2);
        if parts.is_empty() {
            parts.push("0 s".to_owned());
        }
        out.write_str(&parts.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_reads_as_people_say_it() {
        let cases = [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (5_400, "1 h 30 min"),
            (3_601, "1 h"),
            (7_200, "2 h"),
            (90_000, "1 d 1 h"),
            (90_061, "1 d 1 h"),
        ];
        for (seconds, text) in cases {
            let span = Span::new(seconds).expect("within a year");
            assert_eq!(span.to_string(), text, "{seconds}");
        }
        assert_eq!(Span::new(MAX_DURATION + 1), None);
    }
}

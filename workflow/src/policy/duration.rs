//! Durations as people write them: `90s`, `15m`, `1h30m`, `2d`.

use crate::limits::MAX_POLICY_SECONDS;

/// Units, longest first, with their seconds.
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// Reads a duration: numbers with `d`, `h`, `m` or `s`, longest unit first, each unit once.
///
/// # Errors
/// A sentence without its beginning ("expected …, got …").
pub fn parse(text: &str) -> Result<u64, String> {
    let wrong = || format!("expected a duration such as 15m or 1h30m, got {text:?}");
    let mut units = UNITS.iter();
    let (mut total, mut number) = (0_u64, None::<u64>);
    for c in text.chars() {
        if let Some(digit) = c.to_digit(10) {
            let value = number.unwrap_or(0).checked_mul(10);
            let value = value.and_then(|value| value.checked_add(u64::from(digit)));
            number = Some(value.ok_or_else(wrong)?);
            continue;
        }
        let (_, seconds) = units.find(|(unit, _)| *unit == c).ok_or_else(wrong)?;
        let part = number.take().and_then(|count| count.checked_mul(*seconds));
        total = part
            .and_then(|part| total.checked_add(part))
            .ok_or_else(wrong)?;
    }
    if number.is_some() || total == 0 {
        return Err(wrong());
    }
    if total > MAX_POLICY_SECONDS {
        let max = write(MAX_POLICY_SECONDS);
        return Err(format!("expected at most {max}, got {text:?}"));
    }
    Ok(total)
}

/// Writes a duration in the same way; `0s` for none.
#[must_use]
pub fn write(seconds: u64) -> String {
    let mut text = String::new();
    let mut left = seconds;
    for (unit, size) in UNITS {
        let count = left.checked_div(size).unwrap_or(0);
        left = left.checked_rem(size).unwrap_or(0);
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
        }
    }
    if text.is_empty() {
        text.push_str("0s");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written() {
        let cases = [
            ("1s", 1),
            ("90s", 90),
            ("15m", 900),
            ("1h30m", 5_400),
            ("2d", 172_800),
            ("1d2h3m4s", 93_784),
            ("90d", 7_776_000),
            ("007m", 420),
        ];
        for (text, seconds) in cases {
            assert_eq!(parse(text), Ok(seconds), "{text}");
            assert_eq!(parse(&write(seconds)), Ok(seconds), "{text}");
        }
        assert_eq!(write(5_400), "1h30m");
        assert_eq!(write(0), "0s");
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        let bad = [
            "",
            "1",
            "h",
            "1x",
            "1.5h",
            "-1h",
            "+1h",
            "1h30",
            "30m1h",
            "1h1h",
            " 1h",
            "1h ",
            "1 h",
            "0s",
            "0h0m",
            "91d",
            "90d1s",
            "1H",
            "99999999999999999999s",
            "18446744073709551615d",
            "١h",
            "1hm",
        ];
        for text in bad {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}

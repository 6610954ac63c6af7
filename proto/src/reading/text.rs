//! Numbers, bytes, times and lengths of time as text, and text that cannot steer a terminal.

use std::borrow::Cow;

use countersign_chain::time::UnixMicros;
use data_encoding::HEXLOWER;
use jiff::Timestamp;

/// Names of units and their seconds, the longest first.
const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

/// Text from outside with every character visible: control characters, and those that reorder text,
/// are escaped.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if is_plain(text) || !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len().saturating_add(16));
    for c in text.chars() {
        if steers(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Whether it is ASCII without control characters. Without an early end many bytes are looked at in
/// one step.
fn is_plain(text: &str) -> bool {
    let other = |byte: &u8| !(b' '..=b'~').contains(byte);
    !text.bytes().fold(false, |any, byte| any | other(&byte))
}

fn steers(c: char) -> bool {
    let reorders =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || reorders
}

/// Bytes as lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

/// A number with groups of three digits, as in 12,345.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len().saturating_mul(2));
    for (position, digit) in digits.chars().enumerate() {
        let left = digits.len().saturating_sub(position);
        if position > 0 && left.is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number with its noun.
#[must_use]
pub fn counted(number: u64, one: &str, many: &str) -> String {
    let noun = if number == 1 { one } else { many };
    format!("{} {noun}", grouped(number))
}

/// Seconds as a length of time, for example `1h30m`; `0s` for none.
#[must_use]
pub fn length(seconds: u64) -> String {
    let (mut left, mut out) = (seconds, String::new());
    for (unit, size) in UNITS {
        if let Some(count @ 1..) = left.checked_div(size) {
            out.push_str(&format!("{count}{unit}"));
            left = left.saturating_sub(count.saturating_mul(size));
        }
    }
    if out.is_empty() { "0s".to_owned() } else { out }
}

/// Ledger time as RFC 3339 with microseconds.
#[must_use]
pub fn rfc3339(time: UnixMicros) -> String {
    let time = i64::try_from(time.get())
        .ok()
        .and_then(|time| Timestamp::from_microsecond(time).ok());
    time.map_or_else(
        || "beyond the year 9999".to_owned(),
        |time| format!("{time:.6}"),
    )
}

/// A time on the wire as RFC 3339; empty for none.
#[must_use]
pub fn wire(time: Option<&prost_types::Timestamp>) -> String {
    time.and_then(|time| Timestamp::new(time.seconds, time.nanos).ok())
        .map(|time| time.to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_cannot_steer_a_terminal() {
        assert_eq!(printable("plain Ünïcode"), "plain Ünïcode");
        assert_eq!(printable("a\u{1b}[2Jb\r"), "a\\u{1b}[2Jb\\r");
        assert_eq!(printable("x\u{202e}y"), "x\\u{202e}y");
    }

    #[test]
    fn numbers_and_bytes_read_easily() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(hex(&[0, 15, 255]), "000fff");
        assert_eq!(counted(1, "entry", "entries"), "1 entry");
        assert_eq!(counted(1_000, "entry", "entries"), "1,000 entries");
    }

    #[test]
    fn a_time_that_is_not_there_is_no_text() {
        assert_eq!(wire(None), "");
    }

    #[test]
    fn lengths_of_time_read_as_they_are_written() {
        for (seconds, text) in [(0, "0s"), (90, "1m30s"), (5_400, "1h30m"), (604_800, "7d")] {
            assert_eq!(length(seconds), text);
        }
    }
}

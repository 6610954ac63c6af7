//! `log_time` of PostgreSQL: local time in `log_timezone`, and the abbreviation of the zone.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

/// Bytes of `YYYY-MM-DD HH:MM:SS`.
const SECONDS: usize = 19;

/// Whether a line begins with a time and a comma: so does every record of a CSV log.
pub(super) fn begins(line: &[u8]) -> bool {
    let head = line.get(..SECONDS).unwrap_or_default();
    let form = b"dddd-dd-dd dd:dd:dd";
    let fits = |(byte, form): (&u8, &u8)| byte == form || (*form == b'd' && byte.is_ascii_digit());
    head.len() == SECONDS && head.iter().zip(form).all(fits)
}

/// The moment; `None` when it is no time, or its abbreviation is not one of `zone` then.
pub(super) fn moment(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let (time, abbreviation) = text.rsplit_once(' ')?;
    let format = if time.contains('.') {
        "%Y-%m-%d %H:%M:%S.%f"
    } else {
        "%Y-%m-%d %H:%M:%S"
    };
    let local = DateTime::strptime(format, time).ok()?;
    if matches!(abbreviation, "UTC" | "GMT" | "Z") {
        return Offset::UTC.to_timestamp(local).ok();
    }
    if let Some(offset) = numeric(abbreviation) {
        return offset.to_timestamp(local).ok();
    }
    // In the hour that the clock shows twice, the abbreviation tells which one it is.
    let either = zone.to_ambiguous_timestamp(local);
    let candidates = [either.earlier().ok()?, either.later().ok()?];
    let mut candidates = candidates.into_iter();
    candidates.find(|time| zone.to_offset_info(*time).abbreviation() == abbreviation)
}

/// `+03`, `-0330` or `+05:45`, for zones without letters.
fn numeric(text: &str) -> Option<Offset> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let digits = digits.replace(':', "");
    let is_number = matches!(digits.len(), 2 | 4) && digits.bytes().all(|b| b.is_ascii_digit());
    if !is_number {
        return None;
    }
    let part = |range: std::ops::Range<usize>| digits.get(range).unwrap_or("0").parse::<i32>();
    let minutes = part(0..2).ok()? * 60 + part(2..4).ok()?;
    Offset::from_seconds(sign * minutes * 60).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_their_zone() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let table = [
            (
                "2026-11-27 02:30:00.123 UTC",
                Some("2026-11-27T02:30:00.123Z"),
            ),
            ("2026-11-27 02:30:00 GMT", Some("2026-11-27T02:30:00Z")),
            (
                "2026-11-27 02:30:00.123 CET",
                Some("2026-11-27T01:30:00.123Z"),
            ),
            (
                "2026-07-27 02:30:00.123 CEST",
                Some("2026-07-27T00:30:00.123Z"),
            ),
            ("2026-10-25 02:30:00.000 CEST", Some("2026-10-25T00:30:00Z")),
            ("2026-10-25 02:30:00.000 CET", Some("2026-10-25T01:30:00Z")),
            ("2026-11-27 02:30:00.5 +03", Some("2026-11-26T23:30:00.5Z")),
            (
                "2026-11-27 02:30:00.5 -0330",
                Some("2026-11-27T06:00:00.5Z"),
            ),
            (
                "2026-11-27 02:30:00.5 +05:45",
                Some("2026-11-26T20:45:00.5Z"),
            ),
            ("2026-11-27 02:30:00.123 PST", None),
            ("2026-07-27 02:30:00.123 CET", None),
            ("2026-11-27 02:30:00.123", None),
            ("2026-13-27 02:30:00.123 UTC", None),
            ("2026-11-27 02:30:00.123 +3", None),
            ("2026-11-27 02:30:00.123 +é0", None),
            ("yesterday", None),
            ("", None),
        ];
        for (text, expected) in table {
            let found = moment(text, &berlin).map(|time| time.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_record_begins_with_a_time() {
        assert!(begins(b"2026-11-27 02:30:00.123 UTC,,,"));
        for other in [
            "",
            "2026-11-27",
            "2026-11-27T02:30:00.123",
            "select 2026-11-27 02:30:00",
        ] {
            assert!(!begins(other.as_bytes()), "{other}");
        }
    }
}

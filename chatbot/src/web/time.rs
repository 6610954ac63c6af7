//! Times and lengths of time as people write and read them.

use countersign_chain::time::UnixMicros;
use countersign_proto::convert::timestamp;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use prost_types::Timestamp as Wire;

const UNITS: [(char, u64); 5] = [
    ('w', 604_800),
    ('d', 86_400),
    ('h', 3_600),
    ('m', 60),
    ('s', 1),
];

/// Reads numbers with units, for example `1h30m`; a number alone is minutes. `None` when it is
/// something else, or nothing.
pub(super) fn seconds_of(text: &str) -> Option<u64> {
    let mut rest = text.trim();
    if let Ok(minutes) = rest.parse::<u64>() {
        return minutes.checked_mul(60).filter(|seconds| *seconds > 0);
    }
    let mut total = 0_u64;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at(end);
        let unit = after.chars().next()?;
        let (_, seconds) = UNITS.iter().find(|(known, _)| *known == unit)?;
        let part = number.parse::<u64>().ok()?.checked_mul(*seconds)?;
        total = total.checked_add(part)?;
        rest = after.get(1..)?.trim_start();
    }
    (total > 0).then_some(total)
}

/// A length of time in words, its two largest units: `1 h 30 min`.
pub(super) fn span(seconds: u64) -> String {
    let units = [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)];
    let mut left = seconds;
    let mut words = Vec::new();
    for (unit, size) in units {
        let count = left / size;
        left %= size;
        if count > 0 {
            words.push(format!("{count} {unit}"));
        }
    }
    words.truncate(2);
    if words.is_empty() {
        "0 s".to_owned()
    } else {
        words.join(" ")
    }
}

/// Reads what `<input type="datetime-local">` sends, in a zone.
pub(super) fn local(text: &str, zone: &TimeZone) -> Option<Wire> {
    let time: DateTime = text.parse().ok()?;
    let time = zone.to_zoned(time).ok()?.timestamp();
    let micros = u64::try_from(time.as_microsecond()).ok()?;
    UnixMicros::new(micros).ok().map(timestamp)
}

/// A time with its weekday and its zone, as a `<time>` that programs can read too.
pub(super) fn moment(time: Option<&Wire>, zone: &TimeZone) -> Markup {
    let known = time.and_then(|time| Timestamp::new(time.seconds, time.nanos).ok());
    let Some(known) = known else {
        return html! { "—" };
    };
    let shown = known.to_zoned(zone.clone());
    html! {
        time datetime=(known.to_string()) {
            (shown.strftime("%a %-d %b %Y, %H:%M %Z").to_string())
        }
    }
}

/// Seconds from now until then; negative when it is past.
pub(super) fn until(then: &Wire, now: UnixMicros) -> i64 {
    then.seconds.saturating_sub(now.seconds().cast_signed())
}

/// How long from now, or how long ago: `in 23 min`, `2 h ago`.
pub(super) fn relative(then: &Wire, now: UnixMicros) -> String {
    match until(then, now) {
        0 => "now".to_owned(),
        ahead @ 1.. => format!("in {}", span(ahead.unsigned_abs())),
        past => format!("{} ago", span(past.unsigned_abs())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_read_as_people_write_them() {
        for (text, seconds) in [
            ("90s", 90),
            ("15m", 900),
            ("1h30m", 5_400),
            ("1h 30m", 5_400),
            ("2d", 172_800),
            ("45", 2_700),
        ] {
            assert_eq!(seconds_of(text), Some(seconds), "{text}");
        }
        for text in [
            "",
            "0",
            "0h",
            "h",
            "-1h",
            "one hour",
            "1y",
            "99999999999999999999s",
            "1é",
        ] {
            assert_eq!(seconds_of(text), None, "{text}");
        }
        assert_eq!(span(5_400), "1 h 30 min");
        assert_eq!(span(90_061), "1 d 1 h");
        assert_eq!(span(0), "0 s");
    }

    #[test]
    fn a_wanted_start_is_in_the_companys_zone() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let start = local("2026-07-01T12:00", &berlin).unwrap();
        assert_eq!(start.seconds, 1_782_900_000);
        assert!(
            moment(Some(&start), &berlin)
                .into_string()
                .contains("Wed 1 Jul 2026, 12:00 CEST<")
        );
        for text in ["", "tomorrow", "2026-13-01T00:00", "1960-01-01T00:00"] {
            assert_eq!(local(text, &berlin), None, "{text}");
        }
    }

    #[test]
    fn what_is_near_is_told_from_now() {
        let now = UnixMicros::new(1_000_000_000).unwrap();
        let at = |seconds| Wire { seconds, nanos: 0 };
        assert_eq!(relative(&at(1_060), now), "in 1 min");
        assert_eq!(relative(&at(940), now), "1 min ago");
        assert_eq!(relative(&at(1_000), now), "now");
    }
}

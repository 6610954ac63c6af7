//! Dates, times and durations (RFC 5545, sections 3.3.4 to 3.3.6).

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};

use super::content::Line;
use crate::limits::MAX_SHIFT;
use crate::policy::problem::Problem;

const DAY: i64 = 86_400;

/// A date or a time as a calendar writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    /// What clocks on the wall show there; midnight for a date.
    pub(super) civil: DateTime,
    /// Whether it is a date.
    pub(super) all_day: bool,
    pub(super) zone: TimeZone,
}

impl Stamp {
    /// Reads the value of a line; floating times and dates are those of `company`.
    pub(super) fn of(line: &Line, company: &TimeZone) -> Result<Self, Problem> {
        Self::read(line, &line.value, company)
    }

    /// Reads one or more values, separated by commas.
    pub(super) fn list(line: &Line, company: &TimeZone) -> Result<Vec<Self>, Problem> {
        let values = line.value.split(',');
        values
            .map(|value| Self::read(line, value, company))
            .collect()
    }

    fn read(line: &Line, value: &str, company: &TimeZone) -> Result<Self, Problem> {
        let (civil, all_day, utc) = civil(value).ok_or_else(|| {
            let message = format!("{} {value:?} is no date and no time", line.name);
            let problem = line.problem(message);
            problem.hint("for example 20260706, 20260706T090000 or 20260706T070000Z")
        })?;
        let zone = match line.parameter("TZID") {
            _ if utc => TimeZone::UTC,
            Some(name) if !all_day => named(name).ok_or_else(|| {
                let message = format!("{} has the unknown time zone {name:?}", line.name);
                line.problem(message)
                    .hint("use an IANA name such as Europe/Berlin")
            })?,
            _ => company.clone(),
        };
        let stamp = Self {
            civil,
            all_day,
            zone,
        };
        match stamp.instant() {
            Some(_) => Ok(stamp),
            None => Err(line.problem(format!("{} {value:?} is too far away", line.name))),
        }
    }

    /// When that is. A time that clocks skip is counted with the offset before the gap, one that
    /// they show twice is the first of the two (section 3.3.5).
    pub(super) fn instant(&self) -> Option<Timestamp> {
        instant(&self.zone, self.civil)
    }

    /// When that is, said of an event that starts so: a date means its occurrence of that day.
    pub(super) fn instant_for(&self, start: &Self) -> Option<Timestamp> {
        if self.all_day == start.all_day {
            return self.instant();
        }
        instant(
            &start.zone,
            self.civil.date().to_datetime(start.civil.time()),
        )
    }
}

/// A moment of wall clocks in a zone.
pub(super) fn instant(zone: &TimeZone, civil: DateTime) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(civil).compatible().ok()
}

/// A zone by its IANA name, from the database inside the program: not from the disk, where another
/// machine may have another one. Some tools put a path before the name.
pub(super) fn named(name: &str) -> Option<TimeZone> {
    let known = TimeZoneDatabase::bundled();
    let name = name.trim();
    let path = name.starts_with('/');
    let ends = name
        .match_indices('/')
        .filter_map(|(at, _)| name.get(at.checked_add(1)?..));
    let names = std::iter::once(name).chain(ends.take_while(|_| path));
    names.take(8).find_map(|name| known.get(name).ok())
}

/// Reads `20260706`, `20260706T090000` or `20260706T070000Z`: what the clock shows, whether it is a
/// date, and whether it is in UTC.
pub(super) fn civil(value: &str) -> Option<(DateTime, bool, bool)> {
    let (date, time) = match value.trim().split_once(['T', 't']) {
        Some((date, time)) => (date, Some(time)),
        None => (value.trim(), None),
    };
    let [year, month, day] = numbers(date, [4, 2, 2])?;
    let year = i16::try_from(year).ok()?;
    let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    let Some(time) = time else {
        return Some((date.to_datetime(Time::midnight()), true, false));
    };
    let (time, utc) = match time.strip_suffix(['Z', 'z']) {
        Some(time) => (time, true),
        None => (time, false),
    };
    let [hour, minute, second] = numbers(time, [2, 2, 2])?;
    // A leap second is the last one of its minute.
    let second = if second == 60 { 59 } else { second };
    let part = |number: u32| i8::try_from(number).ok();
    let time = Time::new(part(hour)?, part(minute)?, part(second)?, 0).ok()?;
    Some((date.to_datetime(time), false, utc))
}

/// Takes digits apart: so many for each number, and nothing after them.
fn numbers(text: &str, widths: [usize; 3]) -> Option<[u32; 3]> {
    let mut rest = text;
    let mut all = [0; 3];
    for (number, width) in all.iter_mut().zip(widths) {
        let (digits, after) = rest.split_at_checked(width)?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *number = digits.parse().ok()?;
        rest = after;
    }
    rest.is_empty().then_some(all)
}

/// How long an event lasts: first so long by the clock on the wall, then so long by a stopwatch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Length {
    wall: SignedDuration,
    stopwatch: SignedDuration,
}

impl Length {
    /// A day by the clock on the wall, 23 to 25 hours.
    pub(super) const DAY: Self = Self {
        wall: SignedDuration::from_secs(DAY),
        stopwatch: SignedDuration::ZERO,
    };

    /// From start to end. In one zone the clock on the wall counts: whoever is on call from Monday
    /// 09:00 to Monday 09:00 hands over at 09:00 also in the week in which the clocks change.
    pub(super) fn between(start: &Stamp, end: &Stamp) -> Option<Self> {
        if start.zone == end.zone {
            let wall = end.civil.duration_since(start.civil);
            let stopwatch = SignedDuration::ZERO;
            return Some(Self { wall, stopwatch });
        }
        let stopwatch = end.instant()?.duration_since(start.instant()?);
        Some(Self {
            wall: SignedDuration::ZERO,
            stopwatch,
        })
    }

    /// Reads `P1W`, `P1DT12H`, `PT8H30M`: weeks and days by the clock on the wall, the rest by a
    /// stopwatch.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_uppercase();
        let text = text.strip_prefix('+').unwrap_or(&text).strip_prefix('P')?;
        let (days, times) = text.split_once('T').unwrap_or((text, ""));
        if (days.is_empty() && times.is_empty()) || (text.contains('T') && times.is_empty()) {
            return None;
        }
        let wall = units(days, &[('W', 7 * DAY), ('D', DAY)])?;
        let stopwatch = units(times, &[('H', 3_600), ('M', 60), ('S', 1)])?;
        Some(Self {
            wall: SignedDuration::from_secs(wall),
            stopwatch: SignedDuration::from_secs(stopwatch),
        })
    }

    /// Whether it is neither negative nor beyond the limit.
    pub(super) fn is_allowed(self) -> bool {
        let seconds = self.seconds();
        (0..=MAX_SHIFT).contains(&seconds)
    }

    /// All of it, roughly when clocks change in between.
    fn seconds(self) -> i64 {
        self.wall.as_secs().saturating_add(self.stopwatch.as_secs())
    }

    /// Whole days that it covers at least in part, and two more for clocks that change.
    pub(super) fn days(self) -> i64 {
        self.seconds()
            .checked_div(DAY)
            .unwrap_or(0)
            .saturating_add(2)
    }

    /// The end of what starts so.
    pub(super) fn end(self, zone: &TimeZone, start: DateTime) -> Option<Timestamp> {
        let wall = start.checked_add(self.wall).ok()?;
        instant(zone, wall)?.checked_add(self.stopwatch).ok()
    }
}

/// Adds up numbers with their units, which come in this order, each at most once.
fn units(text: &str, units: &[(char, i64)]) -> Option<i64> {
    let (mut rest, mut sum) = (text, 0_i64);
    for (unit, seconds) in units {
        let Some((number, after)) = rest.split_once(*unit) else {
            continue;
        };
        let number: u32 = number.parse().ok().filter(|_| !number.starts_with('+'))?;
        sum = sum.checked_add(i64::from(number).checked_mul(*seconds)?)?;
        rest = after;
    }
    rest.is_empty().then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read() {
        let good = [
            ("20260706", "2026-07-06T00:00:00", true, false),
            ("20260706T090000", "2026-07-06T09:00:00", false, false),
            ("20260706T070060Z", "2026-07-06T07:00:59", false, true),
        ];
        for (text, expected, all_day, utc) in good {
            let expected: DateTime = expected.parse().expect("a time");
            assert_eq!(civil(text), Some((expected, all_day, utc)), "{text}");
        }
        let bad = [
            "",
            "T",
            "2026",
            "20260230",
            "20260706T",
            "20260706T0900",
            "20260706T250000",
            "20260706T090000+0200",
            "+0260706",
            "20260706Z",
            "２０２６0706",
        ];
        for text in bad {
            assert_eq!(civil(text), None, "{text}");
        }
    }

    #[test]
    fn durations_are_read() {
        let good = [
            ("P1W", 604_800, 0),
            ("P1DT12H", 86_400, 43_200),
            ("+PT8H30M5S", 0, 30_605),
            ("P1D", 86_400, 0),
            ("PT0S", 0, 0),
        ];
        for (text, wall, stopwatch) in good {
            let length = Length {
                wall: SignedDuration::from_secs(wall),
                stopwatch: SignedDuration::from_secs(stopwatch),
            };
            assert_eq!(Length::parse(text), Some(length), "{text}");
        }
        let bad = [
            "", "P", "PT", "P1DT", "1D", "-P1D", "P1H", "PT1D", "P-1D", "P+1D", "PD", "P1M",
        ];
        for text in bad {
            assert_eq!(Length::parse(text), None, "{text}");
        }
        assert_eq!(Length::parse("P99999999999D"), None);
        assert!(
            !Length::parse("P4294967295W")
                .expect("a duration")
                .is_allowed()
        );
    }

    #[test]
    fn zones_may_have_a_path_before_their_names() {
        let berlin = named("Europe/Berlin").expect("a zone");
        for name in [
            "/freeassociation.sourceforge.net/Europe/Berlin",
            "/a/b/Europe/Berlin",
        ] {
            assert_eq!(named(name), Some(berlin.clone()), "{name}");
        }
        for name in [
            "",
            "/",
            "//",
            "Nowhere/Berlin",
            "/a/b",
            "W. Europe Standard Time",
        ] {
            assert_eq!(named(name), None, "{name}");
        }
    }
}

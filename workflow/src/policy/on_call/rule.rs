//! Recurrence rules (RFC 5545, section 3.3.10): on which days an event takes place.
//!
//! A rule answers one question: which is the latest day of the event that is not after a given one.
//! It does so by arithmetic, and never walks from the first day to the last.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Span;
use jiff::civil::{Date, Weekday};

use super::content::Line;
use super::month::{self, Days};
use super::stamp::{self, Stamp};
use crate::limits::{MAX_RULE_COUNT, MAX_RULE_INTERVAL};
use crate::policy::problem::Problem;

/// The days on which an event begins. The day of DTSTART always is one of them, whatever the rule
/// says, and counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    first: Date,
    last: Option<Date>,
    pattern: Pattern,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    Once,
    /// Every so many days.
    Daily(i64),
    /// Every so many weeks.
    Weekly(i64, Week),
    /// Every so many months.
    Monthly(i64, Days),
}

/// Days of a week.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Week {
    begins: Weekday,
    /// Days after the one on which a week begins, ascending.
    days: BTreeSet<i64>,
}

impl Week {
    /// The first day of the week of a day.
    fn of(&self, date: Date) -> Option<Date> {
        let after = date.weekday().since(self.begins);
        add(date, i64::from(after).checked_neg()?)
    }
}

impl Rule {
    /// The rule of an event without one.
    pub(super) const fn once(first: Date) -> Self {
        Self {
            first,
            last: Some(first),
            pattern: Pattern::Once,
        }
    }

    /// The latest day that is not after `date`. Days before `floor` may be left out.
    pub(super) fn latest(&self, date: Date, floor: Date) -> Option<Date> {
        let date = self.last.map_or(date, |last| last.min(date));
        if date < self.first {
            return None;
        }
        let found = match &self.pattern {
            Pattern::Once => None,
            Pattern::Daily(every) => {
                let gone = days_between(self.first, date).checked_rem(*every)?;
                add(date, gone.checked_neg()?)
            }
            Pattern::Weekly(every, week) => self.latest_of_weeks(*every, week, date),
            Pattern::Monthly(every, days) => {
                let from = floor.max(self.first);
                month::latest(*every, days, self.first, (from, date))
            }
        };
        Some(found.map_or(self.first, |found| found.max(self.first)))
    }

    fn latest_of_weeks(&self, every: i64, week: &Week, date: Date) -> Option<Date> {
        let (first, this) = (week.of(self.first)?, week.of(date)?);
        let weeks = days_between(first, this).checked_div(7)?;
        let back = weeks.checked_rem(every)?.checked_mul(7)?;
        let begin = add(this, back.checked_neg()?)?;
        // If all days of that week are still to come, the last of the week before it is the one.
        let before = add(begin, every.checked_mul(7)?.checked_neg()?);
        [Some(begin), before]
            .into_iter()
            .flatten()
            .find_map(|begin| {
                let mut days = week.days.iter().rev();
                days.find_map(|day| add(begin, *day).filter(|day| *day <= date))
            })
    }

    /// Reads an RRULE of an event that starts so.
    pub(super) fn parse(line: &Line, start: &Stamp) -> Result<Self, Problem> {
        let parts = Parts::read(line)?;
        let first = start.civil.date();
        let every = parts.number("INTERVAL", MAX_RULE_INTERVAL)?.unwrap_or(1);
        let pattern = parts.pattern(every, first)?;
        let last = match (parts.get("UNTIL"), parts.number("COUNT", MAX_RULE_COUNT)?) {
            (Some(_), Some(_)) => return Err(parts.problem("has both UNTIL and COUNT")),
            (Some(until), None) => Some(
                last_day(until, start)
                    .ok_or_else(|| parts.problem(&format!("has a malformed UNTIL={until}")))?,
            ),
            (None, Some(count)) => last_of(&pattern, first, count),
            (None, None) => None,
        };
        Ok(Self {
            first,
            last,
            pattern,
        })
    }
}

/// The last day that UNTIL allows, itself among them.
fn last_day(until: &str, start: &Stamp) -> Option<Date> {
    let (civil, all_day, utc) = stamp::civil(until)?;
    if all_day || start.all_day {
        return Some(civil.date());
    }
    let local = if utc {
        let until = stamp::instant(&jiff::tz::TimeZone::UTC, civil)?;
        start.zone.to_datetime(until)
    } else {
        civil
    };
    if start.civil.time() <= local.time() {
        Some(local.date())
    } else {
        local.date().yesterday().ok()
    }
}

/// The last day of so many; None when it is too far away to matter.
fn last_of(pattern: &Pattern, first: Date, count: i64) -> Option<Date> {
    let more = count.checked_sub(1)?;
    match pattern {
        Pattern::Once => Some(first),
        Pattern::Daily(every) => add(first, more.checked_mul(*every)?),
        Pattern::Weekly(every, week) => {
            let begin = week.of(first)?;
            let gone = days_between(begin, first);
            let rest: Vec<i64> = week
                .days
                .iter()
                .copied()
                .filter(|day| *day > gone)
                .collect();
            let Some(more) = usize::try_from(more).ok()?.checked_sub(1) else {
                return Some(first);
            };
            if let Some(day) = rest.get(more) {
                return add(begin, *day);
            }
            let more = more.checked_sub(rest.len())?;
            let weeks = more.checked_div(week.days.len())?.checked_add(1)?;
            let day = week.days.iter().nth(more.checked_rem(week.days.len())?)?;
            let weeks = i64::try_from(weeks).ok()?.checked_mul(*every)?;
            add(begin, weeks.checked_mul(7)?.checked_add(*day)?)
        }
        Pattern::Monthly(every, days) => month::nth_after(*every, days, first, more),
    }
}

/// The parts of a rule by name.
struct Parts<'a> {
    line: &'a Line,
    parts: BTreeMap<String, String>,
}

impl<'a> Parts<'a> {
    fn read(line: &'a Line) -> Result<Self, Problem> {
        let mut all = Self {
            line,
            parts: BTreeMap::new(),
        };
        for part in line.value.split(';').filter(|part| !part.trim().is_empty()) {
            let (name, value) = part
                .split_once('=')
                .ok_or_else(|| all.problem(&format!("has {part:?} without a value")))?;
            let (name, value) = (name.trim().to_ascii_uppercase(), value.trim());
            let known = [
                "FREQ",
                "INTERVAL",
                "COUNT",
                "UNTIL",
                "BYDAY",
                "BYMONTHDAY",
                "BYSETPOS",
                "WKST",
            ];
            if !known.contains(&name.as_str()) {
                let problem = all.problem(&format!("has {name}, which is not read"));
                let hint = format!("expected {}; or write the events out", known.join(", "));
                return Err(problem.hint(hint));
            }
            if all
                .parts
                .insert(name.clone(), value.to_ascii_uppercase())
                .is_some()
            {
                return Err(all.problem(&format!("has {name} twice")));
            }
        }
        Ok(all)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.parts.get(name).map(String::as_str)
    }

    fn problem(&self, what: &str) -> Problem {
        self.line.problem(format!("rule {what}"))
    }

    /// A number from 1 to `max`.
    fn number(&self, name: &str, max: i64) -> Result<Option<i64>, Problem> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        let number = text
            .parse()
            .ok()
            .filter(|number| (1..=max).contains(number));
        let malformed = || self.problem(&format!("has {name}={text}; expected 1 to {max}"));
        number.map(Some).ok_or_else(malformed)
    }

    fn pattern(&self, every: i64, first: Date) -> Result<Pattern, Problem> {
        let frequency = self.get("FREQ").unwrap_or_default();
        let only_monthly = ["BYMONTHDAY", "BYSETPOS"].map(|name| self.get(name).map(|_| name));
        let misplaced = only_monthly.into_iter().flatten().next();
        if let (Some(name), true) = (misplaced, frequency != "MONTHLY") {
            return Err(self.problem(&format!("has {name}, which is read with FREQ=MONTHLY only")));
        }
        match (frequency, self.get("BYDAY")) {
            ("DAILY", None) => Ok(Pattern::Daily(every)),
            // Every day, but only on some: every week on those.
            ("DAILY", Some(days)) if every == 1 => Ok(Pattern::Weekly(1, self.week(days)?)),
            ("DAILY", Some(_)) => Err(self.problem("has BYDAY with FREQ=DAILY and an INTERVAL")),
            ("WEEKLY", None) => {
                let begins = self.week_begin()?;
                let days = BTreeSet::from([i64::from(first.weekday().since(begins))]);
                Ok(Pattern::Weekly(every, Week { begins, days }))
            }
            ("WEEKLY", Some(days)) => Ok(Pattern::Weekly(every, self.week(days)?)),
            ("MONTHLY", by_day) => Ok(Pattern::Monthly(every, self.month(by_day, first)?)),
            (other, _) => {
                let problem = self.problem(&format!("has FREQ={other}"));
                Err(problem.hint("expected DAILY, WEEKLY or MONTHLY; or write the events out"))
            }
        }
    }

    fn week_begin(&self) -> Result<Weekday, Problem> {
        let text = self.get("WKST").unwrap_or("MO");
        weekday(text).ok_or_else(|| self.problem(&format!("has a malformed WKST={text}")))
    }

    fn week(&self, days: &str) -> Result<Week, Problem> {
        let begins = self.week_begin()?;
        let day = |text: &str| {
            let day = weekday(text.trim()).map(|day| i64::from(day.since(begins)));
            day.ok_or_else(|| self.problem(&format!("has a malformed day {text:?} in BYDAY")))
        };
        let days = days.split(',').map(day).collect::<Result<_, _>>()?;
        Ok(Week { begins, days })
    }

    fn month(&self, by_day: Option<&str>, first: Date) -> Result<Days, Problem> {
        let mut days = Days::default();
        for text in by_day
            .into_iter()
            .flat_map(|days| days.split(','))
            .map(str::trim)
        {
            let malformed = || self.problem(&format!("has a malformed day {text:?} in BYDAY"));
            let split = text.len().checked_sub(2).ok_or_else(malformed)?;
            let (nth, day) = text.split_at_checked(split).ok_or_else(malformed)?;
            let nth = if nth.is_empty() {
                Some(0)
            } else {
                signed(nth, 5)
            };
            let day = weekday(day).ok_or_else(malformed)?;
            days.weekdays.push((nth.ok_or_else(malformed)?, day));
        }
        days.days = self.signed_list("BYMONTHDAY", 31)?;
        days.positions = self.signed_list("BYSETPOS", 31)?;
        if days.weekdays.is_empty() && days.days.is_empty() {
            days.days.push(i64::from(first.day()));
        }
        Ok(days)
    }

    fn signed_list(&self, name: &str, max: i64) -> Result<Vec<i64>, Problem> {
        let texts = self.get(name).into_iter().flat_map(|list| list.split(','));
        let number = |text: &str| {
            let malformed = || self.problem(&format!("has a malformed {text:?} in {name}"));
            signed(text.trim(), max).ok_or_else(malformed)
        };
        texts.map(number).collect()
    }
}

/// A number from 1 to `max`, or from -1 to -`max`.
fn signed(text: &str, max: i64) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    let size = number.checked_abs()?;
    (1..=max).contains(&size).then_some(number)
}

fn weekday(text: &str) -> Option<Weekday> {
    let names = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
    let at = names.iter().position(|name| *name == text)?;
    Weekday::from_monday_zero_offset(i8::try_from(at).ok()?).ok()
}

/// Days from one to another.
pub(super) fn days_between(from: Date, to: Date) -> i64 {
    to.duration_since(from)
        .as_hours()
        .checked_div(24)
        .unwrap_or(0)
}

/// So many days later.
pub(super) fn add(date: Date, days: i64) -> Option<Date> {
    date.checked_add(Span::new().try_days(days).ok()?).ok()
}

#[cfg(test)]
mod tests;

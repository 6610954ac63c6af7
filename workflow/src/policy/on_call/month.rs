//! Days of months that a rule names.

use jiff::civil::{Date, Weekday};

use crate::limits::MAX_RULE_MONTHS;

/// Which days of a month.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Days {
    /// BYDAY: the n-th such day, from the end when negative; every one when 0. Any day when empty.
    pub(super) weekdays: Vec<(i64, Weekday)>,
    /// BYMONTHDAY: from the end when negative. Any day when empty.
    pub(super) days: Vec<i64>,
    /// BYSETPOS: which of those days, from the end when negative. All when empty.
    pub(super) positions: Vec<i64>,
}

impl Days {
    /// The days of a month, ascending.
    fn of(&self, month: Month) -> Vec<Date> {
        let Some(first) = month.first() else {
            return Vec::new();
        };
        let all = first
            .series(jiff::Span::new().days(1))
            .take_while(|day| day.month() == first.month());
        let days: Vec<Date> = all.filter(|day| self.names(*day)).collect();
        if self.positions.is_empty() {
            return days;
        }
        let len = i64::try_from(days.len()).unwrap_or(0);
        let chosen = (1_i64..).zip(&days).filter(|(position, _)| {
            let from_end = position
                .checked_sub(len)
                .and_then(|back| back.checked_sub(1));
            self.positions.contains(position)
                || from_end.is_some_and(|n| self.positions.contains(&n))
        });
        chosen.map(|(_, day)| *day).collect()
    }

    fn names(&self, date: Date) -> bool {
        let day = i64::from(date.day());
        // -1 is the last day of the month.
        let from_end = day
            .saturating_sub(i64::from(date.days_in_month()))
            .saturating_sub(1);
        let nth = |day: i64| day.saturating_sub(1).saturating_div(7).saturating_add(1);
        let is_weekday = |(wanted, weekday): &(i64, Weekday)| {
            let from_end = nth(from_end.saturating_neg()).saturating_neg();
            *weekday == date.weekday() && [0, nth(day), from_end].contains(wanted)
        };
        (self.weekdays.is_empty() || self.weekdays.iter().any(is_weekday))
            && (self.days.is_empty() || self.days.contains(&day) || self.days.contains(&from_end))
    }
}

/// A month, counted from the year 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Month(i64);

impl Month {
    fn of(date: Date) -> Self {
        let years = i64::from(date.year()).saturating_mul(12);
        Self(
            years
                .saturating_add(i64::from(date.month()))
                .saturating_sub(1),
        )
    }

    fn first(self) -> Option<Date> {
        let year = i16::try_from(self.0.checked_div_euclid(12)?).ok()?;
        let month = i8::try_from(self.0.checked_rem_euclid(12)?.checked_add(1)?).ok()?;
        Date::new(year, month, 1).ok()
    }
}

/// The latest day within these, in months that come every so many after the first.
pub(super) fn latest(every: i64, days: &Days, first: Date, within: (Date, Date)) -> Option<Date> {
    let (from, to) = within;
    let gone = Month::of(to)
        .0
        .checked_sub(Month::of(first).0)?
        .checked_rem(every)?;
    let mut month = Month(Month::of(to).0.checked_sub(gone)?);
    while month >= Month::of(from) {
        let mut of_month = days.of(month).into_iter().rev();
        if let Some(found) = of_month.find(|day| *day <= to) {
            return Some(found);
        }
        month = Month(month.0.checked_sub(every)?);
    }
    None
}

/// The n-th day after the first; None if it does not come within a century.
pub(super) fn nth_after(every: i64, days: &Days, first: Date, n: i64) -> Option<Date> {
    let mut left = n;
    let mut last = first;
    let begin = Month::of(first).0;
    let mut gone = 0;
    while gone <= MAX_RULE_MONTHS {
        let month = Month(begin.checked_add(gone)?);
        for day in days.of(month).into_iter().filter(|day| *day > first) {
            if left == 0 {
                return Some(last);
            }
            left = left.saturating_sub(1);
            last = day;
        }
        gone = gone.checked_add(every)?;
    }
    (left == 0).then_some(last)
}

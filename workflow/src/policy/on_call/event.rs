//! One event of a calendar (RFC 5545, section 3.6.1): when someone is on call, and who.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::content::{Line, at};
use super::people::People;
use super::rule::{Rule, add};
use super::stamp::{Length, Stamp};
use crate::limits::{MAX_EXCEPTIONS, MAX_SHIFT};
use crate::policy::problem::Problem;

/// Someone is on call, once or again and again.
#[derive(Debug, Clone)]
pub(super) struct Event {
    /// Where it begins in the file.
    pub(super) line: u32,
    /// The people that it names, of whatever group.
    pub(super) people: BTreeSet<String>,
    start: Stamp,
    length: Length,
    rule: Rule,
    /// Occurrences that do not take place, or not so.
    skipped: BTreeSet<Timestamp>,
}

/// What a VEVENT says.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) uid: String,
    /// The occurrence of the event with the same UID that this one stands for.
    pub(super) replaces: Option<Stamp>,
    /// None when it is cancelled.
    pub(super) event: Option<Event>,
}

/// What one needs to read events.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    pub(super) people: &'a People<'a>,
    /// The company's zone: that of floating times and of dates.
    pub(super) zone: &'a TimeZone,
}

impl Event {
    /// Whether it takes place at a moment: the end is not part of it.
    ///
    /// All occurrences are equally long, so the latest one that has begun ends last, and is the
    /// only one to look at. Each round goes back by one occurrence: over those that have not begun
    /// (local days differ from the day of the moment by two at most) and those that are skipped, as
    /// far as one could reach.
    pub(super) fn covers(&self, moment: Timestamp) -> bool {
        let today = self.start.zone.to_datetime(moment).date();
        let days = self.length.days();
        let floor = days.checked_neg().and_then(|back| add(today, back));
        let (Some(floor), Some(mut date)) = (floor, add(today, 1)) else {
            return false;
        };
        while let Some(found) = self
            .rule
            .latest(date, floor)
            .filter(|found| *found >= floor)
        {
            if let Some((begin, end)) = self.occurrence(found)
                && begin <= moment
                && !self.skipped.contains(&begin)
            {
                return moment < end;
            }
            let Ok(before) = found.yesterday() else {
                return false;
            };
            date = before;
        }
        false
    }

    /// Begin and end of the occurrence of a day.
    fn occurrence(&self, date: Date) -> Option<(Timestamp, Timestamp)> {
        let zone = &self.start.zone;
        let begin = date.to_datetime(self.start.civil.time());
        let end = self.length.end(zone, begin)?;
        Some((super::stamp::instant(zone, begin)?, end))
    }

    /// Leaves an occurrence out.
    pub(super) fn skip(&mut self, occurrence: &Stamp) {
        self.skipped.extend(occurrence.instant_for(&self.start));
    }
}

/// Reads an event from its lines.
pub(super) fn read(lines: &[Line], begins: u32, reading: &Reading<'_>) -> Result<Read, Problem> {
    for name in ["RDATE", "EXRULE"] {
        if let Some(line) = find(lines, name) {
            let problem = line.problem(format!("event has {name}, which is not read"));
            return Err(problem.hint("write the occurrences as events of their own"));
        }
    }
    let uid = find(lines, "UID").map(|line| line.value.trim().to_owned());
    let zone = reading.zone;
    let replaced = once(lines, "RECURRENCE-ID")?;
    if let Some(line) = replaced.filter(|_| uid.is_none()) {
        return Err(line.problem("event has a RECURRENCE-ID, but no UID"));
    }
    if let Some(line) = replaced.filter(|line| line.parameter("RANGE").is_some()) {
        let problem = line.problem("RECURRENCE-ID has a RANGE, which is not read");
        return Err(problem.hint("end the rule with UNTIL, and begin another event"));
    }
    let replaces = replaced.map(|line| Stamp::of(line, zone)).transpose()?;
    let status = once(lines, "STATUS")?;
    let cancelled = status.is_some_and(|line| line.value.trim().eq_ignore_ascii_case("CANCELLED"));
    let event = if cancelled {
        None
    } else {
        Some(event(lines, begins, reading)?)
    };
    Ok(Read {
        uid: uid.unwrap_or_default(),
        replaces,
        event,
    })
}

fn event(lines: &[Line], begins: u32, reading: &Reading<'_>) -> Result<Event, Problem> {
    let zone = reading.zone;
    let Some(line) = once(lines, "DTSTART")? else {
        return Err(at(begins, "event has no DTSTART"));
    };
    let start = Stamp::of(line, zone)?;
    let length = length(lines, &start, zone)?;
    let rule = match (once(lines, "RRULE")?, find(lines, "RECURRENCE-ID")) {
        (Some(line), Some(_)) => return Err(line.problem("one occurrence has a rule of its own")),
        (Some(line), None) => Rule::parse(line, &start)?,
        (None, _) => Rule::once(start.civil.date()),
    };
    let mut event = Event {
        line: begins,
        people: reading.people.of_event(lines),
        start,
        length,
        rule,
        skipped: BTreeSet::new(),
    };
    for line in lines.iter().filter(|line| line.name == "EXDATE") {
        for stamp in Stamp::list(line, zone)? {
            event.skip(&stamp);
        }
        let count = event.skipped.len();
        if count > MAX_EXCEPTIONS {
            let message = format!("event has {count} EXDATEs; expected at most {MAX_EXCEPTIONS}");
            return Err(line.problem(message));
        }
    }
    Ok(event)
}

/// How long an event lasts. Without an end, a date lasts its day, and a time no time.
fn length(lines: &[Line], start: &Stamp, zone: &TimeZone) -> Result<Length, Problem> {
    let (line, length) = match (once(lines, "DTEND")?, once(lines, "DURATION")?) {
        (Some(_), Some(line)) => return Err(line.problem("event has both DTEND and DURATION")),
        (Some(line), None) => {
            let end = Stamp::of(line, zone)?;
            if end.all_day != start.all_day {
                return Err(line.problem("one of DTSTART and DTEND is a date, the other a time"));
            }
            (line, Length::between(start, &end))
        }
        (None, Some(line)) => (line, Length::parse(&line.value)),
        (None, None) if start.all_day => return Ok(Length::DAY),
        (None, None) => return Ok(Length::default()),
    };
    let Some(length) = length else {
        let problem = line.problem(format!("{} {:?} is no duration", line.name, line.value));
        return Err(problem.hint("for example P7D or PT12H"));
    };
    if length.is_allowed() {
        return Ok(length);
    }
    let message = format!("event ends before it begins, or more than {MAX_SHIFT} seconds later");
    Err(line.problem(message))
}

/// The first line with a name.
pub(super) fn find<'a>(lines: &'a [Line], name: &str) -> Option<&'a Line> {
    lines.iter().find(|line| line.name == name)
}

/// The only line with a name.
fn once<'a>(lines: &'a [Line], name: &str) -> Result<Option<&'a Line>, Problem> {
    let mut all = lines.iter().filter(|line| line.name == name);
    match (all.next(), all.next()) {
        (_, Some(second)) => Err(second.problem(format!("event has a second {name}"))),
        (only, None) => Ok(only),
    }
}

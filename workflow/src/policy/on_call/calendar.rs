//! A calendar as a whole: its components, and which event stands for which (RFC 5545, sections 3.4,
//! 3.6 and 3.8.4.4).

use std::collections::BTreeMap;

use super::content::{Line, at, lines};
use super::event::{self, Event, Read, Reading};
use super::stamp::Stamp;
use crate::limits::{MAX_CALENDAR_DEPTH, MAX_CALENDAR_EVENTS, MAX_CALENDAR_PROBLEMS};
use crate::policy::problem::Problem;

/// Reads the events of a calendar. After the first problems it stops.
pub(super) fn read(text: &str, reading: &Reading<'_>) -> Result<Vec<Event>, Vec<Problem>> {
    let mut reader = Reader {
        reading,
        open: Vec::new(),
        event: Vec::new(),
        broken: false,
        all: Vec::new(),
        problems: Vec::new(),
    };
    let mut seen = false;
    for line in lines(text) {
        let taken = match line {
            Ok(line) if seen || is_begin(&line) => reader.take(line),
            Ok(Line { number, .. }) => Err(no_calendar(number)),
            Err(problem) if seen => {
                reader.problems.push(problem);
                reader.broken = true;
                Ok(())
            }
            Err(problem) => Err(no_calendar(problem.at.map_or(1, |at| at.line))),
        };
        seen = true;
        if let Err(fatal) = taken {
            reader.problems.push(fatal);
            return Err(reader.problems);
        }
        if reader.problems.len() >= MAX_CALENDAR_PROBLEMS {
            return Err(reader.problems);
        }
    }
    if !seen {
        return Err(vec![no_calendar(1)]);
    }
    if let Some((name, number)) = reader.open.last() {
        let problem = at(*number, format!("BEGIN:{name} has no END"));
        reader
            .problems
            .push(problem.hint("the file may have lost its end"));
    }
    if reader.problems.is_empty() {
        Ok(link(&reader.all))
    } else {
        Err(reader.problems)
    }
}

fn is_begin(line: &Line) -> bool {
    line.name == "BEGIN" && line.value.trim().eq_ignore_ascii_case("VCALENDAR")
}

fn no_calendar(line: u32) -> Problem {
    let problem = at(
        line,
        "file is no calendar: it does not begin with BEGIN:VCALENDAR",
    );
    problem.hint("export it as iCalendar (RFC 5545)")
}

struct Reader<'a> {
    reading: &'a Reading<'a>,
    /// Components that have begun, with their lines.
    open: Vec<(String, u32)>,
    /// Lines of the event that has begun.
    event: Vec<Line>,
    /// Whether a line has been left out since the last event, so that the next may lack something.
    broken: bool,
    all: Vec<Read>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    /// Takes one line. An error means that there is no point in going on.
    fn take(&mut self, line: Line) -> Result<(), Problem> {
        match line.name.as_str() {
            "BEGIN" => self.begin(&line),
            "END" => self.end(&line),
            _ if self.open.is_empty() => Err(line.problem("line stands outside of the calendar")),
            _ => {
                if self.is_event() {
                    self.event.push(line);
                }
                Ok(())
            }
        }
    }

    /// Whether the innermost component is an event of the calendar: not an alarm in it, for
    /// example, which has attendees too.
    fn is_event(&self) -> bool {
        let names: Vec<&str> = self.open.iter().map(|(name, _)| name.as_str()).collect();
        names == ["VCALENDAR", "VEVENT"]
    }

    fn begin(&mut self, line: &Line) -> Result<(), Problem> {
        if self.open.len() >= MAX_CALENDAR_DEPTH {
            let message = format!("more than {MAX_CALENDAR_DEPTH} components stand in each other");
            return Err(line.problem(message));
        }
        let name = line.value.trim().to_ascii_uppercase();
        self.open.push((name, line.number));
        Ok(())
    }

    fn end(&mut self, line: &Line) -> Result<(), Problem> {
        let was_event = self.is_event();
        let name = line.value.trim().to_ascii_uppercase();
        let open = self.open.pop();
        let Some((_, begins)) = open.as_ref().filter(|(open, _)| *open == name) else {
            let expected = open.map_or("BEGIN".to_owned(), |(open, _)| format!("END:{open}"));
            return Err(line.problem(format!("expected {expected}, got END:{name}")));
        };
        if !was_event {
            return Ok(());
        }
        if self.all.len() >= MAX_CALENDAR_EVENTS {
            let message = format!("calendar has more than {MAX_CALENDAR_EVENTS} events");
            return Err(line.problem(message).hint("leave out what is over"));
        }
        let lines = std::mem::take(&mut self.event);
        if std::mem::take(&mut self.broken) {
            return Ok(());
        }
        match event::read(&lines, *begins, self.reading) {
            Ok(read) => self.all.push(read),
            Err(problem) => self.problems.push(problem),
        }
        Ok(())
    }
}

/// Takes out of repeating events the occurrences that others stand for.
fn link(all: &[Read]) -> Vec<Event> {
    let mut replaced: BTreeMap<&str, Vec<&Stamp>> = BTreeMap::new();
    for read in all {
        if let Some(stamp) = &read.replaces {
            replaced.entry(&read.uid).or_default().push(stamp);
        }
    }
    let events = all.iter().filter_map(|read| {
        let mut event = read.event.clone()?;
        if read.replaces.is_none() {
            for stamp in replaced.get(read.uid.as_str()).into_iter().flatten() {
                event.skip(stamp);
            }
        }
        Some(event)
    });
    events.collect()
}

#[cfg(test)]
mod tests;

//! Who of a group is on call at a moment, from a calendar (iCalendar, RFC 5545) in the bundle.
//!
//! A group whose `on_call` is `NAME.ics` follows that file of the bundle. At a moment those of its
//! members are on call whom an event names that takes place then.
//!
//! **Reads:** VEVENTs with DTSTART and DTEND or DURATION, in UTC, with a TZID, floating or as dates
//! (both of the company's zone); RRULE with FREQ DAILY, WEEKLY or MONTHLY; EXDATE; RECURRENCE-ID;
//! STATUS. Whatever else would change who is on call, such as RDATE, is a problem of the bundle.
//!
//! **Does not read:** feeds. A group that follows an address has nobody on call, and the check says
//! so. Nor VTIMEZONE: zones are those of the IANA database inside the program.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::bundle::Bundle;
use super::compile::Policy;
use super::directory::GroupFacts;
use super::entities::{FILE, Loaded};
use super::names::Types;
use super::problem::Problem;
use event::{Event, Reading};
use people::People;

mod calendar;
mod content;
mod event;
mod month;
mod people;
mod rule;
mod stamp;

/// The end of the name of a calendar.
const EXTENSION: &str = ".ics";

/// The calendars of a bundle that groups follow: their events, by file.
#[derive(Debug, Default)]
pub(crate) struct Calendars {
    files: BTreeMap<String, Vec<Event>>,
}

impl Policy {
    /// Who is on call: every group that follows a calendar, with its people of that moment.
    #[must_use]
    pub fn on_call_at(&self, unix_micros: u64) -> BTreeMap<String, BTreeSet<String>> {
        let moment = i64::try_from(unix_micros).ok();
        let moment = moment.and_then(|micros| Timestamp::from_microsecond(micros).ok());
        let follows = self.directory.groups.iter().filter_map(|(id, group)| {
            let people = self
                .calendars
                .people_at(group.on_call.as_ref()?, group, moment);
            Some((id.clone(), people))
        });
        follows.collect()
    }
}

impl Calendars {
    fn people_at(&self, file: &str, group: &GroupFacts, at: Option<Timestamp>) -> BTreeSet<String> {
        let (Some(events), Some(moment)) = (self.files.get(file), at) else {
            return BTreeSet::new();
        };
        // An event of others need not be looked at.
        let ours = events
            .iter()
            .filter(|event| !event.people.is_disjoint(&group.members));
        let now = ours.filter(|event| event.covers(moment));
        let people = now.flat_map(|event| &event.people);
        people
            .filter(|person| group.members.contains(*person))
            .cloned()
            .collect()
    }
}

/// What reading the calendars of a bundle came to.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) calendars: Calendars,
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<Problem>,
}

/// Reads the calendars that groups follow.
pub(crate) fn load(bundle: &Bundle, loaded: &Loaded, types: &Types) -> Found {
    let directory = &loaded.directory;
    let zone = directory.zone.as_deref().and_then(stamp::named);
    let reading = Reading {
        people: &People::of(directory),
        zone: &zone.unwrap_or(TimeZone::UTC),
    };
    let mut found = Found::default();
    let mut followers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (id, group) in &directory.groups {
        let Some(name) = &group.on_call else {
            continue;
        };
        let uid = types.group(id);
        let place = loaded.places.iter().find(|(known, _)| *known == uid);
        let problem = |message: String| Problem::new(FILE, message).at(place.map(|(_, at)| *at));
        if name.contains("://") {
            let message = format!("group {id} follows {name}, so nobody of it is on call");
            let hint = "only files of the bundle are read: put the calendar into one, such as";
            found
                .warnings
                .push(problem(message).hint(format!("{hint} {id}{EXTENSION}")));
        } else if !name.ends_with(EXTENSION) {
            let message = format!("group {id} follows {name:?}, which is no name of a calendar");
            found
                .problems
                .push(problem(message).hint("for example on-call.ics"));
        } else if bundle.file(name).is_none() {
            let message = format!("group {id} follows {name}, which is not in the bundle");
            let hint = "add the file, exported as iCalendar, or remove on_call";
            found.problems.push(problem(message).hint(hint));
        } else {
            followers.entry(name).or_default().push(id);
        }
    }
    for (file, text) in bundle.with_extension(EXTENSION) {
        let Some(groups) = followers.get(file) else {
            let problem = Problem::new(file, "no group follows this calendar");
            let hint = format!("give a group the attribute \"on_call\": {file:?}");
            found.warnings.push(problem.hint(hint));
            continue;
        };
        let in_file = |mut problem: Problem| {
            file.clone_into(&mut problem.file);
            problem
        };
        match calendar::read(text, &reading) {
            Ok(events) => {
                let odd = names_nobody(&events, groups, &directory.groups);
                found.warnings.extend(odd.into_iter().map(in_file));
                found.calendars.files.insert(file.to_owned(), events);
            }
            Err(problems) => found.problems.extend(problems.into_iter().map(in_file)),
        }
    }
    found
}

/// Groups whose people are in no event, and events without people of a group.
fn names_nobody(
    events: &[Event],
    followers: &[&str],
    groups: &BTreeMap<String, GroupFacts>,
) -> Vec<Problem> {
    let names = |event: &Event, group: &str| {
        let group = groups.get(group);
        group.is_some_and(|group| !event.people.is_disjoint(&group.members))
    };
    let hint = "name members by id or e-mail address, as attendees or in the summary";
    let mut odd = Vec::new();
    for group in followers {
        if !events.iter().any(|event| names(event, group)) {
            let message = format!("no event names anyone of group {group}: nobody is ever on call");
            odd.push(Problem::new("", message).hint(hint));
        }
    }
    let nobodys = events
        .iter()
        .filter(|event| !followers.iter().any(|group| names(event, group)));
    let nobodys: Vec<u32> = nobodys.map(|event| event.line).collect();
    if let Some(line) = nobodys.first().filter(|_| odd.is_empty()) {
        let (count, all) = (nobodys.len(), events.len());
        let message = format!("{count} of {all} events name nobody who could be on call");
        odd.push(content::at(*line, message).hint(hint));
    }
    odd
}

//! Who of a group is on call at a moment, from a calendar (iCalendar, RFC 5545).
//!
//! A group whose `on_call` is `NAME.ics` follows that file of the bundle; one whose `on_call` is an
//! address with `https` follows what is there, which whoever asks has fetched ([`Feeds`]). At a
//! moment those of its members are on call whom an event names that takes place then.
//!
//! **Reads:** VEVENTs with DTSTART and DTEND or DURATION, in UTC, with a TZID, floating or as dates
//! (both of the company's zone); RRULE with FREQ DAILY, WEEKLY or MONTHLY; EXDATE; RECURRENCE-ID;
//! STATUS. Whatever else would change who is on call, such as RDATE, is a problem of the bundle.
//!
//! **Does not read:** VTIMEZONE. Zones are those of the IANA database inside the program.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

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
/// The begin of an address.
const SECURE: &str = "https://";

/// The calendars of a bundle that groups follow: their events, by file.
#[derive(Debug, Default)]
pub(crate) struct Calendars {
    files: BTreeMap<String, Vec<Event>>,
}

/// A calendar that was fetched from its address, and read for the people of one policy.
#[derive(Debug)]
pub struct Feed(Vec<Event>);

/// What is known of addresses that groups follow. Who follows an address that is not here has
/// nobody on call.
pub type Feeds = BTreeMap<String, Arc<Feed>>;

impl Policy {
    /// Who is on call: every group that follows a calendar, with its people of that moment.
    #[must_use]
    pub fn on_call_at(
        &self,
        unix_micros: u64,
        feeds: &Feeds,
    ) -> BTreeMap<String, BTreeSet<String>> {
        let moment = i64::try_from(unix_micros).ok();
        let moment = moment.and_then(|micros| Timestamp::from_microsecond(micros).ok());
        let follows = self.directory.groups.iter().filter_map(|(id, group)| {
            let follows = group.on_call.as_ref()?;
            let file = self.calendars.files.get(follows).map(Vec::as_slice);
            let events = file.or_else(|| feeds.get(follows).map(|feed| feed.0.as_slice()));
            let people = match (events, moment) {
                (Some(events), Some(moment)) => people_at(events, group, moment),
                (None, _) | (_, None) => BTreeSet::new(),
            };
            Some((id.clone(), people))
        });
        follows.collect()
    }

    /// Addresses that groups follow.
    #[must_use]
    pub fn feeds(&self) -> BTreeSet<&str> {
        let groups = self.directory.groups.values();
        let follows = groups.filter_map(|group| group.on_call.as_deref());
        follows.filter(|name| name.starts_with(SECURE)).collect()
    }

    /// Reads what was fetched from an address.
    ///
    /// # Errors
    /// All problems that are found; the calendar is of no use then.
    pub fn read_feed(&self, address: &str, text: &str) -> Result<Feed, Vec<Problem>> {
        let zone = self.directory.zone.as_deref().and_then(stamp::named);
        let reading = Reading {
            people: &People::of(&self.directory),
            zone: &zone.unwrap_or(TimeZone::UTC),
        };
        calendar::read(text, &reading)
            .map(Feed)
            .map_err(|problems| {
                let named = problems.into_iter().map(|mut problem| {
                    address.clone_into(&mut problem.file);
                    problem
                });
                named.collect()
            })
    }
}

fn people_at(events: &[Event], group: &GroupFacts, moment: Timestamp) -> BTreeSet<String> {
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
        if name.starts_with(SECURE) {
            let message = format!("group {id} follows {name}, which only the ledger reads");
            let hint = "nobody of the group is on call until it has; see that it can";
            found.warnings.push(problem(message).hint(hint));
        } else if name.contains("://") {
            let message = format!("group {id} follows {name}, which is no address with https");
            let hint = format!("use https, or put the calendar into the bundle as {id}{EXTENSION}");
            found.problems.push(problem(message).hint(hint));
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

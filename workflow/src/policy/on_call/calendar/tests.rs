//! Every part of a calendar, and many that differ from one in a byte.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::*;
use crate::policy::directory::Directory;
use crate::policy::on_call::people::People;

const SAMPLE: &str = include_str!("../../../../tests/calendars/sample.ics");

/// Reads a calendar without people, and asks its events.
fn try_to_read(text: &str) -> Result<Vec<Event>, Vec<Problem>> {
    let directory = Directory::default();
    let reading = Reading {
        people: &People::of(&directory),
        zone: &TimeZone::UTC,
    };
    read(text, &reading).inspect(|events| {
        let seconds = [0, 1_783_000_000, 1_800_000_000, 250_000_000_000];
        for moment in seconds.into_iter().flat_map(Timestamp::from_second) {
            let now = events.iter().filter(|event| event.covers(moment));
            std::hint::black_box(now.count());
        }
    })
}

#[test]
fn a_part_of_a_calendar_is_a_problem() {
    let whole = SAMPLE.trim_end();
    assert_eq!(try_to_read(whole).map(|events| events.len()).ok(), Some(2));
    for (end, _) in whole.char_indices() {
        let (part, _) = whole.split_at(end);
        let problems = try_to_read(part).expect_err("a problem");
        assert!(
            problems.iter().all(|problem| problem.at.is_some()),
            "{end} bytes"
        );
    }
}

#[test]
fn changed_characters_never_panic() {
    let others = [
        "", "\n", "\r\n ", ":", ";", ",", "=", "\"", "0", "9", "-", "T", "\u{e4}",
    ];
    for (at, character) in SAMPLE.char_indices() {
        let (before, after) = SAMPLE.split_at(at);
        let after = after.strip_prefix(character).unwrap_or(after);
        for other in others {
            if let Err(problems) = try_to_read(&format!("{before}{other}{after}")) {
                assert!(
                    problems.iter().all(|problem| problem.at.is_some()),
                    "{at} {other}"
                );
            }
        }
    }
}

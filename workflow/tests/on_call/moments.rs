//! Calendars as tools export them, moments, and who is on call then.

use countersign_workflow::policy::Feeds;

use crate::world::{events, expect, policy, sample, warned};

#[test]
fn single_events() {
    let utc = events("UID:1\nDTSTART:20260706T070000Z\nDTEND:20260706T150000Z\nSUMMARY:ada");
    expect(
        &utc,
        &[
            ("2026-07-06T06:59:59.999999Z", ""),
            ("2026-07-06T07:00:00Z", "ada"),
            ("2026-07-06T14:59:59.999999Z", "ada"),
            ("2026-07-06T15:00:00Z", ""),
        ],
    );
    let zoned = events(
        "DTSTART;TZID=America/New_York:20260706T090000
        DURATION:PT8H
        SUMMARY:ada",
    );
    expect(
        &zoned,
        &[
            ("2026-07-06T12:59:00Z", ""),
            ("2026-07-06T13:00:00Z", "ada"),
        ],
    );
    expect(
        &zoned,
        &[
            ("2026-07-06T20:59:00Z", "ada"),
            ("2026-07-06T21:00:00Z", ""),
        ],
    );
    // A floating time is that of the company: Berlin.
    let floating = events("DTSTART:20260706T090000\nDTEND:20260706T170000\nSUMMARY:ada");
    expect(
        &floating,
        &[
            ("2026-07-06T06:59:00Z", ""),
            ("2026-07-06T07:00:00Z", "ada"),
        ],
    );
    let no_end = events("DTSTART:20260706T090000\nSUMMARY:ada");
    expect(&no_end, &[("2026-07-06T07:00:00Z", "")]);
    let two_zones = events(
        "DTSTART;TZID=Europe/Berlin:20260706T090000
        DTEND:20260706T080000Z
        SUMMARY:ada",
    );
    expect(
        &two_zones,
        &[
            ("2026-07-06T07:59:59Z", "ada"),
            ("2026-07-06T08:00:00Z", ""),
        ],
    );
}

#[test]
fn days_are_those_of_the_company() {
    let two = events("DTSTART;VALUE=DATE:20260706\nDTEND;VALUE=DATE:20260708\nSUMMARY:ada");
    expect(
        &two,
        &[
            ("2026-07-05T21:59:59Z", ""),
            ("2026-07-05T22:00:00Z", "ada"),
            ("2026-07-07T21:59:59Z", "ada"),
            ("2026-07-07T22:00:00Z", ""),
        ],
    );
    let one = events("DTSTART;VALUE=DATE:20260706\nSUMMARY:ada");
    expect(
        &one,
        &[
            ("2026-07-06T21:59:59Z", "ada"),
            ("2026-07-06T22:00:00Z", ""),
        ],
    );
    // 2026-10-25 has 25 hours in Berlin.
    let long = events("DTSTART;VALUE=DATE:20261025\nSUMMARY:ada");
    expect(
        &long,
        &[
            ("2026-10-24T22:00:00Z", "ada"),
            ("2026-10-25T22:59:59Z", "ada"),
        ],
    );
    expect(
        &long,
        &[("2026-10-24T21:59:59Z", ""), ("2026-10-25T23:00:00Z", "")],
    );
}

#[test]
fn a_rotation_of_two_hands_over_at_nine_all_year() {
    let rotation = events(
        "UID:a
        DTSTART;TZID=Europe/Berlin:20260302T090000
        DTEND;TZID=Europe/Berlin:20260309T090000
        RRULE:FREQ=WEEKLY;INTERVAL=2
        ATTENDEE:mailto:ada@example.com
        --
        UID:b
        DTSTART;TZID=Europe/Berlin:20260309T090000
        DTEND;TZID=Europe/Berlin:20260316T090000
        RRULE:FREQ=WEEKLY;INTERVAL=2
        ATTENDEE:mailto:grace@example.com",
    );
    expect(
        &rotation,
        &[
            ("2026-03-02T07:59:59Z", ""),
            ("2026-03-02T08:00:00Z", "ada"),
            ("2026-03-09T07:59:59Z", "ada"),
            ("2026-03-09T08:00:00Z", "grace"),
            ("2026-03-16T08:00:00Z", "ada"),
            // Clocks go forward on 2026-03-29 in the middle of grace's week.
            ("2026-03-30T06:59:59Z", "grace"),
            ("2026-03-30T07:00:00Z", "ada"),
            // And back on 2026-10-25, in the middle of grace's week too.
            ("2026-10-26T07:59:59Z", "grace"),
            ("2026-10-26T08:00:00Z", "ada"),
            ("2046-10-29T08:00:00Z", "ada"),
        ],
    );
}

#[test]
fn clocks_that_change() {
    // 02:30 does not exist on 2026-03-29, and is there twice on 2026-10-25.
    let nightly = events(
        "DTSTART;TZID=Europe/Berlin:20260301T023000
        DURATION:PT1H
        RRULE:FREQ=DAILY
        SUMMARY:ada",
    );
    expect(
        &nightly,
        &[
            ("2026-03-29T01:29:59Z", ""),
            ("2026-03-29T01:30:00Z", "ada"),
            ("2026-03-29T02:29:59Z", "ada"),
            ("2026-03-29T02:30:00Z", ""),
            ("2026-10-25T00:29:59Z", ""),
            ("2026-10-25T00:30:00Z", "ada"),
            ("2026-10-25T01:29:59Z", "ada"),
            ("2026-10-25T01:30:00Z", ""),
            ("2026-10-26T01:30:00Z", "ada"),
        ],
    );
}

#[test]
fn rules_end_and_leave_out() {
    let until = events(
        "DTSTART:20260706T080000Z
        DTEND:20260706T160000Z
        RRULE:FREQ=DAILY;UNTIL=20260708T080000Z
        SUMMARY:ada",
    );
    expect(
        &until,
        &[
            ("2026-07-08T09:00:00Z", "ada"),
            ("2026-07-09T09:00:00Z", ""),
        ],
    );
    let count = events(
        "DTSTART;VALUE=DATE:20260706
        RRULE:FREQ=WEEKLY;COUNT=3;BYDAY=MO,TH
        SUMMARY:ada",
    );
    let days = [
        ("2026-07-06T12:00:00Z", "ada"),
        ("2026-07-07T12:00:00Z", ""),
        ("2026-07-09T12:00:00Z", "ada"),
        ("2026-07-13T12:00:00Z", "ada"),
        ("2026-07-16T12:00:00Z", ""),
    ];
    expect(&count, &days);
    // Left out in another zone, by a date, and several at once.
    let exdate = events(
        "DTSTART;TZID=Europe/Berlin:20260706T090000
        DURATION:PT8H
        RRULE:FREQ=DAILY
        EXDATE:20260707T070000Z,20260708T070000Z
        EXDATE;TZID=Europe/Berlin:20260709T090000
        EXDATE;VALUE=DATE:20260710
        EXDATE;TZID=Europe/Berlin:20260711T100000
        SUMMARY:ada",
    );
    for (day, expected) in [(6, "ada"), (7, ""), (8, ""), (9, ""), (10, ""), (11, "ada")] {
        expect(
            &exdate,
            &[(&format!("2026-07-{day:02}T08:00:00Z"), expected)],
        );
    }
    // What is left out does not end the occurrence before it.
    let overlap = events(
        "DTSTART;VALUE=DATE:20260706
        DURATION:P3D
        RRULE:FREQ=DAILY
        EXDATE;VALUE=DATE:20260707,20260708
        SUMMARY:ada",
    );
    expect(
        &overlap,
        &[
            ("2026-07-08T12:00:00Z", "ada"),
            ("2026-07-09T12:00:00Z", "ada"),
        ],
    );
}

#[test]
fn overrides_stand_for_occurrences() {
    let swapped = events(
        "UID:week
        DTSTART;TZID=Europe/Berlin:20260706T090000
        DTEND;TZID=Europe/Berlin:20260713T090000
        RRULE:FREQ=WEEKLY
        SUMMARY:On call - Ada
        --
        UID:week
        RECURRENCE-ID;TZID=Europe/Berlin:20260713T090000
        DTSTART;TZID=Europe/Berlin:20260713T120000
        DTEND;TZID=Europe/Berlin:20260720T090000
        SUMMARY:On call - Grace
        --
        UID:week
        RECURRENCE-ID:20260727T070000Z
        STATUS:CANCELLED
        --
        UID:other
        RECURRENCE-ID:20260720T070000Z
        STATUS:CANCELLED",
    );
    expect(
        &swapped,
        &[
            ("2026-07-13T06:59:00Z", "ada"),
            ("2026-07-13T07:00:00Z", ""),
            ("2026-07-13T10:00:00Z", "grace"),
            ("2026-07-20T07:00:00Z", "ada"),
            ("2026-07-27T07:00:00Z", ""),
            ("2026-08-03T07:00:00Z", "ada"),
        ],
    );
    let cancelled = events(
        "DTSTART:20260706T080000Z\nDURATION:P1D\nSUMMARY:ada\nSTATUS:cancelled
        --
        DTSTART:20260706T080000Z\nDURATION:P1D\nSUMMARY:grace\nSTATUS:CONFIRMED",
    );
    expect(&cancelled, &[("2026-07-06T09:00:00Z", "grace")]);
}

#[test]
fn only_members_of_the_group_count() {
    let at = "DTSTART:20260706T080000Z\nDURATION:PT1H\n";
    let cases = [
        ("ATTENDEE:mailto:ada@example.com", "ada"),
        ("ATTENDEE:MAILTO:Ada@Example.Com", "ada"),
        (
            "ATTENDEE:ada@example.com\nATTENDEE;CN=\"G: H\":mailto:grace@example.com",
            "ada grace",
        ),
        ("ATTENDEE;EMAIL=ada@example.com:urn:uuid:1", "ada"),
        ("ATTENDEE:mailto:zoe@example.com", ""),
        (
            "ATTENDEE:mailto:zoe@example.com\nATTENDEE:mailto:ada@example.com",
            "ada",
        ),
        ("ATTENDEE:mailto:mallory@example.org", ""),
        // Whoever was to come and is unknown is not replaced by others that the event names.
        (
            "ATTENDEE:mailto:x@example.org\nSUMMARY:ada\nORGANIZER:mailto:ada@example.com",
            "",
        ),
        (
            "ATTENDEE;PARTSTAT=DECLINED:mailto:ada@example.com\nSUMMARY:ada",
            "",
        ),
        ("ORGANIZER:mailto:grace@example.com", "grace"),
        (
            "ORGANIZER:mailto:grace@example.com\nSUMMARY:On call - ada",
            "ada",
        ),
        (
            "ORGANIZER:mailto:grace@example.com\nSUMMARY:On call - zoe",
            "",
        ),
        (
            "ORGANIZER:mailto:grace@example.com\nSUMMARY:On call",
            "grace",
        ),
        ("SUMMARY:zoe", ""),
        ("SUMMARY:On Call\\, ada - Primary", "ada"),
        ("SUMMARY:Lunch with ada", ""),
        ("SUMMARY:ops", ""),
        ("X-NOTHING:", ""),
    ];
    for (named, expected) in cases {
        expect(
            &events(&format!("{at}{named}")),
            &[("2026-07-06T08:30:00Z", expected)],
        );
    }
    // An alarm's attendees and times are not those of the event.
    let alarm = "BEGIN:VALARM\nATTENDEE:mailto:ada@example.com\nDURATION:PT9H\nEND:VALARM\n";
    let text = events(&format!("{at}{alarm}SUMMARY:grace"));
    expect(
        &text,
        &[
            ("2026-07-06T08:30:00Z", "grace"),
            ("2026-07-06T09:30:00Z", ""),
        ],
    );
}

#[test]
fn a_sample_reads_the_same_with_either_line_end() {
    for text in [
        sample(),
        sample().replace("\r\n", "\n"),
        format!("\u{feff}{}", sample()),
    ] {
        expect(
            &text,
            &[
                ("2026-07-08T00:00:00Z", "ada"),
                ("2026-07-15T00:00:00Z", ""),
                ("2026-07-22T00:00:00Z", "grace"),
                ("2026-08-05T00:00:00Z", ""),
                ("2026-08-19T00:00:00Z", "ada"),
                ("2028-01-05T00:00:00Z", ""),
            ],
        );
        assert_eq!(warned(&text), "");
    }
}

#[test]
fn any_moment_has_an_answer() {
    let policy = policy(&sample());
    for moment in [0, 1, u64::MAX, u64::try_from(i64::MAX).expect("positive")] {
        assert_eq!(policy.on_call_at(moment, &Feeds::new()).len(), 1);
        assert!(policy.on_call_at(moment, &Feeds::new())["ops"].is_empty());
    }
}

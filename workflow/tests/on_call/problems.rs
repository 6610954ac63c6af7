//! Calendars that are none, and those that look wrong.

use countersign_workflow::policy::check;

use crate::world::{bundle, calendar, events, problems, warned};

/// Lines of an event, the line of the problem in the file, and what it says.
const WRONG: &str = r#"
SUMMARY:ada | 3 | event has no DTSTART
DTSTART:tomorrow | 4 | DTSTART "tomorrow" is no date and no time
DTSTART;TZID=Nowhere/X:20260706T080000 | 4 | unknown time zone "Nowhere/X"
DTSTART:20260706, DTEND:20260706T080000Z | 5 | is a date, the other a time
DTSTART:20260706, DTEND:20260705 | 5 | event ends before it begins
DTSTART:20260706, DURATION:P400D | 5 | more than 31622400 seconds later
DTSTART:20260706, DURATION:P1M | 5 | DURATION "P1M" is no duration
DTSTART:20260706, DURATION:P1D, DTEND:20260707 | 5 | both DTEND and DURATION
DTSTART:20260706, DTSTART:20260706 | 5 | event has a second DTSTART
DTSTART:20260706, RRULE:FREQ=HOURLY | 5 | rule has FREQ=HOURLY
DTSTART:20260706, RRULE:FREQ=DAILY, RRULE:FREQ=DAILY | 6 | a second RRULE
DTSTART:20260706, RDATE:20260707 | 5 | event has RDATE, which is not read
DTSTART:20260706, EXDATE:x | 5 | EXDATE "x" is no date and no time
DTSTART:20260706, RECURRENCE-ID:20260706 | 5 | a RECURRENCE-ID, but no UID
UID:1, DTSTART:20260706, RECURRENCE-ID;RANGE=THISANDFUTURE:20260706 | 6 | has a RANGE
UID:1, DTSTART:20260706, RECURRENCE-ID:20260706, RRULE:FREQ=DAILY | 7 | of its own
nonsense | 4 | line has no colon
BEGIN:VALARM | 5 | expected END:VALARM, got END:VEVENT
DTSTART:99991231T235959Z, DTEND:99991231T235959Z | 4 | is too far away
"#;

#[test]
fn problems_say_where_and_what_to_do() {
    for case in WRONG.lines().filter(|line| !line.is_empty()) {
        let [text, line, message] = case.split(" | ").collect::<Vec<_>>()[..] else {
            panic!("{case}");
        };
        let (text, line) = (text.replace(", ", "\n"), line.parse().ok());
        let found = problems(&events(&text));
        let problem = found.first().expect("a problem");
        let at = problem.at.map(|at| at.line);
        assert_eq!(
            (problem.file.as_str(), at),
            ("ops.ics", line),
            "{text}\n{problem}"
        );
        assert!(problem.message.contains(message), "{text}\n{problem}");
    }
}

#[test]
fn what_is_no_calendar_or_too_large_is_refused() {
    let ok = "DTSTART:20260706T080000Z\nDURATION:PT1H\nSUMMARY:ada";
    for text in [
        "",
        "\n\n",
        "hello",
        "{}",
        "END:VCALENDAR",
        "BEGIN:VCARD\nEND:VCARD",
    ] {
        let found = problems(text);
        assert_eq!(found.len(), 1, "{text}");
        assert!(
            found[0].message.starts_with("file is no calendar"),
            "{text}"
        );
    }
    assert_eq!(problems(&format!("{}SUMMARY:x\n", calendar(""))).len(), 1);
    assert_eq!(problems(&"BEGIN:VCALENDAR\n".repeat(9)).len(), 1);
    assert_eq!(problems(&calendar(&"nonsense\n".repeat(1_000))).len(), 20);
    let many = vec![ok; 2_001].join("\n--\n");
    let found = problems(&events(&many));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].message, "calendar has more than 2000 events");
    let dates: Vec<String> = (0..1_001)
        .map(|n| format!("{:04}0101", 2_000 + n))
        .collect();
    let found = problems(&events(&format!(
        "DTSTART:20000101\nEXDATE:{}",
        dates.join(",")
    )));
    assert!(found[0].message.contains("1001 EXDATEs"), "{found:?}");
}

#[test]
fn files_that_are_followed_are_there() {
    let report = check(&bundle("ops.ics", &[]));
    assert_eq!(report.problems.len(), 1);
    let missing = report.problems[0].to_string();
    assert!(
        missing.starts_with("entities.json:4:1: group ops follows ops.ics, which is not in"),
        "{missing}"
    );
    for name in ["", "calendar", "readme.md", "../ops.icsx"] {
        let report = check(&bundle(name, &[("readme.md", "")]));
        assert!(
            report.problems[0]
                .message
                .contains("which is no name of a calendar"),
            "{name}"
        );
    }
}

#[test]
fn calendars_that_name_nobody_are_warned_of() {
    let nobody = warned(&events("DTSTART:20260706\nSUMMARY:zoe"));
    assert!(
        nobody.contains("no event names anyone of group ops"),
        "{nobody}"
    );
    let empty = warned("BEGIN:VCALENDAR\nEND:VCALENDAR");
    assert!(
        empty.contains("no event names anyone of group ops"),
        "{empty}"
    );
    let one = warned(&events(
        "DTSTART:20260706\nSUMMARY:ada\n--\nDTSTART:20260707\nSUMMARY:Zeo",
    ));
    assert!(
        one.starts_with("ops.ics:7:1: 1 of 2 events name nobody"),
        "{one}"
    );
    assert_eq!(warned(&events("DTSTART:20260706\nSUMMARY:ada")), "");
}

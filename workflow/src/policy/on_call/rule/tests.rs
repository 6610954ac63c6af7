//! Rules against a slow list of their days, and rules that are none.

use jiff::tz::TimeZone;

use super::*;
use crate::policy::on_call::content::lines;

fn line(text: &str) -> Line {
    lines(text).next().expect("a line").expect("a good line")
}

fn rule(start: &str, rule: &str) -> Result<Rule, Problem> {
    let start = Stamp::of(&line(&format!("DTSTART:{start}")), &TimeZone::UTC).expect("a start");
    Rule::parse(&line(&format!("RRULE:{rule}")), &start)
}

fn date(text: &str) -> Date {
    text.parse().expect("a date")
}

/// The days of a rule up to and with a day, found by asking for each.
fn days(rule: &Rule, end: &str) -> Vec<String> {
    let mut days = BTreeSet::new();
    let mut at = date(end);
    while let Some(found) = rule.latest(at, Date::MIN) {
        days.insert(found.to_string());
        at = found.yesterday().expect("a day before");
    }
    days.iter()
        .map(|day| day.trim_start_matches("2026-").to_owned())
        .collect()
}

/// DTSTART, rule, the day up to which to look: the days until then, those of 2026 without the year.
/// 2026-07-06 is a Monday. The example with WKST is that of RFC 5545, section 3.3.10, on other
/// days.
const TABLE: &str = "
20260706 FREQ=DAILY 2026-07-08: 07-06 07-07 07-08
20260706 FREQ=DAILY;INTERVAL=3 2026-07-13: 07-06 07-09 07-12
20260706 FREQ=DAILY;INTERVAL=3;COUNT=2 2026-08-01: 07-06 07-09
20260706 FREQ=DAILY;COUNT=1 2026-08-01: 07-06
20260710 FREQ=DAILY;BYDAY=MO,FR 2026-07-17: 07-10 07-13 07-17
20260706 freq=weekly;interval=2; 2026-08-05: 07-06 07-20 08-03
20260708 FREQ=WEEKLY;BYDAY=MO,WE 2026-07-20: 07-08 07-13 07-15 07-20
20260708 FREQ=WEEKLY;BYDAY=MO,WE;COUNT=3 2026-09-01: 07-08 07-13 07-15
20260706 FREQ=WEEKLY;BYDAY=MO,WE;COUNT=2 2026-09-01: 07-06 07-08
20260707 FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=MO;COUNT=4 2026-09-01: 07-07 07-12 07-21 07-26
20260707 FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU;COUNT=4 2026-09-01: 07-07 07-19 07-21 08-02
20260707 FREQ=WEEKLY;BYDAY=FR;COUNT=3 2026-09-01: 07-07 07-10 07-17
20260706 FREQ=WEEKLY;UNTIL=20260720 2026-09-01: 07-06 07-13 07-20
20260706T090000 FREQ=WEEKLY;UNTIL=20260720T085959 2026-09-01: 07-06 07-13
20260706T090000 FREQ=WEEKLY;UNTIL=20260720T090000Z 2026-09-01: 07-06 07-13 07-20
20260706T090000 FREQ=WEEKLY;UNTIL=20260720 2026-09-01: 07-06 07-13 07-20
20260706 FREQ=WEEKLY;UNTIL=20260720T000000Z 2026-09-01: 07-06 07-13 07-20
20260706 FREQ=WEEKLY;UNTIL=20260101 2026-09-01:
20260115 FREQ=MONTHLY;INTERVAL=2 2026-06-30: 01-15 03-15 05-15
20260131 FREQ=MONTHLY;COUNT=3 2026-12-31: 01-31 03-31 05-31
20260105 FREQ=MONTHLY;BYDAY=1MO 2026-03-31: 01-05 02-02 03-02
20260130 FREQ=MONTHLY;BYDAY=-1FR;COUNT=3 2026-12-31: 01-30 02-27 03-27
20260131 FREQ=MONTHLY;BYMONTHDAY=-1,1 2026-03-01: 01-31 02-01 02-28 03-01
20260213 FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13 2026-12-31: 02-13 03-13 11-13
20260130 FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1 2026-03-31: 01-30 02-27 03-31
";

#[test]
fn rules_have_their_days() {
    for case in TABLE.lines().filter(|line| !line.is_empty()) {
        let (question, expected) = case.split_once(':').expect("days");
        let [start, text, end] = question.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{case}");
        };
        let rule = rule(start, text).expect(text);
        assert_eq!(days(&rule, end).join(" "), expected.trim(), "{case}");
    }
}

#[test]
fn rules_reach_far_and_find_nothing_where_nothing_is() {
    let every = rule("19700105", "FREQ=WEEKLY;INTERVAL=2").expect("a rule");
    let far = date("9990-06-15");
    let found = every.latest(far, Date::MIN).expect("a day");
    assert_eq!(days_between(date("1970-01-05"), found) % 14, 0);
    assert!(days_between(found, far) < 14);
    // February never has 31 days: only the day of DTSTART is left.
    let never = rule("20260201", "FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=31").expect("a rule");
    assert_eq!(
        never.latest(date("2400-01-01"), Date::MIN),
        Some(date("2026-02-01"))
    );
    let never = rule("20260201", "FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=31;COUNT=2");
    let never = never.expect("a rule");
    assert_eq!(
        never.latest(date("2400-01-01"), Date::MIN),
        Some(date("2026-02-01"))
    );
    // The end of time is no end of the world.
    let last = rule("99981231", "FREQ=MONTHLY;COUNT=10000").expect("a rule");
    assert_eq!(last.latest(Date::MAX, Date::MIN), Some(Date::MAX));
    let last = rule("99981231", "FREQ=DAILY;COUNT=10000;INTERVAL=1000").expect("a rule");
    assert_eq!(last.latest(Date::MAX, Date::MIN), Some(date("9998-12-31")));
}

#[test]
fn counting_agrees_with_walking() {
    let rules = [
        "FREQ=DAILY;INTERVAL=5",
        "FREQ=WEEKLY;INTERVAL=3;BYDAY=SU,TU,TH;WKST=SU",
        "FREQ=WEEKLY;BYDAY=MO",
        "FREQ=MONTHLY;BYDAY=2TU,-1SU;INTERVAL=5",
    ];
    for start in ["20260706", "20260709", "20261231"] {
        for text in rules {
            let endless = rule(start, text).expect(text);
            let all = days(&endless, "2031-01-01");
            for count in 1..20 {
                let counted = rule(start, &format!("{text};COUNT={count}")).expect(text);
                assert_eq!(
                    days(&counted, "2031-01-01"),
                    all[..count],
                    "{start} {text} {count}"
                );
            }
        }
    }
}

#[test]
fn malformed_rules_are_problems() {
    let bad = [
        "",
        "FREQ",
        "FREQ=",
        "FREQ=YEARLY",
        "FREQ=HOURLY",
        "INTERVAL=2",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;INTERVAL=-1",
        "FREQ=DAILY;INTERVAL=1001",
        "FREQ=DAILY;COUNT=0",
        "FREQ=DAILY;COUNT=99999999999999999999",
        "FREQ=DAILY;COUNT=2;UNTIL=20270101",
        "FREQ=DAILY;UNTIL=tomorrow",
        "FREQ=DAILY;FREQ=DAILY",
        "FREQ=DAILY;BYHOUR=9",
        "FREQ=DAILY;INTERVAL=2;BYDAY=MO",
        "FREQ=WEEKLY;BYDAY=1MO",
        "FREQ=WEEKLY;BYDAY=",
        "FREQ=WEEKLY;BYDAY=XX",
        "FREQ=WEEKLY;WKST=1",
        "FREQ=WEEKLY;BYSETPOS=1",
        "FREQ=MONTHLY;BYDAY=6MO",
        "FREQ=MONTHLY;BYDAY=0MO",
        "FREQ=MONTHLY;BYDAY=M",
        "FREQ=MONTHLY;BYDAY=\u{e4}",
        "FREQ=MONTHLY;BYDAY=1\u{e4}",
        "FREQ=MONTHLY;BYMONTHDAY=32",
        "FREQ=MONTHLY;BYMONTHDAY=0",
        "FREQ=MONTHLY;BYMONTHDAY=",
        "FREQ=MONTHLY;BYSETPOS=99",
        "FREQ=MONTHLY;BYMONTH=2",
    ];
    for text in bad {
        let problem = rule("20260706", text).expect_err(text);
        assert!(
            problem.message.starts_with("rule has "),
            "{text}: {problem}"
        );
    }
}

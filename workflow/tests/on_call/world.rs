//! A small company with a calendar.

use countersign_workflow::policy::{Bundle, Feeds, Policy, Problem, check};
use jiff::Timestamp;

const POLICY: &str = "@id(\"nobody\") forbid (principal, action, resource);";

/// A bundle of a company in Berlin: ada and grace are in `ops`, zoe is not.
pub(crate) fn bundle(on_call: &str, files: &[(&str, &str)]) -> Bundle {
    let entities = format!(
        r#"[
{{"uid": {{"type": "Settings", "id": "company"}}, "attrs": {{"zone": "Europe/Berlin"}},
  "parents": []}},
{{"uid": {{"type": "Group", "id": "ops"}}, "attrs": {{"on_call": "{on_call}"}}, "parents": []}},
{{"uid": {{"type": "Group", "id": "dev"}}, "attrs": {{}}, "parents": []}},
{{"uid": {{"type": "Person", "id": "ada"}}, "attrs": {{"email": "ada@example.com"}},
  "parents": [{{"type": "Group", "id": "ops"}}]}},
{{"uid": {{"type": "Person", "id": "grace"}}, "attrs": {{"email": "grace@example.com"}},
  "parents": [{{"type": "Group", "id": "ops"}}, {{"type": "Group", "id": "dev"}}]}},
{{"uid": {{"type": "Person", "id": "zoe"}}, "attrs": {{"email": "zoe@example.com"}},
  "parents": [{{"type": "Group", "id": "dev"}}]}}
]"#
    );
    let fixed = [
        ("access.cedar", POLICY),
        ("entities.json", entities.as_str()),
    ];
    let files = fixed.into_iter().chain(files.iter().copied());
    Bundle::new(files.map(|(name, text)| (name.to_owned(), text.to_owned()))).expect("a bundle")
}

pub(crate) fn calendar(events: &str) -> String {
    format!("BEGIN:VCALENDAR\nVERSION:2.0\n{events}\nEND:VCALENDAR\n")
}

/// Lines of events that are separated by `--`.
pub(crate) fn events(text: &str) -> String {
    let events = text.split("--").map(|event| {
        let lines: Vec<&str> = event
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        format!("BEGIN:VEVENT\n{}\nEND:VEVENT", lines.join("\n"))
    });
    calendar(&events.collect::<Vec<_>>().join("\n"))
}

pub(crate) fn policy(text: &str) -> Policy {
    let bundle = bundle("ops.ics", &[("ops.ics", text)]);
    let policy = Policy::compile(&bundle);
    policy
        .map_err(|problems| format!("{text}\n{problems:?}"))
        .expect("a policy")
}

pub(crate) fn micros(moment: &str) -> u64 {
    let moment: Timestamp = moment.parse().expect("a moment");
    u64::try_from(moment.as_microsecond()).expect("after 1970")
}

/// Who of `ops` is on call, as `ada grace`.
pub(crate) fn who(policy: &Policy, moment: &str) -> String {
    who_by(policy, &Feeds::new(), moment)
}

/// The same, with calendars that were fetched.
pub(crate) fn who_by(policy: &Policy, feeds: &Feeds, moment: &str) -> String {
    let all = policy.on_call_at(micros(moment), feeds);
    assert_eq!(
        all.keys().collect::<Vec<_>>(),
        ["ops"],
        "groups with a calendar"
    );
    let people = all
        .get("ops")
        .map(|people| people.iter().cloned().collect::<Vec<_>>());
    people.unwrap_or_default().join(" ")
}

pub(crate) fn expect(text: &str, moments: &[(&str, &str)]) {
    let policy = policy(text);
    for (moment, expected) in moments {
        assert_eq!(who(&policy, moment), *expected, "at {moment} of\n{text}");
    }
}

pub(crate) fn problems(text: &str) -> Vec<Problem> {
    check(&bundle("ops.ics", &[("ops.ics", text)])).problems
}

/// As tools write them: folded, with CRLF, with a zone of their own.
pub(crate) fn sample() -> String {
    include_str!("../calendars/sample.ics").replace('\n', "\r\n")
}

/// What is odd about a calendar.
pub(crate) fn warned(text: &str) -> String {
    let report = check(&bundle("ops.ics", &[("ops.ics", text)]));
    assert_eq!(report.problems, [], "{text}");
    let of_file = report
        .warnings
        .into_iter()
        .filter(|warning| warning.file == "ops.ics");
    of_file
        .map(|warning| warning.to_string())
        .collect::<Vec<_>>()
        .join("\n")
}

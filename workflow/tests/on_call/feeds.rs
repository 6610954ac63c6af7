//! Calendars at an address, which somebody else fetches.

use std::sync::Arc;

use countersign_workflow::policy::{Feeds, Policy, Problem, check};

use crate::world::{bundle, events, sample, who, who_by};

const ADDRESS: &str = "https://example.com/ops.ics";

fn following() -> Policy {
    Policy::compile(&bundle(ADDRESS, &[])).expect("a policy")
}

#[test]
fn what_was_fetched_says_who_is_on_call() {
    let policy = following();
    assert_eq!(policy.feeds().into_iter().collect::<Vec<_>>(), [ADDRESS]);
    let moment = "2026-07-08T00:00:00Z";
    assert_eq!(who(&policy, moment), "", "it was not fetched yet");
    let text = events("DTSTART:20260706\nDTEND:20260713\nSUMMARY:On call - ada");
    let feed = policy.read_feed(ADDRESS, &text).expect("a calendar");
    let feeds = Feeds::from([(ADDRESS.to_owned(), Arc::new(feed))]);
    assert_eq!(who_by(&policy, &feeds, moment), "ada");
    // Days are those of the company, in Berlin.
    assert_eq!(who_by(&policy, &feeds, "2026-07-05T21:59:59Z"), "");
    assert_eq!(who_by(&policy, &feeds, "2026-07-05T22:00:00Z"), "ada");
    // What another address says is nothing to this group.
    let other = policy
        .read_feed("https://example.com/x", &text)
        .expect("one");
    let feeds = Feeds::from([("https://example.com/x".to_owned(), Arc::new(other))]);
    assert_eq!(who_by(&policy, &feeds, moment), "");
}

#[test]
fn what_is_no_calendar_is_named_with_its_address() {
    for text in ["", "<html>Sign in</html>", &events("DTSTART:tomorrow")] {
        let problems = following().read_feed(ADDRESS, text).expect_err(text);
        assert_eq!(problems[0].file, ADDRESS, "{text}");
    }
}

#[test]
fn the_check_reads_no_address() {
    let with_file = bundle(ADDRESS, &[("ops.ics", &sample())]);
    let report = check(&with_file);
    assert_eq!(report.problems, []);
    let warnings: Vec<String> = report.warnings.iter().map(Problem::to_string).collect();
    let has = |text: &str| warnings.iter().any(|warning| warning.contains(text));
    assert!(has(
        "entities.json:4:1: group ops follows https://example.com/ops.ics"
    ));
    assert!(
        has("nobody of the group is on call until it has"),
        "{warnings:?}"
    );
    assert!(
        has("ops.ics: no group follows this calendar"),
        "{warnings:?}"
    );
    for address in [
        "http://example.com/ops.ics",
        "webcal://x",
        "file:///etc/x.ics",
    ] {
        let report = check(&bundle(address, &[]));
        let problem = report.problems.first().expect(address).to_string();
        assert!(problem.contains("no address with https"), "{problem}");
        assert!(problem.contains("ops.ics"), "the way out: {problem}");
    }
}

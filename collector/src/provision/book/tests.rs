//! What is due after which entries, and what becomes of outcomes.

use countersign_proto::v1;
use prost_types::Timestamp;

use super::*;
use crate::provision::provisioner::Made;

const SECOND: u64 = 1_000_000;
const START: u64 = 1_000 * SECOND;

fn at(seconds: u64) -> Option<Timestamp> {
    let seconds = i64::try_from(seconds).unwrap();
    Some(Timestamp { seconds, nanos: 0 })
}

fn heard(index: u64, what: impl Into<Known>) -> Heard {
    Heard {
        index,
        case: 5,
        actor: "user:ada".into(),
        what: what.into(),
    }
}

fn request() -> Heard {
    let ask = v1::AccessRequested {
        resource: "db".into(),
        permission: "read".into(),
        ..v1::AccessRequested::default()
    };
    heard(5, ask)
}

fn issued(resource: &str) -> Heard {
    let grant = v1::GrantIssued {
        request: 5,
        person: "ada".into(),
        resource: resource.into(),
        permission: "read".into(),
        end: at(2_000),
        ..v1::GrantIssued::default()
    };
    heard(7, grant)
}

fn extended(end: u64) -> Heard {
    let extended = v1::GrantExtended {
        grant: 7,
        extension: 8,
        end: at(end),
    };
    heard(9, extended)
}

fn made_until(until: u64) -> Heard {
    let made = v1::GrantProvisioned {
        grant: 7,
        target: "x".into(),
        valid_until: at(until),
        ..v1::GrantProvisioned::default()
    };
    heard(8, made)
}

fn revoked() -> Heard {
    let revoked = v1::GrantRevoked {
        grant: 7,
        ..v1::GrantRevoked::default()
    };
    heard(10, revoked)
}

fn expired() -> Heard {
    heard(10, v1::GrantExpired { grant: 7 })
}

fn removed() -> Heard {
    let removed = v1::AccessRemoved {
        grant: 7,
        proof: "gone".into(),
    };
    heard(11, removed)
}

fn closed() -> Heard {
    let closed = v1::CaseClosed {
        outcome: "unused".into(),
        entries: Vec::new(),
    };
    heard(12, closed)
}

fn book(entries: &[Heard]) -> Book {
    let routes = Routes::from([(("db".to_owned(), "read".to_owned()), 0)]);
    let mut book = Book::new(routes);
    for heard in entries {
        book.hear(heard);
    }
    book
}

fn names(tasks: &[(usize, Task)]) -> Vec<&'static str> {
    let name = |task: &Task| match task {
        Task::Make(_, Anew::First) => "make",
        Task::Make(_, Anew::Again) => "make again",
        Task::Extend(_) => "extend",
        Task::Remove(_, Ending::Expired) => "remove expired",
        Task::Remove(_, Ending::Revoked) => "remove revoked",
        Task::Remove(_, Ending::Finished) => "remove finished",
        Task::Report(Report::Made(_)) => "report made",
        Task::Report(Report::Failed(_)) => "report failed",
        Task::Report(Report::Removed(_)) => "report removed",
        Task::Report(Report::RemovalFailed(_)) => "report removal failed",
    };
    tasks.iter().map(|(_, task)| name(task)).collect()
}

fn due(book: &mut Book, now: u64) -> Vec<&'static str> {
    names(&book.due(now))
}

fn made(until: u64) -> Outcome {
    Outcome::Made(Ok(Made {
        target: "role x".into(),
        credential: None,
        valid_until: Some(until),
    }))
}

fn gone(found: bool) -> Outcome {
    Outcome::Removed(Ok(Proof {
        found,
        text: "looked".into(),
    }))
}

#[test]
fn what_is_due_follows_from_the_log() {
    let (ask, grant, other) = (request(), issued("db"), issued("elsewhere"));
    let until_end = made_until(2_000);
    let cases: [(&str, Vec<Heard>, u64, &[&str]); 11] = [
        ("nothing", vec![ask.clone()], 1_000, &[]),
        ("not served here", vec![ask.clone(), other], 1_000, &[]),
        (
            "a grant",
            vec![ask.clone(), grant.clone()],
            1_000,
            &["make"],
        ),
        (
            "a grant whose time is over",
            vec![grant.clone()],
            2_000,
            &["remove expired"],
        ),
        (
            "one that was revoked",
            vec![grant.clone(), revoked()],
            1_000,
            &["remove revoked"],
        ),
        ("made", vec![grant.clone(), until_end.clone()], 1_999, &[]),
        (
            "made, its time over",
            vec![grant.clone(), until_end.clone()],
            2_000,
            &["remove expired"],
        ),
        (
            "made, then extended",
            vec![grant.clone(), until_end.clone(), extended(3_000)],
            1_000,
            &["extend"],
        ),
        (
            "made, over",
            vec![grant.clone(), until_end.clone(), revoked()],
            1_000,
            &["remove revoked"],
        ),
        (
            "removed",
            vec![grant.clone(), until_end, expired(), removed()],
            2_000,
            &[],
        ),
        ("closed", vec![ask, grant, expired(), closed()], 2_000, &[]),
    ];
    for (name, entries, now, expected) in cases {
        assert_eq!(due(&mut book(&entries), now * SECOND), expected, "{name}");
    }
}

#[test]
fn a_grant_says_who_asked() {
    let mut book = book(&[request(), issued("db")]);
    let tasks = book.due(START);
    let Some((0, Task::Make(grant, _))) = tasks.first() else {
        panic!("{tasks:?}");
    };
    assert_eq!(
        (grant.principal.as_str(), grant.person.as_str()),
        ("user:ada", "ada")
    );
    assert_eq!((grant.grant, grant.case, grant.end), (7, 5, 2_000 * SECOND));
    assert!(book.due(START).is_empty(), "one call at a time");
    assert_eq!(book.next_due(START), Some(2_000 * SECOND));
}

#[test]
fn access_is_closed_on_time_and_reported_after_the_entry() {
    let mut book = book(&[issued("db")]);
    book.due(START);
    book.done(7, made(2_000), START);
    assert_eq!(due(&mut book, START), ["report made"]);
    let report = Report::Made(v1::GrantProvisioned {
        grant: 7,
        ..v1::GrantProvisioned::default()
    });
    book.reported(&report, Ok(()), START);
    assert!(due(&mut book, START).is_empty());
    let end = 2_000 * SECOND;
    assert_eq!(due(&mut book, end), ["remove expired"]);
    book.done(7, gone(true), end);
    assert!(
        due(&mut book, end).is_empty(),
        "the ledger takes no report before its own entry"
    );
    book.hear(&expired());
    assert_eq!(due(&mut book, end), ["report removed"]);
    book.reported(
        &Report::Removed(v1::AccessRemoved {
            grant: 7,
            proof: String::new(),
        }),
        Ok(()),
        end,
    );
    assert!(book.is_past(7) && book.grant(7).is_none());
}

#[test]
fn a_late_extension_makes_access_again_without_a_second_report() {
    let mut book = book(&[issued("db"), made_until(2_000)]);
    let end = 2_000 * SECOND;
    assert_eq!(due(&mut book, end), ["remove expired"]);
    book.done(7, gone(true), end);
    book.hear(&extended(3_000));
    assert_eq!(due(&mut book, end), ["make again"]);
    book.done(7, made(3_000), end);
    assert!(due(&mut book, end).is_empty());
}

#[test]
fn failures_are_told_once_each_with_growing_pauses_and_not_for_ever() {
    let mut book = book(&[issued("db"), made_until(2_000), revoked()]);
    let failed = || Outcome::Removed(Err(Failure::new("no route")));
    let (mut now, mut told, mut pauses) = (START, 0, Vec::new());
    for _ in 0..30 {
        let tasks = book.due(now);
        for (_, task) in &tasks {
            if let Task::Report(report @ Report::RemovalFailed(_)) = task {
                told += 1;
                book.reported(report, Ok(()), now);
            }
        }
        if names(&tasks).contains(&"remove revoked") {
            book.done(7, failed(), now);
        }
        for (_, task) in book.due(now) {
            if let Task::Report(report) = task {
                told += 1;
                book.reported(&report, Ok(()), now);
            }
        }
        let next = book.next_due(now).expect("it is tried for ever");
        pauses.push((next - now) / SECOND);
        now = next;
    }
    assert_eq!(told, crate::limits::MAX_REPORTED_FAILURES);
    assert_eq!(pauses[..8], [1, 2, 4, 8, 16, 32, 60, 60]);
    assert!(pauses.iter().all(|pause| *pause <= 60));
}

#[test]
fn taking_away_does_not_wait_because_making_failed() {
    let mut book = book(&[issued("db")]);
    book.due(START);
    book.done(7, Outcome::Made(Err(Failure::new("no route"))), START);
    assert_eq!(due(&mut book, START), ["report failed"]);
    book.hear(&revoked());
    assert_eq!(due(&mut book, START), ["remove revoked"]);
    book.done(7, gone(false), START);
    let report = Report::Failed(v1::ProvisioningFailed {
        grant: 7,
        attempt: 1,
        error: String::new(),
    });
    book.reported(&report, Ok(()), START);
    assert!(
        due(&mut book, START).is_empty(),
        "nothing was there, and nothing was told to be"
    );
    book.hear(&closed());
    assert!(book.is_past(7));
}

#[test]
fn attempts_go_on_counting_after_a_start() {
    let failed = v1::ProvisioningFailed {
        grant: 7,
        error: "no".into(),
        attempt: 4,
    };
    let mut book = book(&[issued("db"), heard(8, failed)]);
    book.due(START);
    book.done(7, Outcome::Made(Err(Failure::new("still"))), START);
    let tasks = book.due(START);
    let [(_, Task::Report(report))] = tasks.as_slice() else {
        panic!("{tasks:?}");
    };
    assert_eq!(report.key(), "p:7:failed:5");
}

#[test]
fn a_report_that_is_not_taken_is_not_repeated_and_one_that_is_lost_is() {
    let mut book = book(&[issued("db")]);
    book.due(START);
    book.done(7, made(2_000), START);
    let tasks = book.due(START);
    let [(_, Task::Report(report))] = tasks.as_slice() else {
        panic!("{tasks:?}");
    };
    book.reported(report, Err(ReportError::Later("away".into())), START);
    assert!(due(&mut book, START).is_empty());
    assert_eq!(due(&mut book, START + SECOND), ["report made"]);
    book.reported(
        report,
        Err(ReportError::Settled("known".into())),
        START + SECOND,
    );
    assert!(due(&mut book, START + SECOND).is_empty());
}

#[test]
fn what_this_run_made_it_takes_away_whatever_others_report() {
    let mut book = book(&[issued("db")]);
    book.due(START);
    book.done(7, made(2_000), START);
    book.hear(&made_until(2_000));
    book.hear(&revoked());
    book.hear(&removed());
    assert_eq!(due(&mut book, START), ["remove revoked"]);
    book.done(7, gone(true), START);
    assert!(book.is_past(7));
}

#[test]
fn what_should_be_there_is_known_to_inspections() {
    let mut book = book(&[issued("db")]);
    let expected = |book: &Book, now| book.standing(0, now)[0].expected;
    assert_eq!(
        expected(&book, START),
        Expected::Either,
        "nobody looked yet"
    );
    book.due(START);
    let before = book.revisions(0);
    book.done(7, made(2_000), START);
    assert_ne!(book.revisions(0), before);
    assert_eq!(
        expected(&book, START),
        Expected::Either,
        "it is not told yet"
    );
    book.hear(&made_until(2_000));
    assert_eq!(expected(&book, START), Expected::There);
    let end = 2_000 * SECOND;
    assert_eq!(expected(&book, end), Expected::Either, "it is about to go");
    book.due(end);
    book.done(7, gone(true), end);
    assert_eq!(expected(&book, end), Expected::Gone);
    assert!(book.standing(1, end).is_empty());
}

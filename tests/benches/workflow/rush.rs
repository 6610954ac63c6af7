//! A thousand people decide on one request at the same moment, through the ledger's sequencer.

use std::sync::Arc;

use countersign_chain::idem::IdempotencyKey;
use countersign_chain::time::UnixMicros;
use countersign_ledger::clock::{Clock as _, SystemClock};
use countersign_ledger::log::{Log, SubmitError};
use countersign_tests::folder::DataFolder;
use countersign_workflow::command::Command;

use crate::common::{RUNS, now, since};
use crate::company::{Company, People, lead, of_person, security};
use crate::ledger::Ledger;
use crate::sheet::Sheet;
use crate::story::{Story, review};

/// Those who decide: half of them team leads, half of them from security. One of each is needed.
const REVIEWERS: u64 = 1_000;
/// Kind of the entry that gives access.
const GRANT_ISSUED: u16 = 28;

pub(crate) async fn rows(summary: &mut Sheet) {
    let people = People {
        engineers: 100,
        leads: REVIEWERS / 2,
        security: REVIEWERS / 2,
    };
    let (company, data) = (Company::of(people), DataFolder::new().await);
    let clock = Arc::new(SystemClock::new());
    let mut ledger = Ledger::open(&data.path(), clock.clone()).await;
    ledger.done(company.put().0).await;
    let mut waits = Vec::new();
    for run in 0..RUNS {
        waits.push(one(&mut ledger, &company, (run, clock.wall())).await);
    }
    ledger.close().await;
    let what = format!("{REVIEWERS} reviews at once, one grant, ms until all are answered");
    summary.add(&crate::figure(&what, &waits, 0, ""));
}

/// One request. Returns milliseconds until everybody was answered.
async fn one(ledger: &mut Ledger, company: &Company, (run, wall): (usize, UnixMicros)) -> f64 {
    let facts = company.facts(wall);
    let command = Story::asked("chen").next(&facts).expect("it begins");
    let (case, entries) = ledger.done(command).await;
    assert_eq!(entries, 1, "others decide");
    let command = |n: u64| {
        let who = if n.is_multiple_of(2) {
            lead(n / 2)
        } else {
            security(n / 2)
        };
        of_person(&who, review(case, true, ""), &facts)
    };
    let mut tasks = tokio::task::JoinSet::new();
    let begin = now();
    for n in 0..REVIEWERS {
        let key = format!("{run}-{n}");
        tasks.spawn(counts(Arc::clone(&ledger.log), command(n), key));
    }
    let counted = tasks.join_all().await;
    let took = since(begin);
    let counted = counted.into_iter().filter(|counted| *counted).count();
    assert_eq!(counted, 2, "one of each group");
    let mut grants = 0;
    ledger.walk(case, |record| {
        let issued = record.kind().get() == GRANT_ISSUED && record.case() == case;
        grants += u32::from(issued);
    });
    assert_eq!(grants, 1, "grants of the case");
    took
}

/// Whether a decision counted, and was not too late.
async fn counts(log: Arc<Log>, command: Command, key: String) -> bool {
    let key = IdempotencyKey::parse(key.as_bytes()).expect("short");
    let pending = log.order(command, key).await.expect("it runs");
    let answer = pending.accepted().await;
    let late = matches!(answer, Err(SubmitError::Refused(_)));
    assert!(answer.is_ok() || late, "a healthy ledger: {answer:?}");
    !late
}

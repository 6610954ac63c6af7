//! What is asked without writing anything, while many cases are open.

use countersign_tests::watch::quantile;
use countersign_workflow::policy::{AskKind, Facts, Feeds};

use crate::common::{now, since};
use crate::company::{COMPANY, Company, RESOURCES, engineer};
use crate::pure::Core;
use crate::random::Random;
use crate::sheet::Sheet;
use crate::story::{Story, ask};

/// Questions of each kind.
const QUESTIONS: usize = 100_000;
/// Judgements of each kind: they take longer.
const JUDGEMENTS: usize = 2_000;
/// Somebody who has as many cases as one may.
const BUSY: &str = "ada";
const CASES_EACH: u64 = 1_000;

/// Microseconds of something done so often, median and 99th percentile.
fn micros(times: usize, mut act: impl FnMut()) -> [f64; 2] {
    let mut waits = Vec::with_capacity(times);
    for _ in 0..times {
        let begin = now();
        act();
        waits.push(since(begin) * 1e3);
    }
    [quantile(&mut waits, 0.5), quantile(&mut waits, 0.99)]
}

pub(crate) fn rows(company: &Company, core: &mut Core, sheet: &mut Sheet) {
    let mut row = |what: &str, digits: usize, [p50, p99]: [f64; 2]| {
        let cells = [p50, p99].map(|micros| format!("{micros:.digits$}"));
        let [p50, p99] = cells;
        sheet.add(&[what.to_owned(), p50, p99]);
    };
    let open = core.state.open();
    row(&format!("CheckAccess, {open} open cases"), 2, check(core));
    keep(company, core);
    let busy = busy(core);
    row("CheckAccess of somebody with 1000 grants", 2, busy);
    let facts = company.facts(core.at.time);
    for (what, resource) in [
        ("nobody decides", "staging-00"),
        ("team leads decide", "db-00"),
        ("team leads and security decide", "vault-00"),
    ] {
        let what = format!("Simulate, {what}");
        row(&what, 1, simulate(company, resource, &facts));
    }
    let now = core.at.time.get();
    let on_call = micros(JUDGEMENTS, || {
        drop(company.policy.on_call_at(now, &Feeds::new()))
    });
    row("who is on call", 1, on_call);
}

/// Of anybody, for anything: as with a bastion that asks at every connection.
fn check(core: &Core) -> [f64; 2] {
    let moment = core.state.moment(core.at.time);
    let mut random = Random::new(5);
    let who: Vec<String> = (0..COMPANY.engineers).map(engineer).collect();
    let what: Vec<String> = (0..RESOURCES).map(|n| format!("db-{n:02}")).collect();
    let mut at = |list: &[String]| {
        let count = u64::try_from(list.len()).expect("few");
        usize::try_from(random.below(count)).expect("few")
    };
    let asked: Vec<_> = (0..QUESTIONS).map(|_| (at(&who), at(&what))).collect();
    let mut asked = asked.into_iter();
    micros(QUESTIONS, || {
        let (person, resource) = asked.next().expect("as many");
        let wanted = (who[person].as_str(), what[resource].as_str());
        std::hint::black_box(core.state.access(wanted, None, moment));
    })
}

/// Gives somebody as many grants as one may have.
fn keep(company: &Company, core: &mut Core) {
    for n in 0..CASES_EACH {
        core.wait();
        while core.due().is_some() {}
        let mut story = Story::kept(BUSY, n);
        let command = story.next(&company.facts(core.at.time)).expect("it begins");
        assert_eq!(core.give(&command).len(), 2, "a request and its grant");
    }
}

fn busy(core: &Core) -> [f64; 2] {
    let moment = core.state.moment(core.at.time);
    let wanted = (BUSY, "staging-07");
    assert!(core.state.access(wanted, None, moment).is_some());
    micros(QUESTIONS / 10, || {
        std::hint::black_box(core.state.access(wanted, None, moment));
    })
}

/// Judgement and everybody who could decide.
fn simulate(company: &Company, resource: &str, facts: &Facts) -> [f64; 2] {
    let (person, ask) = (engineer(7), ask(resource, "read-only", ""));
    let wanted = ask.facts(&person, facts);
    micros(JUDGEMENTS, || {
        let judged = company.policy.judge(AskKind::Request, &wanted);
        let obligations = judged.expect("it is allowed");
        for group in obligations.approvals.keys() {
            let people = company.policy.eligible(&wanted, group);
            assert!(!people.is_empty());
        }
    })
}

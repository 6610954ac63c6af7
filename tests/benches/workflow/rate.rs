//! Commands decided and applied, with many cases open, and what closed ones leave in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_tests::watch::{memory, quantile};
use countersign_workflow::draft::Draft;

use crate::child::{Kid, answer};
use crate::common::{RUNS, now, since};
use crate::company::{COMPANY, Company};
use crate::crowd::{Crowd, OPEN};
use crate::pure::Core;
use crate::sheet::{Sheet, tell};

/// Commands before the first run: those who forget their cases are as many as they will be.
const BEFORE: usize = 300_000;
/// Commands of one run.
const COMMANDS: usize = 100_000;
/// Commands between two looks at memory: some 150,000 cases are closed by them.
const LONG: usize = 1_000_000;

/// Microseconds that things took, by what was asked and what came of it.
#[derive(Debug, Default)]
struct Times(BTreeMap<String, Vec<f64>>);

impl Times {
    fn add(&mut self, what: &str, drafts: &[Draft], micros: f64) {
        let last = drafts.last().filter(|_| drafts.len() > 1);
        let what = match last {
            Some(last) => format!("{what}, {}", last.event.name()),
            None => what.to_owned(),
        };
        self.0.entry(what).or_default().push(micros);
    }

    fn total(&self) -> f64 {
        self.0.values().flatten().sum()
    }
}

/// One command, and what was due before.
fn step(core: &mut Core, crowd: &mut Crowd, times: &mut Times) {
    core.wait();
    loop {
        let begin = now();
        let due = core.due();
        let micros = since(begin) * 1e3;
        let Some(drafts) = due else {
            break;
        };
        times.add(
            &format!("timer: {}", drafts[0].event.name()),
            &drafts,
            micros,
        );
    }
    let (story, command) = crowd.next(core.state.open(), core.at.time);
    let first = core.at.index;
    let begin = now();
    let drafts = core.give(&command);
    times.add(command.action.name(), &drafts, since(begin) * 1e3);
    crowd.took(story, &command, (first, core.at.index - first));
}

/// Everybody at work for so many commands, without a look at the clock.
fn work(core: &mut Core, crowd: &mut Crowd, commands: usize) {
    for _ in 0..commands {
        step(core, crowd, &mut Times::default());
    }
}

/// The tables, and the state that it ends in.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
pub(crate) fn rows(company: &Arc<Company>, summary: &mut Sheet, kinds: &mut Sheet) -> Core {
    let mut core = Core::of(company);
    let mut crowd = Crowd::new(Arc::clone(company));
    tell("opening cases");
    work(&mut core, &mut crowd, BEFORE);
    let (mut all, mut rates, mut entries) = (Times::default(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let (mut times, first) = (Times::default(), core.at.index);
        for _ in 0..COMMANDS {
            step(&mut core, &mut crowd, &mut times);
        }
        assert_eq!(core.state.open(), OPEN, "cases are open all the time");
        let seconds = times.total() / 1e6;
        rates.push(COMMANDS as f64 / seconds);
        entries.push((core.at.index - first) as f64 / seconds);
        for (what, micros) in times.0 {
            all.0.entry(what).or_default().extend(micros);
        }
    }
    for (what, rates, goal) in [
        ("commands decided and applied, per second", rates, "20000"),
        ("entries of these, per second", entries, ""),
    ] {
        summary.add(&crate::figure(what, &rates, 0, goal));
    }
    let (total, commands) = (all.total(), (RUNS * COMMANDS) as f64);
    for (what, mut micros) in all.0 {
        let (count, sum) = (micros.len() as f64, micros.iter().sum::<f64>());
        kinds.add(&[
            what,
            format!("{:.2}", count * 100.0 / commands),
            format!("{:.1}", quantile(&mut micros, 0.5)),
            format!("{:.1}", quantile(&mut micros, 0.99)),
            format!("{:.1}", sum * 100.0 / total),
        ]);
    }
    core
}

/// In the child: bytes of memory for each case that is closed while as many stay open.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
pub(crate) fn closed() {
    let company = Arc::new(Company::of(COMPANY));
    let (mut core, mut crowd) = (Core::of(&company), Crowd::new(company));
    work(&mut core, &mut crowd, BEFORE);
    let look = |core: &Core| {
        let resident = memory(std::process::id(), "VmRSS") << 20;
        [resident, core.state.closed() as u64].map(|number| number as f64)
    };
    let before = look(&core);
    work(&mut core, &mut crowd, LONG);
    let after = look(&core);
    answer("closed", &[(after[0] - before[0]) / (after[1] - before[1])]);
}

/// In the parent: one row.
pub(crate) fn memory_row(summary: &mut Sheet) {
    tell("closing cases");
    let mut kid = Kid::start(&["closed"]);
    let [bytes] = kid.numbers("closed");
    kid.stop();
    let what = "bytes that a closed case leaves in memory, of two copies each";
    summary.add(&crate::figure(what, &[bytes], 0, ""));
}

//! A ledger that starts again on a log of cases: until it decides on commands, and what it takes.

use std::path::Path;
use std::sync::Arc;

use countersign_chain::time::UnixMicros;
use countersign_ledger::clock::{Clock, ManualClock, SystemClock};
use countersign_proto::event::Known;
use countersign_tests::folder::DataFolder;
use countersign_tests::watch::memory;
use countersign_workflow::apply::is_of_workflow;
use countersign_workflow::command::Command;
use countersign_workflow::draft::EntryFacts;
use countersign_workflow::state::State;

use crate::child::{Kid, answer};
use crate::common::{median, now, since};
use crate::company::Company;
use crate::crowd::{Crowd, PACE};
use crate::ledger::{Ledger, entries};
use crate::sheet::{Sheet, tell};
use crate::story::Story;

/// Entries of the log, when it is measured.
const SIZES: [u64; 3] = [100_000, 300_000, 1_000_000];
/// How often each start is measured.
const STARTS: usize = 3;
/// Commands under way at the same time.
const GROUP: u32 = 256;

pub(crate) fn sheet() -> Sheet {
    let start = format!("start, median of {STARTS}");
    Sheet::new(&[
        &start,
        "open cases",
        "closed cases",
        "made, commands/s",
        "ms until commands are decided (goal below 10000 at a million)",
        "range",
        "entries/s",
        "of it decoding entries, ms",
        "of it State::apply, ms",
        "resident MiB then",
        "peak MiB",
    ])
}

fn micros(clock: &ManualClock) -> String {
    clock.wall().get().to_string()
}

fn clock(micros: u64) -> Arc<ManualClock> {
    Arc::new(ManualClock::at(micros))
}

/// One log that grows.
pub(crate) async fn rows(company: &Arc<Company>, sheet: &mut Sheet, max: u64) {
    let data = DataFolder::new().await;
    // Its first entry was written by the machine's clock.
    let clock = clock(SystemClock::new().wall().get());
    let mut crowd = Crowd::new(Arc::clone(company));
    let mut is_new = true;
    for size in SIZES.into_iter().filter(|size| *size <= max) {
        tell(&format!("making a log of {size} entries"));
        let mut ledger = Ledger::open(&data.path(), clock.clone()).await;
        if is_new {
            ledger.done(company.put().0).await;
            is_new = false;
        }
        let rate = grow(&mut ledger, &mut crowd, &clock, size).await;
        ledger.close().await;
        sheet.add(&tokio::task::block_in_place(|| {
            row(&data, &micros(&clock), (size, rate))
        }));
    }
}

/// Everybody at work until the log has this size. Returns commands per second.
async fn grow(ledger: &mut Ledger, crowd: &mut Crowd, clock: &ManualClock, size: u64) -> f64 {
    let (begin, mut commands) = (now(), 0_u32);
    while ledger.log.accepted_size() < size {
        clock.pass(PACE * GROUP);
        let state = ledger.log.cases().read();
        let mut open = state.map_or(0, |state| state.open());
        let mut under_way = Vec::new();
        for _ in 0..GROUP {
            let (story, command) = crowd.next(open, clock.wall());
            open += usize::from(story.case() == 0);
            let pending = ledger.order(command.clone()).await;
            under_way.push((story, command, pending));
        }
        for (story, command, pending) in under_way {
            took(crowd, (story, &command), entries(pending).await);
        }
        commands += GROUP;
    }
    f64::from(commands) * 1e3 / since(begin)
}

fn took(crowd: &mut Crowd, (story, command): (Story, &Command), entries: (u64, u64)) {
    crowd.took(story, command, entries);
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn row(data: &DataFolder, micros: &str, (size, rate): (u64, f64)) -> Vec<String> {
    let folder = data.path();
    let folder = folder.to_str().expect("a plain path");
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        // It ends as in a crash: a start writes nothing.
        let mut kid = Kid::start(&["start", folder, micros]);
        starts.push(kid.numbers::<5>("started"));
        kid.stop();
    }
    let mut kid = Kid::start(&["apply", folder, micros]);
    let [decoding, applying] = kid.numbers("applied");
    kid.stop();
    let pick = |n: usize| median(starts.iter().map(|start| start[n]).collect());
    let took: Vec<f64> = starts.iter().map(|start| start[0]).collect();
    vec![
        format!("{size} entries"),
        format!("{:.0}", pick(1)),
        format!("{:.0}", pick(2)),
        format!("{rate:.0}"),
        format!("{:.0}", pick(0)),
        crate::range(&took, 0),
        format!("{:.0}", size as f64 * 1e3 / pick(0)),
        format!("{decoding:.0}"),
        format!("{applying:.0}"),
        format!("{:.0}", pick(3)),
        format!("{:.0}", pick(4)),
    ]
}

/// In the child: starts, and ends without a word to the log.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
pub(crate) async fn start(folder: &Path, micros: u64) {
    let begin = now();
    let ledger = Ledger::open(folder, clock(micros)).await;
    let took = since(begin);
    let [open, closed] = {
        let state = ledger.log.cases().read().expect("it was read");
        [state.open(), state.closed()].map(|count| count as f64)
    };
    let used = ["VmRSS", "VmHWM"].map(|field| memory(std::process::id(), field) as f64);
    answer("started", &[took, open, closed, used[0], used[1]]);
}

/// An entry that changes cases.
struct Seen {
    index: u64,
    time: UnixMicros,
    case: u64,
    actor: String,
    event: Known,
}

/// In the child: decodes all entries, then applies them.
pub(crate) async fn apply(folder: &Path, micros: u64) {
    let ledger = Ledger::open(folder, clock(micros)).await;
    let (mut seen, mut decoding) = (Vec::new(), 0.0);
    ledger.walk(0, |record| {
        if !is_of_workflow(record.kind().get()) {
            return;
        }
        let begin = now();
        let event = Known::decode(record.kind().get(), record.payload());
        decoding += since(begin);
        seen.push(Seen {
            index: record.index().get(),
            time: record.time(),
            case: record.case(),
            actor: record.actor().to_owned(),
            event: event.expect("an event"),
        });
    });
    let (begin, mut state) = (now(), State::default());
    for entry in &seen {
        let facts = EntryFacts {
            index: entry.index,
            time: entry.time,
            case: entry.case,
            actor: &entry.actor,
            via: "",
        };
        state.apply(&facts, &entry.event).expect("it was decided");
    }
    let applying = since(begin);
    let serving = ledger.log.cases().read().map(|serving| serving.open());
    assert_eq!(serving, Some(state.open()), "the same cases");
    answer("applied", &[decoding, applying]);
}

//! How fast commands about access are decided, with ten thousand cases open.
//!
//! `cargo bench -p countersign-tests --bench workflow` prints the tables of docs/benchmarks.md.
//! Commands are decided and applied by the pure core on one core, by a policy for a company of a
//! thousand; reviews come through the ledger's own sequencer and store; starts are processes of
//! their own on a log that was made through both. Words behind `--` choose parts: `commands`,
//! `questions`, `policies`, `memory`, `reviews`, `starts`; `--max NUMBER` leaves out larger logs.

#[path = "workflow/ask.rs"]
mod ask;
#[path = "support/child.rs"]
mod child;
#[path = "support/common.rs"]
mod common;
#[path = "workflow/company.rs"]
mod company;
#[path = "workflow/crowd.rs"]
mod crowd;
#[path = "workflow/ledger.rs"]
mod ledger;
#[path = "workflow/pure.rs"]
mod pure;
#[path = "workflow/put.rs"]
mod put;
#[path = "support/random.rs"]
mod random;
#[path = "workflow/rate.rs"]
mod rate;
#[path = "workflow/restart.rs"]
mod restart;
#[path = "workflow/rush.rs"]
mod rush;
#[path = "support/sheet.rs"]
mod sheet;
#[path = "workflow/story.rs"]
mod story;
#[path = "support/words.rs"]
mod words;

use std::path::Path;
use std::sync::Arc;

use crate::common::{RUNS, median};
use crate::company::{COMPANY, Company};
use crate::sheet::Sheet;
use crate::words::Words;

#[tokio::main]
async fn main() {
    let orders = child::orders();
    let orders: Option<Vec<&str>> = orders
        .as_ref()
        .map(|orders| orders.iter().map(String::as_str).collect());
    let micros = |text: &str| text.parse().expect("a number");
    match orders.as_deref() {
        Some(["closed"]) => tokio::task::block_in_place(rate::closed),
        Some(["start", folder, at]) => restart::start(Path::new(folder), micros(at)).await,
        Some(["apply", folder, at]) => restart::apply(Path::new(folder), micros(at)).await,
        Some(_) => unreachable!("nobody orders that"),
        None => measure(&Words::read()).await,
    }
}

async fn measure(words: &Words) {
    let all = format!("median of {RUNS}");
    let mut summary = Sheet::new(&["what", &all, "range", "goal"]);
    let mut kinds = Sheet::new(&["what", "of 100 commands", "µs, p50", "p99", "% of the time"]);
    let mut questions = Sheet::new(&["question", "µs, p50 (goal below 1000)", "p99"]);
    let (mut policies, mut starts) = (put::sheet(), restart::sheet());
    let company = Arc::new(Company::of(COMPANY));
    tokio::task::block_in_place(|| {
        let (commands, asked) = (words.wants("commands"), words.wants("questions"));
        if commands || asked {
            let mut core = rate::rows(&company, &mut summary, &mut kinds);
            if asked {
                ask::rows(&company, &mut core, &mut questions);
            }
        }
        if words.wants("policies") {
            put::rows(&mut policies);
        }
        if words.wants("memory") {
            rate::memory_row(&mut summary);
        }
    });
    if words.wants("reviews") {
        rush::rows(&mut summary).await;
    }
    if words.wants("starts") {
        restart::rows(&company, &mut starts, words.max()).await;
    }
    for sheet in [summary, kinds, questions, policies, starts] {
        sheet.print();
    }
}

/// A row of the summary.
fn figure(what: &str, values: &[f64], digits: usize, goal: &str) -> [String; 4] {
    let middle = median(values.to_vec());
    let range = range(values, digits);
    [
        what.to_owned(),
        format!("{middle:.digits$}"),
        range,
        goal.to_owned(),
    ]
}

fn range(values: &[f64], digits: usize) -> String {
    if values.len() < 2 {
        return "of one run".to_owned();
    }
    let low = values.iter().copied().fold(f64::MAX, f64::min);
    let high = values.iter().copied().fold(0.0, f64::max);
    format!("{low:.digits$} to {high:.digits$}")
}

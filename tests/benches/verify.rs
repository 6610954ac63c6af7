//! How fast `verify` reads a data folder and how much memory it takes, against the least that any
//! verifier must do, in one run.
//!
//! `cargo bench -p countersign-tests --bench verify` prints the tables; words behind `--` choose
//! rows, `--max NUMBER` limits the entries of a log. Every run is a process of its own. The logs
//! are read from the page cache: they were just written.

#[path = "verify/bound.rs"]
mod bound;
#[path = "support/child.rs"]
mod child;
#[path = "support/common.rs"]
mod common;
#[path = "support/event.rs"]
mod event;
#[path = "support/fill.rs"]
mod fill;
#[path = "support/made.rs"]
mod made;
#[path = "support/random.rs"]
mod random;
#[path = "support/sheet.rs"]
mod sheet;
#[path = "verify/subject.rs"]
mod subject;
#[path = "support/words.rs"]
mod words;

use std::path::Path;

use countersign_chain::limits::MAX_COMMIT_ENTRIES;
use countersign_tests::folder::DataFolder;

use crate::child::Kid;
use crate::common::{RUNS, median};
use crate::made::made;
use crate::sheet::{Sheet, tell};
use crate::words::Words;

/// Entries of a commit, and of the log. The largest commits show a curve.
const LOGS: [(usize, u64); 7] = [
    (1, 100_000),
    (16, 1_000_000),
    (MAX_COMMIT_ENTRIES, 1_000),
    (MAX_COMMIT_ENTRIES, 10_000),
    (MAX_COMMIT_ENTRIES, 100_000),
    (MAX_COMMIT_ENTRIES, 1_000_000),
    (MAX_COMMIT_ENTRIES, 10_000_000),
];

/// What one run of a child showed.
#[derive(Debug, Clone, Copy)]
struct Pass {
    /// Entries per second.
    rate: f64,
    /// Millions of bytes of commits per second.
    megabytes: f64,
    /// Largest resident memory in MiB.
    peak: f64,
}

fn main() {
    let orders = child::orders();
    let orders: Option<Vec<&str>> = orders
        .as_ref()
        .map(|o| o.iter().map(String::as_str).collect());
    match orders.as_deref() {
        Some(["verify", folder, key]) => subject::run(Path::new(folder), key),
        Some(["bound", folder, key]) => bound::run(Path::new(folder), key),
        Some(_) => unreachable!("nobody orders that"),
        None => measure(&Words::read()),
    }
}

fn measure(words: &Words) {
    let verify = format!("verify, entries/s, median of {RUNS}");
    let mut sheet = Sheet::new(&[
        "512-byte payload, all cores",
        &verify,
        "range",
        "MB/s",
        "read + leaf hashes + verify_strict, entries/s",
        "verify to that (goal 0.70)",
        "peak MiB of verify (goal below 300)",
    ]);
    for (group, size) in LOGS {
        // The curve is cut off, logs with a size of their own get smaller.
        let is_curve = group == MAX_COMMIT_ENTRIES;
        let size = if is_curve {
            size
        } else {
            size.min(words.max())
        };
        let name = format!("{group} per commit, {size} entries");
        if size <= words.max() && words.wants(&name) {
            tell(&format!("{name}: making the log"));
            sheet.add(&row(name, group, size));
        }
    }
    sheet.print();
}

fn row(name: String, group: usize, size: u64) -> Vec<String> {
    let data = made(group, size, |_| event::event());
    let (mut verify, mut bound) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        // In turns, so that a machine that changes its pace changes both.
        verify.push(pass("verify", &data));
        bound.push(pass("bound", &data));
    }
    let rates = |passes: &[Pass]| passes.iter().map(|pass| pass.rate).collect::<Vec<f64>>();
    let low = rates(&verify).into_iter().fold(f64::MAX, f64::min);
    let high = rates(&verify).into_iter().fold(0.0, f64::max);
    let (rate, least) = (median(rates(&verify)), median(rates(&bound)));
    let megabytes = median(verify.iter().map(|pass| pass.megabytes).collect());
    let peak = verify.iter().map(|pass| pass.peak).fold(0.0, f64::max);
    vec![
        name,
        format!("{rate:.0}"),
        format!("{low:.0} to {high:.0}"),
        format!("{megabytes:.0}"),
        format!("{least:.0}"),
        format!("{:.2}", rate / least),
        format!("{peak:.0}"),
    ]
}

fn pass(what: &str, data: &DataFolder) -> Pass {
    let (folder, key) = (data.path(), data.vkey.to_string());
    let folder = folder.to_str().expect("a plain path");
    let mut kid = Kid::start(&[what, folder, &key]);
    let [seconds, entries, bytes, peak] = kid.numbers("took");
    kid.stop();
    Pass {
        rate: entries / seconds,
        megabytes: bytes / 1e6 / seconds,
        peak,
    }
}

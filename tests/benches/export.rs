//! How fast a native export is written and proved, against parquet-rs alone and against the log.
//!
//! `cargo bench -p countersign-tests --bench export` prints the tables; words behind `--` choose
//! rows, `--max NUMBER` limits the entries of a log. Every run is a process of its own. An export
//! reads and verifies the log, makes rows and writes them until the disk has them; parquet-rs
//! writes the same rows with the same settings from memory, and does not wait for the disk.

#[path = "support/child.rs"]
mod child;
#[path = "support/common.rs"]
mod common;
#[path = "export/copy.rs"]
mod copy;
#[path = "support/fill.rs"]
mod fill;
#[path = "export/line.rs"]
mod line;
#[path = "support/made.rs"]
mod made;
#[path = "export/memory.rs"]
mod memory;
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

/// Entries of the logs, and of each commit. People's acts are a commit each, what agents read comes
/// in large ones. The last log is measured once.
const LOGS: [(u64, usize); 4] = [
    (100_000, 1),
    (100_000, MAX_COMMIT_ENTRIES),
    (1_000_000, MAX_COMMIT_ENTRIES),
    (10_000_000, MAX_COMMIT_ENTRIES),
];
/// Most rows that are held in memory: some 3 GB.
const MOST_HELD: u64 = 1_000_000;

/// What one run of a child showed.
#[derive(Debug, Clone, Copy)]
struct Pass {
    /// Entries per second.
    rate: f64,
    /// Largest resident memory in MiB.
    peak: f64,
}

fn main() {
    let orders = child::orders();
    let orders: Option<Vec<&str>> = orders
        .as_ref()
        .map(|o| o.iter().map(String::as_str).collect());
    match orders.as_deref() {
        Some(["export", folder, key, out]) => copy::export(Path::new(folder), key, Path::new(out)),
        Some(["memory", folder, key, out]) => memory::run(Path::new(folder), key, Path::new(out)),
        Some(["verify", folder, key]) => subject::run(Path::new(folder), key),
        Some(["prove", copy, key]) => copy::prove(Path::new(copy), key),
        Some(_) => unreachable!("nobody orders that"),
        None => measure(&Words::read()),
    }
}

fn measure(words: &Words) {
    let mut written = Sheet::new(&[
        "lines of 502 bytes",
        &format!("native export, rows/s, median of {RUNS}"),
        "range",
        "parquet-rs from memory, rows/s",
        "export to that (goal 0.70)",
        "peak MiB of export (goal below 400)",
    ]);
    let mut proved = Sheet::new(&[
        "lines of 502 bytes",
        &format!("verify of the folder, entries/s, median of {RUNS}"),
        "verify of its native export, entries/s",
        "range",
        "time to that of the folder (goal at most 1.3)",
        "peak MiB of verify",
    ]);
    for (size, group) in LOGS {
        let name = match group {
            1 => format!("{size} entries, 1 a commit"),
            _ => format!("{size} entries"),
        };
        if size <= words.max() && words.wants(&name) {
            tell(&format!("{name}: making the log"));
            let data = made(group, size, line::line);
            written.add(&write(&name, &data, size));
            proved.add(&prove(&name, &data, size));
        }
    }
    written.print();
    proved.print();
}

/// How often a log of this size is measured: the largest shows how much memory is needed.
const fn runs(size: u64) -> usize {
    if size <= MOST_HELD { RUNS } else { 1 }
}

/// Exports, and writes from memory, in turns. The last export stays.
fn write(name: &str, data: &DataFolder, size: u64) -> Vec<String> {
    let (mut export, mut memory) = (Vec::new(), Vec::new());
    for _ in 0..runs(size) {
        export.push(pass("export", data, Some("copy")));
        if size <= MOST_HELD {
            memory.push(pass("memory", data, Some("held")));
        }
    }
    let (rate, range) = rates(&export);
    let peak = export.iter().map(|pass| pass.peak).fold(0.0, f64::max);
    let (least, ratio) = match memory.is_empty() {
        true => ("too many".to_owned(), "-".to_owned()),
        false => {
            let (least, _) = rates(&memory);
            (format!("{least:.0}"), format!("{:.2}", rate / least))
        }
    };
    vec![
        name.to_owned(),
        format!("{rate:.0}"),
        range,
        least,
        ratio,
        format!("{peak:.0}"),
    ]
}

/// Proves the folder and the copy of it, in turns.
fn prove(name: &str, data: &DataFolder, size: u64) -> Vec<String> {
    let (mut folder, mut copy) = (Vec::new(), Vec::new());
    for _ in 0..runs(size) {
        folder.push(pass("verify", data, None));
        copy.push(pass("prove", data, None));
    }
    let ((usual, _), (rate, range)) = (rates(&folder), rates(&copy));
    let peak = copy.iter().map(|pass| pass.peak).fold(0.0, f64::max);
    vec![
        name.to_owned(),
        format!("{usual:.0}"),
        format!("{rate:.0}"),
        range,
        format!("{:.2}", usual / rate),
        format!("{peak:.0}"),
    ]
}

/// Median and range of entries per second.
fn rates(passes: &[Pass]) -> (f64, String) {
    let rates: Vec<f64> = passes.iter().map(|pass| pass.rate).collect();
    let low = rates.iter().copied().fold(f64::MAX, f64::min);
    let high = rates.iter().copied().fold(0.0, f64::max);
    (median(rates), format!("{low:.0} to {high:.0}"))
}

/// Runs a child once. What it writes goes to a folder of this name, which is new.
fn pass(what: &str, data: &DataFolder, out: Option<&str>) -> Pass {
    let (folder, key) = (data.path(), data.vkey.to_string());
    let out = out.map(|name| folder.with_file_name(name));
    let read = match what {
        "prove" => folder.with_file_name("copy"),
        _ => folder,
    };
    let mut orders = vec![what, read.to_str().expect("a plain path"), &key];
    if let Some(out) = &out {
        // What the run before left.
        drop(std::fs::remove_dir_all(out));
        orders.push(out.to_str().expect("a plain path"));
    }
    let mut kid = Kid::start(&orders);
    let [seconds, entries, _bytes, peak] = kid.numbers("took");
    kid.stop();
    Pass {
        rate: entries / seconds,
        peak,
    }
}

//! What is done with a log of some size: proofs, reads, seals, appends, and what it takes on the
//! disk.

use std::path::Path;
use std::sync::Arc;

use countersign_chain::limits::MAX_COMMIT_ENTRIES;
use countersign_ledger::log::Log;
use countersign_tests::folder::DataFolder;
use countersign_tests::watch::quantile;

use crate::child::{Kid, answer};
use crate::common::{RUNS, median, now, since};
use crate::event::event;
use crate::fill::fill;
use crate::lag::caught_up;
use crate::random::Random;
use crate::sheet::Sheet;
use crate::{disk, open, start};

/// Entries that are proved and read.
const READS: u64 = 1_000;
/// Seals that are timed.
const SEALS: u64 = 50;
/// Entries of one run of appending.
const APPENDED: u64 = 102_400;
/// Commits of the write amplification, and entries of each: four segments or so.
const GROUP: usize = 256;
const GROUPS: u64 = 1_600;

pub(crate) fn sheet() -> Sheet {
    let append = format!("appended in commits of 1024, entries/s, median of {RUNS}");
    let written = format!("bytes written for each of a record, commits of {GROUP}");
    Sheet::new(&[
        "at",
        "segments, bytes per entry",
        "projections (goal below 60)",
        "tree",
        "inclusion proof, µs, p50",
        "p99",
        "entry, µs, p50",
        "p99",
        "seal of one entry, ms, p50",
        &append,
        &written,
    ])
}

/// In the child: all that needs an open log. It grows by a million entries.
pub(crate) async fn run(folder: &Path) {
    let (node, log) = open(folder).await;
    caught_up(&log).await;
    answer("proofs", &micros(&log, prove));
    answer("entries", &micros(&log, read));
    answer("seal", &[seals(&log).await]);
    answer("append", &[appends(&log).await]);
    answer("written", &[amplification(&log).await]);
    start::end_of_input().await;
    drop(log);
    node.close("bench").await.expect("a healthy disk");
}

/// Microseconds of something with a random entry, median and 99th percentile.
fn micros(log: &Log, act: fn(&Log, u64)) -> [f64; 2] {
    let (size, mut random) = (log.sealed().size, Random::new(3));
    let mut waits = Vec::new();
    for _ in 0..READS {
        let index = random.below(size);
        let begin = now();
        act(log, index);
        waits.push(since(begin) * 1e3);
    }
    [quantile(&mut waits, 0.5), quantile(&mut waits, 0.99)]
}

fn prove(log: &Log, index: u64) {
    let checkpoint = log.sealed().checkpoint.expect("not empty");
    let proof = log
        .tree()
        .inclusion(index, checkpoint.size(), &checkpoint.root());
    drop(proof.expect("a whole tree"));
}

fn read(log: &Log, index: u64) {
    drop(log.entry(index).expect("it is there"));
}

/// Milliseconds from the acknowledgement of an entry to its seal.
async fn seals(log: &Arc<Log>) -> f64 {
    let mut waits = Vec::new();
    for _ in 0..SEALS {
        let size = log.accepted_size() + 1;
        fill(log, size, 1, |_| event()).await;
        let begin = now();
        log.wait_sealed(size).await.expect("a healthy disk");
        waits.push(since(begin));
    }
    median(waits)
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
async fn appends(log: &Arc<Log>) -> f64 {
    let mut rates = Vec::new();
    for _ in 0..RUNS {
        let (begin, size) = (now(), log.accepted_size() + APPENDED);
        fill(log, size, MAX_COMMIT_ENTRIES, |_| event()).await;
        rates.push(APPENDED as f64 * 1e3 / since(begin));
    }
    median(rates)
}

/// Bytes that were written for each byte of a record, with all that follows the log.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
async fn amplification(log: &Arc<Log>) -> f64 {
    caught_up(log).await;
    let written = disk::written();
    let entries = GROUPS * u64::try_from(GROUP).expect("small");
    let size = log.accepted_size() + entries;
    let bytes = fill(log, size, GROUP, |_| event()).await;
    log.wait_sealed(size).await.expect("a healthy disk");
    caught_up(log).await;
    (disk::written() - written) as f64 / bytes as f64
}

/// In the parent: one row.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
pub(crate) fn row(data: &DataFolder, size: u64) -> Vec<String> {
    let log = data.log();
    let each = |bytes: u64| format!("{:.1}", bytes as f64 / size as f64);
    let on_disk = [
        disk::segments(&log),
        disk::taken(&log.join("projections")),
        disk::taken(&log.join("tree")),
    ];
    let folder = data.path();
    let mut kid = Kid::start(&["probe", folder.to_str().expect("a plain path")]);
    let [proof, late_proof] = kid.numbers("proofs");
    let [entry, late_entry] = kid.numbers("entries");
    let [[seal], [append], [written]] = ["seal", "append", "written"].map(|name| kid.numbers(name));
    kid.stop();
    let mut row = vec![format!("{size} entries")];
    row.extend(on_disk.map(each));
    row.extend([proof, late_proof, entry, late_entry].map(|micros| format!("{micros:.0}")));
    row.push(format!("{seal:.2}"));
    row.push(format!("{append:.0}"));
    row.push(format!("{written:.2}"));
    row
}

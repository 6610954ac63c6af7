//! What the collector costs: the spool, and recording a session.
//!
//! `cargo bench -p countersign-tests --bench collector` prints the tables of docs/benchmarks.md.
//! Words behind `--` choose parts: `spool`, `recorder`; `--max NUMBER` bounds the items of a spool.
//! The recorder is compared with `script` of util-linux, which only copies; both read the same file
//! of 1 GB through a pseudo-terminal, and what they show goes to /dev/null.

#[path = "support/common.rs"]
#[expect(dead_code, reason = "no ledger is opened here")]
mod common;
#[path = "collector/recorder.rs"]
mod recorder;
#[path = "support/sheet.rs"]
mod sheet;
#[path = "collector/spool.rs"]
mod spool;
#[path = "support/words.rs"]
mod words;

use crate::sheet::Sheet;
use crate::words::Words;

#[tokio::main]
async fn main() {
    let words = Words::read();
    let mut spools = Sheet::new(&["spool, 512-byte events", "per second, median", "range"]);
    let mut recorders = Sheet::new(&["1 GB through", "MB/s, median", "range", "of script"]);
    if words.wants("spool") {
        spool::rows(&mut spools, words.max()).await;
    }
    if words.wants("recorder") {
        recorder::rows(&mut recorders).await;
    }
    for sheet in [spools, recorders] {
        sheet.print();
    }
}

/// Lowest and highest.
fn range(values: &[f64]) -> String {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(0.0, f64::max);
    format!("{low:.0} to {high:.0}")
}

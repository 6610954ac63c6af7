//! How a ledger starts again, and what it costs as it grows: from a thousand entries to ten
//! million.
//!
//! `cargo bench -p countersign-tests --bench recover` makes a log of each size (the largest takes
//! some 7 GB in the folder for temporary files) through the ledger's own sequencer and store, and
//! prints three tables: making it, with the projections behind; starting a server on it; and what
//! is done with it at that size. Words behind `--` choose rows of the second table, and with
//! them the logs that are made; `--max NUMBER` leaves out larger logs. Everything that is measured
//! is a process of its own.

#[path = "support/child.rs"]
mod child;
#[path = "support/common.rs"]
mod common;
#[path = "recover/disk.rs"]
mod disk;
#[path = "support/event.rs"]
mod event;
#[path = "support/fill.rs"]
mod fill;
#[path = "recover/grow.rs"]
mod grow;
#[path = "recover/lag.rs"]
mod lag;
#[path = "recover/probe.rs"]
mod probe;
#[path = "support/random.rs"]
mod random;
#[path = "support/sheet.rs"]
mod sheet;
#[path = "recover/start.rs"]
mod start;
#[path = "support/words.rs"]
mod words;

use std::path::Path;
use std::sync::Arc;

use countersign_ledger::log::Log;
use countersign_ledger::node::Node;
use countersign_tests::folder::DataFolder;

use crate::common::node_settings;
use crate::sheet::tell;
use crate::words::Words;

/// Entries of the logs.
const SIZES: [u64; 5] = [1_000, 10_000, 100_000, 1_000_000, 10_000_000];

#[tokio::main]
async fn main() {
    let orders = child::orders();
    let orders: Option<Vec<&str>> = orders
        .as_ref()
        .map(|orders| orders.iter().map(String::as_str).collect());
    match orders.as_deref() {
        Some(["grow", folder, size]) => {
            let size = size.parse().expect("a number");
            grow::run(Path::new(folder), size).await;
        }
        Some(["serve", folder]) => start::serve(Path::new(folder)).await,
        Some(["probe", folder]) => probe::run(Path::new(folder)).await,
        Some(_) => unreachable!("nobody orders that"),
        None => measure(&Words::read()).await,
    }
}

async fn measure(words: &Words) {
    let (mut grown, mut started, mut probed) = (grow::sheet(), start::sheet(), probe::sheet());
    let wanted = |size: &u64| *size <= words.max() && start::is_wanted(words, *size);
    for size in SIZES.into_iter().filter(wanted) {
        tell(&format!("{size} entries"));
        let data = DataFolder::new().await;
        grown.add(&tokio::task::block_in_place(|| grow::row(&data, size)));
        start::rows(&mut started, words, &data, size).await;
        probed.add(&tokio::task::block_in_place(|| probe::row(&data, size)));
    }
    for sheet in [grown, started, probed] {
        sheet.print();
    }
}

/// Opens the ledger in this process.
async fn open(folder: &Path) -> (Node, Arc<Log>) {
    let node = Node::open(folder, &node_settings())
        .await
        .expect("nobody has it open");
    let log = Arc::clone(node.main().expect("there"));
    (node, log)
}

//! How fast entries become durable, signed and acknowledged, against what stands in the way and
//! against what others would use instead, all in one run.
//!
//! `cargo bench -p countersign-tests --bench append` prints the tables of docs/benchmarks.md; with
//! words behind `--` only the rows that hold one of them. Server and clients share the machine's
//! cores and one disk (the folder for temporary files).

#![expect(
    clippy::print_stdout,
    reason = "the tables are what a benchmark is for"
)]

#[path = "append/bound.rs"]
mod bound;
#[path = "support/common.rs"]
mod common;
#[path = "append/echo.rs"]
mod echo;
#[path = "support/event.rs"]
mod event;
#[path = "append/grpc.rs"]
mod grpc;
#[path = "support/measure.rs"]
mod measure;
#[path = "append/peers.rs"]
mod peers;
#[path = "append/process.rs"]
mod process;

use crate::measure::{Figures, Table, ratio};

const UNARY: [usize; 3] = [1, 16, 128];
const IN_FLIGHT: [usize; 5] = [1, 16, 128, 1_024, 4_096];
const GROUPS: [usize; 4] = [1, 16, 256, 1_024];

#[tokio::main]
async fn main() {
    println!("{}\n", bound::disk());
    let mut table = Table::new("512-byte payload, durable, signed");
    echo::rows(&mut table).await;
    bound::rows(&mut table);
    grpc::rows(&mut table).await;
    process::rows(&mut table).await;
    tokio::task::block_in_place(|| peers::rows(&mut table));
    summary(&table);
}

/// The ratios that the targets are about.
fn summary(table: &Table) {
    println!("\n| ratio | measured | goal |\n|---|---|---|");
    let rate = |name: &str| table.get(name).map(|row| row.rate);
    let over = |a: Option<f64>, b: Option<f64>| Some(a? / b?);
    let get = |name: &str| table.get(name);
    let stream = get("stream, 1 of 1024 in flight").into_iter();
    let best = stream
        .chain(get("stream, 1 of 4096 in flight"))
        .map(|row| row.rate)
        .reduce(f64::max);
    let loops = get("bare loop, groups of 256");
    ratio(
        "stream to the bound of echo and loop on 2 cores",
        over(best, combined(get("stream echo, 1 stream"), loops)),
        "0.70",
    );
    ratio(
        "unary, 128 callers, to a bare unary echo",
        over(rate("unary, 128 callers"), rate("unary echo, 128 callers")),
        "0.70",
    );
    ratio(
        "AppendBatch of 256, 16 callers, per second",
        rate("batches of 256, 16 callers"),
        "350000",
    );
    for (group, peer, goal) in [
        (256, "bare loop", "0.70"),
        (256, "SQLite", "1.5"),
        (256, "PostgreSQL", ""),
        (256, "sled", "2.5"),
    ] {
        ratio(
            &format!("in process to {peer}, groups of {group}"),
            over(
                rate(&format!("in process, groups of {group}")),
                rate(&format!("{peer}, groups of {group}")),
            ),
            goal,
        );
    }
    let echo = get("unary echo, 1 callers").map(|row| row.p50);
    let sync = get("bare loop, groups of 1").map(|row| row.p50);
    ratio(
        "unary p50, 1 caller, to echo p50 + synced write p50",
        over(
            get("unary, 1 callers").map(|row| row.p50),
            echo.zip(sync).map(|(echo, sync)| echo + sync),
        ),
        "1.2 at most",
    );
}

/// What two cores could do if nothing cost anything but messages and the loop.
fn combined(echo: Option<Figures>, bare: Option<Figures>) -> Option<f64> {
    Some(2e6 / (echo?.cpu + bare?.cpu))
}

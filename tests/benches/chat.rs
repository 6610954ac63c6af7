//! How long people in a chat wait, with ten thousand cases open.
//!
//! `cargo bench -p countersign-tests --bench chat` prints the tables of docs/benchmarks.md. It
//! needs what `tests/run` installs, and the variables that it names them by. The ledger, the bot
//! and Microsoft's part are in this process, `emulate` is Slack's. Words behind `--` choose the
//! platform: `slack`, `teams`; `--max NUMBER` bounds the open cases.

#[path = "chat/clicks.rs"]
mod clicks;
#[path = "support/common.rs"]
#[expect(dead_code, reason = "each click is timed once")]
mod common;
#[path = "chat/hall.rs"]
mod hall;
#[path = "support/sheet.rs"]
mod sheet;
#[path = "support/words.rs"]
mod words;

use countersign_tests::watch::quantile;

use crate::clicks::Waits;
use crate::hall::Hall;
use crate::sheet::{Sheet, tell};
use crate::words::Words;

/// Open cases, beside those that are clicked on.
const OPEN: [u64; 2] = [0, 10_000];

#[tokio::main]
async fn main() {
    let words = Words::read();
    let hall = Hall::open().await;
    let mut sheet = Sheet::new(&[
        "one after the other",
        "open cases",
        "clicks",
        "ms, p50",
        "p95 (goal below 1000)",
        "p99",
    ]);
    let mut made = 0;
    for open in OPEN.map(|open| open.min(words.max())) {
        tell(&format!("{open} cases are opened"));
        hall.fill(open - made).await;
        made = open;
        if words.wants("slack") {
            add(&mut sheet, open, clicks::slack(&hall).await);
        }
        if words.wants("teams") {
            add(&mut sheet, open, clicks::teams(&hall).await);
        }
    }
    hall.close().await;
    sheet.print();
}

fn add(sheet: &mut Sheet, open: u64, all: Vec<Waits>) {
    for mut waits in all {
        let at = |part| quantile(&mut waits.ms, part);
        let figures = [0.5, 0.95, 0.99].map(at).map(|ms| format!("{ms:.0}"));
        let mut row = vec![waits.what.to_owned(), open.to_string()];
        row.push(waits.ms.len().to_string());
        row.extend(figures);
        sheet.add(&row);
    }
}

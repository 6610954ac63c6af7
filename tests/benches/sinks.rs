//! What sinks carry: appended events a second, and how many of them a sink brings.
//!
//! `cargo bench -p countersign-tests --bench sinks` prints the table of docs/benchmarks.md; the
//! binary has to be there in the same profile: `cargo build --release --bins`. Words behind `--`
//! choose rows: `append`, `file`, `https`; `--max NUMBER` bounds the entries. Ledger and sink are
//! processes of their own, the receiver of `https` is in this one and answers at once.

#[path = "support/event.rs"]
mod event;
#[path = "support/sheet.rs"]
mod sheet;
#[path = "support/words.rs"]
mod words;

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::routing::post;
use countersign_client::{Draft, Level};
use countersign_ledger::identity::role::Role;
use countersign_tests::folder::DataFolder;
use countersign_tests::process::{Served, countersign};
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::sheet::Sheet;
use crate::words::Words;

const ENTRIES: u64 = 200_000;
const RUNS: usize = 3;
/// Events of one call.
const BATCH: usize = 1_024;

/// A ledger with entries.
struct Ledger {
    data: DataFolder,
    server: Served,
    auditor: PathBuf,
}

#[tokio::main]
async fn main() {
    let words = Words::read();
    let entries = ENTRIES.min(words.max());
    let mut sheet = Sheet::new(&["512-byte events", "per second, median", "range"]);
    let data = DataFolder::new().await;
    let auditor = data.issue(Role::Auditor, "sink").await;
    let server = Served::start(&data.path(), "127.0.0.1:0", &[]).expect("a server");
    let ledger = Ledger {
        data,
        server,
        auditor,
    };
    let appended = append(&ledger, entries).await;
    if words.wants("append") {
        sheet.add(&row("append, sealed, 1,024 a call", &appended));
    }
    if words.wants("file") {
        let folder = ledger.data.path().with_file_name("copies");
        let sink = format!("[sink.file]\nfolder = {folder:?}\n");
        sheet.add(&row("sink: files", &bring(&ledger, "file", &sink).await));
    }
    if words.wants("https") {
        let address = receiver().await;
        let sink = format!("[sink.https]\nurl = \"http://{address}/\"\n");
        sheet.add(&row(
            "sink: https, 500 a call",
            &bring(&ledger, "https", &sink).await,
        ));
    }
    sheet.print();
}

/// Appends all entries in so many runs; what each run took in a second.
async fn append(ledger: &Ledger, entries: u64) -> Vec<f64> {
    let admin = ledger.data.admin();
    let client = ledger
        .data
        .connect(&ledger.server.endpoint.grpc, &admin)
        .await;
    let calls = usize::try_from(entries).expect("few") / BATCH / RUNS;
    let mut rates = Vec::new();
    for _ in 0..RUNS {
        let begin = Instant::now();
        for _ in 0..calls.max(1) {
            let drafts = (0..BATCH).map(|_| Draft::of(event::event())).collect();
            let run = client.append_batch(drafts, Level::Sealed).await;
            run.expect("a ledger that seals");
        }
        rates.push(rate(calls.max(1) * BATCH, begin));
    }
    rates
}

/// Brings the whole log in so many runs, each to a sink without a cursor.
async fn bring(ledger: &Ledger, name: &str, sink: &str) -> Vec<f64> {
    let admin = ledger.data.admin();
    let client = ledger
        .data
        .connect(&ledger.server.endpoint.grpc, &admin)
        .await;
    let end = client.checkpoint().await.expect("an answer").size();
    let mut rates = Vec::new();
    for run in 0..RUNS {
        let state = ledger.data.path().with_file_name(format!("{name}-{run}"));
        let config = state.with_extension("toml");
        let sink = sink.replace("/copies", &format!("/copies-{run}"));
        // The last entries do not fill a batch, and would wait a second for more.
        let batch = "batch = { wait = \"5ms\" }";
        let text = format!("state = {state:?}\n[[sink]]\nname = \"{name}\"\n{batch}\n{sink}");
        std::fs::write(&config, text).expect("room");
        let begin = Instant::now();
        let mut child = start(ledger, &config);
        let cursor = state.join(name).join("cursor.json");
        let wanted = format!("\"next\": {end},");
        while !std::fs::read_to_string(&cursor)
            .unwrap_or_default()
            .contains(&wanted)
        {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        rates.push(rate(usize::try_from(end).expect("few"), begin));
        child.kill().expect("it runs");
        child.wait().expect("it ran");
    }
    rates
}

fn start(ledger: &Ledger, config: &Path) -> Child {
    let mut command = countersign(&["sink", "run"]);
    command
        .arg(config)
        .args(["--server", &ledger.server.endpoint.grpc, "--identity"])
        .arg(&ledger.auditor)
        .arg("--remember")
        .arg(config.with_extension("remembered"))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().expect("the binary starts")
}

/// A web service that takes everything.
async fn receiver() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let app = Router::new()
        .route("/", post(|body: Bytes| async move { drop(body) }))
        .layer(DefaultBodyLimit::disable());
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

#[expect(clippy::cast_precision_loss, reason = "a rate")]
fn rate(count: usize, begin: Instant) -> f64 {
    count as f64 / begin.elapsed().as_secs_f64()
}

fn row(name: &str, rates: &[f64]) -> [String; 3] {
    let mut rates = rates.to_vec();
    rates.sort_by(f64::total_cmp);
    let median = rates[rates.len() / 2];
    let (low, high) = (rates[0], rates[rates.len() - 1]);
    [
        name.to_owned(),
        format!("{median:.0}"),
        format!("{low:.0} to {high:.0}"),
    ]
}

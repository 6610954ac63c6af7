//! How fast entries become durable, signed and acknowledged: streamed over gRPC and mTLS, and in
//! process without it.
//!
//! `cargo bench -p countersign-tests --bench append` prints the table of docs/benchmarks.md. Server
//! and client share the machine's cores and one disk (the folder for temporary files). Each figure
//! is the median of the runs.

#![expect(clippy::print_stdout, reason = "the table is what a benchmark is for")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use countersign_chain::kind::Kind;
use countersign_chain::principal::Principal;
use countersign_client::Client;
use countersign_client::StreamOptions;
use countersign_client::{Draft, Level};
use countersign_ledger::identity::role::Role;
use countersign_ledger::log::{Log, Mode, NewEntry};
use countersign_ledger::node::{Node, NodeSettings};
use countersign_ledger::server::run::{ServeOptions, Server};
use countersign_proto::event::Event;
use countersign_proto::v1::ExternalEvent;
use countersign_tests::folder::{DataFolder, settings};
use parking_lot::Mutex;

const RUNS: usize = 5;
const PAYLOAD: usize = 512;
const RUN_TIME: Duration = Duration::from_secs(3);

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn now() -> Instant {
    Instant::now()
}

fn event() -> Event {
    let raw = vec![b'x'; PAYLOAD - 10].into();
    Event::from_message(&ExternalEvent {
        source: "bench".into(),
        raw,
        ..Default::default()
    })
}

/// Entries per second, and milliseconds from sending to acknowledgement.
#[derive(Debug, Clone, Copy)]
struct Figures {
    rate: f64,
    p50: f64,
    p99: f64,
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn quantile(sorted: &[f64], q: f64) -> f64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index into a list of samples"
    )]
    let at = ((sorted.len().saturating_sub(1)) as f64 * q) as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

#[expect(clippy::cast_precision_loss, reason = "a count of entries")]
fn rate(count: u64, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

fn report(name: &str, runs: &[Figures]) {
    let pick = |f: fn(&Figures) -> f64| median(runs.iter().map(f).collect());
    let (low, high) = runs.iter().fold((f64::MAX, 0.0_f64), |(l, h), r| {
        (l.min(r.rate), h.max(r.rate))
    });
    println!(
        "| {name} | {:.0} | {low:.0} to {high:.0} | {:.2} | {:.2} |",
        pick(|r| r.rate),
        pick(|r| r.p50),
        pick(|r| r.p99)
    );
}

/// One bidirectional stream; every event is timed from `send` to its acknowledgement.
async fn streamed(client: &Client, in_flight: usize) -> Figures {
    let sent: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let waits: Arc<Mutex<Vec<f64>>> = Arc::default();
    let (sent_by, waited) = (Arc::clone(&sent), Arc::clone(&waits));
    let options = StreamOptions {
        level: Level::Accepted,
        max_events: in_flight,
        max_bytes: in_flight * (PAYLOAD + 200),
        patience: Some(Duration::from_secs(30)),
    };
    let mut stream = client.append_stream(options, move |ack| {
        let at = now();
        let sent = sent_by.lock();
        let mut waits = waited.lock();
        for n in 0..u64::try_from(ack.run.count()).expect("small") {
            let position = usize::try_from(ack.first_position + n).expect("small");
            waits.push((at - sent[position]).as_secs_f64() * 1_000.0);
        }
    });
    let event = event();
    let start = now();
    let mut count = 0_u64;
    while start.elapsed() < RUN_TIME {
        for _ in 0..32 {
            sent.lock().push(now());
            stream.send(Draft::of(event.clone())).await.expect("taken");
            count += 1;
        }
    }
    stream.finish().await.expect("acknowledged");
    let took = start.elapsed();
    let mut waits = std::mem::take(&mut *waits.lock());
    waits.sort_by(f64::total_cmp);
    Figures {
        rate: rate(count, took),
        p50: quantile(&waits, 0.5),
        p99: quantile(&waits, 0.99),
    }
}

/// Unary calls of so many callers.
async fn unary(client: &Arc<Client>, callers: usize) -> Figures {
    let start = now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..callers {
        let client = Arc::clone(client);
        tasks.spawn(async move {
            let (event, mut waits) = (event(), Vec::new());
            while start.elapsed() < RUN_TIME {
                let sent = now();
                client
                    .append(Draft::of(event.clone()), Level::Accepted)
                    .await
                    .expect("taken");
                waits.push(sent.elapsed().as_secs_f64() * 1_000.0);
            }
            waits
        });
    }
    let mut waits = tasks.join_all().await.concat();
    let took = start.elapsed();
    waits.sort_by(f64::total_cmp);
    let count = u64::try_from(waits.len()).expect("small");
    Figures {
        rate: rate(count, took),
        p50: quantile(&waits, 0.5),
        p99: quantile(&waits, 0.99),
    }
}

/// The same work without gRPC: proposals of `group` entries, two under way.
async fn in_process(log: &Arc<Log>, group: usize) -> Figures {
    let (kind, payload) = event()
        .into_parts()
        .map(|(k, p): (Kind, Bytes)| (k, p))
        .expect("an event");
    let actor = Principal::parse("agent:bench").expect("a principal");
    let entry = NewEntry::new(kind, actor, payload).expect("small");
    let start = now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let (log, entry) = (Arc::clone(log), entry.clone());
        tasks.spawn(async move {
            let mut waits = Vec::new();
            while start.elapsed() < RUN_TIME {
                let sent = now();
                let entries = vec![entry.clone(); group];
                let pending = log.submit(entries, Mode::Each).await.expect("room");
                pending.accepted().await.expect("taken");
                waits.push(sent.elapsed().as_secs_f64() * 1_000.0);
            }
            waits
        });
    }
    let mut waits = tasks.join_all().await.concat();
    let took = start.elapsed();
    waits.sort_by(f64::total_cmp);
    let count = u64::try_from(waits.len() * group).expect("small");
    Figures {
        rate: rate(count, took),
        p50: quantile(&waits, 0.5),
        p99: quantile(&waits, 0.99),
    }
}

/// What the disk needs for one synced write of a small commit, in milliseconds.
fn fdatasync_p50() -> f64 {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let block = vec![1_u8; 4_096];
    let mut waits = Vec::new();
    for _ in 0..200 {
        let start = now();
        std::io::Write::write_all(&mut file.as_file(), &block).expect("room");
        file.as_file().sync_data().expect("a healthy disk");
        waits.push(start.elapsed().as_secs_f64() * 1_000.0);
    }
    waits.sort_by(f64::total_cmp);
    quantile(&waits, 0.5)
}

fn node_settings() -> NodeSettings {
    settings().with_segment_bytes(64 << 20)
}

#[tokio::main]
async fn main() {
    println!(
        "appended 4 KiB + fdatasync, p50: {:.2} ms\n",
        fdatasync_p50()
    );
    println!(
        "| {PAYLOAD}-byte payload, 1 checkpoint signature per commit \
         | entries/s, median of {RUNS} | range | ack p50 ms | ack p99 ms |"
    );
    println!("|---|---|---|---|---|");
    let data = DataFolder::new().await;
    let agent = data.issue(Role::Agent, "bench").await;
    let server = Server::start(ServeOptions {
        dir: data.path(),
        listen: "127.0.0.1:0".parse().expect("an address"),
        http: None,
        hosts: Vec::new(),
        node: node_settings(),
        metrics: None,
    });
    let server = server.await.expect("a free port");
    let url = server.endpoint().grpc.clone();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(server.run(async move {
        drop(stopped.await);
        "bench".to_owned()
    }));
    let client = Arc::new(data.connect(&url, &agent).await);
    for in_flight in [1, 16, 128, 1_024, 4_096] {
        let mut runs = Vec::new();
        for _ in 0..RUNS {
            runs.push(streamed(&client, in_flight).await);
        }
        report(
            &format!("gRPC stream over mTLS, {in_flight} in flight"),
            &runs,
        );
    }
    for callers in [1, 16, 128] {
        let mut runs = Vec::new();
        for _ in 0..RUNS {
            runs.push(unary(&client, callers).await);
        }
        report(&format!("gRPC unary over mTLS, {callers} callers"), &runs);
    }
    drop(client);
    drop(stop);
    serving.await.expect("no panic").expect("an orderly end");
    let node = Node::open(&data.path(), &node_settings())
        .await
        .expect("nobody has it open");
    let log = Arc::clone(node.main().expect("there"));
    for group in [1, 16, 256, 512] {
        let mut runs = Vec::new();
        for _ in 0..RUNS {
            runs.push(in_process(&log, group).await);
        }
        report(
            &format!("in process, proposals of {group}, 2 under way"),
            &runs,
        );
    }
    node.close("bench").await.expect("a healthy disk");
}

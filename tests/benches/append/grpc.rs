//! The real server over mutual TLS: streams, batches and unary calls of the real client.

use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_client::{Client, Draft, Level, StreamOptions};
use countersign_ledger::identity::role::Role;
use countersign_ledger::server::run::{ServeOptions, Server};
use countersign_tests::folder::DataFolder;
use parking_lot::Mutex;

use crate::common::{RUNS, node_settings, now, since};
use crate::event::{PAYLOAD, event};
use crate::measure::{Figures, Run, Table};
use crate::{IN_FLIGHT, UNARY};

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
        let first = usize::try_from(ack.first_position).expect("small");
        let sent = sent_by.lock();
        let times = sent.iter().skip(first).take(ack.run.count());
        waited.lock().extend(times.map(|sent| since(*sent)));
    });
    let event = event();
    let run = Run::start();
    let mut count = 0;
    while run.goes_on() {
        for _ in 0..32 {
            sent.lock().push(now());
            stream.send(Draft::of(event.clone())).await.expect("taken");
            count += 1;
        }
    }
    stream.finish().await.expect("acknowledged");
    let waits = std::mem::take(&mut *waits.lock());
    run.end(count, waits)
}

/// Calls of so many callers, each with so many events: 1 is a unary Append, more a batch.
async fn calls(client: &Arc<Client>, callers: usize, events: usize) -> Figures {
    let run = Arc::new(Run::start());
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..callers {
        let (client, run) = (Arc::clone(client), Arc::clone(&run));
        tasks.spawn(async move {
            let (event, mut waits) = (event(), Vec::new());
            while run.goes_on() {
                let sent = now();
                let draft = || Draft::of(event.clone());
                if events == 1 {
                    let receipt = client.append(draft(), Level::Accepted).await;
                    drop(receipt.expect("taken"));
                } else {
                    let drafts = std::iter::repeat_with(draft).take(events).collect();
                    let receipts = client.append_batch(drafts, Level::Accepted).await;
                    drop(receipts.expect("taken"));
                }
                waits.push(since(sent));
            }
            waits
        });
    }
    let waits = tasks.join_all().await.concat();
    let run = Arc::into_inner(run).expect("all tasks are over");
    run.end(waits.len() * events, waits)
}

pub(crate) async fn rows(table: &mut Table) {
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
    for in_flight in IN_FLIGHT {
        let name = format!("stream, 1 of {in_flight} in flight");
        if table.wants(&name) {
            let mut runs = Vec::new();
            for _ in 0..RUNS {
                runs.push(streamed(&client, in_flight).await);
            }
            table.add(&name, &runs);
        }
    }
    let unary = UNARY.map(|callers| (format!("unary, {callers} callers"), callers, 1));
    let batches = ("batches of 256, 16 callers".to_owned(), 16, 256);
    for (name, callers, events) in unary.into_iter().chain([batches]) {
        if table.wants(&name) {
            let mut runs = Vec::new();
            for _ in 0..RUNS {
                runs.push(calls(&client, callers, events).await);
            }
            table.add(&name, &runs);
        }
    }
    drop(client);
    drop(stop);
    serving.await.expect("it ran").expect("an orderly end");
}

//! kill -9 of the real server under load from the real client: nothing acknowledged is lost,
//! nothing is there twice.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use countersign_client::Client;
use countersign_client::{Draft, Filter, Level};
use countersign_ledger::identity::role::Role;
use countersign_proto::v1::ExternalEvent;
use countersign_tests::folder::DataFolder;
use countersign_tests::process::{Served, free_port, is_long};
use tokio::sync::watch;

const CALLERS: usize = 8;
/// Acknowledgements between two kills: prime, so that kills hit different moments of a commit.
const ACKS_PER_KILL: u64 = 97;

/// Appends until it is told to stop; returns what was acknowledged, by key.
async fn caller(
    client: Arc<Client>,
    name: usize,
    acks: Arc<AtomicU64>,
    mut stop: watch::Receiver<bool>,
) -> BTreeMap<String, u64> {
    let mut acknowledged = BTreeMap::new();
    for n in 0_u64.. {
        if *stop.borrow_and_update() {
            break;
        }
        let key = format!("caller-{name}-{n}");
        let raw = format!("{key} was here").into_bytes().into();
        let event = ExternalEvent {
            source: "test".into(),
            raw,
            ..Default::default()
        };
        let level = if n % 3 == 0 {
            Level::Sealed
        } else {
            Level::Accepted
        };
        let draft = Draft::new(&event).with_key(key.clone());
        let receipt = client
            .append(draft, level)
            .await
            .expect("safe to repeat until it is taken");
        acknowledged.insert(key, receipt.index);
        acks.fetch_add(1, Ordering::Relaxed);
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_lose_nothing_acknowledged_and_duplicate_nothing() {
    let kills = if is_long() { 100 } else { 20 };
    let data = DataFolder::new().await;
    let agent = data.issue(Role::Agent, "load").await;
    let listen = format!("127.0.0.1:{}", free_port());
    let mut server = Served::start(&data.path(), &listen, &[]).expect("a server");
    let url = server.endpoint.grpc.clone();
    let acks = Arc::new(AtomicU64::new(0));
    let (stop, stopped) = watch::channel(false);
    let mut callers = tokio::task::JoinSet::new();
    for name in 0..CALLERS {
        let client = Arc::new(data.connect(&url, &agent).await);
        callers.spawn(caller(client, name, Arc::clone(&acks), stopped.clone()));
    }
    for kill in 1..=kills {
        let target = kill * ACKS_PER_KILL;
        while acks.load(Ordering::Relaxed) < target {
            tokio::task::yield_now().await;
        }
        server.kill();
        server = Served::start(&data.path(), &listen, &[]).expect("it recovers");
    }
    stop.send_replace(true);
    let acknowledged: BTreeMap<String, u64> =
        callers.join_all().await.into_iter().flatten().collect();

    let auditor = data.connect(&url, &data.admin()).await;
    // Readers see what is sealed: once this entry is, so is everything that was accepted before it.
    let last = ExternalEvent {
        source: "end".into(),
        ..Default::default()
    };
    auditor
        .append(Draft::new(&last), Level::Sealed)
        .await
        .expect("a healthy server");
    let mut found: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let mut pages = auditor.list(Filter::default());
    while let Some(page) = pages.next().await.expect("readable") {
        for entry in &page.entries {
            let key = String::from_utf8_lossy(entry.idempotency_key()).into_owned();
            if !key.is_empty() {
                found.entry(key).or_default().push(entry.index());
            }
        }
    }
    let lost: Vec<_> = acknowledged
        .iter()
        .filter(|(key, index)| {
            let indexes = found.get(*key);
            indexes.is_none_or(|indexes| !indexes.contains(index))
        })
        .collect();
    let duplicated = found.values().filter(|indexes| indexes.len() > 1).count();
    println!(
        "counted: kill -9: {kills} kills, {} acknowledged, {} lost, {duplicated} duplicated",
        acknowledged.len(),
        lost.len()
    );
    assert_eq!((lost, duplicated), (Vec::new(), 0));
    let (status, printed) = server.stop();
    assert!(status.success(), "{printed}");
}

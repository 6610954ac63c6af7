//! Two servers on copies of one log: one that an honest caller uses, and one that stands beside it,
//! so that the load of an attack can be had without its aim.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use countersign_client::{Client, Config, Draft, Level};
use countersign_ledger::identity::role::Role;
use countersign_proto::v1::ExternalEvent;
use countersign_tests::folder::{DataFolder, copy};
use countersign_tests::process::{Served, run};
use countersign_tests::watch::{self, quantile};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use countersign_tests::pems::Pems;

use crate::attack::Target;

/// Entries of the log before anything is measured.
const ENTRIES: usize = 20_480;

/// How long appends took, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

/// An honest caller on a thread of its own, so that it does not wait for attackers in this process.
pub(crate) struct Honest(mpsc::UnboundedSender<(usize, oneshot::Sender<Latency>)>);

impl Honest {
    fn start(config: Config) -> Self {
        let (orders, mut taken) = mpsc::unbounded_channel::<(usize, oneshot::Sender<Latency>)>();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        std::thread::spawn(move || {
            runtime.block_on(async move {
                let client = Client::connect(config).await.expect("a server");
                while let Some((samples, answer)) = taken.recv().await {
                    if answer.send(measure(&client, samples).await).is_err() {
                        // The test has failed.
                        return;
                    }
                }
            });
        });
        Self(orders)
    }

    /// Appends so many events, one after the other.
    pub(crate) async fn latency(&self, samples: usize) -> Latency {
        let (answer, latency) = oneshot::channel();
        self.0.send((samples, answer)).expect("it listens");
        latency.await.expect("every honest append succeeds")
    }
}

async fn measure(client: &Client, samples: usize) -> Latency {
    let event = event(300);
    let mut waits = Vec::with_capacity(samples);
    for _ in 0..samples {
        let sent = Instant::now();
        let appended = client.append(Draft::new(&event), Level::Accepted).await;
        appended.expect("an honest append succeeds");
        waits.push(sent.elapsed().as_secs_f64() * 1_000.0);
    }
    Latency {
        p50: quantile(&mut waits, 0.5),
        p99: quantile(&mut waits, 0.99),
    }
}

fn event(bytes: usize) -> ExternalEvent {
    ExternalEvent {
        source: "honest".to_owned(),
        raw: vec![b'x'; bytes].into(),
        ..ExternalEvent::default()
    }
}

/// The servers and who uses them.
pub(crate) struct Siege {
    data: DataFolder,
    agent: PathBuf,
    server: Served,
    pub(crate) target: Target,
    pub(crate) decoy: Target,
    pub(crate) honest: Honest,
    /// What the largest commit takes at rest, in milliseconds.
    pub(crate) commit: f64,
    _decoy_server: Served,
    _decoy_folder: tempfile::TempDir,
}

impl Siege {
    pub(crate) async fn open() -> Self {
        let data = DataFolder::new().await;
        let agent = data.issue(Role::Agent, "honest").await;
        let mallory = data.issue(Role::Agent, "mallory").await;
        let eve = data.issue(Role::Auditor, "eve").await;
        let filling = Served::start(&data.path(), "127.0.0.1:0", &[]).expect("a server");
        let commit = fill(&data.connect(&filling.endpoint.grpc, &agent).await).await;
        assert!(filling.stop().0.success());
        let decoy_folder = tempfile::tempdir().expect("a folder");
        let decoy = decoy_folder.path().join("data");
        copy(&data.path(), &decoy);
        let decoy_server = Served::start(&decoy, "127.0.0.1:0", &[]).expect("a server");
        let server = Served::start(&data.path(), "127.0.0.1:0", &[]).expect("a server");
        let target = |server: &Served| Target {
            url: server.endpoint.grpc.clone(),
            agent: Arc::new(Pems::read(&mallory)),
            auditor: Arc::new(Pems::read(&eve)),
        };
        let honest = Honest::start(data.config(&server.endpoint.grpc, &agent));
        // Connects and warms up.
        honest.latency(20).await;
        Self {
            target: target(&server),
            decoy: target(&decoy_server),
            honest,
            commit,
            agent,
            data,
            server,
            _decoy_server: decoy_server,
            _decoy_folder: decoy_folder,
        }
    }

    /// Process of the server that honest callers use.
    pub(crate) fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// Whether appends took at most twice as long as before, with the largest commit ahead of them.
    pub(crate) fn is_fair(&self, before: Latency, during: Latency) -> bool {
        let within = |before: f64, during: f64| during <= 2.0 * (before + self.commit);
        within(before.p50, during.p50) && within(before.p99, during.p99)
    }

    /// How long a new client takes to connect and ask its first question, in milliseconds.
    pub(crate) async fn newcomer(&self) -> f64 {
        let sent = Instant::now();
        drop(self.data.connect(&self.target.url, &self.agent).await);
        sent.elapsed().as_secs_f64() * 1_000.0
    }

    /// Waits until no more than so many descriptors are open; gives how many are.
    pub(crate) async fn settle(&self, descriptors: usize) -> usize {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let open = watch::descriptors(self.pid());
            if open <= descriptors || Instant::now() >= until {
                return open;
            }
            // Closed connections are noticed while others are served.
            self.honest.latency(1).await;
        }
    }

    /// Stops the server in order and has the log verified.
    pub(crate) fn close(self) {
        let (status, printed) = self.server.stop();
        assert!(status.success(), "{printed}");
        let (folder, key) = (self.data.path(), self.data.vkey.to_string());
        let folder = folder.to_str().expect("a plain path");
        let verdict = run(&["verify", folder, "--key", &key]);
        let said = String::from_utf8_lossy(&verdict.stdout);
        assert_eq!(verdict.status.code(), Some(0), "{said}");
    }
}

/// Makes the log large enough for selective filters and slow readers; gives the median time of a
/// commit.
async fn fill(client: &Client) -> f64 {
    let mut waits = Vec::new();
    for batch in 0..ENTRIES / 1_024 {
        let key = |n| format!("fill-{}", batch * 1_024 + n);
        let drafts = (0..1_024).map(|n| Draft::new(&event(600)).with_key(key(n)));
        let drafts = drafts.collect();
        let sent = Instant::now();
        let filled = client.append_batch(drafts, Level::Accepted).await;
        filled.expect("a healthy server");
        waits.push(sent.elapsed().as_secs_f64() * 1_000.0);
    }
    quantile(&mut waits, 0.5)
}

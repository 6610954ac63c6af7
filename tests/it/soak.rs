//! A soak of the real server: clients of every sort at a steady pace, and faults at random. In the
//! first half the server is killed or stopped, and its projections are removed between two starts;
//! in the second half one process stays and must not grow. Clients vanish and dawdle throughout.
//!
//! In the end nothing acknowledged is lost, nothing is there twice, `verify` finds the log intact,
//! and memory and descriptors are flat.
//!
//! 20 s, or 30 minutes with `COUNTERSIGN_TEST_LONG=1`; `COUNTERSIGN_SOAK_SECONDS` says otherwise.
//! `COUNTERSIGN_SOAK_SEED` repeats the choices of a run, though not its timing.

#[path = "soak/journal.rs"]
mod journal;
#[path = "soak/load.rs"]
mod load;

use std::path::PathBuf;
use std::time::Duration;

use countersign_ledger::identity::role::Role;
use countersign_tests::folder::DataFolder;
use countersign_tests::process::is_long;
use countersign_tests::process::{Served, free_port, run};
use countersign_tests::watch::{descriptors, memory};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::journal::{Balance, Journal};
use crate::load::{Cast, Stage};
use countersign_tests::random::Random;

/// Acknowledgements between two faults, at most.
const ACKS_PER_FAULT: u64 = 600;
/// Live logs above this are not verified over the wire: it would take longer than the soak.
const VERIFY_BELOW: u64 = 20_000;
/// Memory that may come on top after the warm-up, in MiB, beside what each new entry's key takes.
const GROWTH: u64 = 32;
/// Bytes that a key takes in the window of keys, in a table that doubles.
const KEY: u64 = 100;
/// Descriptors that come and go: segments, connections of those that vanish.
const FILES: usize = 32;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// The server and what happened to it.
struct Life {
    data: DataFolder,
    listen: String,
    server: Option<Served>,
    auditor: PathBuf,
    random: Random,
    kills: u64,
    stops: u64,
    removed: u64,
    verified: u64,
}

impl Life {
    fn server(&self) -> &Served {
        self.server.as_ref().expect("it runs")
    }

    /// Ends the server one way or the other and starts it again.
    fn fault(&mut self) {
        let server = self.server.take().expect("it runs");
        if self.random.below(4) == 0 {
            let (status, printed) = server.stop();
            assert!(status.success(), "{printed}");
            // Whatever clients do, a restart does not keep them waiting.
            assert!(!printed.contains("still under way"), "{printed}");
            self.stops += 1;
        } else {
            server.kill();
            self.kills += 1;
        }
        if self.random.below(3) == 0 {
            let projections = self.data.log().join("projections");
            // A server that was killed at once has none yet.
            if projections.exists() {
                std::fs::remove_dir_all(projections).expect("nobody uses them");
                self.removed += 1;
            }
        }
        let started = Served::start(&self.data.path(), &self.listen, &[]);
        self.server = Some(started.expect("it recovers"));
    }

    /// Has the running server verified.
    fn verify(&mut self) {
        let source = format!("grpc://{}", self.listen);
        self.expect_intact(&source);
        self.verified += 1;
    }

    fn expect_intact(&self, source: &str) {
        let key = self.data.vkey.to_string();
        let cert = self.auditor.to_str().expect("a plain path");
        let verdict = run(&["verify", source, "--key", &key, "--identity", cert]);
        let said = String::from_utf8_lossy(&verdict.stdout);
        let error = String::from_utf8_lossy(&verdict.stderr);
        assert_eq!(verdict.status.code(), Some(0), "{said}{error}");
    }
}

/// Memory, descriptors and entries at a moment.
#[derive(Debug, Clone, Copy)]
struct Sample {
    mib: u64,
    files: usize,
    acknowledged: u64,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_under_load_and_faults_loses_nothing_and_does_not_grow() {
    let seconds = setting("COUNTERSIGN_SOAK_SECONDS");
    let seconds = seconds.unwrap_or(if is_long() { 1_800 } else { 20 });
    let seed = setting("COUNTERSIGN_SOAK_SEED").unwrap_or(u64::from(std::process::id()));
    println!("counted: soak: {seconds} s, COUNTERSIGN_SOAK_SEED={seed}");
    let mut random = Random::new(seed);
    let (mut life, cast) = begin(random.branch()).await;
    let journal = Journal::new();
    let (stop, stopped) = watch::channel(false);
    let stage = Stage {
        journal: journal.clone(),
        stop: stopped,
    };
    let mut clients = load::start(&life.data, &cast, &stage, &mut random).await;
    let start = Instant::now();
    let half = Duration::from_secs(seconds) / 2;
    let mut life = tokio::select! {
        life = async { faults(&mut life, &journal, start + half).await; life } => life,
        () = failed(&mut clients) => return,
    };
    let samples = tokio::select! {
        samples = calm(&life, &journal, start + 2 * half) => samples,
        () = failed(&mut clients) => return,
    };
    stop.send_replace(true);
    clients.join_all().await;
    let (status, printed) = life.server.take().expect("it runs").stop();
    assert!(status.success(), "{printed}");
    let balance = journal.balance(&life.data.path()).await;
    let folder = life.data.path();
    life.expect_intact(folder.to_str().expect("a plain path"));
    println!(
        "counted: soak: {} kills, {} stops, projections removed {} times, verified {} times; \
         {} acknowledged, {} lost, {} duplicated, {} without an acknowledgement; {} readings",
        life.kills,
        life.stops,
        life.removed,
        life.verified + 1,
        balance.acknowledged,
        balance.lost,
        balance.duplicated,
        balance.unasked,
        journal.reads()
    );
    println!("counted: soak: {}", flatness(&samples, half / 2));
    assert!(
        matches!(
            balance,
            Balance {
                lost: 0,
                duplicated: 0,
                ..
            }
        ),
        "{balance:?}"
    );
    assert_flat(&samples);
}

async fn begin(random: Random) -> (Life, Cast) {
    let data = DataFolder::new().await;
    let mut agents = Vec::new();
    for n in 0..3 {
        agents.push(data.issue(Role::Agent, &format!("load-{n}")).await);
    }
    let auditor = data.issue(Role::Auditor, "eve").await;
    let listen = format!("127.0.0.1:{}", free_port());
    let server = Served::start(&data.path(), &listen, &[]).expect("a server");
    let cast = Cast {
        url: server.endpoint.grpc.clone(),
        agents,
        auditor: auditor.clone(),
    };
    let life = Life {
        data,
        listen,
        server: Some(server),
        auditor,
        random,
        kills: 0,
        stops: 0,
        removed: 0,
        verified: 0,
    };
    (life, cast)
}

/// Ends when a client did, which it must not do by itself.
async fn failed(clients: &mut tokio::task::JoinSet<()>) {
    if let Some(ended) = clients.join_next().await {
        ended.expect("no client fails");
    }
    unreachable!("a client ended before it was told to");
}

/// Faults, each after a random number of acknowledgements.
async fn faults(life: &mut Life, journal: &Journal, until: Instant) {
    while Instant::now() < until {
        let more = 1 + life.random.below(ACKS_PER_FAULT);
        journal.reaches(journal.acknowledged() + more).await;
        if life.random.below(4) == 0 && journal.acknowledged() < VERIFY_BELOW {
            tokio::task::block_in_place(|| life.verify());
        } else {
            tokio::task::block_in_place(|| life.fault());
        }
    }
}

/// Samples of one process that nothing happens to but its clients.
async fn calm(life: &Life, journal: &Journal, until: Instant) -> Vec<Sample> {
    let pid = life.server().pid();
    let mut samples = Vec::new();
    while Instant::now() < until {
        journal.reaches(journal.acknowledged() + 50).await;
        samples.push(Sample {
            mib: memory(pid, "VmRSS"),
            files: descriptors(pid),
            acknowledged: journal.acknowledged(),
        });
    }
    samples
}

/// The first and the last quarter of what came after the warm-up, which is the first half.
fn ends(samples: &[Sample]) -> (Sample, Sample) {
    let warm = &samples[samples.len() / 2..];
    let quarter = (warm.len() / 4).max(1);
    let middle = |part: &[Sample]| {
        let mut mib: Vec<u64> = part.iter().map(|sample| sample.mib).collect();
        let mut files: Vec<usize> = part.iter().map(|sample| sample.files).collect();
        mib.sort_unstable();
        files.sort_unstable();
        Sample {
            mib: mib[mib.len() / 2],
            files: files[files.len() / 2],
            acknowledged: part[part.len() / 2].acknowledged,
        }
    };
    (
        middle(&warm[..quarter]),
        middle(&warm[warm.len() - quarter..]),
    )
}

fn flatness(samples: &[Sample], over: Duration) -> String {
    let (first, last) = ends(samples);
    // From the middle of the first quarter to that of the last.
    let seconds = over.as_secs() * 3 / 4;
    format!(
        "one process, after the warm-up: {} to {} MiB in {seconds} s, {} to {} files, \
         {} entries between",
        first.mib,
        last.mib,
        first.files,
        last.files,
        last.acknowledged - first.acknowledged
    )
}

fn assert_flat(samples: &[Sample]) {
    let (first, last) = ends(samples);
    let keys = (last.acknowledged - first.acknowledged) * KEY / (1 << 20);
    assert!(
        last.mib <= first.mib + GROWTH + keys,
        "memory grew from {first:?} to {last:?}"
    );
    assert!(
        last.files <= first.files + FILES,
        "descriptors grew from {first:?} to {last:?}"
    );
}

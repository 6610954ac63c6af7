//! A ledger and a world in memory, and an engine between them that can be crashed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use countersign_proto::event::Known;
use countersign_proto::v1;
use parking_lot::Mutex;
use prost_types::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::super::{Engine, Served};
use crate::provision::book::{Heard, Report, ReportError, Routes};
use crate::provision::clock::testing::TestClock;
use crate::provision::config::OnDrift;
use crate::provision::credential::{Credential, Secret};
use crate::provision::deliver::Deliver;
use crate::provision::ledger::{Feed, Ledger, Part, Word};
use crate::provision::provisioner::{
    Doing, Drift, Ending, Expected, Failure, Finding, Grant, Made, Proof, Provisioner, Standing,
};

pub(super) const GRANT: u64 = 1;
pub(super) const END: u64 = 1_600_000_000;
const NOW: u64 = 1_000_000_000;

pub(super) fn sha256(text: &str) -> Vec<u8> {
    Sha256::digest(text.as_bytes()).to_vec()
}

/// Stops everything at one step, as a crash does.
#[derive(Debug, Default)]
pub(super) struct Crash {
    at: AtomicUsize,
    seen: AtomicUsize,
    happened: AtomicBool,
}

impl Crash {
    async fn step(&self) {
        if self.seen.fetch_add(1, Ordering::SeqCst) + 1 == self.at.load(Ordering::SeqCst) {
            self.happened.store(true, Ordering::SeqCst);
            std::future::pending::<()>().await;
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Access {
    pub(super) password: String,
    pub(super) end: u64,
}

#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) access: BTreeMap<u64, Access>,
    pub(super) delivered: Vec<String>,
    /// How often the next calls fail.
    pub(super) failures: u32,
    /// How often the next inspections fail.
    pub(super) blind: u32,
    /// Whether mending leaves something of what is found, and says nothing.
    pub(super) stubborn: bool,
    /// Whether something was mended in part.
    touched: bool,
    passwords: u32,
}

impl World {
    fn fails(&mut self) -> Result<(), Failure> {
        if self.failures == 0 {
            return Ok(());
        }
        self.failures -= 1;
        Err(Failure::new("it does not work"))
    }
}

#[derive(Default)]
struct Log {
    entries: Vec<(Heard, String)>,
    keys: BTreeSet<String>,
    away: bool,
    /// Ended, and not followed yet.
    ended_unseen: bool,
}

impl Log {
    fn add(&mut self, what: impl Into<Known>, key: String) {
        let index = u64::try_from(self.entries.len()).unwrap();
        let heard = Heard {
            index,
            case: 0,
            actor: "user:ada".into(),
            what: what.into(),
        };
        self.entries.push((heard, key));
    }

    fn has(&self, name: &str) -> bool {
        self.entries
            .iter()
            .any(|(heard, _)| heard.what.name() == name)
    }
}

#[derive(Clone)]
pub(super) struct FakeLedger {
    log: Arc<Mutex<Log>>,
    changed: Arc<Notify>,
    crash: Arc<Crash>,
}

pub(super) struct FakeFeed {
    ledger: FakeLedger,
    next: usize,
    caught_up: bool,
}

impl Feed for FakeFeed {
    async fn next(&mut self) -> Option<Result<Part, String>> {
        loop {
            let changed = self.ledger.changed.notified();
            {
                let log = self.ledger.log.lock();
                let fresh = log.entries.get(self.next..).unwrap_or_default();
                if !log.away && (!fresh.is_empty() || !self.caught_up) {
                    let part = Part {
                        heard: fresh.iter().map(|(heard, _)| heard.clone()).collect(),
                        drift_keys: fresh.iter().map(|(_, key)| key.clone()).collect(),
                        time: 0,
                        next: u64::try_from(log.entries.len()).unwrap(),
                        caught_up: fresh.is_empty(),
                    };
                    self.next = log.entries.len();
                    self.caught_up = part.caught_up;
                    return Some(Ok(part));
                }
            }
            changed.await;
        }
    }
}

impl Ledger for FakeLedger {
    type Feed = FakeFeed;

    fn origin(&self) -> String {
        "ledger.test/prod".into()
    }

    fn follow(&self, from: u64) -> FakeFeed {
        FakeFeed {
            ledger: self.clone(),
            next: usize::try_from(from).unwrap(),
            caught_up: false,
        }
    }

    async fn word(&self, _case: u64, _grant: u64) -> Result<Word, String> {
        let log = self.log.lock();
        let over = log.has("GrantRevoked") || log.has("GrantExpired") || log.ended_unseen;
        let made = log.has("GrantProvisioned");
        if log.away {
            return Err("away".into());
        }
        Ok(Word {
            active: !over,
            made,
        })
    }

    async fn report(&self, report: Report) -> Result<(), ReportError> {
        self.crash.step().await;
        {
            let mut log = self.log.lock();
            if log.away {
                return Err(ReportError::Later("away".into()));
            }
            let over = log.has("GrantRevoked") || log.has("GrantExpired");
            let fits = match &report {
                Report::Made(_) | Report::Failed(_) => !log.has("GrantProvisioned"),
                Report::Removed(_) | Report::RemovalFailed(_) => over && !log.has("AccessRemoved"),
            };
            let key = report.key();
            if log.keys.insert(key.clone()) {
                if !fits {
                    return Err(ReportError::Settled("the order".into()));
                }
                match report.clone() {
                    Report::Made(report) => log.add(report, key),
                    Report::Failed(report) => log.add(report, key),
                    Report::Removed(report) => log.add(report, key),
                    Report::RemovalFailed(report) => log.add(report, key),
                }
            }
        }
        self.crash.step().await;
        self.changed.notify_waiters();
        Ok(())
    }

    async fn drift(&self, drift: v1::AccessDriftDetected, key: String) -> Result<(), String> {
        let mut log = self.log.lock();
        if log.keys.insert(key.clone()) {
            log.add(drift, key);
        }
        self.changed.notify_waiters();
        Ok(())
    }
}

/// Makes access in the world, and hands its passwords over.
#[derive(Clone)]
struct Maker {
    world: Arc<Mutex<World>>,
    crash: Arc<Crash>,
}

impl Maker {
    fn made(grant: &Grant, credential: Option<Credential>) -> Made {
        Made {
            target: format!("access {}", grant.grant),
            credential,
            valid_until: Some(grant.end_seconds()),
        }
    }
}

impl Provisioner for Maker {
    fn make<'a>(&'a self, grant: &'a Grant) -> Doing<'a, Made> {
        Box::pin(async move {
            self.crash.step().await;
            let password = {
                let mut world = self.world.lock();
                world.fails()?;
                world.passwords += 1;
                let password = format!("password {}", world.passwords);
                let access = Access {
                    password: password.clone(),
                    end: grant.end_seconds(),
                };
                world.access.insert(grant.grant, access);
                password
            };
            self.crash.step().await;
            let secret = Secret::new(password.into_bytes());
            Ok(Self::made(grant, Some(Credential::of("password", secret))))
        })
    }

    fn extend<'a>(&'a self, grant: &'a Grant) -> Doing<'a, Made> {
        Box::pin(async move {
            let mut world = self.world.lock();
            let access = world.access.get_mut(&grant.grant);
            access.ok_or_else(|| Failure::new("it is not there"))?.end = grant.end_seconds();
            Ok(Self::made(grant, None))
        })
    }

    fn remove<'a>(&'a self, grant: &'a Grant, _ending: Ending) -> Doing<'a, Proof> {
        Box::pin(async move {
            self.crash.step().await;
            let found = {
                let mut world = self.world.lock();
                world.fails()?;
                world.access.remove(&grant.grant).is_some()
            };
            self.crash.step().await;
            let text = "looked".to_owned();
            Ok(Proof { found, text })
        })
    }

    fn inspect<'a>(&'a self, standing: &'a [Standing]) -> Doing<'a, Vec<Finding>> {
        Box::pin(async move {
            let there = |grant: &u64| {
                let mut standing = standing.iter();
                standing.any(|one| one.grant.grant == *grant && one.expected != Expected::Gone)
            };
            let mut world = self.world.lock();
            if world.blind > 0 {
                world.blind -= 1;
                return Err(Failure::new("it cannot be seen"));
            }
            let strange = world.access.keys().filter(|grant| !there(grant));
            let strange = strange.map(|grant| {
                let target = format!("access {grant}");
                let detail = if world.touched {
                    "nobody granted the rest of it"
                } else {
                    "nobody granted it"
                };
                Finding::new(Drift::Unknown, *grant, target, detail)
            });
            Ok(strange.collect())
        })
    }

    fn mend<'a>(&'a self, finding: &'a Finding, _grant: Option<&'a Grant>) -> Doing<'a, ()> {
        Box::pin(async move {
            let mut world = self.world.lock();
            if world.stubborn {
                world.touched = true;
            } else {
                world.access.remove(&finding.grant);
            }
            Ok(())
        })
    }

    fn check(&self) -> Doing<'_, Vec<String>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

impl Deliver for Maker {
    fn deliver<'a>(&'a self, _grant: &'a Grant, credential: &'a Credential) -> Doing<'a, ()> {
        Box::pin(async move {
            self.crash.step().await;
            let content = credential.parts[0].content.expose().to_vec();
            self.world
                .lock()
                .delivered
                .push(String::from_utf8(content).unwrap());
            self.crash.step().await;
            Ok(())
        })
    }

    fn withdraw<'a>(&'a self, _grant: &'a Grant) -> Doing<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    fn check(&self) -> Doing<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}

pub(super) struct Stage {
    pub(super) world: Arc<Mutex<World>>,
    pub(super) clock: Arc<TestClock>,
    pub(super) on_drift: OnDrift,
    ledger: FakeLedger,
    crash: Arc<Crash>,
    running: Option<(CancellationToken, JoinHandle<()>)>,
    crashed: bool,
}

impl Stage {
    pub(super) fn new() -> Self {
        let crash = Arc::<Crash>::default();
        let ledger = FakeLedger {
            log: Arc::default(),
            changed: Arc::default(),
            crash: Arc::clone(&crash),
        };
        let asked = v1::AccessRequested {
            resource: "db".into(),
            permission: "read".into(),
            ..v1::AccessRequested::default()
        };
        ledger.log.lock().add(asked, String::new());
        Self {
            world: Arc::default(),
            clock: Arc::new(TestClock::at(NOW)),
            on_drift: OnDrift::Report,
            ledger,
            crash,
            running: None,
            crashed: false,
        }
    }

    pub(super) fn crash_at(&self, step: usize) {
        self.crash.at.store(step, Ordering::SeqCst);
    }

    pub(super) const fn crashed(&self) -> bool {
        self.crashed
    }

    fn add(&self, what: impl Into<Known>) {
        self.ledger.log.lock().add(what, String::new());
        self.ledger.changed.notify_waiters();
    }

    fn time(micros: u64) -> Option<Timestamp> {
        let seconds = i64::try_from(micros / 1_000_000).unwrap();
        Some(Timestamp { seconds, nanos: 0 })
    }

    pub(super) fn issue(&self) {
        self.add(v1::GrantIssued {
            person: "ada".into(),
            resource: "db".into(),
            permission: "read".into(),
            end: Self::time(END),
            ..v1::GrantIssued::default()
        });
    }

    pub(super) fn extend(&self, end: u64) {
        self.add(v1::GrantExtended {
            grant: GRANT,
            extension: 2,
            end: Self::time(end),
        });
    }

    pub(super) fn revoke(&self) {
        self.add(v1::GrantRevoked {
            grant: GRANT,
            ..v1::GrantRevoked::default()
        });
    }

    pub(super) fn expire(&self) {
        self.add(v1::GrantExpired { grant: GRANT });
    }

    pub(super) fn end_unseen(&self) {
        self.ledger.log.lock().ended_unseen = true;
    }

    pub(super) fn ledger_away(&self, away: bool) {
        self.ledger.log.lock().away = away;
        self.ledger.changed.notify_waiters();
    }

    pub(super) fn add_stranger(&self, grant: u64) {
        let access = Access {
            password: String::new(),
            end: 0,
        };
        self.world.lock().access.insert(grant, access);
    }

    pub(super) fn start(&mut self) {
        let maker = Maker {
            world: Arc::clone(&self.world),
            crash: Arc::clone(&self.crash),
        };
        let served = Served {
            name: "db".into(),
            resource: "db".into(),
            provisioner: Box::new(maker.clone()),
            delivery: Some(Box::new(maker)),
            inspect_every: Some(Duration::from_secs(10)),
            on_drift: self.on_drift,
        };
        let routes = Routes::from([(("db".to_owned(), "read".to_owned()), 0)]);
        let clock = Arc::clone(&self.clock) as _;
        let engine = Engine::new(self.ledger.clone(), clock, vec![served], routes);
        let stop = CancellationToken::new();
        let task = tokio::spawn(engine.run(stop.clone()));
        self.running = Some((stop, task));
    }

    pub(super) fn restart(&mut self) {
        if let Some((_, task)) = self.running.take() {
            task.abort();
        }
        self.start();
    }

    pub(super) async fn stop(&mut self) {
        let (stop, task) = self.running.take().unwrap();
        stop.cancel();
        task.await.unwrap();
    }

    /// Starts the engine again when it crashed.
    fn recover(&mut self) {
        if self.crash.happened.swap(false, Ordering::SeqCst) {
            self.crashed = true;
            self.restart();
        }
    }

    /// Waits for an entry; the time of these tests passes by itself.
    pub(super) async fn wait_for(&mut self, name: &str) {
        for _ in 0..100_000 {
            self.recover();
            if self.ledger.log.lock().has(name) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no {name}: {:?}", self.told());
    }

    /// Lets everything happen that happens by itself.
    pub(super) async fn settle(&mut self) {
        for _ in 0..500 {
            self.recover();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Names of what provisioners told, drift aside.
    pub(super) fn told(&self) -> Vec<&'static str> {
        let log = self.ledger.log.lock();
        let told = log
            .entries
            .iter()
            .filter(|(heard, _)| (80..84).contains(&heard.what.kind()));
        told.map(|(heard, _)| heard.what.name()).collect()
    }

    pub(super) fn drifts(&self) -> Vec<v1::AccessDriftDetected> {
        let log = self.ledger.log.lock();
        let drifts = log
            .entries
            .iter()
            .filter_map(|(heard, _)| match &heard.what {
                Known::AccessDriftDetected(drift) => Some(drift.clone()),
                _ => None,
            });
        drifts.collect()
    }

    pub(super) fn reported_sha(&self) -> Vec<u8> {
        let log = self.ledger.log.lock();
        let sha = log.entries.iter().find_map(|(heard, _)| match &heard.what {
            Known::GrantProvisioned(made) => Some(made.credential_sha256.to_vec()),
            _ => None,
        });
        sha.unwrap()
    }
}

//! The shell around the [`Book`]: follows the log, runs what is due, and tells what became of it.
//!
//! One task owns the book. Everything slow is a job of its own, at most one at the access of a
//! grant, and brings back an outcome. Nothing is made before the end of the log was reached once.

mod health;
mod job;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::limits::{
    CLOCK_LOOK, MAX_MAKING, MAX_PROVISION_PAUSE, MAX_REMOVING, MIN_PROVISION_PAUSE, STOP_PATIENCE,
};
use crate::provision::book::{Book, Outcome, Report, ReportError, Routes, Task};
use crate::provision::clock::{Clock, Time, micros_of};
use crate::provision::config::OnDrift;
use crate::provision::deliver::Deliver;
use crate::provision::drift::{Alarms, Seen, Telling, Watch};
use crate::provision::ledger::{Feed, Ledger, Part};
use crate::provision::provisioner::{Drift, Failure, Finding, Provisioner, Standing};

use crate::trouble::Troubles;
use health::Health;
use job::Permits;

/// A provisioner and what it is configured to do.
pub(crate) struct Served {
    pub(crate) name: String,
    /// Resource of what belongs to no grant.
    pub(crate) resource: String,
    pub(crate) provisioner: Box<dyn Provisioner>,
    pub(crate) delivery: Option<Box<dyn Deliver>>,
    /// `None` for never.
    pub(crate) inspect_every: Option<Duration>,
    pub(crate) on_drift: OnDrift,
}

/// What an inspection compared with what exists.
#[derive(Debug)]
struct Compared {
    /// Revisions of the grants when it began.
    before: BTreeMap<u64, u64>,
    standing: Vec<Standing>,
}

/// What a job brings back.
enum Done {
    Acted(u64, Outcome),
    Reported(Report, Result<(), ReportError>),
    Inspected(usize, Compared, Result<Vec<Finding>, Failure>),
    Mended(usize, Vec<Seen>),
    Told(usize, Telling, Result<(), String>),
}

/// What a job was about, for one that does not come back.
#[derive(Debug, Clone)]
enum About {
    Access(u64),
    Report(Report),
    Inspection(usize),
    Drift,
}

/// When a provisioner is inspected next.
#[derive(Debug, Clone, Copy, Default)]
struct Inspection {
    at: u64,
    running: bool,
    /// In a row.
    failures: u32,
}

impl Inspection {
    /// It is tried again soon, and not later than without the failure.
    fn failed(&mut self, now: u64) {
        let again = now.saturating_add(micros_of(pause(self.failures)));
        (self.at, self.running) = (self.at.min(again), false);
        self.failures = self.failures.saturating_add(1);
    }
}

/// How long to wait after this many failures before the last one.
fn pause(failures: u32) -> Duration {
    let pause = MIN_PROVISION_PAUSE * (1 << failures.min(6));
    pause.min(MAX_PROVISION_PAUSE)
}

pub(crate) struct Engine<L: Ledger> {
    ledger: L,
    clock: Arc<dyn Clock>,
    time: Time,
    book: Book,
    watch: Watch,
    alarms: Alarms,
    health: Health,
    served: Vec<Arc<Served>>,
    inspections: Vec<Inspection>,
    jobs: JoinSet<Done>,
    abouts: BTreeMap<Id, About>,
    permits: Permits,
    feed: Option<L::Feed>,
    next: u64,
    caught_up: bool,
    feed_again: u64,
    feed_failures: u32,
}

impl<L: Ledger> Engine<L> {
    pub(crate) fn new(
        ledger: L,
        clock: Arc<dyn Clock>,
        served: Vec<Served>,
        routes: Routes,
    ) -> Self {
        let time = Time::new(clock.as_ref());
        Self {
            ledger,
            clock,
            time,
            book: Book::new(routes),
            watch: Watch::default(),
            alarms: Alarms::default(),
            health: Health::default(),
            inspections: vec![Inspection::default(); served.len()],
            served: served.into_iter().map(Arc::new).collect(),
            jobs: JoinSet::new(),
            abouts: BTreeMap::new(),
            permits: Permits {
                making: Arc::new(Semaphore::new(MAX_MAKING)),
                removing: Arc::new(Semaphore::new(MAX_REMOVING)),
            },
            feed: None,
            next: 0,
            caught_up: false,
            feed_again: 0,
            feed_failures: 0,
        }
    }

    /// Says in this list what fails.
    pub(crate) fn telling(self, troubles: Troubles) -> Self {
        let health = Health::new(troubles);
        Self { health, ..self }
    }

    /// Runs until it is stopped. What exists then stays: it ends by itself where that is possible,
    /// and the next run goes on.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let now = self.time.now(self.clock.as_ref());
            self.start(now);
            let wait = self.rest(now);
            tokio::select! {
                () = stop.cancelled() => break,
                part = next(&mut self.feed) => self.hear(part),
                Some(done) = self.jobs.join_next_with_id() => self.finish(done),
                () = tokio::time::sleep(wait) => {}
            }
        }
        let ended = tokio::time::timeout(STOP_PATIENCE, async {
            while self.jobs.join_next().await.is_some() {}
        });
        if ended.await.is_err() {
            tracing::warn!("some work was left unfinished; the next run does it again");
        }
    }

    /// How long nothing is to be done, as far as the clock tells.
    fn rest(&self, now: u64) -> Duration {
        let due = self.book.next_due(now).filter(|_| self.caught_up);
        let due = due.map_or(u64::MAX, |due| due.saturating_sub(now));
        CLOCK_LOOK.min(Duration::from_micros(due.max(1_000)))
    }

    /// Starts what is due.
    fn start(&mut self, now: u64) {
        if self.feed.is_none() && now >= self.feed_again {
            self.feed = Some(self.ledger.follow(self.next));
        }
        if !self.caught_up {
            return;
        }
        self.health.forget(|grant| self.book.grant(grant).is_some());
        for (by, task) in self.book.due(now) {
            let served = Arc::clone(&self.served[by]);
            let about = match &task {
                Task::Make(grant, _) | Task::Extend(grant) | Task::Remove(grant, _) => {
                    About::Access(grant.grant)
                }
                Task::Report(report) => About::Report(report.clone()),
            };
            let (ledger, permits) = (self.ledger.clone(), self.permits.clone());
            self.spawn(about, job::perform(ledger, served, task, permits));
        }
        for by in 0..self.served.len() {
            self.inspect(by, now);
        }
    }

    fn spawn(&mut self, about: About, job: impl Future<Output = Done> + Send + 'static) {
        let handle = self.jobs.spawn(job);
        self.abouts.insert(handle.id(), about);
    }

    fn inspect(&mut self, by: usize, now: u64) {
        let served = Arc::clone(&self.served[by]);
        let inspection = &mut self.inspections[by];
        let Some(every) = served.inspect_every else {
            return;
        };
        if inspection.running || now < inspection.at {
            return;
        }
        inspection.at = now.saturating_add(micros_of(every));
        inspection.running = true;
        let standing = self.book.standing(by, now);
        let before = self.book.revisions(by);
        self.spawn(About::Inspection(by), async move {
            let found = job::limited(served.provisioner.inspect(&standing)).await;
            Done::Inspected(by, Compared { before, standing }, found)
        });
    }

    fn hear(&mut self, part: Option<Result<Part, String>>) {
        match part {
            Some(Ok(part)) => {
                self.feed_failures = 0;
                self.health.follows();
                self.next = part.next;
                self.caught_up |= part.caught_up;
                self.time.raise(part.time);
                for heard in &part.heard {
                    self.book.hear(heard);
                }
                for key in &part.drift_keys {
                    self.watch.hear(key);
                }
            }
            failed @ (Some(Err(_)) | None) => {
                let error = failed.and_then(Result::err);
                let error = error.unwrap_or_else(|| "the stream ended".to_owned());
                let pause = pause(self.feed_failures);
                self.feed_failures = self.feed_failures.saturating_add(1);
                let now = self.time.now(self.clock.as_ref());
                self.feed_again = now.saturating_add(micros_of(pause));
                self.feed = None;
                self.health.follows_not(&error, now);
                tracing::error!(
                    %error, ?pause,
                    "the log cannot be followed: no access is made, what exists ends in time"
                );
            }
        }
    }

    fn finish(&mut self, done: Result<(Id, Done), JoinError>) {
        let now = self.time.now(self.clock.as_ref());
        match done {
            Ok((id, done)) => {
                self.abouts.remove(&id);
                self.take(done, now);
            }
            Err(error) => {
                match self.abouts.remove(&error.id()) {
                    Some(About::Access(grant)) => self.book.done(grant, Outcome::NotNow, now),
                    Some(About::Report(report)) => {
                        let error = ReportError::Later(error.to_string());
                        self.book.reported(&report, Err(error), now);
                    }
                    Some(About::Inspection(by)) => self.inspections[by].failed(now),
                    Some(About::Drift) | None => {}
                }
                tracing::error!(%error, "a job of a provisioner broke");
            }
        }
    }

    fn take(&mut self, done: Done, now: u64) {
        match done {
            Done::Acted(grant, outcome) => {
                self.health.acted(grant, &outcome, now);
                self.book.done(grant, outcome, now);
            }
            Done::Reported(report, result) => self.book.reported(&report, result, now),
            Done::Inspected(by, compared, found) => {
                let name = &self.served[by].name;
                self.health.inspected(name, found.as_ref().err(), now);
                match found {
                    Ok(found) => {
                        self.inspections[by].failures = 0;
                        self.judge(by, compared, found, now);
                    }
                    Err(_told) => self.inspections[by].failed(now),
                }
            }
            Done::Mended(by, seen) => {
                self.inspections[by].running = false;
                let name = self.served[by].name.clone();
                self.health.drifted(&name, &seen, now);
                for telling in self.watch.compare((by, &name), &seen) {
                    let ledger = self.ledger.clone();
                    self.spawn(About::Drift, async move {
                        let (drift, key) = (telling.drift.clone(), telling.key.clone());
                        let result = ledger.drift(drift, key).await;
                        Done::Told(by, telling, result)
                    });
                }
            }
            Done::Told(by, telling, Ok(())) => self.watch.told(by, &telling),
            Done::Told(_, telling, Err(error)) => {
                let target = &telling.drift.target;
                tracing::warn!(
                    target,
                    error,
                    "a drift cannot be told; trying at the next look"
                );
            }
        }
    }

    /// Leaves out what is about grants that changed meanwhile, and has the rest mended, when that
    /// is wanted.
    fn judge(&mut self, by: usize, compared: Compared, found: Vec<Finding>, now: u64) {
        let Compared { before, standing } = compared;
        let served = Arc::clone(&self.served[by]);
        let after = self.book.revisions(by);
        let mut seen = Vec::new();
        for mut finding in found {
            let grant = finding.grant;
            if after
                .get(&grant)
                .is_some_and(|now| before.get(&grant) != Some(now))
            {
                continue;
            }
            if finding.drift == Drift::Unknown && self.book.is_past(grant) {
                finding.drift = Drift::Outlived;
            }
            let known = self.book.grant(grant);
            let resource = known
                .map_or(&served.resource, |known| &known.resource)
                .clone();
            seen.push(Seen {
                resource,
                finding,
                grant: known.cloned(),
                mended: false,
                unmended: None,
                is_loud: false,
            });
        }
        self.alarms.judge(by, &mut seen, now);
        self.spawn(About::Inspection(by), async move {
            Done::Mended(by, job::mend(&served, seen, &standing).await)
        });
    }
}

/// The next part of a feed that is open; waits for ever without one.
async fn next<F: Feed>(feed: &mut Option<F>) -> Option<Result<Part, String>> {
    match feed {
        Some(feed) => feed.next().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;

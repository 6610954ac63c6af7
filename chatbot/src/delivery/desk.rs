//! The loop of delivery: reads the log, and sends what is to be told.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use countersign_chain::time::UnixMicros;
use countersign_client::{CallError, Client, Filter, Follow, Followed};
use countersign_proto::event::Known;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::bot::Bot;
use crate::bot::shelf::Rules;
use crate::delivery::fact::{Fact, followed};
use crate::delivery::lanes::Lanes;
use crate::delivery::outbox::{Outbox, Step, Work};
use crate::delivery::pace::pause;
use crate::delivery::past::Past;
use crate::delivery::record::Home;
use crate::delivery::send::{Job, Sent};
use crate::delivery::who::Who;
use crate::delivery::{DeliverError, in_force, rules};
use crate::limits::{CLOSED_SECONDS, DELIVERY_REPORT, GIVE_UP_SECONDS, SEND_GOODBYE, SENDS};
use crate::surface::{Recipient, Surface};

/// What a send was about, and what came of it.
type Done = ((Who, u64), Sent);

pub(super) struct Desk<S> {
    bot: Arc<Bot>,
    surface: Arc<S>,
    home: Arc<Home>,
    outbox: Outbox,
    lanes: Lanes,
    /// Messages that may have been posted without an entry, by recipient and case.
    maybe: BTreeSet<(Who, u64)>,
    /// The policy in force, whose directory says where people are reached.
    current: Option<Arc<Rules>>,
    follow: Follow,
    /// Size of the log at the start.
    size: u64,
    caught_up: bool,
    sends: JoinSet<Done>,
    tally: Tally,
}

/// What came of everything so far.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Tally {
    told: u64,
    failed: u64,
    given_up: u64,
}

impl<S: Surface> Desk<S> {
    /// Finds out where to begin.
    ///
    /// # Errors
    /// [`DeliverError`].
    pub(super) async fn open(bot: Arc<Bot>, surface: S) -> Result<Self, DeliverError> {
        let client = bot.client();
        let past = loop {
            match Past::read(client, bot.clock().now()).await {
                Err(CallError::NoAnswer { last, .. }) => {
                    tracing::warn!(last, "the ledger is waited for");
                }
                answer => break answer?,
            }
        };
        let current = in_force(&bot).await?;
        let mut outbox = Outbox::new(surface.platform(), surface.tenant());
        for fact in &past.delegations {
            outbox.take(fact, None);
        }
        let filter = Filter {
            kinds: followed(),
            ..Filter::default()
        };
        Ok(Self {
            follow: client.follow(past.from, filter),
            home: Arc::new(Home {
                platform: surface.platform(),
                tenant: surface.tenant().to_owned(),
            }),
            surface: Arc::new(surface),
            outbox,
            lanes: Lanes::default(),
            maybe: BTreeSet::new(),
            current,
            size: past.size,
            caught_up: false,
            sends: JoinSet::new(),
            tally: Tally::default(),
            bot,
        })
    }

    /// Until `stop` is cancelled.
    ///
    /// # Errors
    /// [`DeliverError`].
    pub(super) async fn run(mut self, stop: &CancellationToken) -> Result<(), DeliverError> {
        // The first one is told when the log is read.
        let first = Instant::now() + DELIVERY_REPORT;
        let mut report = tokio::time::interval_at(first, DELIVERY_REPORT);
        loop {
            self.dispatch();
            let wake = self.lanes.next_wake();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(done) = self.sends.join_next() => self.done(done)?,
                part = self.follow.next() => match part {
                    Some(part) => self.read(part?, stop).await?,
                    None => break,
                },
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {
                    self.lanes.wake(Instant::now());
                }
                _ = report.tick(), if self.caught_up => self.report(),
            }
        }
        self.finish().await;
        self.report();
        Ok(())
    }

    /// What was posted gets its entry, if that takes no long time.
    async fn finish(&mut self) {
        let ended = timeout(SEND_GOODBYE, async {
            while let Some(done) = self.sends.join_next().await {
                if let Ok((_, sent)) = done {
                    self.tally.count(&sent);
                }
            }
        });
        if ended.await.is_err() {
            tracing::warn!(left = self.sends.len(), "sends are left under way");
        }
    }

    /// Takes entries of the log.
    async fn read(&mut self, part: Followed, stop: &CancellationToken) -> Result<(), DeliverError> {
        let facts = part.entries.iter().filter_map(Fact::of);
        for fact in facts.collect::<Vec<_>>() {
            let asked = async {
                match (fact.policy(), &fact.event) {
                    (Some(index), _) => rules(&self.bot, index).await.map(Some),
                    (None, Known::PolicyChanged(_)) => in_force(&self.bot).await,
                    (None, _) => Ok(None),
                }
            };
            let Some(asked) = stop.run_until_cancelled(asked).await else {
                return Ok(());
            };
            let asked = asked?;
            match &fact.event {
                Known::PolicyChanged(_) => {
                    self.current = asked;
                    self.look_again();
                }
                event @ Known::IdentityLinked(_) => {
                    self.bot.learn::<CallError>(fact.index, &Ok(event.clone()));
                    self.look_again();
                }
                _ => {
                    let case = self.outbox.take(&fact, asked);
                    if let Some(case) = case.filter(|_| self.caught_up) {
                        self.want(case);
                    }
                }
            }
        }
        self.lanes.read(part.next_index);
        if !self.caught_up && part.next_index >= self.size {
            self.catch_up();
        }
        Ok(())
    }

    /// The log is read: whatever is due now may have been posted by a program that ended.
    fn catch_up(&mut self) {
        self.caught_up = true;
        let oldest = self.bot.clock().now().get();
        let oldest = oldest.saturating_sub(CLOSED_SECONDS.saturating_mul(1_000_000));
        self.outbox
            .begin(UnixMicros::new(oldest).unwrap_or(UnixMicros::EPOCH));
        for case in self.outbox.cases().collect::<Vec<_>>() {
            for who in self.want(case) {
                let work = self.outbox.work(case, &who);
                if work.is_some_and(|work| matches!(work.step, Step::Post(_))) {
                    self.maybe.insert((who, case));
                }
            }
        }
        self.report();
    }

    /// Marks everybody for whom something is to do in a case.
    fn want(&mut self, case: u64) -> Vec<Who> {
        let all: Vec<Who> = self.outbox.recipients(case).cloned().collect();
        let due = all.into_iter();
        let due: Vec<Who> = due
            .filter(|who| self.outbox.work(case, who).is_some())
            .collect();
        for who in &due {
            self.lanes.want(who, case);
        }
        due
    }

    /// Somebody may be reached now who was not before.
    fn look_again(&mut self) {
        self.outbox.look_again();
        if self.caught_up {
            for case in self.outbox.cases().collect::<Vec<_>>() {
                self.want(case);
            }
        }
    }

    /// Sends what can be sent now.
    fn dispatch(&mut self) {
        while self.sends.len() < SENDS
            && let Some((who, case)) = self.lanes.next()
        {
            match self.job(&who, case) {
                Some(job) => {
                    let about = (who, case);
                    self.sends.spawn(async move { (about, job.run().await) });
                }
                None => self.lanes.idle(&who),
            }
        }
    }

    fn job(&mut self, who: &Who, case: u64) -> Option<Job<S>> {
        let work = self.outbox.work(case, who)?;
        let Some(to) = self.address(who) else {
            tracing::debug!(case, %who, platform = %self.home.platform, "has no account");
            self.outbox.pass_over(case, who);
            return None;
        };
        let posts = matches!(work.step, Step::Post(_));
        let look = posts && self.maybe.contains(&(who.clone(), case));
        Some(Job {
            client: self.client(),
            surface: Arc::clone(&self.surface),
            home: Arc::clone(&self.home),
            look,
            last: self.is_late(&work),
            attempt: self.lanes.failures(who),
            work,
            to,
        })
    }

    fn client(&self) -> Client {
        self.bot.client().clone()
    }

    fn address(&self, who: &Who) -> Option<Recipient> {
        let name = match who {
            Who::Channel(id) => return Some(Recipient::Channel(id.clone())),
            Who::Person(name) => name.as_str(),
        };
        let home = (self.home.platform, self.home.tenant.as_str());
        let account = self.bot.account(name, home, self.current.as_deref()?);
        account.map(Recipient::Account)
    }

    fn is_late(&self, work: &Work) -> bool {
        let waited = self.bot.clock().now().seconds();
        waited.saturating_sub(work.since.seconds()) > GIVE_UP_SECONDS
    }

    fn done(&mut self, done: Result<Done, JoinError>) -> Result<(), DeliverError> {
        let ((who, case), sent) = done?;
        self.tally.count(&sent);
        let about = (who, case);
        match sent {
            Sent::Told(index) | Sent::GivenUp(index) => {
                self.maybe.remove(&about);
                self.lanes.told(&about.0, index);
            }
            Sent::Again { after, unknown } => {
                let failures = self.lanes.failures(&about.0);
                let pause = self.pause(failures, after);
                self.lanes.failed(&about.0, case, Instant::now() + pause);
                if unknown {
                    self.maybe.insert(about);
                }
            }
            Sent::Gone(place) => {
                self.outbox.forget(case, &about.0, &place);
                self.lanes.want(&about.0, case);
                self.lanes.idle(&about.0);
            }
            Sent::Broken(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn pause(&self, failures: u32, after: Option<Duration>) -> Duration {
        // Without randomness the pause is the shortest of its range.
        pause(failures, after, getrandom::u64().unwrap_or(0))
    }

    fn report(&self) {
        let (cases, recipients) = self.outbox.size();
        let (waiting, failing) = self.lanes.size();
        let Tally {
            told,
            failed,
            given_up,
        } = self.tally;
        let platform = self.home.platform;
        tracing::info!(
            %platform, cases, recipients, waiting, failing, told, failed, given_up, "delivery"
        );
    }
}

impl Tally {
    const fn count(&mut self, sent: &Sent) {
        match sent {
            Sent::Told(_) => self.told = self.told.saturating_add(1),
            Sent::GivenUp(_) => self.given_up = self.given_up.saturating_add(1),
            Sent::Again { .. } => self.failed = self.failed.saturating_add(1),
            Sent::Gone(_) | Sent::Broken(_) => {}
        }
    }
}

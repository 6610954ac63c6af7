//! One sink at work: batches out of the feed, to the receiver, and the cursor behind them. While a
//! batch is under way, the next one is made, and the cursor behind the one before is stored.

mod storing;

use std::sync::Arc;
use std::time::Duration;

use countersign_client::{Client, Draft, Level};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::clock::Clock;
use super::cursor::{CursorError, Stored};
use super::feed::Feed;
use super::letters::Letters;
use super::meter::Meter;
use super::parcel::{Parcel, end, first};
use super::report::Reporter;
use super::{Cut, Outcome, Sink, Which};
use crate::limits::{REPORT_LIMIT, REPORT_RETRY, STOP_GRACE};

/// The log is told of trouble also within a pause that the receiver asks for.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Why a sink has stopped for good.
#[derive(Debug, thiserror::Error)]
pub enum LaneError {
    /// It cannot go on where it was.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// The ledger's answer is not what it signed, or an entry cannot be read.
    #[error("{0}")]
    Ledger(String),
    /// The sink cannot go on where it was.
    #[error("{0}")]
    Sink(String),
}

/// Whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    On,
    Stop,
}

/// What a lane is made of.
pub(super) struct Parts<S> {
    pub(super) sink: S,
    pub(super) client: Client,
    pub(super) clock: Clock,
    pub(super) letters: Letters,
    pub(super) meter: Arc<Meter>,
    pub(super) stored: Stored,
    pub(super) reporter: Reporter,
    pub(super) backoff: Backoff,
    pub(super) hold_after: u32,
    pub(super) stop: CancellationToken,
}

/// One sink at work.
pub(super) struct Lane<S> {
    parts: Parts<S>,
    /// Entries that were put aside since one got through.
    refused: u32,
    /// When the log may be told again after that failed.
    report_again: Option<Instant>,
    /// Most entries of a try.
    size: usize,
}

impl<S: Sink> Lane<S> {
    pub(super) fn new(parts: Parts<S>) -> Self {
        Self {
            parts,
            refused: 0,
            report_again: None,
            size: usize::MAX,
        }
    }

    /// Brings entries until it is told to stop.
    pub(super) async fn run(mut self, mut feed: Feed) -> Result<(), LaneError> {
        let mark = self.parts.stored.cursor.mark.clone();
        let resumed = self.parts.sink.resume(mark.as_deref());
        resumed.map_err(LaneError::Sink)?;
        let ran = self.work(&mut feed).await;
        if let Err(error) = self.parts.stored.settled().await {
            let sink = self.parts.meter.name();
            tracing::warn!(sink, %error, "the cursor is not stored; what it missed comes again");
        }
        ran
    }

    async fn work(&mut self, feed: &mut Feed) -> Result<(), LaneError> {
        let stop = self.parts.stop.clone();
        let meter = Arc::clone(&self.parts.meter);
        loop {
            meter.is_at(self.parts.stored.cursor.next, None);
            let error = loop {
                let planned = self.parts.stored.cursor.planned;
                let batch = tokio::select! {
                    batch = feed.next(planned, |why| meter.ledger(why)) => batch,
                    () = stop.cancelled() => return Ok(()),
                };
                let batch = match batch {
                    Ok(batch) => batch,
                    Err(error) => break error,
                };
                let cut = feed.cut();
                let next = tokio::select! {
                    next = self.bring(&batch, cut) => next,
                    never = feed.prepare() => match never {},
                };
                meter.is_at(self.parts.stored.cursor.next, feed.oldest());
                // Who waits for entries has nothing left to do.
                if next == Next::Stop || !feed.is_ready() && self.settle().await == Next::Stop {
                    return Ok(());
                }
            };
            if error.is_final() {
                return Err(LaneError::Ledger(error.to_string()));
            }
            if self.wait(&error.to_string(), None, &[]).await == Next::Stop {
                return Ok(());
            }
            feed.reopen(&self.parts.client, self.parts.stored.cursor.next);
        }
    }

    /// Brings one batch, however long that takes.
    async fn bring(&mut self, batch: &[Parcel], cut: Cut) -> Next {
        if cut == Cut::Days && self.parts.stored.cursor.planned.is_none() {
            self.parts.stored.cursor.planned = Some(end(batch));
            if self.save(batch).await == Next::Stop {
                return Next::Stop;
            }
        }
        let mut rest = batch;
        while !rest.is_empty() {
            if self.parts.stop.is_cancelled() {
                return Next::Stop;
            }
            let oldest = rest.first().map(|parcel| parcel.entry().time());
            self.parts.meter.is_at(first(rest), oldest);
            let size = self.size.min(rest.len());
            let (part, _) = rest.split_at_checked(size).unwrap_or((rest, &[]));
            let Some(outcome) = self.deliver(part).await else {
                return Next::Stop;
            };
            let (done, next) = self.heed(part, outcome).await;
            rest = rest.get(done..).unwrap_or_default();
            if next == Next::Stop || self.tell(rest).await == Next::Stop {
                return Next::Stop;
            }
        }
        Next::On
    }

    /// One try; `None` when it was cut off by the end of the process.
    async fn deliver(&mut self, part: &[Parcel]) -> Option<Outcome> {
        let stop = self.parts.stop.clone();
        let cut_off = async {
            stop.cancelled().await;
            tokio::time::sleep(STOP_GRACE).await;
        };
        tokio::select! {
            outcome = self.parts.sink.deliver(part) => Some(outcome),
            () = cut_off => None,
        }
    }

    /// Does what an outcome asks for; how many entries are dealt with.
    async fn heed(&mut self, part: &[Parcel], outcome: Outcome) -> (usize, Next) {
        match outcome {
            Outcome::Delivered { mark } => {
                if mark.is_some() {
                    self.parts.stored.cursor.mark = mark;
                }
                self.size = self.size.saturating_mul(2);
                self.works();
                (part.len(), self.delivered(part).await)
            }
            Outcome::Later {
                delivered,
                why,
                after,
            } => {
                let (done, rest) = split(part, delivered);
                if self.delivered(done).await == Next::Stop {
                    return (done.len(), Next::Stop);
                }
                (done.len(), self.wait(&why, after, rest).await)
            }
            Outcome::Refused {
                delivered,
                which,
                why,
            } => {
                let (done, rest) = split(part, delivered);
                if self.delivered(done).await == Next::Stop {
                    return (done.len(), Next::Stop);
                }
                let (aside, next) = self.refused(rest, which, &why).await;
                (done.len().saturating_add(aside), next)
            }
        }
    }

    /// Puts aside what is refused, or tries less at once; how many entries are dealt with.
    async fn refused(&mut self, rest: &[Parcel], which: Which, why: &str) -> (usize, Next) {
        let count = match which {
            Which::First => 1,
            Which::Unknown => rest.len(),
            Which::Some if rest.len() <= 1 => 1,
            Which::Some => {
                self.size = rest.len().div_ceil(2);
                return (0, Next::On);
            }
        };
        let (aside, _) = split(rest, count);
        if self.refused >= self.parts.hold_after {
            let why = format!(
                "it refuses everything since {} entries, so it is held to be at fault and tried \
                 again: {why}",
                self.refused
            );
            return (0, self.wait(&why, None, rest).await);
        }
        if let Err(error) = self.parts.letters.add(aside, why, &self.parts.clock) {
            let why = format!("cannot put entries aside: {error}");
            return (0, self.wait(&why, None, rest).await);
        }
        let told = aside.iter().filter(|parcel| !parcel.is_of_sinks()).count();
        let told = u64::try_from(told).unwrap_or(u64::MAX);
        if told > 0 {
            self.parts.reporter.put_aside(first(aside), told, why);
        }
        let count = u32::try_from(aside.len()).unwrap_or(u32::MAX);
        self.refused = self.refused.saturating_add(count);
        self.parts.meter.refused(u64::from(count));
        let (sink, index) = (self.parts.meter.name(), first(aside));
        tracing::warn!(sink, index, count, why, "put aside, the sink refuses it");
        // Refusing is an answer: the receiver is there.
        self.works();
        let passed = self.pass(aside).await;
        if passed == Next::Stop {
            return (aside.len(), Next::Stop);
        }
        // It must not be put aside and counted again.
        (aside.len(), self.settle().await)
    }

    /// Counts entries as delivered and moves the cursor.
    async fn delivered(&mut self, done: &[Parcel]) -> Next {
        if done.is_empty() {
            return Next::On;
        }
        self.refused = 0;
        let count = u64::try_from(done.len()).unwrap_or(u64::MAX);
        self.parts.meter.delivered(count);
        self.pass(done).await
    }

    fn works(&mut self) {
        if self.parts.reporter.trouble().is_some() {
            tracing::info!(sink = self.parts.meter.name(), "entries get through again");
        }
        self.parts.reporter.works();
        self.parts.backoff.reset();
        self.parts.meter.trouble(None);
    }

    /// A try has failed: waits before the next one, and tells the log when it is time to.
    async fn wait(&mut self, why: &str, after: Option<Duration>, rest: &[Parcel]) -> Next {
        // It is as good as stored when this may take hours.
        if let Err(error) = self.parts.stored.settled().await {
            tracing::debug!(%error, "the cursor is not stored");
        }
        let parts = &mut self.parts;
        let counts = rest.is_empty() || rest.iter().any(|parcel| !parcel.is_of_sinks());
        let index = rest.first().map_or(parts.stored.cursor.next, Parcel::index);
        if parts.reporter.trouble() != Some(why) {
            tracing::warn!(sink = parts.meter.name(), index, why, "not delivered");
        }
        parts.reporter.failed(parts.clock.now(), index, why, counts);
        parts.meter.trouble(Some(why));
        parts.meter.retried();
        // Without randomness the pause is the shortest of its range: still a pause.
        let random = getrandom::u64().unwrap_or(0);
        let mut left = parts.backoff.next(random, after);
        let stop = parts.stop.clone();
        while !left.is_zero() {
            let pause = left.min(LONGEST_PAUSE);
            left = left.saturating_sub(pause);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => return Next::Stop,
            }
            if self.tell(rest).await == Next::Stop {
                return Next::Stop;
            }
        }
        Next::On
    }

    /// Tells the log what it is time to tell.
    async fn tell(&mut self, rest: &[Parcel]) -> Next {
        let parts = &mut self.parts;
        let now = parts.clock.now();
        let next = rest.first().map_or(parts.stored.cursor.next, Parcel::index);
        let Some(event) = parts.reporter.due(now, next) else {
            return Next::On;
        };
        if self
            .report_again
            .is_some_and(|again| Instant::now() < again)
        {
            return Next::On;
        }
        let key = format!("sink:{}:{}", parts.meter.name(), now.get());
        let append = parts
            .client
            .append(Draft::new(&event).with_key(key), Level::Accepted);
        let appended = tokio::select! {
            appended = tokio::time::timeout(REPORT_LIMIT, append) => appended,
            () = parts.stop.cancelled() => return Next::Stop,
        };
        let error = match appended {
            Ok(Ok(_)) => {
                parts.reporter.is_told(now, &event);
                parts.stored.cursor.told = parts.reporter.told.clone();
                self.report_again = None;
                if let Err(error) = parts.stored.save().await {
                    let sink = parts.meter.name();
                    tracing::warn!(sink, %error, "what the log was told is not stored");
                }
                return Next::On;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        tracing::warn!(
            sink = parts.meter.name(),
            error,
            "the log could not be told"
        );
        self.report_again = Instant::now().checked_add(REPORT_RETRY);
        Next::On
    }
}

fn split(parcels: &[Parcel], at: usize) -> (&[Parcel], &[Parcel]) {
    parcels.split_at_checked(at).unwrap_or((parcels, &[]))
}

//! Batches out of the followed log. While one is under way the next one is filled, and nothing is
//! read beyond it: what waits is a batch and a few answers of the ledger, however long a receiver
//! is away.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::pending;
use std::pin::pin;
use std::time::Duration;

use countersign_chain::time::UnixMicros;
use countersign_client::{CallError, Client, Entry, Filter, Follow};
use countersign_proto::reason::Reason;
use tokio::time::Instant;

use super::Cut;
use super::config::BatchLimits;
use super::encoding::Encoder;
use super::parcel::{Parcel, end};

/// Entries that are encoded before something else has its turn: usual ones take a fraction of a
/// millisecond.
const TURN: usize = 64;
/// Microseconds of a day.
const DAY: u64 = 86_400_000_000;

/// How batches are made.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) limits: BatchLimits,
    pub(super) cut: Cut,
    pub(super) encoder: Encoder,
}

/// Why the log cannot be read on.
#[derive(Debug, thiserror::Error)]
pub(super) enum FeedError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("{0}")]
    Record(String),
    #[error("the ledger ended the stream")]
    Ended,
}

impl FeedError {
    /// Whether there is no use in asking the ledger again.
    pub(super) fn is_final(&self) -> bool {
        match self {
            // The certificate says which role it is: another one takes another identity.
            Self::Call(error) if error.reason() == Some(Reason::RoleNotAllowed) => true,
            Self::Record(_) | Self::Call(CallError::Unverified { .. } | CallError::Remember(_)) => {
                true
            }
            Self::Call(
                CallError::Refused { .. } | CallError::NoAnswer { .. } | CallError::Random(_),
            )
            | Self::Ended => false,
        }
    }
}

/// The followed log.
#[derive(Debug)]
pub(super) struct Feed {
    follow: Follow,
    waiting: VecDeque<Entry>,
    filling: Filling,
    /// Why it could not be read on while a batch was under way.
    failed: Option<FeedError>,
    rules: Rules,
}

/// A batch that is being filled.
#[derive(Debug, Default)]
struct Filling {
    parcels: Vec<Parcel>,
    bytes: u64,
    until: Option<Instant>,
    /// Whether the next entry belongs into the batch behind it.
    over: bool,
}

/// Whether a batch takes more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filled {
    Partly,
    Full,
}

impl Feed {
    /// Reads the log from this index on.
    pub(super) fn open(client: &Client, from: u64, rules: Rules) -> Self {
        Self {
            follow: client.follow(from, Filter::default()),
            waiting: VecDeque::new(),
            filling: Filling::default(),
            failed: None,
            rules,
        }
    }

    /// Reads the log anew, from this index on.
    pub(super) fn reopen(&mut self, client: &Client, from: u64) {
        self.follow = client.follow(from, Filter::default());
        self.waiting.clear();
        self.filling = Filling::default();
        self.failed = None;
    }

    /// How batches are cut.
    pub(super) const fn cut(&self) -> Cut {
        self.rules.cut
    }

    /// The next batch, as soon as it is full or its time is up; with `planned`, the one that ends
    /// there. Meanwhile `told` hears why the ledger does not answer, and when it does again.
    pub(super) async fn next(
        &mut self,
        planned: Option<u64>,
        told: impl Fn(Option<&str>),
    ) -> Result<Vec<Parcel>, FeedError> {
        let mut away = self.follow.interruption();
        told(away.borrow_and_update().as_deref());
        let mut next = pin!(self.fill(planned));
        loop {
            tokio::select! {
                batch = &mut next => return batch,
                Ok(()) = away.changed() => told(away.borrow_and_update().as_deref()),
            }
        }
    }

    /// Fills the next batch until it is dropped, and keeps what it has then.
    pub(super) async fn prepare(&mut self) -> Infallible {
        while self.failed.is_none() {
            match self.more().await {
                Ok(Filled::Full) => break,
                Ok(Filled::Partly) => {}
                Err(error) => self.failed = Some(error),
            }
        }
        pending().await
    }

    /// Whether the next batch is there.
    pub(super) fn is_ready(&self) -> bool {
        self.is_full(None)
    }

    async fn more(&mut self) -> Result<Filled, FeedError> {
        if let Filled::Full = self.turn(None)? {
            return Ok(Filled::Full);
        }
        if self.waiting.is_empty() {
            let followed = self.follow.next().await.ok_or(FeedError::Ended)??;
            self.waiting.extend(followed.entries);
        } else {
            tokio::task::yield_now().await;
        }
        Ok(Filled::Partly)
    }

    async fn fill(&mut self, planned: Option<u64>) -> Result<Vec<Parcel>, FeedError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        loop {
            while !self.waiting.is_empty() || self.is_full(planned) {
                if let Filled::Full = self.turn(planned)? {
                    return Ok(self.filled());
                }
            }
            let more = self.follow.next();
            let more = match self.filling.until.filter(|_| planned.is_none()) {
                None => more.await,
                Some(until) => match tokio::time::timeout_at(until, more).await {
                    Ok(more) => more,
                    Err(_) => return Ok(self.filled()),
                },
            };
            let followed = more.ok_or(FeedError::Ended)??;
            self.waiting.extend(followed.entries);
        }
    }

    fn filled(&mut self) -> Vec<Parcel> {
        std::mem::take(&mut self.filling).parcels
    }

    /// Puts entries that wait into the batch, for one turn.
    fn turn(&mut self, planned: Option<u64>) -> Result<Filled, FeedError> {
        for _ in 0..TURN {
            if self.is_full(planned) {
                return Ok(Filled::Full);
            }
            let Some(entry) = self.waiting.pop_front() else {
                break;
            };
            if let Some(entry) = self.put(entry, planned)? {
                self.waiting.push_front(entry);
                self.filling.over = true;
                return Ok(Filled::Full);
            }
        }
        match self.is_full(planned) {
            true => Ok(Filled::Full),
            false => Ok(Filled::Partly),
        }
    }

    /// Whether the batch is over, whatever comes next.
    fn is_full(&self, planned: Option<u64>) -> bool {
        let parcels = &self.filling.parcels;
        match planned {
            Some(planned) => end(parcels) == planned,
            None => self.filling.over || parcels.len() >= self.rules.limits.entries,
        }
    }

    /// Puts an entry into the batch; gives it back when the batch is over before it.
    fn put(&mut self, entry: Entry, planned: Option<u64>) -> Result<Option<Entry>, FeedError> {
        let (rules, batch) = (&mut self.rules, &mut self.filling);
        if let Some(last) = batch.parcels.last()
            && planned.is_none()
            && rules.cut == Cut::Days
            && day(last.entry()) != day(&entry)
        {
            return Ok(Some(entry));
        }
        let parcel = Parcel::new(entry, &mut rules.encoder).map_err(FeedError::Record)?;
        let bytes = batch.bytes.saturating_add(parcel.weight());
        if planned.is_none() && !batch.parcels.is_empty() && bytes > rules.limits.bytes {
            return Ok(Some(parcel.into_entry()));
        }
        batch.bytes = bytes;
        batch.parcels.push(parcel);
        let wait: Duration = rules.limits.wait;
        batch.until.get_or_insert_with(|| later(wait));
        Ok(None)
    }

    /// Time of the oldest entry that waits.
    pub(super) fn oldest(&self) -> Option<UnixMicros> {
        let filled = self.filling.parcels.first().map(Parcel::entry);
        filled.or(self.waiting.front()).map(Entry::time)
    }
}

fn later(wait: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(wait).unwrap_or(now)
}

/// Days since 1970.
pub(super) fn day(entry: &Entry) -> u64 {
    entry.time().get().checked_div(DAY).unwrap_or(0)
}

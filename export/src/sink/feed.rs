//! Batches out of the followed log. Nothing is read on while a batch is under way: what waits is a
//! few answers of the ledger, however long a receiver is away.

use std::collections::VecDeque;
use std::pin::pin;
use std::time::Duration;

use countersign_chain::time::UnixMicros;
use countersign_client::{CallError, Client, Entry, Filter, Follow};
use tokio::time::Instant;

use super::Cut;
use super::config::BatchLimits;
use super::encoding::Encoder;
use super::parcel::{Parcel, end};

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

/// The followed log.
#[derive(Debug)]
pub(super) struct Feed {
    follow: Follow,
    waiting: VecDeque<Entry>,
    rules: Rules,
}

/// A batch that is being filled.
#[derive(Debug, Default)]
struct Filling {
    parcels: Vec<Parcel>,
    bytes: u64,
    until: Option<Instant>,
}

impl Feed {
    /// Reads the log from this index on.
    pub(super) fn open(client: &Client, from: u64, rules: Rules) -> Self {
        Self {
            follow: client.follow(from, Filter::default()),
            waiting: VecDeque::new(),
            rules,
        }
    }

    /// Reads the log anew, from this index on.
    pub(super) fn reopen(&mut self, client: &Client, from: u64) {
        self.follow = client.follow(from, Filter::default());
        self.waiting.clear();
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

    async fn fill(&mut self, planned: Option<u64>) -> Result<Vec<Parcel>, FeedError> {
        let mut batch = Filling::default();
        loop {
            while let Some(entry) = self.waiting.pop_front() {
                if let Some(entry) = self.put(&mut batch, entry, planned)? {
                    self.waiting.push_front(entry);
                    return Ok(batch.parcels);
                }
                if planned == Some(end(&batch.parcels)) {
                    return Ok(batch.parcels);
                }
            }
            let more = self.follow.next();
            let more = match batch.until.filter(|_| planned.is_none()) {
                None => more.await,
                Some(until) => match tokio::time::timeout_at(until, more).await {
                    Ok(more) => more,
                    Err(_) => return Ok(batch.parcels),
                },
            };
            let followed = more.ok_or(FeedError::Ended)??;
            self.waiting.extend(followed.entries);
        }
    }

    /// Puts an entry into a batch; gives it back when the batch is over before it.
    fn put(
        &mut self,
        batch: &mut Filling,
        entry: Entry,
        planned: Option<u64>,
    ) -> Result<Option<Entry>, FeedError> {
        let rules = &mut self.rules;
        if let Some(last) = batch.parcels.last()
            && planned.is_none()
            && (batch.parcels.len() >= rules.limits.entries
                || rules.cut == Cut::Days && day(last.entry()) != day(&entry))
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

    /// Time of the oldest entry that waits behind the batch.
    pub(super) fn oldest(&self) -> Option<UnixMicros> {
        self.waiting.front().map(Entry::time)
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

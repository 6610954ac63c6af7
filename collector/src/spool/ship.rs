//! Sending what is in a spool, in order, until the ledger has sealed it.

mod refusal;

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use countersign_chain::sequence::QueueId;
use countersign_client::{CallError, Client, StreamError, StreamOptions};
use countersign_proto::reason::Reason;
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::reader::{Placed, Reader};
use super::{Spool, Standing};
use crate::limits::{SHIP_RETRY, STOP_PATIENCE};
use crate::outlet::OutletError;
use crate::sink::{LedgerSink, Sink, SinkError};
use refusal::{is_about_the_event, refused};

/// The way to a ledger.
pub trait Uplink: Send + Sync {
    /// A stream of events.
    type Sink: Sink;

    /// How much of a queue is sealed: the number that comes next.
    fn sealed_of(&self, queue: QueueId) -> impl Future<Output = Result<u64, UplinkError>> + Send;

    /// Stores what an event commits to.
    fn put_blob(&self, content: Bytes) -> impl Future<Output = Result<(), UplinkError>> + Send;

    /// Opens a stream.
    fn stream(&self) -> Self::Sink;
}

/// Why the ledger does not go on.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct UplinkError {
    /// Reason of a refusal; none when there was no answer.
    pub reason: Option<Reason>,
    /// In words.
    pub message: String,
}

impl From<&CallError> for UplinkError {
    fn from(error: &CallError) -> Self {
        Self {
            reason: error.reason(),
            message: error.to_string(),
        }
    }
}

/// A ledger, by its client.
#[derive(Debug, Clone)]
pub struct LedgerUplink(pub Client);

impl Uplink for LedgerUplink {
    type Sink = LedgerSink;

    async fn sealed_of(&self, queue: QueueId) -> Result<u64, UplinkError> {
        let sealed = self.0.sealed_of(queue).await;
        sealed.map_err(|error| (&error).into())
    }

    async fn put_blob(&self, content: Bytes) -> Result<(), UplinkError> {
        let put = self.0.put_blob(content).await;
        put.map_err(|error| (&error).into())
    }

    fn stream(&self) -> LedgerSink {
        LedgerSink::new(&self.0, StreamOptions::default(), |_ack| {})
    }
}

/// How long a sender waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Before a ledger that refused is asked again.
    pub retry: Duration,
    /// For what is still to be sealed, once it is told to stop.
    pub stop: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            retry: SHIP_RETRY,
            stop: STOP_PATIENCE,
        }
    }
}

/// Why a spool is not sent any more.
#[derive(Debug, thiserror::Error)]
pub enum ShipError {
    /// The spool failed.
    #[error(transparent)]
    Spool(#[from] OutletError),
    /// Its files cannot be read.
    #[error("cannot read the spool: {0}")]
    Read(#[from] std::io::Error),
    /// It was told to stop, and the ledger did not seal everything in time; the next run goes on.
    #[error("stopped with {waiting} items that are not sealed; the next run sends them")]
    Unsealed {
        /// How many.
        waiting: u64,
    },
}

/// Sends until it is told to stop and everything is sealed, or time is up. A ledger that is away or
/// refuses is asked again for ever; `trouble` tells why.
///
/// # Errors
/// [`ShipError`].
pub async fn ship<U: Uplink>(
    (spool, patience): (&Spool, &Patience),
    uplink: &U,
    stop: CancellationToken,
    trouble: &watch::Sender<Option<String>>,
) -> Result<(), ShipError> {
    let mut shipper = Shipper {
        spool,
        uplink,
        trouble,
        retry: patience.retry,
        standing: spool.watch(),
        refused: BTreeMap::new(),
        counted: 0,
    };
    let waiting = || {
        let Standing { next, sealed, .. } = spool.standing();
        next.saturating_sub(sealed)
    };
    let out_of_patience = async {
        stop.cancelled().await;
        sleep(patience.stop).await;
    };
    tokio::select! {
        shipped = shipper.run(&stop) => shipped,
        () = out_of_patience => match waiting() {
            0 => Ok(()),
            waiting => Err(ShipError::Unsealed { waiting }),
        },
    }
}

struct Shipper<'a, U> {
    spool: &'a Spool,
    uplink: &'a U,
    trouble: &'a watch::Sender<Option<String>>,
    retry: Duration,
    standing: watch::Receiver<Standing>,
    /// Places whose events the ledger refuses for what they are, with the reason.
    refused: BTreeMap<u64, String>,
    /// Below this number it is counted what cannot be read.
    counted: u64,
}

/// Why one stream ended.
enum End {
    /// Everything is sealed and nothing more comes.
    Done,
    /// To be tried again.
    Trouble(UplinkError),
    Error(ShipError),
}

/// Why an item was not handed over.
enum Failure {
    Uplink(UplinkError),
    Sink(SinkError),
}

impl From<OutletError> for End {
    fn from(error: OutletError) -> Self {
        Self::Error(error.into())
    }
}

impl<U: Uplink> Shipper<'_, U> {
    async fn run(&mut self, stop: &CancellationToken) -> Result<(), ShipError> {
        loop {
            match self.stream(stop).await {
                Ok(()) | Err(End::Done) => return Ok(()),
                Err(End::Error(error)) => return Err(error),
                Err(End::Trouble(error)) => {
                    let told = Some(error.message.clone());
                    if *self.trouble.borrow() != told {
                        tracing::warn!(error = %error, "the ledger does not take the spool");
                        self.trouble.send_replace(told);
                    }
                    // A place that is passed is found out by asking again at once.
                    if error.reason == Some(Reason::SequencePassed) || self.retry.is_zero() {
                        tokio::task::yield_now().await;
                    } else {
                        sleep(self.retry).await;
                    }
                }
            }
        }
    }

    /// Finds out where to go on, and sends from there.
    async fn stream(&mut self, stop: &CancellationToken) -> Result<(), End> {
        let (mut reader, mut expected) = self.begin().await?;
        let mut sink = self.uplink.stream();
        let mut sent = VecDeque::new();
        let mut acknowledged = 0;
        loop {
            let end = self.standing.borrow_and_update().next;
            let (some, back) = read(reader, end).await?;
            reader = back;
            for placed in &some {
                self.passed_over(expected..placed.number);
                expected = placed.number.saturating_add(1);
                match self.send(&mut sink, placed, &mut sent).await {
                    Ok(()) => {}
                    Err(Failure::Uplink(error)) => return Err(End::Trouble(error)),
                    Err(Failure::Sink(error)) => {
                        self.heed(&sink, &mut acknowledged, &mut sent).await?;
                        return Err(self.failed(&error, &sent));
                    }
                }
            }
            self.heed(&sink, &mut acknowledged, &mut sent).await?;
            if !some.is_empty() {
                continue;
            }
            self.passed_over(expected..end);
            expected = expected.max(end);
            if sent.is_empty() && stop.is_cancelled() && self.standing.borrow().next == end {
                sink.close().await;
                return Err(End::Done);
            }
            tokio::select! {
                beyond = sink.acknowledged_beyond(acknowledged), if !sent.is_empty() => {
                    if let Err(error) = beyond {
                        self.heed(&sink, &mut acknowledged, &mut sent).await?;
                        return Err(self.failed(&error, &sent));
                    }
                }
                changed = self.standing.changed() => {
                    if changed.is_err() {
                        return Err(End::Done);
                    }
                }
                () = stop.cancelled(), if sent.is_empty() => {}
            }
            self.heed(&sink, &mut acknowledged, &mut sent).await?;
        }
    }

    /// Asks how far the queues in the spool are sealed, oldest first.
    async fn begin(&mut self) -> Result<(Reader, u64), End> {
        let Standing {
            mut sealed, next, ..
        } = self.spool.standing();
        while sealed < next {
            let reader = Reader::new(Arc::clone(&self.spool.dir), sealed);
            let (some, _reader) = read(reader, next).await?;
            let Some(first) = some.first() else {
                // What was not sealed cannot be read.
                self.passed_over(sealed..next);
                self.spool.sealed_to(next).await?;
                sealed = next;
                break;
            };
            let queue = first.sequence.queue;
            let known = self.uplink.sealed_of(queue).await.map_err(End::Trouble)?;
            self.trouble.send_replace(None);
            let known = first.base.saturating_add(known).min(next);
            if known <= first.number {
                break;
            }
            self.spool.sealed_to(known).await?;
            sealed = known;
        }
        Ok((Reader::new(Arc::clone(&self.spool.dir), sealed), sealed))
    }

    /// These places cannot be read; each is counted once, however often a stream begins anew.
    fn passed_over(&mut self, places: Range<u64>) {
        self.spool.lose(places.start.max(self.counted)..places.end);
        self.counted = self.counted.max(places.end);
    }

    async fn send(
        &self,
        sink: &mut U::Sink,
        placed: &Placed,
        sent: &mut VecDeque<u64>,
    ) -> Result<(), Failure> {
        let Placed {
            number,
            sequence,
            item,
            ..
        } = placed;
        let draft = match self.refused.get(number) {
            Some(why) => refused(why),
            None => {
                if let Some(blob) = &item.blob {
                    let put = self.uplink.put_blob(blob.clone()).await;
                    put.map_err(Failure::Uplink)?;
                }
                item.draft.clone()
            }
        };
        sent.push_back(*number);
        let handed = sink.send(draft.with_sequence(*sequence)).await;
        handed.map_err(Failure::Sink)
    }

    /// Takes in what was acknowledged.
    async fn heed(
        &self,
        sink: &U::Sink,
        acknowledged: &mut u64,
        sent: &mut VecDeque<u64>,
    ) -> Result<(), End> {
        let now = sink.acknowledged();
        let new = usize::try_from(now.saturating_sub(*acknowledged)).unwrap_or(usize::MAX);
        *acknowledged = now;
        if let Some(last) = sent.drain(..new.min(sent.len())).next_back() {
            self.spool.sealed_to(last.saturating_add(1)).await?;
            self.trouble.send_replace(None);
        }
        Ok(())
    }

    /// The stream ended. An event that is refused for what it is becomes a gap at its place.
    fn failed(&mut self, error: &SinkError, sent: &VecDeque<u64>) -> End {
        let error = uplink_error(error);
        if error.reason.is_some_and(is_about_the_event)
            && let Some(number) = sent.front()
        {
            tracing::error!(number, error = %error, "the ledger refuses an event of the spool");
            if self
                .refused
                .insert(*number, error.message.clone())
                .is_none()
            {
                self.spool.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
        End::Trouble(error)
    }
}

fn uplink_error(error: &SinkError) -> UplinkError {
    let reason = match error {
        SinkError::Stream(StreamError::Call { source, .. }) => source.reason(),
        SinkError::Stream(_) | SinkError::Write(_) | SinkError::Event(_) => None,
    };
    UplinkError {
        reason,
        message: error.to_string(),
    }
}

async fn read(mut reader: Reader, end: u64) -> Result<(Vec<Placed>, Reader), End> {
    let work = tokio::task::spawn_blocking(move || {
        let some = reader.read(end);
        (some, reader)
    });
    let (some, reader) = work
        .await
        .map_err(|error| End::Error(std::io::Error::other(error).into()))?;
    let some = some.map_err(|error| End::Error(error.into()))?;
    Ok((some, reader))
}

//! Follow: sealed entries from an index on, and each new one when it is sealed.
//!
//! One task serves a stream. It reads a batch, waits until the one before it is on its way, and
//! reads on; at the end of the log it waits for the next seal. A slow follower holds up its own
//! task only.

use std::sync::Arc;

use countersign_proto::v1;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tracing::Instrument as _;

use super::scan::{Bounds, Page, scan};
use crate::filter::Filter;
use crate::identity::peer::Peer;
use crate::limits::{
    FAREWELL, FOLLOW_AHEAD, FOLLOW_BYTES, FOLLOW_ENTRIES, FOLLOW_QUEUE, HEARTBEAT, SCAN_ENTRIES,
};
use crate::log::{Log, Sealed};
use crate::projections::BUNDLE_ENTRIES;
use crate::server::readers::{Readers, Reading};
use crate::server::seats::Seat;
use crate::server::{Standing, refuse, throttle};

/// Batches of a stream.
pub(super) type Batches = ReceiverStream<Result<v1::FollowResponse, Status>>;
type Out = mpsc::Sender<Result<v1::FollowResponse, Status>>;

/// What a stream works with.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) log: Arc<Log>,
    pub(super) peer: Arc<Peer>,
    pub(super) readers: Readers,
    pub(super) standing: Standing,
    pub(super) shutdown: CancellationToken,
}

/// Starts a stream. Must be called inside a tokio runtime.
pub(super) fn serve(
    context: Context,
    seat: Seat,
    filter: Filter,
    from: u64,
) -> Result<Batches, Status> {
    let sealed = context.log.watch_sealed();
    let limit = sealed.borrow().size.saturating_add(FOLLOW_AHEAD);
    if from > limit {
        return Err(refuse::index_out_of_range(
            "from_index",
            from,
            limit.saturating_add(1),
        ));
    }
    let (out, batches) = mpsc::channel(FOLLOW_QUEUE);
    let follower = Follower {
        context,
        filter: Arc::new(filter),
        sealed,
        out,
        next: from,
        caught_up: false,
        quiet_until: Instant::now() + HEARTBEAT,
        _seat: seat,
    };
    drop(tokio::spawn(follower.run().in_current_span()));
    Ok(ReceiverStream::new(batches))
}

#[derive(Debug)]
struct Follower {
    context: Context,
    filter: Arc<Filter>,
    sealed: watch::Receiver<Sealed>,
    out: Out,
    /// The cursor.
    next: u64,
    /// Whether the follower has heard of an end of the log: the first one is told, also when
    /// nothing before it matches.
    caught_up: bool,
    /// When the follower is to hear something again.
    quiet_until: Instant,
    _seat: Seat,
}

/// Why a stream ends.
#[derive(Debug)]
enum End {
    /// The follower is gone.
    Gone,
    Refused(Status),
}

/// What a stream waits for at the end of the log.
enum Word {
    Sealed,
    Quiet,
    /// Nothing more will be sealed.
    Closed,
    Shutdown,
    Gone,
    /// The client may not go on.
    Refused(Status),
}

impl Follower {
    async fn run(mut self) {
        let Err(end) = self.follow().await else {
            return;
        };
        if let End::Refused(status) = end {
            if let Some(unsaid) = throttle::may_tell() {
                let error = status.message();
                tracing::info!(error, next = self.next, unsaid, "follow stream ended");
            }
            // A follower that does not read is not waited for.
            drop(timeout(FAREWELL, self.out.send(Err(status))).await);
        }
    }

    async fn follow(&mut self) -> Result<(), End> {
        loop {
            self.context
                .standing
                .check(&self.context.peer)
                .map_err(End::Refused)?;
            let end = self.sealed.borrow_and_update().size;
            if self.next < end {
                let page = self.read(end).await?;
                self.next = page.next;
                let first_end = self.next >= end && !self.caught_up;
                self.caught_up |= first_end;
                if !page.entries.is_empty() || first_end || Instant::now() >= self.quiet_until {
                    self.send(page).await?;
                }
                continue;
            }
            match self.wait().await {
                Word::Sealed => {}
                Word::Quiet => {
                    let next = self.next;
                    let alive = Page {
                        next,
                        ..Page::default()
                    };
                    self.send(alive).await?;
                }
                Word::Closed | Word::Shutdown => {
                    return Err(End::Refused(refuse::shutting_down()));
                }
                Word::Gone => return Err(End::Gone),
                Word::Refused(status) => return Err(End::Refused(status)),
            }
        }
    }

    /// The next batch, which may be without a match.
    async fn read(&self, end: u64) -> Result<Page, End> {
        const BOUNDS: Bounds = Bounds {
            entries: FOLLOW_ENTRIES,
            bytes: FOLLOW_BYTES,
            scanned: SCAN_ENTRIES,
        };
        if self.context.shutdown.is_cancelled() {
            return Err(End::Refused(refuse::shutting_down()));
        }
        if self.out.is_closed() {
            return Err(End::Gone);
        }
        let (log, filter) = (Arc::clone(&self.context.log), Arc::clone(&self.filter));
        let range = self.next..end;
        let read =
            move || scan(&log, &filter, range, &BOUNDS).map_err(|error| refuse::lookup(&error));
        // The newest entries come to every follower at the same time, and are read at once.
        let reading = if end.saturating_sub(self.next) <= BUNDLE_ENTRIES {
            Reading::Short
        } else {
            Reading::Long
        };
        let client = self.context.peer.principal.as_str();
        let read = self.context.readers.run(client, reading, read).await;
        read.map_err(End::Refused)
    }

    async fn send(&mut self, page: Page) -> Result<(), End> {
        let batch = v1::FollowResponse {
            entries: page.entries,
            checkpoints: page.checkpoints,
            next_index: page.next,
        };
        tokio::select! {
            biased;
            () = self.context.shutdown.cancelled() => {
                return Err(End::Refused(refuse::shutting_down()));
            }
            sent = self.out.send(Ok(batch)) => sent.map_err(|_closed| End::Gone)?,
        }
        self.quiet_until = Instant::now() + HEARTBEAT;
        Ok(())
    }

    async fn wait(&mut self) -> Word {
        tokio::select! {
            biased;
            () = self.context.shutdown.cancelled() => Word::Shutdown,
            () = self.out.closed() => Word::Gone,
            changed = self.sealed.changed() => match changed {
                Ok(()) => Word::Sealed,
                Err(_) => Word::Closed,
            },
            () = sleep_until(self.quiet_until) => Word::Quiet,
            status = self.context.standing.lost(&self.context.peer) => Word::Refused(status),
        }
    }
}

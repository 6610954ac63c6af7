//! The one thread that writes a spool.

use std::collections::{BTreeMap, VecDeque};
use std::io;

use countersign_client::Draft;
use countersign_proto::v1;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use super::store::{Recovered, SpoolError, Store, Wrote};
use super::{Full, Standing};
use crate::limits::{FULL_RETRY, MARK_EVERY, SPOOL_BATCH};
use crate::outlet::{Item, Place};

/// What inputs hand over.
#[derive(Debug)]
pub(super) enum Put {
    Item(Box<Item>, OwnedSemaphorePermit),
    /// Answered when everything before it is on disk.
    Flush(oneshot::Sender<()>),
}

/// What was lost of one input while the spool was full.
#[derive(Debug, Default)]
struct Lost {
    events: u64,
    bytes: u64,
    /// Where the input was behind it. It becomes durable with the event that tells of the loss, so
    /// that nothing is told as lost and read again.
    place: Option<Place>,
}

#[derive(Debug)]
pub(super) struct Writer {
    store: Store,
    full: Full,
    puts: mpsc::Receiver<Put>,
    /// Below which number the ledger has sealed everything.
    sealed: mpsc::Receiver<u64>,
    standing: watch::Sender<Standing>,
    places: watch::Sender<BTreeMap<String, String>>,
    /// Items that wait to be written, with their room in the queue.
    waiting: VecDeque<(Item, Option<OwnedSemaphorePermit>)>,
    flushes: Vec<oneshot::Sender<()>>,
    /// By the name of the input; empty for what has no place.
    lost: BTreeMap<String, Lost>,
    dropped: u64,
    is_full: bool,
    is_disk_full: bool,
    /// Whether the disk had no room for the mark.
    is_unmarked: bool,
    /// When the mark is stored next, if something was sealed since.
    mark_at: Option<Instant>,
    marked: Instant,
    to_mark: u64,
}

type Opened = (
    Writer,
    watch::Receiver<Standing>,
    watch::Receiver<BTreeMap<String, String>>,
);

impl Writer {
    pub(super) fn new(
        store: Store,
        full: Full,
        (puts, sealed): (mpsc::Receiver<Put>, mpsc::Receiver<u64>),
    ) -> Opened {
        let standing = Standing {
            next: store.next(),
            sealed: store.sealed(),
            used_bytes: store.used(),
            ..Standing::default()
        };
        let (standing, watched) = watch::channel(standing);
        let (places, seen) = watch::channel(store.places().clone());
        let to_mark = store.sealed();
        let writer = Self {
            store,
            full,
            puts,
            sealed,
            standing,
            places,
            waiting: VecDeque::new(),
            flushes: Vec::new(),
            lost: BTreeMap::new(),
            dropped: 0,
            is_full: false,
            is_disk_full: false,
            is_unmarked: false,
            mark_at: None,
            marked: Instant::now(),
            to_mark,
        };
        (writer, watched, seen)
    }

    /// Starts the thread. What was found broken goes into the queue first.
    pub(super) fn start(mut self, recovered: &Recovered) -> Result<(), SpoolError> {
        for number in &recovered.broken {
            let reason = format!(
                "place {number} of the spool does not follow from the one before: its files were \
                 changed"
            );
            self.waiting
                .push_back((gap(reason, &Lost::default()), None));
        }
        if recovered.lost_at_end > 0 {
            let lost = Lost {
                events: recovered.lost_at_end,
                ..Lost::default()
            };
            let reason = "the end of the spool is missing".to_owned();
            self.waiting.push_back((gap(reason, &lost), None));
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(SpoolError::Thread)?;
        let work = move || runtime.block_on(self.run());
        let thread = std::thread::Builder::new().name("spool".to_owned());
        thread.spawn(work).map(drop).map_err(SpoolError::Thread)
    }

    async fn run(mut self) {
        if let Err(error) = self.work().await {
            tracing::error!(%error, "the spool cannot be written any more");
            self.standing
                .send_modify(|standing| standing.failed = Some(error.to_string()));
        }
    }

    /// Ends when every handle is gone and everything is written.
    async fn work(&mut self) -> io::Result<()> {
        loop {
            self.write()?;
            let retry = self.is_full.then(|| Instant::now() + FULL_RETRY);
            let wake = [retry, self.mark_at].into_iter().flatten().min();
            let takes = self.waiting.len() < SPOOL_BATCH && !(self.is_full && self.blocks());
            let mut some = Vec::new();
            tokio::select! {
                biased;
                sealed = self.sealed.recv() => match sealed {
                    Some(number) => self.seal(number)?,
                    None => return self.end(),
                },
                count = self.puts.recv_many(&mut some, SPOOL_BATCH), if takes => {
                    if count == 0 {
                        return self.end();
                    }
                    self.take(some);
                }
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {
                    if self.mark_at.is_some_and(|at| at <= Instant::now()) {
                        self.mark()?;
                    }
                }
            }
        }
    }

    fn blocks(&self) -> bool {
        self.full == Full::Block
    }

    fn take(&mut self, some: Vec<Put>) {
        for put in some {
            match put {
                Put::Item(item, room) => self.waiting.push_back((*item, Some(room))),
                Put::Flush(done) if self.waiting.is_empty() => {
                    done.send(()).ok();
                }
                // Written with what is before it; what comes behind does no harm.
                Put::Flush(done) => self.flushes.push(done),
            }
        }
    }

    /// Writes what waits, as far as there is room, and before it what was lost.
    fn write(&mut self) -> io::Result<()> {
        while !(self.waiting.is_empty() && self.lost.is_empty()) {
            let gaps: Vec<Item> = self.lost.iter().map(told).collect();
            let waiting = self.waiting.iter().take(SPOOL_BATCH);
            let waiting = waiting.map(|(item, _room)| item.clone());
            let batch: Vec<Item> = gaps.iter().cloned().chain(waiting).collect();
            match self.store.append(&batch)? {
                Wrote::Some(count) => {
                    for _gap in gaps.iter().take(count) {
                        self.lost.pop_first();
                    }
                    self.waiting.drain(..count.saturating_sub(gaps.len()));
                    self.fullness(None);
                }
                // What is sealed and not noted yet may be all the room there is to be had.
                Wrote::Full if self.to_mark.min(self.store.next()) > self.store.sealed() => {
                    self.mark()?;
                }
                full @ (Wrote::Full | Wrote::DiskFull) => {
                    self.fullness(Some(full));
                    if self.full == Full::Drop {
                        self.lose();
                    }
                    break;
                }
            }
        }
        self.tell();
        if self.waiting.is_empty() {
            for done in self.flushes.drain(..) {
                // Whoever asked may be gone.
                done.send(()).ok();
            }
        }
        Ok(())
    }

    fn lose(&mut self) {
        for (item, _room) in self.waiting.drain(..) {
            self.dropped += 1;
            let bytes = super::frame::size(&item);
            let input = item.place.as_ref().map(|place| place.input.clone());
            let lost = self.lost.entry(input.unwrap_or_default()).or_default();
            lost.events += 1;
            lost.bytes += u64::try_from(bytes).unwrap_or(0);
            lost.place = item.place.or(lost.place.take());
        }
    }

    fn fullness(&mut self, full: Option<Wrote>) {
        self.is_disk_full = full == Some(Wrote::DiskFull);
        if full.is_some() == self.is_full {
            return;
        }
        self.is_full = full.is_some();
        let used_bytes = self.store.used();
        match full {
            None => tracing::info!(used_bytes, "the spool has room again"),
            Some(Wrote::DiskFull) => tracing::warn!(
                used_bytes,
                "the disk of the spool is full; make room on it, then it goes on"
            ),
            Some(_) => tracing::warn!(used_bytes, "the spool is full"),
        }
    }

    /// The ledger has sealed everything below.
    fn seal(&mut self, number: u64) -> io::Result<()> {
        self.to_mark = self.to_mark.max(number);
        let next = self.marked + MARK_EVERY;
        // A full spool waits for nothing else.
        if self.is_full || next <= Instant::now() {
            return self.mark();
        }
        self.mark_at = Some(next);
        Ok(())
    }

    fn mark(&mut self) -> io::Result<()> {
        let is_marked = self.store.seal(self.to_mark)?;
        let now = Instant::now();
        self.marked = now;
        self.mark_at = (!is_marked).then(|| now + FULL_RETRY);
        if !is_marked && !self.is_unmarked {
            tracing::warn!(
                "the disk of the spool has no room to note what the ledger sealed; make room on \
                 it, until then no segment is removed"
            );
        }
        self.is_unmarked = !is_marked;
        self.tell();
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        let mut some = Vec::new();
        while let Ok(put) = self.puts.try_recv() {
            some.push(put);
        }
        self.take(some);
        self.write()?;
        self.mark()
    }

    fn tell(&self) {
        let (next, sealed) = (self.store.next(), self.store.sealed().max(self.to_mark));
        let (used_bytes, dropped, is_full) = (self.store.used(), self.dropped, self.is_full);
        self.standing.send_if_modified(|standing| {
            let now = Standing {
                next,
                sealed,
                used_bytes,
                dropped,
                is_full,
                is_disk_full: self.is_disk_full,
                lost: 0,
                failed: None,
            };
            let changed = *standing != now;
            *standing = now;
            changed
        });
        let places = self.store.places();
        self.places.send_if_modified(|known| {
            let changed = known != places;
            if changed {
                known.clone_from(places);
            }
            changed
        });
    }
}

/// The event that tells what was lost of an input, and the place behind it.
fn told((input, lost): (&String, &Lost)) -> Item {
    let reason = match input.as_str() {
        "" => "the spool was full".to_owned(),
        input => format!("the spool was full; these are of input {input}"),
    };
    Item {
        place: lost.place.clone(),
        ..gap(reason, lost)
    }
}

/// An event about what is missing in the queue.
fn gap(reason: String, lost: &Lost) -> Item {
    Item::new(Draft::new(&v1::SpoolGap {
        source: "spool".to_owned(),
        lost_events: lost.events,
        lost_bytes: lost.bytes,
        reason,
        first: None,
    }))
}

//! Receipts: of commits that just became durable, and of entries that are in the log already.

use std::sync::Arc;

use countersign_chain::checkpoint::{Checkpoint, SignedCheckpoint};
use countersign_chain::commit::Commit;
use countersign_chain::frame::Frame;
use countersign_chain::hash::{self, Hash};
use countersign_chain::key::VerifierKey;
use countersign_chain::record::Record;
use countersign_chain::time::UnixMicros;
use countersign_chain::verify;
use countersign_workflow::refusal::Refusal;

use super::entry::{Prover, Run, SubmitError};
use super::submit::Reply;
use crate::store::{LogStore, ReadError};

/// A run of the open commit, by place in the commit.
#[derive(Debug, Clone, Copy)]
pub(super) struct PendingRun {
    first_position: usize,
    place: usize,
    count: usize,
    repeated: bool,
}

impl PendingRun {
    pub(super) const fn one(position: usize, place: usize) -> Self {
        Self {
            first_position: position,
            place,
            count: 1,
            repeated: false,
        }
    }

    pub(super) const fn again(position: usize, place: usize) -> Self {
        Self {
            first_position: position,
            place,
            count: 1,
            repeated: true,
        }
    }

    /// Whether `next` goes on where this run ends, so that one receipt serves both.
    const fn continues(&self, next: &Self) -> bool {
        self.repeated == next.repeated
            && self.first_position + self.count == next.first_position
            && self.place + self.count == next.place
    }
}

/// Who waits for a commit.
#[derive(Debug)]
pub(super) struct Waiter {
    reply: Reply,
    pending: Vec<PendingRun>,
    ready: Vec<Run>,
    /// What is told instead of a receipt, when the entry that records it is durable.
    refusal: Option<Refusal>,
}

impl Waiter {
    pub(super) const fn new(reply: Reply) -> Self {
        Self {
            reply,
            pending: Vec::new(),
            ready: Vec::new(),
            refusal: None,
        }
    }

    /// Answers with a refusal, when there is one.
    pub(super) fn refuse(&mut self, refusal: Option<Refusal>) {
        self.refusal = refusal;
    }

    pub(super) fn pending(&mut self, run: PendingRun) {
        match self.pending.last_mut() {
            Some(last) if last.continues(&run) => last.count += run.count,
            _ => self.pending.push(run),
        }
    }

    pub(super) fn ready(&mut self, run: Run) {
        match self.ready.last_mut() {
            Some(last) if continues(last, &run) => {
                last.leaves.extend(run.leaves);
                last.time = run.time;
            }
            _ => self.ready.push(run),
        }
    }

    pub(super) const fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    pub(super) fn answer(self, result: Result<Vec<Run>, SubmitError>) {
        self.reply.send(result);
    }

    pub(super) fn answer_ready(mut self) {
        let ready = std::mem::take(&mut self.ready);
        self.answer(Ok(ready));
    }

    /// Answers from a commit that became durable.
    pub(super) fn answer_stored(
        mut self,
        commit: &Commit,
        (checkpoint, prover): (&Arc<SignedCheckpoint>, &Arc<Prover>),
    ) {
        if let Some(refusal) = self.refusal.take() {
            return self.answer(Err(SubmitError::refused(refusal)));
        }
        let mut runs = std::mem::take(&mut self.ready);
        for pending in &self.pending {
            let range = pending.place..pending.place + pending.count;
            let place = u64::try_from(pending.place).unwrap_or(u64::MAX);
            let last = commit.record(range.end.saturating_sub(1));
            let time = last.and_then(|record| Record::parse(record).ok());
            runs.push(Run {
                first_position: pending.first_position,
                first_index: commit.first().saturating_add(place),
                leaves: commit.leaves().get(range).unwrap_or_default().to_vec(),
                time: time.map_or(commit.head().time(), |record| record.time()),
                checkpoint: Arc::clone(checkpoint),
                repeated: pending.repeated,
                prover: Some(Arc::clone(prover)),
            });
        }
        runs.sort_by_key(|run| run.first_position);
        self.answer(Ok(runs));
    }
}

fn continues(last: &Run, next: &Run) -> bool {
    last.checkpoint.size() == next.checkpoint.size()
        && last.repeated == next.repeated
        && last.first_position + last.leaves.len() == next.first_position
        && last.size() == next.first_index
}

/// Why a stored entry could not be read back.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// The store says no.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The bytes are not what was written.
    #[error("the log is damaged near entry {index}: {why}")]
    Damaged {
        /// Where.
        index: u64,
        /// Why.
        why: String,
    },
}

/// Reads the frame that holds an entry and shows it.
pub(super) fn read_frame<T>(
    store: &dyn LogStore,
    index: u64,
    show: impl FnOnce(&Frame<'_>, &Record<'_>, usize) -> T,
) -> Result<T, LookupError> {
    let damaged = |why: String| LookupError::Damaged { index, why };
    let run = store.read(index, 1)?;
    let frame = run
        .frames()
        .next()
        .ok_or_else(|| damaged("no frame".to_owned()))?
        .map_err(|error| damaged(error.to_string()))?;
    let place = index
        .checked_sub(frame.first())
        .and_then(|place| usize::try_from(place).ok());
    let bytes = place.and_then(|place| frame.records().get(place)).copied();
    let record = bytes
        .ok_or_else(|| damaged("not in its frame".to_owned()))
        .and_then(|bytes| Record::parse(bytes).map_err(|error| damaged(error.to_string())))?;
    if record.index().get() != index {
        return Err(damaged(format!(
            "the record carries index {}",
            record.index()
        )));
    }
    Ok(show(&frame, &record, place.unwrap_or(0)))
}

/// Reads one record and shows it.
pub(super) fn read_record<T>(
    store: &dyn LogStore,
    index: u64,
    show: impl FnOnce(&Record<'_>) -> T,
) -> Result<T, LookupError> {
    read_frame(store, index, |_frame, record, _place| show(record))
}

/// The commit that was read last: entries that are looked up one after the other are read and
/// checked once.
#[derive(Debug, Default)]
pub(super) struct Shelf(Option<Page>);

#[derive(Debug)]
struct Page {
    first: u64,
    records: Vec<Vec<u8>>,
    leaves: Vec<Hash>,
    checkpoint: Arc<SignedCheckpoint>,
}

impl Page {
    fn read(store: &dyn LogStore, index: u64) -> Result<Self, LookupError> {
        let key = store.key();
        read_frame(store, index, |frame, _record, _place| {
            let checkpoint = Arc::new(covering(frame, &key)?);
            let records: Vec<Vec<u8>> = frame.records().iter().map(|r| r.to_vec()).collect();
            let leaves = records.iter().map(|record| hash::leaf(record)).collect();
            Ok(Self {
                first: frame.first(),
                records,
                leaves,
                checkpoint,
            })
        })?
        .map_err(|why| LookupError::Damaged { index, why })
    }

    fn place(&self, index: u64) -> Option<usize> {
        let place = usize::try_from(index.checked_sub(self.first)?).ok()?;
        (place < self.records.len()).then_some(place)
    }
}

impl Shelf {
    fn fetch(&mut self, store: &dyn LogStore, index: u64) -> Result<(&Page, usize), LookupError> {
        let page = match self.0.take().filter(|page| page.place(index).is_some()) {
            Some(page) => page,
            None => Page::read(store, index)?,
        };
        let page = self.0.insert(page);
        let place = page.place(index).unwrap_or(0);
        Ok((page, place))
    }

    /// The bytes of a record.
    pub(super) fn record(
        &mut self,
        store: &dyn LogStore,
        index: u64,
    ) -> Result<&[u8], LookupError> {
        let (page, place) = self.fetch(store, index)?;
        Ok(page.records.get(place).map_or(&[], Vec::as_slice))
    }

    /// The first receipt of an entry that is in the log. Its checkpoint was verified when the
    /// commit was read.
    pub(super) fn run(
        &mut self,
        store: &dyn LogStore,
        index: u64,
        position: usize,
    ) -> Result<Run, LookupError> {
        let (page, place) = self.fetch(store, index)?;
        let bytes = page.records.get(place).map_or(&[][..], Vec::as_slice);
        let time = Record::parse(bytes).map_or(UnixMicros::EPOCH, |record| record.time());
        Ok(Run {
            first_position: position,
            first_index: index,
            leaves: page.leaves.get(place).copied().into_iter().collect(),
            time,
            checkpoint: Arc::clone(&page.checkpoint),
            repeated: true,
            prover: None,
        })
    }
}

/// The verified checkpoint of a frame, after its records were checked.
pub(super) fn covering(frame: &Frame<'_>, key: &VerifierKey) -> Result<SignedCheckpoint, String> {
    verify::parse_records(frame).map_err(|fault| fault.to_string())?;
    let claimed = Checkpoint::peek(frame.note()).map_err(|error| error.to_string())?;
    if claimed.size != frame.size_after() {
        return Err(format!("checkpoint has size {}", claimed.size));
    }
    SignedCheckpoint::open(frame.note(), key).map_err(|error| error.to_string())
}

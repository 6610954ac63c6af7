//! The access cases of a log: what its entries made of them.
//!
//! Two states are kept. The sequencer decides on the newest one, which holds entries that are not
//! durable yet. Readers see the other, which the writer brings up to date when a commit is stored:
//! nobody is told of an approval that a crash could take back.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_chain::record::Record;
use countersign_chain::time::UnixMicros;
use countersign_proto::event::Known;
use countersign_workflow::apply::is_of_workflow;
use countersign_workflow::draft::EntryFacts;
use countersign_workflow::state::State;
use parking_lot::{MappedRwLockReadGuard, RwLock, RwLockReadGuard};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::open;
use super::sequences::Sequences;
use crate::limits::{REFUSALS_EACH, REFUSALS_WINDOW_MICROS};
use crate::store::{LogStore, ReadError};

const CLOCK_STEPPED: u16 = 5;

/// An entry that changes cases.
#[derive(Debug, Clone)]
pub(super) struct Applied {
    pub(super) index: u64,
    pub(super) time: UnixMicros,
    pub(super) case: u64,
    pub(super) actor: String,
    pub(super) via: String,
    pub(super) event: Known,
}

impl Applied {
    /// Takes the entry in. One that does not fit was not decided here: `verify` tells why.
    fn apply(&self, state: &mut State) {
        let entry = EntryFacts {
            index: self.index,
            time: self.time,
            case: self.case,
            actor: &self.actor,
            via: &self.via,
        };
        if let Err(error) = state.apply(&entry, &self.event) {
            let (index, case) = (self.index, self.case);
            tracing::error!(index, case, %error, "an entry does not fit its case");
        }
    }
}

/// The cases as readers see them: durable ones.
#[derive(Debug, Default)]
pub struct Cases(RwLock<Option<State>>);

impl Cases {
    /// The state; `None` while the log is being read after a start.
    #[must_use]
    pub fn read(&self) -> Option<MappedRwLockReadGuard<'_, State>> {
        RwLockReadGuard::try_map(self.0.read(), Option::as_ref).ok()
    }

    /// Takes in what became durable, and says so while readers wait.
    pub(super) fn publish(&self, events: &[Applied], durable: impl FnOnce()) {
        if events.is_empty() {
            // The lock orders a first state that is put here meanwhile.
            let _reading = self.0.read();
            return durable();
        }
        let mut state = self.0.write();
        if let Some(state) = state.as_mut() {
            for event in events {
                event.apply(state);
            }
        }
        durable();
    }
}

/// The sequencer's side of it.
#[derive(Debug)]
pub(super) struct Desk {
    cases: Arc<Cases>,
    newest: Option<State>,
    /// Entries of the open commit that change cases.
    open: Vec<Applied>,
    /// Entries that were placed while the log was read.
    missed: Vec<Applied>,
    /// How often callers were refused of late, in a way that is recorded.
    refusals: BTreeMap<String, (UnixMicros, u32)>,
}

impl Desk {
    pub(super) const fn new(cases: Arc<Cases>) -> Self {
        Self {
            cases,
            newest: None,
            open: Vec::new(),
            missed: Vec::new(),
            refusals: BTreeMap::new(),
        }
    }

    /// The state to decide on; `None` while the log is being read.
    pub(super) const fn state(&self) -> Option<&State> {
        self.newest.as_ref()
    }

    /// When something is due next.
    pub(super) fn next_due(&self) -> Option<UnixMicros> {
        self.newest.as_ref().and_then(State::next_due)
    }

    /// An entry was placed in the open commit.
    pub(super) fn placed(&mut self, event: Applied) {
        match &mut self.newest {
            Some(state) => event.apply(state),
            None => self.missed.push(event.clone()),
        }
        self.open.push(event);
    }

    /// What the commit that is handed over holds.
    pub(super) fn hand_over(&mut self) -> Vec<Applied> {
        std::mem::take(&mut self.open)
    }

    /// Nothing from this size on became durable.
    pub(super) fn take_back(&mut self, size: u64) {
        self.open.clear();
        self.missed.retain(|event| event.index < size);
        if self.newest.is_some() {
            self.newest = self.cases.read().map(|state| State::clone(&state));
        }
    }

    /// The log was read: decisions can be made.
    pub(super) fn begin(&mut self, mut state: State, accepted: impl FnOnce() -> u64) {
        let mut published = self.cases.0.write();
        let durable = accepted();
        let mut newest = state.clone();
        for event in std::mem::take(&mut self.missed) {
            event.apply(&mut newest);
            if event.index < durable {
                event.apply(&mut state);
            }
        }
        *published = Some(state);
        self.newest = Some(newest);
    }

    /// Whether one more refusal of this caller is recorded.
    pub(super) fn may_record(&mut self, actor: &str, now: UnixMicros) -> bool {
        let fresh =
            |since: UnixMicros| now.get() < since.get().saturating_add(REFUSALS_WINDOW_MICROS);
        self.refusals
            .retain(|_actor, (since, _count)| fresh(*since));
        let (_since, count) = self.refusals.entry(actor.to_owned()).or_insert((now, 0));
        *count = count.saturating_add(1);
        *count <= REFUSALS_EACH
    }
}

/// What a log tells from its first entry on.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The cases.
    pub(super) state: State,
    /// How far queues have come.
    pub(super) sequences: Sequences,
}

/// Reads the cases out of a log, up to the size that it has now, in a thread of its own.
pub(super) fn replay(
    name: &str,
    store: Arc<dyn LogStore>,
    stop: CancellationToken,
) -> std::io::Result<oneshot::Receiver<Told>> {
    let (done, state) = oneshot::channel();
    let size = store.head().head.size();
    let log = name.to_owned();
    let work = move || {
        let mut told = Told::default();
        match read(store.as_ref(), size, &stop, &mut told) {
            // The sequencer is gone when the log closes meanwhile.
            Ok(true) => drop(done.send(told)),
            Ok(false) => {}
            Err(error) => {
                tracing::error!(log, %error, "the cases cannot be read; run `countersign verify`");
            }
        }
    };
    std::thread::Builder::new()
        .name(format!("{name}-cases"))
        .spawn(work)?;
    Ok(state)
}

/// Whether all was read; not when the log stops.
fn read(
    store: &dyn LogStore,
    size: u64,
    stop: &CancellationToken,
    told: &mut Told,
) -> Result<bool, ReadError> {
    let mut next = 0;
    while next < size {
        if stop.is_cancelled() {
            return Ok(false);
        }
        next = open::walk_some(store, next, |record| {
            if record.index().get() < size {
                see(record, told);
            }
        })?;
    }
    Ok(true)
}

fn see(record: &Record<'_>, told: &mut Told) {
    let Told { state, sequences } = told;
    sequences.see_record(record);
    let kind = record.kind().get();
    if !is_of_workflow(kind) && kind != CLOCK_STEPPED {
        return;
    }
    match Known::decode(kind, record.payload()) {
        Ok(event) => Applied {
            index: record.index().get(),
            time: record.time(),
            case: record.case(),
            actor: record.actor().to_owned(),
            via: record.via().to_owned(),
            event,
        }
        .apply(state),
        Err(error) => {
            let index = record.index().get();
            tracing::error!(index, %error, "an entry cannot be read");
        }
    }
}

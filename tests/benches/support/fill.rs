//! Logs with many entries, made through the ledger's own sequencer and store.
//!
//! The entries are such that an index has something to hold: one of [`ACTORS`] actors at random
//! writes each, and seven of eight belong to one of the [`CASES`] newest cases, at random.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use countersign_chain::limits::MAX_COMMIT_ENTRIES;
use countersign_chain::principal::Principal;
use countersign_ledger::log::{Log, Mode, NewEntry};
use countersign_proto::event::Event;

use crate::random::Random;

/// Actors that take turns.
const ACTORS: u64 = 1_000;
/// Cases that are open at the same time; every sixteenth entry opens one.
const CASES: u64 = 1_024;
const ENTRIES_PER_CASE: u64 = 16;
/// Cases are taken from entries that are durable for certain, two commits before.
const DURABLE: u64 = 4_096;

/// Makes the event of the next entry.
pub(crate) type MakeEvent = fn(&mut Random) -> Event;

/// Makes entries that one client carries.
struct Maker {
    event: MakeEvent,
    actors: Vec<Principal>,
    via: Principal,
    random: Random,
}

impl Maker {
    fn new(writer: u64, event: MakeEvent) -> Self {
        let parse = |text: String| Principal::parse(&text).expect("a principal");
        let actors = (0..ACTORS).map(|n| parse(format!("agent:host-{n:04}")));
        Self {
            event,
            actors: actors.collect(),
            via: parse(format!("agent:bench-{writer}")),
            random: Random::new(1 + writer),
        }
    }

    /// An entry that will stand about there.
    fn entry(&mut self, index: u64) -> NewEntry {
        let actor = usize::try_from(self.random.below(ACTORS)).expect("small");
        let back = DURABLE + self.random.below(CASES * ENTRIES_PER_CASE);
        let opener = index.saturating_sub(back) / ENTRIES_PER_CASE * ENTRIES_PER_CASE;
        let case = if self.random.below(8) == 0 { 0 } else { opener };
        let (kind, payload) = (self.event)(&mut self.random)
            .into_parts()
            .expect("an event");
        NewEntry::new(kind, self.actors[actor].clone(), payload)
            .and_then(|entry| entry.via(self.via.clone()))
            .expect("small")
            .in_case(case)
    }
}

/// What a log needs to reach a size.
struct Task {
    log: Arc<Log>,
    size: u64,
    group: u64,
    event: MakeEvent,
    next: AtomicU64,
    bytes: AtomicU64,
}

impl Task {
    async fn write(&self, writer: u64) {
        let mut maker = Maker::new(writer, self.event);
        loop {
            let first = self.next.fetch_add(self.group, Ordering::Relaxed);
            if first >= self.size {
                return;
            }
            let indexes = first..self.size.min(first + self.group);
            let entries: Vec<_> = indexes.map(|index| maker.entry(index)).collect();
            let bytes: usize = entries.iter().map(NewEntry::record_len).sum();
            let pending = self.log.submit(entries, Mode::Each).await.expect("room");
            pending.accepted().await.expect("a healthy disk");
            let bytes = u64::try_from(bytes).expect("small");
            self.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
    }
}

/// Appends commits of exactly `group` entries until the log has `size`; returns the bytes of their
/// records. With the largest commits two clients take turns: one syncs while the next is made.
pub(crate) async fn fill(log: &Arc<Log>, size: u64, group: usize, event: MakeEvent) -> u64 {
    // Smaller ones of two clients would go into one commit.
    let writers = if group == MAX_COMMIT_ENTRIES { 2 } else { 1 };
    let task = Arc::new(Task {
        log: Arc::clone(log),
        size,
        group: u64::try_from(group).expect("small"),
        event,
        next: AtomicU64::new(log.accepted_size()),
        bytes: AtomicU64::new(0),
    });
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..writers {
        let task = Arc::clone(&task);
        tasks.spawn(async move { task.write(writer).await });
    }
    tasks.join_all().await;
    task.bytes.load(Ordering::Relaxed)
}

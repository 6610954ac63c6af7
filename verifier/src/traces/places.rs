//! Places of queues: every one stands once and in order, or an entry of the ledger says that it was
//! left out (docs/format.md, section 1).

use std::collections::HashMap;

use countersign_chain::record::Record;
use countersign_chain::sequence::{QueueId, Sequence};
use countersign_proto::v1;

use crate::finding::{Code, Findings};
use crate::walk::Checked;

/// Queues of one client that are remembered: as many as the ledger does (docs/format.md, section
/// 1), some 60 bytes each.
const MAX_QUEUES_EACH: usize = 4_096;
/// Runs of a commit that an entry may continue: as many clients take turns before a commit costs
/// more memory.
const MAX_TURNS: usize = 8;

/// Places that follow each other.
#[derive(Debug)]
pub(super) struct Run {
    actor: Box<str>,
    queue: QueueId,
    /// The first place.
    first: u64,
    /// How many.
    count: u64,
    /// The entry of the first one.
    index: u64,
    /// The entry of the last one.
    last: u64,
}

/// What a commit says of queues.
#[derive(Debug)]
pub(super) enum Place {
    /// These stand in it.
    Taken(Run),
    /// These were left out, the ledger says.
    Missing(Run),
}

/// Takes the place of an entry, when it has one.
pub(super) fn see(places: &mut Vec<Place>, record: &Record<'_>) {
    let Some(Sequence { queue, number }) = Sequence::of_key(record.idem()) else {
        return;
    };
    let index = record.index().get();
    for place in places.iter_mut().rev().take(MAX_TURNS) {
        let Place::Taken(run) = place else {
            break;
        };
        if run.queue == queue && *run.actor == *record.actor() {
            if run.first.checked_add(run.count) != Some(number) {
                break;
            }
            run.count = run.count.saturating_add(1);
            run.last = index;
            return;
        }
    }
    places.push(Place::Taken(Run {
        actor: record.actor().into(),
        queue,
        first: number,
        count: 1,
        index,
        last: index,
    }));
}

/// Takes what the ledger says was left out. What clients say of their own sources is no such word.
pub(super) fn see_gap(places: &mut Vec<Place>, record: &Record<'_>, gap: &v1::SpoolGap) {
    let Some(first) = gap.first.as_ref().filter(|_| record.actor() == "ledger") else {
        return;
    };
    let Some(queue) = QueueId::parse(&first.queue) else {
        return;
    };
    let index = record.index().get();
    places.push(Place::Missing(Run {
        actor: gap.source.as_str().into(),
        queue,
        first: first.number,
        count: gap.lost_events,
        index,
        last: index,
    }));
}

/// How far a queue has come.
#[derive(Debug, Clone, Copy)]
struct Last {
    next: u64,
    /// The entry of the newest place.
    index: u64,
    /// Damage that was met before it.
    losses: u64,
}

/// The queues of all clients.
#[derive(Debug, Default)]
pub(super) struct Places {
    clients: HashMap<Box<str>, HashMap<QueueId, Last>>,
    /// How often entries were lost: what they held is not known.
    losses: u64,
}

impl Places {
    /// Entries are lost from here on.
    pub(super) const fn lost(&mut self) {
        self.losses = self.losses.saturating_add(1);
    }

    /// Takes places of a queue.
    pub(super) fn take(&mut self, place: Place, findings: &mut Findings, checked: &mut Checked) {
        let (run, is_gap) = match place {
            Place::Taken(run) => (run, false),
            Place::Missing(run) => (run, true),
        };
        let count = if is_gap {
            &mut checked.places_missing
        } else {
            &mut checked.places
        };
        *count = count.saturating_add(run.count);
        let known = self.clients.get(&run.actor);
        let known = known.and_then(|queues| queues.get(&run.queue)).copied();
        let next = known.map_or(0, |last| last.next);
        let sure = known.map_or(0, |last| last.losses) == self.losses;
        judge(&run, is_gap, (next, sure), findings);
        let next = next.max(run.first.saturating_add(run.count));
        let last = Last {
            next,
            index: run.last,
            losses: self.losses,
        };
        self.remember(run, last);
    }

    /// Remembers a queue, and forgets the quietest one of a client that has too many: the ledger
    /// does the same, and begins it again from 0.
    fn remember(&mut self, run: Run, last: Last) {
        let queues = self.clients.entry(run.actor).or_default();
        queues.insert(run.queue, last);
        if queues.len() > MAX_QUEUES_EACH {
            let quietest = queues.iter().min_by_key(|(_queue, last)| last.index);
            if let Some(quietest) = quietest.map(|(queue, _last)| *queue) {
                queues.remove(&quietest);
            }
        }
    }
}

/// Compares a run with the place that comes next.
fn judge(run: &Run, is_gap: bool, (next, sure): (u64, bool), findings: &mut Findings) {
    let Run {
        actor,
        queue,
        first,
        index,
        ..
    } = run;
    let what = if is_gap { "is left out" } else { "stands here" };
    if *first < next {
        let text = format!(
            "entry {index}: place {first} of queue {queue} of {actor} {what}, and {next} comes next"
        );
        findings.add(Code::PlaceTwice, Some(*index), text);
    } else if *first > next && sure {
        let last = first.saturating_sub(1);
        let text = format!(
            "entry {index}: place {first} of queue {queue} of {actor} {what}, and no entry says \
             what became of {next} to {last}"
        );
        findings.add(Code::PlaceMissing, Some(*index), text);
    }
}

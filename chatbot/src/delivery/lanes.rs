//! Whose turn it is: one send at a time for each recipient, and pauses after failures.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;

use tokio::time::Instant;

use crate::delivery::who::Who;

/// Recipients with something to do.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    lanes: BTreeMap<Who, Lane>,
    ready: VecDeque<Who>,
    sleeping: BTreeSet<(Instant, Who)>,
    waiting: BTreeSet<(u64, Who)>,
}

#[derive(Debug)]
struct Lane {
    /// Cases in which something may be to do.
    cases: BTreeSet<u64>,
    /// The case that was looked at last: others come before it again, so that one that fails does
    /// not keep them back.
    last: u64,
    state: State,
    /// Failures in a row.
    failures: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Something can be sent.
    Ready,
    /// Something is being sent.
    Sending,
    /// It was sent; its entry has not been read yet.
    Waiting,
    /// Until a pause is over.
    Sleeping,
}

impl Lanes {
    /// Something may be to do for a recipient in a case.
    pub(super) fn want(&mut self, who: &Who, case: u64) {
        if let Some(lane) = self.lanes.get_mut(who) {
            lane.cases.insert(case);
            return;
        }
        let lane = Lane {
            cases: BTreeSet::from([case]),
            last: 0,
            state: State::Ready,
            failures: 0,
        };
        self.lanes.insert(who.clone(), lane);
        self.ready.push_back(who.clone());
    }

    /// The next recipient, and a case of theirs. One of the calls below has to follow.
    pub(super) fn next(&mut self) -> Option<(Who, u64)> {
        let who = self.ready.pop_front()?;
        let lane = self.lanes.get_mut(&who)?;
        let later = (Bound::Excluded(lane.last), Bound::Unbounded);
        let case = lane
            .cases
            .range(later)
            .next()
            .or_else(|| lane.cases.first());
        let case = *case?;
        lane.cases.remove(&case);
        lane.last = case;
        lane.state = State::Sending;
        Some((who, case))
    }

    /// There was nothing to do.
    pub(super) fn idle(&mut self, who: &Who) {
        self.release(who);
    }

    /// It was told, and the entry that says so has this index: nothing more goes to this recipient
    /// before it is read.
    pub(super) fn told(&mut self, who: &Who, index: u64) {
        if let Some(lane) = self.lanes.get_mut(who) {
            lane.failures = 0;
            lane.state = State::Waiting;
            self.waiting.insert((index, who.clone()));
        }
    }

    /// Everything below this index was read.
    pub(super) fn read(&mut self, next: u64) {
        while let Some((index, _)) = self.waiting.first()
            && *index < next
            && let Some((_, who)) = self.waiting.pop_first()
        {
            self.release(&who);
        }
    }

    /// Failures of a recipient in a row, this one included.
    pub(super) fn failures(&self, who: &Who) -> u32 {
        let lane = self.lanes.get(who);
        lane.map_or(1, |lane| lane.failures.saturating_add(1))
    }

    /// It failed and is tried again at this time.
    pub(super) fn failed(&mut self, who: &Who, case: u64, again: Instant) {
        if let Some(lane) = self.lanes.get_mut(who) {
            lane.failures = lane.failures.saturating_add(1);
            lane.cases.insert(case);
            lane.state = State::Sleeping;
            self.sleeping.insert((again, who.clone()));
        }
    }

    /// Wakes those whose pause is over.
    pub(super) fn wake(&mut self, now: Instant) {
        while let Some((again, _)) = self.sleeping.first()
            && *again <= now
            && let Some((_, who)) = self.sleeping.pop_first()
        {
            self.release(&who);
        }
    }

    /// When the next pause is over.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.sleeping.first().map(|(again, _)| *again)
    }

    /// Recipients with something to do, and those of them that pause after a failure.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.lanes.len(), self.sleeping.len())
    }

    fn release(&mut self, who: &Who) {
        let Some(lane) = self.lanes.get_mut(who) else {
            return;
        };
        if lane.cases.is_empty() {
            self.lanes.remove(who);
        } else if lane.state != State::Ready {
            lane.state = State::Ready;
            self.ready.push_back(who.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn who(name: &str) -> Who {
        Who::person(name).unwrap()
    }

    #[test]
    fn one_goes_at_a_time_and_nobody_waits_for_another() {
        let mut lanes = Lanes::default();
        for (name, case) in [("ada", 1), ("ada", 2), ("bo", 1)] {
            lanes.want(&who(name), case);
        }
        assert_eq!(lanes.next(), Some((who("ada"), 1)));
        assert_eq!(lanes.next(), Some((who("bo"), 1)));
        assert_eq!(lanes.next(), None);
        // Wanted again while it is sent.
        lanes.want(&who("ada"), 1);
        lanes.told(&who("ada"), 7);
        lanes.read(7);
        assert_eq!(lanes.next(), None, "entry 7 is not read yet");
        lanes.read(8);
        assert_eq!(lanes.next(), Some((who("ada"), 2)));
        lanes.idle(&who("ada"));
        assert_eq!(lanes.next(), Some((who("ada"), 1)));
        lanes.idle(&who("ada"));
        lanes.idle(&who("bo"));
        assert_eq!((lanes.next(), lanes.size()), (None, (0, 0)));
    }

    #[test]
    fn a_case_that_fails_does_not_keep_the_others_back() {
        let mut lanes = Lanes::default();
        let ada = who("ada");
        for case in [1, 2, 3] {
            lanes.want(&ada, case);
        }
        let now = Instant::now();
        let later = now + Duration::from_secs(1);
        let mut seen = Vec::new();
        for _ in 0..4 {
            let (_, case) = lanes.next().unwrap();
            seen.push(case);
            lanes.failed(&ada, case, later);
            assert_eq!((lanes.next(), lanes.next_wake()), (None, Some(later)));
            lanes.wake(now);
            assert_eq!(lanes.next(), None);
            lanes.wake(later);
        }
        assert_eq!(seen, [1, 2, 3, 1]);
        assert_eq!(lanes.failures(&ada), 5);
    }
}

//! Where in the log to look: what the projections know about a filter.

use std::collections::VecDeque;
use std::ops::Range;

use crate::filter::Filter;
use crate::limits::SCAN_BUNDLES;
use crate::log::Log;
use crate::projections::{BUNDLE_ENTRIES, Projections};

/// Stretches of a log that may hold entries that match a filter.
#[derive(Debug)]
pub(super) struct Candidates<'a> {
    /// `None` when every entry matches, or when there is nobody to ask.
    projections: Option<&'a Projections>,
    filter: &'a Filter,
    answer: Option<Answer>,
}

/// What the projections said last.
#[derive(Debug)]
struct Answer {
    bundles: VecDeque<u64>,
    /// Everything below this entry that matches is in one of the bundles.
    complete_to: u64,
}

impl<'a> Candidates<'a> {
    pub(super) fn new(log: &'a Log, filter: &'a Filter) -> Self {
        Self {
            projections: (!filter.is_empty()).then(|| log.projections()),
            filter,
            answer: None,
        }
    }

    /// The first stretch within `range` to read; empty, at its end, when nothing there can match.
    /// Blocks.
    pub(super) fn next(&mut self, mut range: Range<u64>) -> Range<u64> {
        let Some(projections) = self.projections else {
            return range;
        };
        loop {
            let known = self.answer.as_mut();
            if let Some(answer) = known.filter(|answer| range.start < answer.complete_to) {
                let stretch = answer.next(&range);
                if !stretch.is_empty() || stretch.start >= range.end {
                    return stretch;
                }
                // This answer is used up; another one may know what comes behind it.
                range.start = stretch.start;
            }
            self.answer = Answer::ask(projections, self.filter, range.start);
            if self
                .answer
                .as_ref()
                .is_none_or(|answer| answer.complete_to <= range.start)
            {
                // No index, or not as far: from here on everything has to be read.
                return range;
            }
        }
    }
}

impl Answer {
    fn ask(projections: &Projections, filter: &Filter, from: u64) -> Option<Self> {
        let (bundles, indexed) =
            projections.bundles(filter, from / BUNDLE_ENTRIES, SCAN_BUNDLES)?;
        Some(Self::new(bundles, indexed))
    }

    fn new(bundles: Vec<u64>, indexed: u64) -> Self {
        let complete_to = match bundles.last() {
            Some(last) if bundles.len() >= SCAN_BUNDLES => end_of(*last).min(indexed),
            _ => indexed,
        };
        Self {
            bundles: bundles.into(),
            complete_to,
        }
    }

    /// The first stretch of this answer within `range`; empty where the answer ends.
    fn next(&mut self, range: &Range<u64>) -> Range<u64> {
        let end = range.end.min(self.complete_to);
        while self
            .bundles
            .front()
            .is_some_and(|bundle| end_of(*bundle) <= range.start)
        {
            self.bundles.pop_front();
        }
        match self.bundles.front() {
            Some(bundle) => {
                let start = bundle
                    .saturating_mul(BUNDLE_ENTRIES)
                    .clamp(range.start, end);
                // Bundles that follow each other are read in one go.
                let neighbours = self.bundles.iter().zip(*bundle..);
                let last = neighbours
                    .take_while(|(found, next)| **found == *next)
                    .last();
                let until = last.map_or(end, |(_, last)| end_of(last));
                start..until.clamp(start, end)
            }
            None => end..end,
        }
    }
}

const fn end_of(bundle: u64) -> u64 {
    bundle.saturating_add(1).saturating_mul(BUNDLE_ENTRIES)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All stretches of an answer within a range.
    fn stretches(bundles: &[u64], indexed: u64, mut range: Range<u64>) -> Vec<Range<u64>> {
        let mut answer = Answer::new(bundles.to_vec(), indexed);
        let mut all = Vec::new();
        while range.start < answer.complete_to.min(range.end) {
            let stretch = answer.next(&range);
            range.start = stretch.end;
            all.push(stretch);
        }
        all.retain(|stretch| !stretch.is_empty());
        all
    }

    #[test]
    fn neighbouring_bundles_are_one_stretch() {
        let found = stretches(&[1, 2, 5], 2_560, 0..2_560);
        assert_eq!(found, [256..768, 1_280..1_536]);
    }

    #[test]
    fn stretches_stay_within_range_and_index() {
        let only = |found: Vec<Range<u64>>| (found.len(), found.first().cloned());
        let found = stretches(&[1, 2, 5], 2_560, 300..700);
        assert_eq!(only(found), (1, Some(300..700)));
        assert_eq!(
            stretches(&[1, 2, 5], 2_560, 300..1_300),
            [300..768, 1_280..1_300]
        );
        let found = stretches(&[1], 512, 300..10_000);
        assert_eq!(only(found), (1, Some(300..512)));
        assert!(stretches(&[], 512, 0..10_000).is_empty());
        assert!(stretches(&[1], 512, 512..10_000).is_empty());
    }

    #[test]
    fn a_full_answer_ends_with_its_last_bundle() {
        let limit = u64::try_from(SCAN_BUNDLES).expect("small");
        let bundles: Vec<u64> = (0..limit).map(|bundle| bundle * 2).collect();
        let answer = Answer::new(bundles, 1 << 30);
        assert_eq!(answer.complete_to, (limit * 2 - 1) * 256);
        let answer = Answer::new(vec![0], 1 << 30);
        assert_eq!(answer.complete_to, 1 << 30);
    }
}

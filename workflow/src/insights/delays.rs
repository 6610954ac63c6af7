//! How long each step of a case took.

use std::collections::BTreeMap;

use countersign_chain::time::UnixMicros;
use countersign_proto::v1::{self, Dimension, Step};

use super::story::Story;
use super::{Survey, number};
use crate::limits::MAX_INSIGHT_ROWS;

const MICROS_PER_MILLI: u64 = 1_000;

/// Durations of the steps of some cases, in microseconds.
#[derive(Debug, Default)]
struct Samples {
    cases: u64,
    steps: BTreeMap<Step, Vec<u64>>,
}

impl Samples {
    /// Takes a case in; with a group, its decisions are those of the group.
    fn add(&mut self, story: &Story, group: Option<&str>) {
        self.cases = self.cases.saturating_add(1);
        for (step, micros) in story.steps(group) {
            self.steps.entry(step).or_default().push(micros);
        }
    }

    fn delays(self) -> Vec<v1::Delay> {
        let steps = self.steps.into_iter();
        let delays = steps.map(|(step, mut micros)| {
            micros.sort_unstable();
            let millis = |percent| quantile(&micros, percent) / MICROS_PER_MILLI;
            v1::Delay {
                step: step.into(),
                cases: number(micros.len()),
                p50_millis: millis(50),
                p95_millis: millis(95),
                max_millis: millis(100),
            }
        });
        delays.collect()
    }
}

/// The value of the nearest rank in sorted values; 0 without any.
fn quantile(sorted: &[u64], percent: usize) -> u64 {
    let rank = sorted.len().saturating_mul(percent).div_ceil(100);
    let found = sorted.get(rank.saturating_sub(1));
    found.copied().unwrap_or(0)
}

impl Survey {
    /// How long each step took.
    #[must_use]
    pub fn delays(&self, by: &[Dimension]) -> v1::GetDelaysResponse {
        let mut all = Samples::default();
        for story in self.stories.values() {
            all.add(story, None);
        }
        v1::GetDelaysResponse {
            period: Some(self.period_told()),
            cases: all.cases,
            delays: all.delays(),
            breakdowns: by.iter().map(|by| self.breakdown(*by)).collect(),
            entries: self.entries,
        }
    }

    fn breakdown(&self, by: Dimension) -> v1::Breakdown {
        let mut rows: BTreeMap<String, Samples> = BTreeMap::new();
        for story in self.stories.values() {
            let group = |key: &str| (by == Dimension::Group).then(|| key.to_owned());
            for key in story.keys(by) {
                let group = group(&key);
                rows.entry(key).or_default().add(story, group.as_deref());
            }
        }
        let mut rows: Vec<_> = rows.into_iter().collect();
        if !matches!(by, Dimension::Weekday | Dimension::Hour) {
            rows.sort_by_key(|(_key, samples)| std::cmp::Reverse(samples.cases));
        }
        let left_off = number(rows.len().saturating_sub(MAX_INSIGHT_ROWS));
        let rows = rows.into_iter().take(MAX_INSIGHT_ROWS);
        v1::Breakdown {
            by: by.into(),
            rows: rows
                .map(|(key, samples)| v1::DelayRow {
                    key,
                    cases: samples.cases,
                    delays: samples.delays(),
                })
                .collect(),
            left_off,
        }
    }
}

impl Story {
    /// The values that a case has, each once.
    fn keys(&self, by: Dimension) -> Vec<String> {
        let owned = |names: &[std::sync::Arc<str>]| -> Vec<String> {
            names.iter().map(|name| String::from(&**name)).collect()
        };
        match by {
            Dimension::Unspecified => Vec::new(),
            Dimension::Group => owned(&self.groups),
            Dimension::Policy => owned(&self.policies),
            Dimension::Resource => vec![String::from(&*self.resource)],
            Dimension::Weekday => vec![self.weekday.to_string()],
            Dimension::Hour => vec![format!("{:02}", self.hour)],
        }
    }

    /// The steps that it has gone, in microseconds.
    fn steps(&self, group: Option<&str>) -> Vec<(Step, u64)> {
        let of_group = |decision: &&super::story::Decision| {
            group.is_none_or(|group| decision.group.as_deref() == Some(group))
        };
        let mut decisions = self.decisions.iter().filter(of_group);
        let first = decisions.next().map(|decision| decision.time);
        let last = decisions
            .next_back()
            .map(|decision| decision.time)
            .or(first);
        let agreed = self.agreed.and(last);
        let issued = self.issued.filter(|_| !self.scheduled);
        let asked = Some(self.opened).filter(|_| !self.break_glass);
        let ended = self.ended.map(|(time, _by)| time);
        let steps = [
            (Step::FirstDecision, between(asked, first)),
            (Step::Quorum, between(first, agreed)),
            (Step::Grant, between(agreed, issued)),
            (Step::Wait, between(asked, issued)),
            (Step::FirstUse, between(self.issued, self.first_use)),
            (Step::End, between(self.first_use, ended)),
        ];
        let gone = steps.into_iter();
        gone.filter_map(|(step, micros)| micros.map(|micros| (step, micros)))
            .collect()
    }
}

fn between(from: Option<UnixMicros>, to: Option<UnixMicros>) -> Option<u64> {
    Some(to?.get().saturating_sub(from?.get()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_nearest_rank() {
        let sorted: Vec<u64> = (1..=20).collect();
        for (percent, value) in [(0, 1), (5, 1), (50, 10), (95, 19), (96, 20), (100, 20)] {
            assert_eq!(quantile(&sorted, percent), value, "{percent} %");
        }
        assert_eq!(quantile(&[7], 50), 7);
        assert_eq!(quantile(&[], 50), 0);
    }
}

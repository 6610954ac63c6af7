//! What the log is told of a sink: trouble that lasts, its end, and what was put aside.
//!
//! A sink brings these entries, too, so they must not make more of themselves: at most one failure
//! and one count of what was put aside in each `every`, a recovery only after a failure that was
//! told, and nothing at all about entries that tell of sinks.

use countersign_chain::time::UnixMicros;
use countersign_proto::v1::SinkFailed;
use serde::{Deserialize, Serialize};

use super::config::ReportConfig;
use crate::limits::MAX_ERROR;

/// What the log was told, kept with the cursor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Told {
    /// When a failure was told last, in microseconds since 1970.
    failed_at: Option<u64>,
    /// Whether its end was not told yet.
    open: bool,
    /// Entries that were put aside since that was told last.
    aside: u64,
    /// The first of them.
    aside_first: u64,
    /// When that was told last.
    aside_at: Option<u64>,
    /// Why the last of them was put aside.
    aside_why: String,
}

/// Trouble that goes on.
#[derive(Debug, Clone)]
struct Trouble {
    since: u64,
    index: u64,
    tries: u32,
    why: String,
    /// Whether it is about more than entries that tell of sinks.
    counts: bool,
}

/// Decides what the log is told.
#[derive(Debug)]
pub(super) struct Reporter {
    sink: String,
    after: u64,
    every: u64,
    pub(super) told: Told,
    trouble: Option<Trouble>,
}

impl Reporter {
    pub(super) fn new(sink: &str, config: &ReportConfig, told: Told) -> Self {
        Self {
            sink: sink.to_owned(),
            after: config.after.micros(),
            every: config.every.micros(),
            told,
            trouble: None,
        }
    }

    /// A try has failed; `counts` unless all entries of it tell of sinks.
    pub(super) fn failed(&mut self, now: UnixMicros, index: u64, why: &str, counts: bool) {
        let trouble = self.trouble.get_or_insert_with(|| Trouble {
            since: now.get(),
            index,
            tries: 0,
            why: String::new(),
            counts,
        });
        trouble.tries = trouble.tries.saturating_add(1);
        trouble.counts |= counts;
        trouble.index = index;
        shorten(why).clone_into(&mut trouble.why);
    }

    /// Entries get through.
    pub(super) fn works(&mut self) {
        self.trouble = None;
    }

    /// What is in the way now.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.trouble.as_ref().map(|trouble| trouble.why.as_str())
    }

    /// An entry was put aside that does not tell of sinks.
    pub(super) fn put_aside(&mut self, index: u64, count: u64, why: &str) {
        if self.told.aside == 0 {
            self.told.aside_first = index;
        }
        self.told.aside = self.told.aside.saturating_add(count);
        shorten(why).clone_into(&mut self.told.aside_why);
    }

    /// What is to be told now, if anything. `next` is the cursor.
    pub(super) fn due(&self, now: UnixMicros, next: u64) -> Option<SinkFailed> {
        let now = now.get();
        let long_ago = |at: Option<u64>| at.is_none_or(|at| now.saturating_sub(at) >= self.every);
        let told = &self.told;
        let event = SinkFailed {
            sink: self.sink.clone(),
            put_aside: told.aside,
            ..SinkFailed::default()
        };
        match &self.trouble {
            Some(trouble) => {
                let lasts = now.saturating_sub(trouble.since) >= self.after;
                (trouble.counts && lasts && long_ago(told.failed_at)).then(|| SinkFailed {
                    index: trouble.index,
                    error: trouble.why.clone(),
                    attempt: trouble.tries,
                    ..event
                })
            }
            None if told.open => Some(SinkFailed {
                index: next,
                recovered: true,
                ..event
            }),
            None => (told.aside > 0 && long_ago(told.aside_at)).then(|| SinkFailed {
                index: told.aside_first,
                error: told.aside_why.clone(),
                attempt: 1,
                ..event
            }),
        }
    }

    /// The log was told this.
    pub(super) fn is_told(&mut self, now: UnixMicros, event: &SinkFailed) {
        if event.put_aside > 0 {
            self.told.aside = self.told.aside.saturating_sub(event.put_aside);
            self.told.aside_at = Some(now.get());
        }
        if event.recovered {
            self.told.open = false;
        } else if self.trouble.is_some() {
            self.told.failed_at = Some(now.get());
            self.told.open = true;
        }
    }
}

/// At most so many bytes, cut between characters; never empty, which would say that all is well.
fn shorten(why: &str) -> &str {
    let end = (0..=MAX_ERROR).rev().find(|end| why.is_char_boundary(*end));
    match end.and_then(|end| why.get(..end)).unwrap_or(why) {
        "" => "no reason given",
        why => why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    fn at(seconds: u64) -> UnixMicros {
        UnixMicros::new(seconds * SECOND).expect("a time")
    }

    fn reporter() -> Reporter {
        Reporter::new("siem", &ReportConfig::default(), Told::default())
    }

    #[test]
    fn trouble_is_told_when_it_lasts_then_each_hour_and_when_it_is_over() {
        let mut reporter = reporter();
        let mut told = Vec::new();
        for second in 0..2 * 3_600 + 120 {
            reporter.failed(at(second), 7, "no route", true);
            if let Some(event) = reporter.due(at(second), 7) {
                reporter.is_told(at(second), &event);
                told.push((second, event.attempt));
            }
        }
        assert_eq!(told, [(60, 61), (3_660, 3_661), (7_260, 7_261)]);
        reporter.works();
        let over = reporter.due(at(7_300), 9).expect("it is over");
        assert!(
            over.recovered && over.error.is_empty() && over.index == 9,
            "{over:?}"
        );
        reporter.is_told(at(7_300), &over);
        assert_eq!(reporter.due(at(7_400), 9), None);
    }

    #[test]
    fn what_passes_soon_is_not_told() {
        let mut reporter = reporter();
        for second in 0..3_600 {
            reporter.failed(at(second), 7, "busy", true);
            assert_eq!(reporter.due(at(second), 7), None);
            reporter.works();
            assert_eq!(reporter.due(at(second), 8), None);
        }
    }

    #[test]
    fn a_sink_that_comes_and_goes_is_told_of_twice_an_hour_at_most() {
        let mut reporter = reporter();
        let mut told = 0;
        for second in 0..3_600 {
            reporter.failed(at(second), 7, "no route", true);
            if second % 120 == 119 {
                reporter.works();
            }
            if let Some(event) = reporter.due(at(second), 7) {
                reporter.is_told(at(second), &event);
                told += 1;
            }
        }
        assert_eq!(told, 2, "a failure and its end");
    }

    #[test]
    fn entries_that_tell_of_sinks_make_no_more_of_them() {
        let mut reporter = reporter();
        for second in 0..7_200 {
            reporter.failed(at(second), 7, "refuses its own failures", false);
            assert_eq!(reporter.due(at(second), 7), None);
        }
        reporter.failed(at(7_200), 7, "and now others", true);
        assert!(reporter.due(at(7_200), 7).is_some());
    }

    #[test]
    fn what_was_put_aside_is_counted_and_told_at_most_each_hour() {
        let mut reporter = reporter();
        let mut told = Vec::new();
        for second in 0..7_300 {
            reporter.put_aside(second, 1, "too large");
            if let Some(event) = reporter.due(at(second), second) {
                reporter.is_told(at(second), &event);
                told.push((event.index, event.put_aside));
            }
        }
        assert_eq!(told, [(0, 1), (1, 3_600), (3_601, 3_600)]);
    }

    #[test]
    fn an_error_is_cut_between_characters() {
        assert_eq!(shorten("no route"), "no route");
        assert_eq!(shorten(""), "no reason given");
        let long = "ä".repeat(MAX_ERROR);
        assert_eq!(shorten(&long).len(), MAX_ERROR);
        assert_eq!(shorten(&format!("a{long}")).len(), MAX_ERROR - 1);
    }
}

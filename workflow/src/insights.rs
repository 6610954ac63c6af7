//! How access went, so that a policy can be refined: read from entries, and from nothing else.
//!
//! A [`Survey`] takes in the entries of a period and what came after, and tells of the cases that
//! were opened in that period: how long each step took, and what came of them. [`issues`] says what
//! waits for somebody in a case that is open.

mod activity;
mod delays;
mod issue;
mod story;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use countersign_chain::time::UnixMicros;
use countersign_proto::event::Known;
use countersign_proto::v1;

use self::story::Story;
use crate::draft::EntryFacts;
use crate::limits::MAX_SURVEYED;
use crate::wire;

pub use issue::issues;

/// The kinds of entries that a survey looks at.
pub const KINDS: [u16; 23] = [
    20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 34, 35, 36, 37, 38, 39, 60, 64, 81, 83,
];

/// More cases were opened in a period than a survey holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected at most {MAX_SURVEYED} cases in the period, and there are more")]
pub struct TooManyCases;

/// What is known of the cases that were opened in a period.
#[derive(Debug)]
pub struct Survey {
    period: Range<UnixMicros>,
    names: Names,
    /// By the index of the entry that opened them.
    stories: BTreeMap<u64, Story>,
    /// Refused attempts, by reason code.
    refusals: BTreeMap<Arc<str>, u64>,
    entries: u64,
}

/// Texts that many cases share, each once.
#[derive(Debug, Default)]
struct Names(BTreeSet<Arc<str>>);

impl Names {
    fn get(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        self.0.insert(Arc::clone(&new));
        new
    }
}

impl Survey {
    /// A survey of the cases that are opened in a period.
    #[must_use]
    pub fn new(period: Range<UnixMicros>) -> Self {
        Self {
            period,
            names: Names::default(),
            stories: BTreeMap::new(),
            refusals: BTreeMap::new(),
            entries: 0,
        }
    }

    /// Takes an entry in. They come in order, from the begin of the period to the end of the log:
    /// what came of a case may be behind the period.
    ///
    /// # Errors
    /// [`TooManyCases`] when the period is too long for this log.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "most kinds belong to a case that is known, or do not matter"
    )]
    pub fn see(&mut self, entry: &EntryFacts<'_>, event: &Known) -> Result<(), TooManyCases> {
        self.entries = self.entries.saturating_add(1);
        let in_period = self.period.contains(&entry.time);
        match event {
            Known::AccessRequested(_) | Known::BreakGlassInvoked(_) if in_period => {
                if self.stories.len() >= MAX_SURVEYED {
                    return Err(TooManyCases);
                }
                if let Some(story) = Story::open(entry, event, &mut self.names) {
                    self.stories.insert(entry.index, story);
                }
            }
            Known::ActionRefused(refused) if in_period => {
                let count = self.refusals.entry(self.names.get(&refused.code));
                let count = count.or_insert(0);
                *count = count.saturating_add(1);
            }
            _ => {
                if let Some(story) = self.stories.get_mut(&entry.case) {
                    story.see(entry, event, &mut self.names);
                }
            }
        }
        Ok(())
    }

    /// When the cases were opened.
    #[must_use]
    pub const fn period(&self) -> &Range<UnixMicros> {
        &self.period
    }

    fn period_told(&self) -> v1::Period {
        v1::Period {
            since: Some(wire::timestamp(self.period.start)),
            until: Some(wire::timestamp(self.period.end)),
        }
    }
}

/// How many there are.
fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

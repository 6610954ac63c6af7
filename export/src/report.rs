//! A report of a period for auditors: who accessed what, when, why and by whose leave; what stands
//! out; and where that helps with which control.
//!
//! It is read out of entries and says nothing that they do not.

mod controls;
mod json;
mod page;

use std::sync::Arc;

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::time::UnixMicros;
use countersign_proto::event::Known;
use countersign_proto::reading::text::rfc3339;

use crate::story::{Exception, Story};

/// A period and what happened in it.
#[derive(Debug)]
pub struct Report {
    /// From when, inclusive.
    pub since: UnixMicros,
    /// Until when, exclusive.
    pub until: UnixMicros,
    /// Cases that were opened, decided, used or closed in the period, as they stood at its end, in
    /// order of their numbers.
    pub cases: Vec<Story>,
    /// What happened to the log itself, to its policy, and to what was read out of it.
    pub log: Vec<Act>,
    /// What stands out in entries that belong to no case, such as attempts that were refused.
    pub exceptions: Vec<Exception>,
    /// The log as it was read.
    pub checkpoint: Arc<SignedCheckpoint>,
}

/// An entry that belongs to no case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// Its index.
    pub index: u64,
    /// When.
    pub at: UnixMicros,
    /// Name of its kind.
    pub name: &'static str,
    /// Who did it.
    pub actor: String,
    /// In words.
    pub words: String,
}

/// Numbers for the head of the report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Cases.
    pub cases: usize,
    /// Cases in which access was given.
    pub granted: usize,
    /// Cases in which it was taken, to be looked at afterwards.
    pub break_glass: usize,
    /// Sessions.
    pub sessions: usize,
    /// Commands in them.
    pub commands: usize,
    /// Things that stand out.
    pub exceptions: usize,
}

/// Kinds that a report is made of: whatever belongs to cases, and [`is_of_log`].
#[must_use]
pub fn kinds() -> Vec<u16> {
    let all = countersign_proto::event::kinds().map(|(kind, _)| kind);
    all.filter(|kind| (20..=39).contains(kind) || *kind == 41 || (60..=84).contains(kind))
        // Parts of recordings are many, and say nothing to a reader.
        .filter(|kind| *kind != 62)
        .chain(OF_LOG)
        .collect()
}

/// Kinds that are told although they belong to no case: 1 and 2 opened and recovered, 5 to 10
/// clock, disk, stop, certificates and policy, 120 and 121 exports and reports, 141 gaps.
const OF_LOG: [u16; 11] = [1, 2, 5, 6, 7, 8, 9, 10, 120, 121, 141];

/// Whether an event is told as an act on the log: also where it belongs to a case.
#[must_use]
pub fn is_of_log(event: &Known) -> bool {
    OF_LOG.contains(&event.kind()) || matches!(event, Known::RecordingViewed(_))
}

impl Report {
    /// The numbers of its head.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts {
            cases: self.cases.len(),
            exceptions: self.exceptions.len(),
            ..Counts::default()
        };
        for case in &self.cases {
            let commands: usize = case.sessions.iter().map(|it| it.commands.len()).sum();
            counts.granted = counts
                .granted
                .saturating_add(usize::from(case.granted.is_some()));
            let broken = usize::from(case.asked.break_glass);
            counts.break_glass = counts.break_glass.saturating_add(broken);
            counts.sessions = counts.sessions.saturating_add(case.sessions.len());
            counts.commands = counts.commands.saturating_add(commands);
            counts.exceptions = counts.exceptions.saturating_add(case.exceptions.len());
        }
        counts
    }

    /// A page that needs nothing else to be read.
    #[must_use]
    pub fn html(&self) -> String {
        page::html(self)
    }

    /// One JSON object.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        json::object(self)
    }

    fn period(&self) -> String {
        format!("{} to {}", rfc3339(self.since), rfc3339(self.until))
    }
}

//! An entry, as far as delivery looks at it.

use countersign_chain::time::UnixMicros;
use countersign_client::Entry;
use countersign_proto::event::{Known, kinds};
use countersign_workflow::draft::EntryFacts;

/// An entry of a kind that this version knows.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// Its index.
    pub index: u64,
    /// Its time.
    pub time: UnixMicros,
    /// Index of the entry that opened its case; 0 for none.
    pub case: u64,
    /// Who acted.
    pub actor: String,
    /// What happened.
    pub event: Known,
}

impl Fact {
    /// None for a kind that this version does not know.
    #[must_use]
    pub fn of(entry: &Entry) -> Option<Self> {
        Some(Self {
            index: entry.index(),
            time: entry.time(),
            case: entry.case(),
            actor: entry.actor().to_owned(),
            event: entry.known().ok()?,
        })
    }

    pub(super) fn place(&self) -> EntryFacts<'_> {
        EntryFacts {
            index: self.index,
            time: self.time,
            case: self.case,
            actor: &self.actor,
            via: "",
        }
    }

    /// The policy by which the case that this opens is judged.
    #[must_use]
    #[expect(clippy::wildcard_enum_match_arm, reason = "two kinds open a case")]
    pub const fn policy(&self) -> Option<u64> {
        match &self.event {
            Known::AccessRequested(event) => Some(event.policy),
            Known::BreakGlassInvoked(event) => Some(event.policy),
            _ => None,
        }
    }
}

/// Kinds that delivery follows: clocks, policies, cases and what was made for them, whose account
/// is whose, and what was told. What sessions showed, and what was refused, is nobody's news.
pub(super) fn followed() -> Vec<u16> {
    let kinds = kinds().map(|(kind, _)| kind);
    let cases = |kind| matches!(kind, 20..=36 | 38..=41 | 60 | 63 | 64 | 80..=84);
    let ours = kinds.filter(|kind| cases(*kind) || matches!(kind, 5 | 10 | 100 | 101));
    ours.collect()
}

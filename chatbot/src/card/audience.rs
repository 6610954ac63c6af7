//! Who looks at a card.

use std::collections::BTreeSet;

use crate::card::name::Name;

/// The reader and the reader's part. A card offers what the part allows; the ledger decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// Whoever asked.
    Requester(Name),
    /// Somebody who may decide.
    Reviewer {
        /// Who.
        person: Name,
        /// For which groups, own or in somebody's place.
        groups: BTreeSet<Name>,
    },
    /// Everyone in the channel of groups that may decide. The ledger judges whoever clicks.
    Channel {
        /// The groups.
        groups: BTreeSet<Name>,
    },
    /// Anyone else, and every other channel: what many see offers nothing that only one may do.
    Onlooker,
}

impl Audience {
    /// The word for the part.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Requester(_) => "requester",
            Self::Reviewer { .. } => "reviewer",
            Self::Channel { .. } => "channel",
            Self::Onlooker => "onlooker",
        }
    }
}

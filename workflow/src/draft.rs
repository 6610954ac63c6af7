//! Events on their way to become entries.

use countersign_chain::time::UnixMicros;
use countersign_proto::event::Known;

/// Who an entry names as its actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Who gave the command.
    Caller,
    /// The ledger, by its rules.
    Ledger,
}

/// An event that was decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Index of the entry that opened its case, its own when it opens one; 0 for none.
    pub case: u64,
    /// Who acts.
    pub by: By,
    /// What happens.
    pub event: Known,
}

/// Where and when the next entry will stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    /// Its time.
    pub time: UnixMicros,
    /// Its index.
    pub index: u64,
}

/// An entry, as far as the workflow looks at it.
#[derive(Debug, Clone, Copy)]
pub struct EntryFacts<'a> {
    /// Its index.
    pub index: u64,
    /// Its time.
    pub time: UnixMicros,
    /// Index of the entry that opened its case; 0 for none.
    pub case: u64,
    /// Who acted.
    pub actor: &'a str,
    /// Who carried it; empty when it is the actor.
    pub via: &'a str,
}

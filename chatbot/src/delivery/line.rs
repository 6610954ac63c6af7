//! What one recipient was told of one case, and what is still to be told.

use std::collections::BTreeSet;

use countersign_chain::time::UnixMicros;

use crate::delivery::told::Part;
use crate::limits::RESTING;
use crate::surface::Place;

/// The message that is kept up to date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) place: Place,
    /// SHA-256 of the card that it shows.
    pub(super) digest: Vec<u8>,
}

/// A recipient in a case. It changes by entries only, but for `absent`.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) part: Part,
    /// The newest entry that this recipient is shown, and when that was.
    pub(super) newest: (u64, UnixMicros),
    /// Entries that need a new message.
    pub(super) calls: BTreeSet<u64>,
    /// The newest entry that was told.
    told: u64,
    pub(super) standing: Option<Standing>,
    /// Messages that a newer one has taken the place of, which still have their buttons.
    pub(super) resting: Vec<Place>,
    /// Whether a failure was written since something was told.
    pub(super) failed: bool,
    /// Whether the platform has no account of theirs.
    pub(super) absent: bool,
}

impl PartialEq for Line {
    fn eq(&self, other: &Self) -> bool {
        let facts = |line: &Self| (line.newest, line.told, line.failed);
        facts(self) == facts(other)
            && self.part == other.part
            && self.calls == other.calls
            && self.standing == other.standing
            && self.resting == other.resting
    }
}

/// What is to be done for a recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Need {
    /// A new message.
    Post,
    /// The buttons of an older message are to go.
    Rest(Place),
    /// The message is to be brought up to date.
    Update(Place),
}

impl Line {
    pub(super) fn new(part: Part, time: UnixMicros) -> Self {
        Self {
            part,
            newest: (0, time),
            calls: BTreeSet::new(),
            told: 0,
            standing: None,
            resting: Vec::new(),
            failed: false,
            absent: false,
        }
    }

    /// An entry that this recipient is shown.
    pub(super) fn happens(&mut self, at: (u64, UnixMicros), call: bool) {
        self.newest = at;
        if call {
            self.calls.insert(at.0);
        }
    }

    /// A message was posted that takes entries up to this one into account.
    pub(super) fn posted(&mut self, about: u64, standing: Standing) {
        if let Some(old) = self.standing.replace(standing) {
            self.resting.push(old.place);
            // The oldest is left as it is: the ledger judges its buttons, too.
            if self.resting.len() > RESTING {
                self.resting.remove(0);
            }
        }
        self.heard(about);
    }

    /// A message was brought up to date.
    pub(super) fn updated(&mut self, about: u64, shown: Standing) {
        match &mut self.standing {
            Some(standing) if standing.place == shown.place => {
                standing.digest = shown.digest;
                self.heard(about);
            }
            Some(_) | None => self.resting.retain(|place| *place != shown.place),
        }
    }

    /// Telling failed; for good when it is given up.
    pub(super) fn failed(&mut self, about: u64, given_up: bool) {
        self.failed = true;
        if !given_up {
            return;
        }
        // Whatever needed a new message was to be told in one. Otherwise the one that stood there
        // is gone.
        if self.calls.first().is_none_or(|first| *first > about) {
            self.standing = None;
        }
        self.heard(about);
    }

    fn heard(&mut self, about: u64) {
        self.told = self.told.max(about);
        self.calls.retain(|call| *call > about);
        self.failed = false;
    }

    /// What is to be done next.
    pub(super) fn need(&self) -> Option<Need> {
        if self.absent {
            return None;
        }
        if !self.calls.is_empty() {
            return Some(Need::Post);
        }
        if let Some(place) = self.resting.first() {
            return Some(Need::Rest(place.clone()));
        }
        let stale = self.newest.0 > self.told;
        let standing = self.standing.as_ref().filter(|_| stale)?;
        Some(Need::Update(standing.place.clone()))
    }

    /// The entry that the messages of this recipient have come to.
    pub(super) const fn told(&self) -> u64 {
        self.told
    }
}

//! What entries say about entries that come later: whose access a case is about.
//!
//! `GrantExpired` holds the number of a grant and no more; a SIEM wants the person, too. The first
//! entry of a case names them, so a caller shows every entry to a [`Context`] in order. An export
//! that begins in the middle of a case has not seen that entry: then the person is `unknown`, and
//! the number of the case still leads there.

use std::collections::{HashMap, VecDeque};

use countersign_proto::event::{Kinded, Known};
use countersign_proto::v1;

use crate::item::Item;
use crate::limits::{CONTEXT_BYTES, CONTEXT_CASES};

/// Whose access to what a case is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parties {
    /// Who asked.
    pub person: String,
    /// For what.
    pub resource: String,
    /// What is to be allowed there.
    pub permission: String,
}

impl Parties {
    fn bytes(&self) -> usize {
        let texts = [&self.person, &self.resource, &self.permission];
        texts
            .iter()
            .fold(0, |sum, text| text.len().saturating_add(sum))
    }
}

/// The parties of the newest cases; at most `CONTEXT_CASES` of them and `CONTEXT_BYTES` of text.
/// The oldest ones are forgotten first.
#[derive(Debug, Default)]
pub struct Context {
    cases: HashMap<u64, Parties>,
    order: VecDeque<u64>,
    bytes: usize,
}

impl Context {
    /// Nothing seen yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether entries of a kind name the parties of a case.
    #[must_use]
    pub const fn learns_from(kind: u16) -> bool {
        matches!(
            kind,
            v1::AccessRequested::KIND | v1::BreakGlassInvoked::KIND | v1::GrantIssued::KIND
        )
    }

    /// Learns from an entry. Entries are shown in order of their index.
    pub fn see(&mut self, item: &Item<'_>) {
        let parties = match &item.event {
            Ok(Known::AccessRequested(event)) => {
                [&event.person, &event.resource, &event.permission]
            }
            Ok(Known::BreakGlassInvoked(event)) => {
                [&event.person, &event.resource, &event.permission]
            }
            // It names them, too, for those who begin behind the request.
            Ok(Known::GrantIssued(event)) => [&event.person, &event.resource, &event.permission],
            _ => return,
        };
        let [person, resource, permission] = parties.map(String::to_owned);
        let parties = Parties {
            person,
            resource,
            permission,
        };
        let case = item.record.case();
        if case == 0 {
            return;
        }
        if !self.cases.contains_key(&case) {
            self.bytes = self.bytes.saturating_add(parties.bytes());
            self.cases.insert(case, parties);
            self.order.push_back(case);
        }
        while self.order.len() > CONTEXT_CASES || self.bytes > CONTEXT_BYTES {
            let oldest = self.order.pop_front();
            let Some(parties) = oldest.and_then(|case| self.cases.remove(&case)) else {
                return;
            };
            self.bytes = self.bytes.saturating_sub(parties.bytes());
        }
    }

    /// The parties of the case that an entry belongs to; `None` when its start was not seen, or is
    /// forgotten.
    #[must_use]
    pub fn parties(&self, item: &Item<'_>) -> Option<&Parties> {
        self.cases.get(&item.record.case())
    }
}

//! A filter as the index looks for it.

use super::BUNDLE_ENTRIES;
use super::bundle::{Span, Summary, Term};
use crate::filter::Filter;

/// A filter in the words of the index.
#[derive(Debug)]
pub(super) struct Plan {
    /// Term, and the bundle of the entry that opened the case.
    pub(super) case: Option<(Term, u64)>,
    pub(super) actor: Option<Term>,
    pub(super) kinds: Vec<Term>,
    pub(super) since: Option<u64>,
    pub(super) until: Option<u64>,
}

impl Plan {
    pub(super) fn new(filter: &Filter) -> Self {
        Self {
            // Entries without a case are not indexed by it.
            case: filter
                .case
                .filter(|case| *case != 0)
                .map(|case| (Term::case(case), case / BUNDLE_ENTRIES)),
            actor: filter.actor.as_deref().map(Term::actor),
            kinds: filter.kinds.iter().map(|kind| Term::kind(*kind)).collect(),
            since: filter.since,
            until: filter.until,
        }
    }

    pub(super) fn may_hold_at(&self, span: Span) -> bool {
        self.since.is_none_or(|since| span.max >= since)
            && self.until.is_none_or(|until| span.min < until)
    }

    pub(super) fn surely_holds_at(&self, span: Span) -> bool {
        self.since.is_none_or(|since| span.min >= since)
            && self.until.is_none_or(|until| span.max < until)
    }

    pub(super) fn holds(&self, summary: &Summary) -> bool {
        let has = |term: &Term| summary.terms.binary_search(term).is_ok();
        self.case
            .is_none_or(|(case, opener)| has(&case) || summary.number == opener)
            && self.actor.as_ref().is_none_or(has)
            && (self.kinds.is_empty() || self.kinds.iter().any(has))
            && self.may_hold_at(summary.span)
    }
}

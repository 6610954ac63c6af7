//! What the index knows of one bundle.

use std::collections::BTreeSet;

use countersign_chain::hash::{self, Hash};
use countersign_chain::record::Record;

use super::BUNDLE_ENTRIES;

/// Something that occurs in entries: an actor, a kind or a case, cut down to 64 bits of its
/// SHA-256. Two that collide send a reader to a bundle in vain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Term(pub(super) u64);

impl Term {
    pub(super) fn kind(kind: u16) -> Self {
        Self::of(b"k", &kind.to_be_bytes())
    }

    /// Of actor and via alike.
    pub(super) fn actor(principal: &str) -> Self {
        Self::of(b"a", principal.as_bytes())
    }

    pub(super) fn case(case: u64) -> Self {
        Self::of(b"c", &case.to_be_bytes())
    }

    fn of(tag: &[u8], value: &[u8]) -> Self {
        let digest = hash::digest(&[tag, value].concat());
        let [a, b, c, d, e, f, g, h, ..] = *digest.as_bytes();
        Self(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }
}

/// The entry that a row was made up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) index: u64,
    pub(super) leaf: Hash,
}

impl Source {
    /// Of rows made from no entry.
    pub(super) const NONE: Self = Self {
        index: 0,
        leaf: Hash::ZERO,
    };
}

/// Earliest and latest time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) min: u64,
    pub(super) max: u64,
}

impl Span {
    pub(super) const EMPTY: Self = Self {
        min: u64::MAX,
        max: 0,
    };

    pub(super) fn include(&mut self, other: Self) {
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }
}

/// A complete bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) number: u64,
    pub(super) source: Source,
    pub(super) span: Span,
    /// Sorted, each once.
    pub(super) terms: Vec<Term>,
}

/// Takes entries in order and gives a summary after each 256th.
#[derive(Debug)]
pub(super) struct Builder {
    next: u64,
    span: Span,
    terms: BTreeSet<Term>,
}

impl Builder {
    /// Starts with the first entry of this bundle.
    pub(super) const fn new(bundle: u64) -> Self {
        Self {
            next: bundle.saturating_mul(BUNDLE_ENTRIES),
            span: Span::EMPTY,
            terms: BTreeSet::new(),
        }
    }

    /// Index of the entry that comes next.
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    /// Takes the entry that comes next.
    pub(super) fn push(&mut self, record: &Record<'_>) -> Option<Summary> {
        let time = record.time().get();
        self.span.include(Span {
            min: time,
            max: time,
        });
        self.terms.insert(Term::kind(record.kind().get()));
        self.terms.insert(Term::actor(record.actor()));
        if !record.via().is_empty() {
            self.terms.insert(Term::actor(record.via()));
        }
        if record.case() != 0 {
            self.terms.insert(Term::case(record.case()));
        }
        let index = self.next;
        self.next += 1;
        if !self.next.is_multiple_of(BUNDLE_ENTRIES) {
            return None;
        }
        let span = std::mem::replace(&mut self.span, Span::EMPTY);
        Some(Summary {
            number: index / BUNDLE_ENTRIES,
            source: Source {
                index,
                leaf: record.leaf(),
            },
            span,
            terms: std::mem::take(&mut self.terms).into_iter().collect(),
        })
    }
}

//! Failures of a grant: how many there were, and which of them become entries.

use crate::limits::MAX_REPORTED_FAILURES;
use crate::provision::provisioner::Failure;

/// Failures of one kind that were told, or wait to be.
#[derive(Debug, Clone, Default)]
pub(super) struct Failures {
    /// Attempts that the log knows, or that were made since.
    attempts: u32,
    /// Reports that were made since the start, and those in the log.
    told: u32,
    /// The newest one that is to be told, with its number.
    pub(super) waiting: Option<(u32, Failure)>,
}

impl Failures {
    /// The log tells of this attempt.
    pub(super) fn heard(&mut self, attempt: u32) {
        self.attempts = self.attempts.max(attempt);
        self.told = self.told.max(attempt);
        if self.waiting.as_ref().is_some_and(|(of, _)| *of <= attempt) {
            self.waiting = None;
        }
    }

    /// The attempt's number. Only some are told: a case has room for a few thousand entries.
    pub(super) fn add(&mut self, failure: Failure) -> u32 {
        self.attempts = self.attempts.saturating_add(1);
        if self.told < MAX_REPORTED_FAILURES {
            self.waiting = Some((self.attempts, failure));
        }
        self.attempts
    }

    /// This attempt was told, or never will be.
    pub(super) fn settled(&mut self, attempt: u32) {
        self.told = self.told.saturating_add(1);
        if self.waiting.as_ref().is_some_and(|(of, _)| *of == attempt) {
            self.waiting = None;
        }
    }
}

//! What is said of an export that holds nothing: whether the number that was asked for is that of a
//! case, and which times the log has.

use std::ops::ControlFlow;

use countersign_chain::record::Record;
use countersign_chain::time::UnixMicros;

use super::ExportError;
use super::taker::Taker;
use crate::check::{Companion, Joined};
use crate::look;

/// Looks, while entries go by, at the one that has the number of the case, and at the first and the
/// last one.
pub(super) struct CaseLook<'a, 'b> {
    taker: &'b mut Taker<'a>,
    case: Option<u64>,
    /// The case that the entry with that number belongs to.
    of: Option<u64>,
    /// Times of the first entry and of the last one.
    times: Option<(UnixMicros, UnixMicros)>,
}

impl<'a, 'b> CaseLook<'a, 'b> {
    pub(super) const fn new(taker: &'b mut Taker<'a>, case: Option<u64>) -> Self {
        Self {
            taker,
            case,
            of: None,
            times: None,
        }
    }

    /// Times of the first entry and of the last one, as far as the log was walked along.
    pub(super) const fn times(&self) -> Option<(UnixMicros, UnixMicros)> {
        self.times
    }

    /// Why no entry was chosen, when the number is the reason.
    pub(super) fn wrong(&self) -> Option<ExportError> {
        let number = self.case?;
        match self.of {
            None => Some(ExportError::BeyondLog(number)),
            Some(of) if of != number => Some(ExportError::NoCase { number, of }),
            Some(_) => None,
        }
    }

    fn look_at_time(&mut self, joined: &Joined<'_>) {
        let Some(held) = joined.commits.last() else {
            return;
        };
        let bytes = joined.window.span(held.span);
        let frame = look::frame(joined.window, bytes);
        let time = |bytes: Option<&&[u8]>| {
            let record = bytes.and_then(|bytes| Record::parse(bytes).ok());
            record.map(|record| record.time())
        };
        let records = frame.as_ref().map(|frame| frame.records());
        let Some(last) = records.and_then(|records| time(records.last())) else {
            return;
        };
        let first = self.times.map(|(first, _)| first);
        let first = first.or_else(|| records.and_then(|records| time(records.first())));
        self.times = first.map(|first| (first, last));
    }

    fn look(&mut self, joined: &Joined<'_>, case: u64) {
        for held in &joined.commits {
            let count = u64::try_from(held.leaves.len()).unwrap_or(u64::MAX);
            let first = held.checkpoint.size().saturating_sub(count);
            let place = case.checked_sub(first).filter(|place| *place < count);
            let Some(place) = place.and_then(|place| usize::try_from(place).ok()) else {
                continue;
            };
            let bytes = joined.window.span(held.span);
            let frame = look::frame(joined.window, bytes);
            let record = frame.as_ref().and_then(|frame| frame.records().get(place));
            // It was read when it was verified.
            let record = record.and_then(|bytes| Record::parse(bytes).ok());
            self.of = record.map(|record| record.case());
        }
    }
}

impl Companion for CaseLook<'_, '_> {
    fn take(&mut self, joined: Joined<'_>) -> ControlFlow<()> {
        if let Some(case) = self.case {
            self.look(&joined, case);
        }
        self.look_at_time(&joined);
        self.taker.take(joined)
    }
}

//! From frames of the log to bundles.

use countersign_chain::frame::FrameError;
use countersign_chain::hash::{self, Hash};
use countersign_chain::record::{Record, RecordError};

use super::BUNDLE_ENTRIES;
use super::bundle::{Builder, Summary};
use crate::store::{FrameRun, LogStore, ReadError};

/// Why the log could not be followed.
#[derive(Debug, thiserror::Error)]
pub(super) enum FeedError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Not a frame.
    #[error("cannot index frames near entry {index}: {error}")]
    Frame {
        /// Where.
        index: u64,
        /// Why.
        error: FrameError,
    },
    /// Not a record.
    #[error("cannot index entry {index}: {error}")]
    Record {
        /// Where.
        index: u64,
        /// Why.
        error: RecordError,
    },
    /// Something is missing.
    #[error("cannot index entry {expected}: the store gave entry {got} instead")]
    Gap {
        /// Next entry.
        expected: u64,
        /// What came.
        got: u64,
    },
}

/// Reads a log from a bundle on.
#[derive(Debug)]
pub(super) struct Feed {
    builder: Builder,
}

impl Feed {
    pub(super) const fn new(bundle: u64) -> Self {
        Self {
            builder: Builder::new(bundle),
        }
    }

    /// Reads on, and gives the bundles that were completed, up to and without bundle `end`.
    pub(super) fn read(
        &mut self,
        store: &dyn LogStore,
        max_bytes: usize,
        end: u64,
    ) -> Result<Vec<Summary>, FeedError> {
        let start = self.builder.next();
        let run = store.read(start, max_bytes)?;
        let summaries = self.take(&run, end.saturating_mul(BUNDLE_ENTRIES))?;
        if self.builder.next() == start {
            let (expected, got) = (start, run_start(&run));
            return Err(FeedError::Gap { expected, got });
        }
        Ok(summaries)
    }

    fn take(&mut self, run: &FrameRun, end: u64) -> Result<Vec<Summary>, FeedError> {
        let mut summaries = Vec::new();
        for frame in run.frames() {
            let index = self.builder.next();
            let frame = frame.map_err(|error| FeedError::Frame { index, error })?;
            for record in frame.records() {
                let index = self.builder.next();
                let record =
                    Record::parse(record).map_err(|error| FeedError::Record { index, error })?;
                match record.index().get() {
                    before if before < index => {}
                    got if got >= end => return Ok(summaries),
                    got if got == index => summaries.extend(self.builder.push(&record)),
                    got => {
                        let expected = index;
                        return Err(FeedError::Gap { expected, got });
                    }
                }
            }
        }
        Ok(summaries)
    }
}

fn run_start(run: &FrameRun) -> u64 {
    match run.frames().next() {
        Some(Ok(frame)) => frame.first(),
        Some(Err(_)) | None => 0,
    }
}

/// Leaf hash of an entry, from the log itself.
pub(super) fn leaf(store: &dyn LogStore, index: u64) -> Option<Hash> {
    let run = store.read(index, 1).ok()?;
    run.frames().find_map(|frame| {
        let frame = frame.ok()?;
        let at = usize::try_from(index.checked_sub(frame.first())?).ok()?;
        frame.records().get(at).map(|record| hash::leaf(record))
    })
}

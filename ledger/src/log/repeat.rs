//! Entries that repeat what is in the log already, found before the sequencer sees them.
//!
//! Reading a commit back and checking it takes milliseconds, and a caller may repeat keys of a
//! thousand commits at once. That is its own time, on a thread that may wait, and not that of the
//! one writer whom everybody needs.

use std::collections::BTreeMap;

use super::entry::{NewEntry, Run, SubmitError};
use super::idem::{self, Fingerprint, Window};
use super::receipt::{LookupError, Shelf};
use crate::store::LogStore;

/// What the log holds under a key.
#[derive(Debug, Clone)]
pub(super) enum Found {
    /// The same event, with its first receipt.
    Same(Run),
    /// Another event.
    Other,
    /// An entry of another caller or key, which shares the fingerprint.
    Stranger,
}

/// What is known of a proposal's entries, by position.
#[derive(Debug, Default)]
pub(super) struct Known(BTreeMap<usize, (u64, Found)>);

impl Known {
    /// What the durable entry `index` holds, if it was looked up for this position.
    pub(super) fn at(&self, position: usize, index: u64) -> Option<&Found> {
        let (looked_up, found) = self.0.get(&position)?;
        (*looked_up == index).then_some(found)
    }

    /// Reads these entries of the log. Blocks.
    pub(super) fn look_up(
        &mut self,
        (shelf, store): (&mut Shelf, &dyn LogStore),
        hits: &[(usize, u64)],
        entries: &[NewEntry],
    ) -> Result<(), SubmitError> {
        for (position, index) in hits {
            let Some(entry) = entries.get(*position) else {
                continue;
            };
            let found = find(shelf, store, (*position, *index), entry);
            let found = found.map_err(|error| unreadable(*index, &error))?;
            self.0.insert(*position, (*index, found));
        }
        Ok(())
    }
}

fn find(
    shelf: &mut Shelf,
    store: &dyn LogStore,
    (position, index): (usize, u64),
    entry: &NewEntry,
) -> Result<Found, LookupError> {
    Ok(match idem::same_event(shelf.record(store, index)?, entry) {
        Some(true) => Found::Same(shelf.run(store, index, position)?),
        Some(false) => Found::Other,
        None => Found::Stranger,
    })
}

/// Positions of entries whose keys durable entries below `durable` used, with their indexes.
pub(super) fn hits(
    window: &Window,
    keys: &[Option<Fingerprint>],
    durable: u64,
) -> Vec<(usize, u64)> {
    keys.iter()
        .enumerate()
        .filter_map(|(position, key)| Some((position, window.find((*key)?)?)))
        .filter(|(_position, index)| *index < durable)
        .collect()
}

pub(super) fn unreadable(index: u64, error: &LookupError) -> SubmitError {
    SubmitError::Unreadable {
        index,
        error: error.to_string(),
    }
}

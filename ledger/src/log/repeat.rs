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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use countersign_chain::commit::{CommitBuilder, Draft};
    use countersign_chain::hash;
    use countersign_chain::idem::IdempotencyKey;
    use countersign_chain::key::SigningKey;
    use countersign_chain::kind::Kind;
    use countersign_chain::origin::Origin;
    use countersign_chain::principal::Principal;
    use countersign_chain::record::Record;
    use countersign_chain::time::UnixMicros;

    use super::*;
    use crate::store::Space;
    use crate::store::memory::MemoryStore;

    /// Commits of these entries: their keys are their payloads too.
    fn store(commits: &[&[&str]]) -> MemoryStore {
        let origin = Origin::parse("example.com/log").expect("an origin");
        let key = SigningKey::from_seed(origin, &[7; 32]).expect("a key");
        let store = MemoryStore::new(key.verifier().clone());
        let epoch = store.fence().expect("a new epoch");
        for entries in commits {
            let mut builder = CommitBuilder::after(&store.head().head);
            for text in *entries {
                let kind = if builder.next_index() == 0 { 1 } else { 140 };
                let draft = Draft {
                    kind: Kind::new(kind).expect("a kind"),
                    now: UnixMicros::new(5 + builder.next_index()).expect("a time"),
                    case: 0,
                    actor: "agent:a",
                    via: "",
                    idem: text.as_bytes(),
                    payload: text.as_bytes(),
                };
                builder.push(&draft).expect("a good entry");
            }
            let mut commit = builder.finish(&key).expect("not empty");
            let stored = store.append(epoch, &mut commit, Space::Common);
            stored.expect("there is room");
        }
        store
    }

    fn entry(actor: &str, key: &str, payload: &'static str) -> NewEntry {
        let actor = Principal::parse(actor).expect("a principal");
        let kind = Kind::new(140).expect("a kind");
        let key = IdempotencyKey::parse(key.as_bytes()).expect("short");
        let entry = NewEntry::new(kind, actor, Bytes::from(payload));
        entry.expect("small").with_key(key)
    }

    #[test]
    fn hits_are_the_known_keys_of_durable_entries() {
        let key = |text: &str| Some(Fingerprint::of("agent:a", text.as_bytes()));
        let mut window = Window::new(8);
        for (index, text) in ["zero", "one", "two", "three"].iter().enumerate() {
            let index = u64::try_from(index).expect("small");
            window.insert(key(text).expect("a key"), index);
        }
        let keys = [None, key("three"), key("one"), key("new"), key("two")];
        assert_eq!(hits(&window, &keys, 3), [(2, 1), (4, 2)]);
        assert_eq!(hits(&window, &keys, 1), []);
    }

    #[test]
    fn what_is_known_is_what_the_log_holds_at_that_index() {
        let store = store(&[&["zero", "one", "two"], &["three"]]);
        let entries = [
            entry("agent:a", "one", "one"),
            entry("agent:a", "two", "another"),
            entry("agent:b", "three", "three"),
            entry("agent:a", "three", "three"),
        ];
        let mut known = Known::default();
        let hits = [(0, 1), (1, 2), (2, 3), (3, 3), (9, 1)];
        let looked_up = known.look_up((&mut Shelf::default(), &store), &hits, &entries);
        looked_up.expect("all of it can be read");
        for (position, index) in [(0, 1), (3, 3)] {
            let Some(Found::Same(run)) = known.at(position, index) else {
                panic!("{position}: {:?}", known.at(position, index));
            };
            assert_eq!((run.first_position, run.first_index), (position, index));
            assert!(run.repeated);
        }
        assert!(matches!(known.at(1, 2), Some(Found::Other)));
        assert!(matches!(known.at(2, 3), Some(Found::Stranger)));
        for (position, index) in [(0, 2), (1, 1), (4, 1), (9, 1)] {
            assert!(known.at(position, index).is_none(), "{position}");
        }
        let beyond = known.look_up((&mut Shelf::default(), &store), &[(0, 4)], &entries);
        assert!(matches!(
            beyond,
            Err(SubmitError::Unreadable { index: 4, .. })
        ));
    }

    #[test]
    fn a_shelf_gives_the_entry_that_was_asked_for_whatever_was_read_before() {
        let texts = ["zero", "one", "two", "three", "four"];
        let store = store(&[&texts[..3], &texts[3..4], &texts[4..]]);
        let indexes = [0, 1, 2, 3, 4, 3, 2, 4, 0];
        let mut shelf = Shelf::default();
        for index in indexes {
            let text = texts[usize::try_from(index).expect("small")];
            let record = shelf.record(&store, index).expect("durable").to_vec();
            let parsed = Record::parse(&record).expect("a record");
            assert_eq!(parsed.index().get(), index);
            assert_eq!(parsed.payload(), text.as_bytes());
            let run = shelf.run(&store, index, 7).expect("durable");
            assert_eq!((run.first_position, run.first_index), (7, index));
            assert_eq!(run.leaves, [hash::leaf(&record)]);
            assert_eq!((run.time, run.repeated), (parsed.time(), true));
            let size = [3, 3, 3, 4, 5][usize::try_from(index).expect("small")];
            assert_eq!(run.checkpoint.size(), size);
        }
    }
}

//! Entries that wait to become rows. They are copied out of the window, which is read into again.

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::hash::Hash;
use countersign_chain::record::Record;
use countersign_export::item::Item;
use countersign_export::limits::{BATCH_BYTES, BATCH_ROWS};

/// Some entries, in order.
#[derive(Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    rows: Vec<Row>,
    commits: Vec<SignedCheckpoint>,
}

#[derive(Debug)]
struct Row {
    start: usize,
    len: usize,
    leaf: Hash,
    /// Place among the commits.
    commit: usize,
    proof: Option<Vec<Hash>>,
}

impl Batch {
    /// Adds an entry.
    pub(super) fn push(
        &mut self,
        (record, leaf): (&Record<'_>, Hash),
        commit: &SignedCheckpoint,
        proof: Option<Vec<Hash>>,
    ) {
        if self
            .commits
            .last()
            .is_none_or(|last| last.size() != commit.size())
        {
            self.commits.push(commit.clone());
        }
        self.rows.push(Row {
            start: self.bytes.len(),
            len: record.bytes().len(),
            leaf,
            commit: self.commits.len().saturating_sub(1),
            proof,
        });
        self.bytes.extend_from_slice(record.bytes());
    }

    /// Whether it is to be handed on. That depends on the entries alone.
    pub(super) const fn is_full(&self) -> bool {
        self.rows.len() >= BATCH_ROWS || self.bytes.len() >= BATCH_BYTES
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The entries as presets take them.
    pub(super) fn items(&self) -> Vec<Item<'_>> {
        let item = |row: &Row| {
            let bytes = self
                .bytes
                .get(row.start..row.start.saturating_add(row.len))?;
            // They were read when they came in.
            let record = Record::parse(bytes).ok()?;
            let mut item = Item::new(record, row.leaf, self.commits.get(row.commit)?);
            item.proof.clone_from(&row.proof);
            Some(item)
        };
        self.rows.iter().filter_map(item).collect()
    }
}

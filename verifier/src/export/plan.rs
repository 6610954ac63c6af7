//! What is in the folder already, and so need not be written again.

use std::collections::BTreeMap;

use countersign_export::manifest::File;

use super::folder::{Folder, FolderError, State};
use super::{Mode, Order};

/// A range of entries that was exported before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Planned {
    /// Index behind its last entry.
    pub(super) end: u64,
    /// Leaf hash of its last entry, in hexadecimal.
    pub(super) last_leaf: String,
    /// Its files.
    pub(super) files: Vec<File>,
    /// Whether all of them are as they were written.
    pub(super) whole: bool,
}

/// The ranges that were exported before, by their first entry.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) ranges: BTreeMap<u64, Planned>,
    /// Where the export ends, when it was whole once.
    pub(super) end: Option<u64>,
}

impl Plan {
    pub(super) fn new(folder: &Folder, order: &Order, state: &State) -> Result<Self, FolderError> {
        let mut plan = Self {
            ranges: BTreeMap::new(),
            end: order.end,
        };
        for manifest in state.whole.iter().chain(&state.partial) {
            for file in &manifest.files {
                let whole = folder.holds(file)?;
                plan.add(file.clone(), whole);
            }
        }
        if let (Mode::Same, Some(manifest)) = (order.mode, &state.whole) {
            match order.end {
                Some(end) if end != manifest.end => {
                    return Err(folder.other(format!(
                        "the entries {} to {}; give --since-last to go on behind it",
                        manifest.first,
                        manifest.end.saturating_sub(1)
                    )));
                }
                _ => plan.end = Some(manifest.end),
            }
        }
        Ok(plan)
    }

    fn add(&mut self, file: File, whole: bool) {
        let planned = self.ranges.entry(file.first).or_insert_with(|| Planned {
            end: file.end,
            last_leaf: file.last_leaf.clone(),
            files: Vec::new(),
            whole: true,
        });
        if planned.end != file.end {
            // A later list counts more.
            *planned = Planned {
                end: file.end,
                last_leaf: file.last_leaf.clone(),
                files: Vec::new(),
                whole: true,
            };
        }
        planned.whole &= whole;
        if !planned.files.contains(&file) {
            planned.files.push(file);
        }
    }
}

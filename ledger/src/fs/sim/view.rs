//! Names and contents of a simulated disk, and the changes that lead from one view of it to the
//! next.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::image::{Image, SECTOR, Sector};

/// Identity of a file, which its names come and go around.
pub(super) type Inode = u64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Folder,
    File(Inode),
}

/// Names and contents. Folders are entries without contents; the root has no entry.
#[derive(Clone, Default)]
pub(super) struct View {
    pub(super) entries: BTreeMap<Arc<str>, Entry>,
    pub(super) files: BTreeMap<Inode, Image>,
}

/// A change that processes see already and that no sync has stored yet.
#[derive(Clone)]
pub(super) enum Change {
    /// One sector of a file, with all its bytes at that moment: the page cache writes whole
    /// sectors.
    Sector {
        file: Inode,
        number: usize,
        bytes: Arc<Sector>,
    },
    Length {
        file: Inode,
        len: usize,
    },
    Name(NameChange),
}

/// A change of names, stored whole or not at all: file systems log such changes as one transaction.
#[derive(Clone)]
pub(super) struct NameChange {
    /// The name that appears, and what it stands for.
    pub(super) bind: Option<(Arc<str>, Entry)>,
    /// The name that disappears.
    pub(super) unbind: Option<Arc<str>>,
    /// Folders that have yet to be synced.
    pub(super) folders: Vec<Box<str>>,
}

impl NameChange {
    pub(super) fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.bind.iter().map(|(name, _)| name).chain(&self.unbind)
    }
}

impl Change {
    pub(super) fn belongs_to(&self, inode: Inode) -> bool {
        match self {
            Self::Sector { file, .. } | Self::Length { file, .. } => *file == inode,
            Self::Name(_) => false,
        }
    }
}

impl View {
    pub(super) fn apply(&mut self, change: &Change) {
        match change {
            Change::Sector {
                file,
                number,
                bytes,
            } => {
                self.files
                    .entry(*file)
                    .or_default()
                    .write(&bytes[..], number * SECTOR);
            }
            Change::Length { file, len } => self.files.entry(*file).or_default().set_len(*len),
            Change::Name(change) => self.apply_name(change),
        }
    }

    pub(super) fn apply_name(&mut self, change: &NameChange) {
        if let Some(name) = &change.unbind {
            self.entries.remove(name);
        }
        if let Some((name, entry)) = &change.bind {
            // A file has one name, also where an earlier rename of it was lost.
            if matches!(entry, Entry::File(_)) {
                self.entries.retain(|_, other| other != entry);
            }
            self.entries.insert(Arc::clone(name), *entry);
        }
    }

    /// Drops names whose folder is gone, files without a name and bytes past the end of a file.
    pub(super) fn drop_unreachable(&mut self) {
        // In order of names a folder comes before what it holds.
        let names: Vec<Arc<str>> = self.entries.keys().cloned().collect();
        for name in names {
            let folder = name.rsplit_once('/').map(|(folder, _)| folder);
            if folder.is_some_and(|folder| !self.entries.contains_key(folder)) {
                self.entries.remove(&name);
            }
        }
        let named: Vec<Entry> = self.entries.values().copied().collect();
        self.files
            .retain(|inode, _| named.contains(&Entry::File(*inode)));
        self.files.values_mut().for_each(Image::trim);
    }
}

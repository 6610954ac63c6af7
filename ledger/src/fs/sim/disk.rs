//! The state of a simulated disk: what processes see, what the device holds, and what is on its way
//! from one to the other.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustix::io::Errno;

use super::image::{Image, SECTOR};
use super::survive::Survive;
use super::view::{Change, Entry, Inode, NameChange, View};

#[derive(Clone)]
pub(super) struct Disk {
    /// What processes see: the page cache.
    pub(super) live: View,
    /// What the device holds and a power loss leaves.
    pub(super) durable: View,
    pending: Vec<Change>,
    next_inode: Inode,
    pub(super) capacity: u64,
    /// The rest of a short write finds the disk full.
    full_next: bool,
}

impl Disk {
    pub(super) fn new(capacity: u64) -> Self {
        Self {
            live: View::default(),
            durable: View::default(),
            pending: Vec::new(),
            next_inode: 0,
            capacity,
            full_next: false,
        }
    }

    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Bytes that the files with a name take.
    pub(super) fn used(&self) -> u64 {
        let lengths = self.live.entries.values().map(|entry| match entry {
            Entry::Folder => 0,
            Entry::File(inode) => self.live.files.get(inode).map_or(0, Image::len),
        });
        lengths.fold(0, |sum, len| sum + u64::try_from(len).unwrap_or(u64::MAX))
    }

    pub(super) fn free(&self) -> u64 {
        self.capacity.saturating_sub(self.used())
    }

    /// The entry of a path that must exist; its parents must be folders.
    pub(super) fn find(&self, path: &str) -> io::Result<Entry> {
        let (folder, _) = crate::fs::split(path)?;
        self.need_folder(folder)?;
        self.live
            .entries
            .get(path)
            .copied()
            .ok_or_else(|| Errno::NOENT.into())
    }

    pub(super) fn find_file(&self, path: &str) -> io::Result<Inode> {
        match self.find(path)? {
            Entry::File(inode) => Ok(inode),
            Entry::Folder => Err(Errno::ISDIR.into()),
        }
    }

    pub(super) fn need_folder(&self, path: &str) -> io::Result<()> {
        if path.is_empty() {
            return Ok(());
        }
        match self.find(path)? {
            Entry::Folder => Ok(()),
            Entry::File(_) => Err(Errno::NOTDIR.into()),
        }
    }

    /// Refuses a path whose folder is missing; tells what has the name now.
    fn look(&self, path: &str) -> io::Result<Option<Entry>> {
        match self.find(path) {
            Ok(entry) => Ok(Some(entry)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.need_folder(crate::fs::split(path)?.0)?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn create_dir(&mut self, path: &str) -> io::Result<()> {
        match self.look(path)? {
            Some(Entry::Folder) => Ok(()),
            Some(Entry::File(_)) => Err(Errno::EXIST.into()),
            None => self.change_names(Some((path.into(), Entry::Folder)), None),
        }
    }

    pub(super) fn create(&mut self, path: &str) -> io::Result<Inode> {
        if self.look(path)?.is_some() {
            return Err(Errno::EXIST.into());
        }
        let inode = self.next_inode;
        self.next_inode += 1;
        self.live.files.insert(inode, Image::default());
        self.durable.files.insert(inode, Image::default());
        self.change_names(Some((path.into(), Entry::File(inode))), None)?;
        Ok(inode)
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let (inode, taken) = self.look_both(from, to)?;
        match taken {
            // As Linux has it: a folder on the way to the file itself is refused for being in use.
            Some(Entry::Folder) if Path::new(from).starts_with(to) => Err(Errno::NOTEMPTY.into()),
            Some(Entry::Folder) => Err(Errno::ISDIR.into()),
            Some(Entry::File(_)) if from == to => Ok(()),
            Some(Entry::File(_)) | None => {
                self.change_names(Some((to.into(), Entry::File(inode))), Some(from.into()))
            }
        }
    }

    pub(super) fn rename_noreplace(&mut self, from: &str, to: &str) -> io::Result<()> {
        if self.look_both(from, to)?.1.is_some() {
            return Err(Errno::EXIST.into());
        }
        self.rename(from, to)
    }

    /// The file `from` and what has the name `to`. Both folders are looked at before either name.
    fn look_both(&self, from: &str, to: &str) -> io::Result<(Inode, Option<Entry>)> {
        for path in [from, to] {
            self.need_folder(crate::fs::split(path)?.0)?;
        }
        Ok((self.find_file(from)?, self.look(to)?))
    }

    pub(super) fn remove(&mut self, path: &str) -> io::Result<()> {
        self.find_file(path)?;
        self.change_names(None, Some(path.into()))
    }

    fn change_names(
        &mut self,
        bind: Option<(Arc<str>, Entry)>,
        unbind: Option<Arc<str>>,
    ) -> io::Result<()> {
        let mut change = NameChange {
            bind,
            unbind,
            folders: Vec::new(),
        };
        let folders: io::Result<Vec<Box<str>>> = change
            .names()
            .map(|name| Ok(crate::fs::split(name)?.0.into()))
            .collect();
        change.folders = folders?;
        change.folders.dedup();
        self.live.apply_name(&change);
        self.pending.push(Change::Name(change));
        Ok(())
    }

    /// Writes as much as there is room for and returns how much that was.
    pub(super) fn write(&mut self, file: Inode, bytes: &[u8], at: usize) -> io::Result<usize> {
        if std::mem::take(&mut self.full_next) {
            return Err(Errno::NOSPC.into());
        }
        let end = at.checked_add(bytes.len()).ok_or(Errno::FBIG)?;
        let room = usize::try_from(self.free()).unwrap_or(usize::MAX);
        let image = self.live.files.get_mut(&file).ok_or(Errno::STALE)?;
        let end = end.min(image.len().saturating_add(room));
        let Some(count) = end.checked_sub(at).filter(|count| *count > 0) else {
            return if bytes.is_empty() {
                Ok(0)
            } else {
                Err(Errno::NOSPC.into())
            };
        };
        image.write(&bytes[..count], at);
        if end > image.len() {
            image.set_len(end);
            self.pending.push(Change::Length { file, len: end });
        }
        for number in at / SECTOR..end.div_ceil(SECTOR) {
            let bytes = Arc::new(image.sector(number));
            self.pending.push(Change::Sector {
                file,
                number,
                bytes,
            });
        }
        Ok(count)
    }

    /// Writes the first half and lets the next write find the disk full.
    pub(super) fn write_short(
        &mut self,
        file: Inode,
        bytes: &[u8],
        at: usize,
    ) -> io::Result<usize> {
        if bytes.len() < 2 {
            return Err(Errno::NOSPC.into());
        }
        let count = self.write(file, &bytes[..bytes.len() / 2], at)?;
        self.full_next = true;
        Ok(count)
    }

    pub(super) fn allocate(&mut self, file: Inode, len: usize) -> io::Result<()> {
        let free = self.free();
        let image = self.live.files.get_mut(&file).ok_or(Errno::STALE)?;
        let more = len.saturating_sub(image.len());
        if u64::try_from(more).map_or(true, |more| more > free) {
            return Err(Errno::NOSPC.into());
        }
        if more > 0 {
            image.set_len(len);
            self.pending.push(Change::Length { file, len });
        }
        Ok(())
    }

    /// Takes a file's changes off the list and stores the first `stored` of them. The others are
    /// forgotten: processes go on seeing them, no later sync stores them, a power loss undoes them.
    pub(super) fn sync_file(&mut self, file: Inode, stored: impl FnOnce(usize) -> usize) {
        let belongs = |change: &mut Change| change.belongs_to(file);
        let mine: Vec<Change> = self.pending.extract_if(.., belongs).collect();
        for change in &mine[..stored(mine.len())] {
            self.durable.apply(change);
        }
    }

    /// As [`Disk::sync_file`], for the names in a folder.
    pub(super) fn sync_dir(&mut self, folder: &str, stored: impl FnOnce(usize) -> usize) {
        let mut ready = vec![false; self.pending.len()];
        for (change, ready) in self.pending.iter_mut().zip(&mut ready) {
            if let Change::Name(name) = change {
                name.folders.retain(|waiting| **waiting != *folder);
                *ready = name.folders.is_empty();
            }
        }
        self.store_chosen(ready, stored);
    }

    /// Stores the name of a file and those of its folders, also when a failed sync forgot them.
    pub(super) fn store_path(&mut self, path: &str) {
        let ends = path
            .match_indices('/')
            .map(|(at, _)| at)
            .chain([path.len()]);
        for end in ends {
            self.store_name(&path[..end]);
        }
    }

    fn store_name(&mut self, path: &str) {
        let concerns = |change: &Change| match change {
            Change::Name(change) => change.names().any(|name| **name == *path),
            Change::Sector { .. } | Change::Length { .. } => false,
        };
        let ready = self.pending.iter().map(concerns).collect();
        self.store_chosen(ready, |changes| changes);
        if let Some((name, entry)) = self.live.entries.get_key_value(path) {
            self.durable.entries.insert(Arc::clone(name), *entry);
        }
    }

    /// Takes the chosen changes and what they need off the list and stores the first of them.
    fn store_chosen(&mut self, mut chosen: Vec<bool>, stored: impl FnOnce(usize) -> usize) {
        self.add_dependencies(&mut chosen);
        let mut chosen = chosen.into_iter();
        let taken = |_: &mut Change| chosen.next().unwrap_or(false);
        let mine: Vec<Change> = self.pending.extract_if(.., taken).collect();
        for change in &mine[..stored(mine.len())] {
            self.durable.apply(change);
        }
    }

    /// A name's changes reach the disk in order: who is chosen brings along the earlier changes of
    /// its names.
    fn add_dependencies(&self, chosen: &mut [bool]) {
        let mut names: Vec<&Arc<str>> = Vec::new();
        for (change, chosen) in self.pending.iter().zip(chosen).rev() {
            if let Change::Name(change) = change {
                *chosen |= change.names().any(|name| names.contains(&name));
                if *chosen {
                    names.extend(change.names());
                }
            }
        }
    }

    /// The disk after a power loss.
    pub(super) fn crash(&self, survive: Survive) -> Self {
        let mut chosen = survive.choose(self.pending.len());
        self.add_dependencies(&mut chosen);
        let mut left = self.durable.clone();
        for (change, _) in self
            .pending
            .iter()
            .zip(chosen)
            .filter(|(_, chosen)| *chosen)
        {
            left.apply(change);
        }
        left.drop_unreachable();
        Self {
            live: left.clone(),
            durable: left,
            next_inode: self.next_inode,
            ..Self::new(self.capacity)
        }
    }
}

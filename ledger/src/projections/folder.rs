//! Where the index lives, and where a bad one goes.
//!
//! `projections/` holds one folder `db-<number>` at a time, of a number that no other had: an
//! engine that was given up and is still writing cannot reach the files of the next.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

const PROJECTIONS: &str = "projections";
const QUARANTINE: &str = "quarantine";
const PREFIX: &str = "projections-";
/// Bad indexes that are kept for a look: they are derived and would else fill the disk.
const KEPT: usize = 3;

/// The folder of a log, as far as projections go.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    root: PathBuf,
}

impl Folder {
    pub(super) const fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// The folder of the engine: the one that is there, else a new one with this number.
    pub(super) fn engine(&self, number: u64) -> io::Result<PathBuf> {
        let projections = self.root.join(PROJECTIONS);
        create(&projections)?;
        let mut found = None;
        for entry in fs::read_dir(&projections)? {
            let name = entry?.file_name();
            let is_engine = name.to_str().is_some_and(|name| name.starts_with("db-"));
            if !is_engine || found.is_some() {
                let message = format!("expected one engine folder, found {name:?} as well");
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
            found = Some(projections.join(name));
        }
        Ok(found.unwrap_or_else(|| projections.join(format!("db-{number}"))))
    }

    /// Moves the index to `quarantine/projections-<number>`, a larger number when that is taken,
    /// and drops the oldest beyond three.
    pub(super) fn quarantine(&self, number: u64) -> io::Result<()> {
        let quarantine = self.root.join(QUARANTINE);
        create(&quarantine)?;
        let free = (number..).find(|number| {
            let taken = fs::symlink_metadata(quarantine.join(format!("{PREFIX}{number}")));
            taken.is_err()
        });
        let target = quarantine.join(format!("{PREFIX}{}", free.unwrap_or(number)));
        match fs::rename(self.root.join(PROJECTIONS), target) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            moved => moved?,
        }
        prune(&quarantine)
    }
}

/// Creates a folder for its owner only, if it is missing.
fn create(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        created => created,
    }
}

fn prune(quarantine: &Path) -> io::Result<()> {
    let mut bad = Vec::new();
    for entry in fs::read_dir(quarantine)? {
        let entry = entry?;
        let name = entry.file_name();
        let number = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX)?.parse::<u64>().ok());
        bad.extend(number.map(|number| (number, entry.path())));
    }
    bad.sort_unstable();
    let surplus = bad.len().saturating_sub(KEPT);
    for (_, path) in bad.into_iter().take(surplus) {
        if fs::symlink_metadata(&path)?.is_dir() {
            fs::remove_dir_all(path)?;
        } else {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_three_are_kept_and_no_name_is_used_twice() {
        let root = tempfile::tempdir().expect("folder");
        let folder = Folder::new(root.path().to_owned());
        folder.quarantine(1).expect("nothing to move");
        for _ in 0..5 {
            let engine = folder.engine(7).expect("folder");
            assert_eq!(engine.file_name().expect("name"), "db-7");
            fs::create_dir(&engine).expect("folder");
            assert_eq!(
                folder.engine(8).expect("folder"),
                engine,
                "the one that is there"
            );
            folder.quarantine(7).expect("moved");
            assert!(!root.path().join("projections").exists());
        }
        let list = fs::read_dir(root.path().join("quarantine")).expect("folder");
        let mut names: Vec<_> = list
            .map(|entry| entry.expect("entry").file_name())
            .collect();
        names.sort();
        // Numbers of removed ones are free again.
        assert_eq!(names.len(), 3, "{names:?}");
    }

    #[test]
    fn a_folder_with_something_else_in_it_is_refused() {
        let root = tempfile::tempdir().expect("folder");
        let folder = Folder::new(root.path().to_owned());
        folder.engine(1).expect("folder");
        fs::write(root.path().join("projections/notes"), b"").expect("file");
        assert!(folder.engine(1).is_err());
        folder.quarantine(2).expect("moved");
        assert!(folder.engine(3).is_ok());
    }
}

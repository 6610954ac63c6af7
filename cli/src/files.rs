//! Files that the command line writes: never over an existing one, private where they hold a key.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use anyhow::Context as _;

/// Who may read a new file.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Access {
    /// Everyone who reaches the folder.
    Public,
    /// Its owner.
    Owner,
}

/// Makes a folder, and those above it, for its owner only.
pub(crate) fn make_folder(path: &Path) -> anyhow::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.with_context(|| format!("cannot make the folder {}", path.display()))
}

/// Fails when there is such a file.
pub(crate) fn must_be_free(path: &Path) -> anyhow::Result<()> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot look at {}", path.display())),
        Ok(_) => anyhow::bail!(
            "{} exists and is never overwritten; choose another place, or move it away first",
            path.display()
        ),
    }
}

/// Writes a file that is not there yet, down to the device.
pub(crate) fn write_new(path: &Path, bytes: &[u8], access: Access) -> anyhow::Result<()> {
    let mode = match access {
        Access::Public => 0o644,
        Access::Owner => 0o600,
    };
    let write = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().with_context(|| match path.symlink_metadata() {
        Ok(_) => format!(
            "cannot write {}, which is never overwritten; choose another name",
            path.display()
        ),
        Err(_) => format!("cannot write {}", path.display()),
    })
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(path: &Path) -> anyhow::Result<()> {
    let synced = File::open(path).and_then(|folder| folder.sync_all());
    synced.with_context(|| format!("cannot sync {}", path.display()))
}

/// Reads a text file.
pub(crate) fn read_text(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Copies a folder with everything in it.
pub(crate) fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    let copy = || {
        DirBuilder::new().mode(0o700).create(to)?;
        std::fs::read_dir(from)?.collect::<io::Result<Vec<_>>>()
    };
    let entries = copy().with_context(|| format!("cannot copy {}", from.display()))?;
    for entry in entries {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy_folder(&source, &target)?;
        } else {
            std::fs::copy(&source, &target)
                .with_context(|| format!("cannot copy {}", source.display()))?;
        }
    }
    Ok(())
}

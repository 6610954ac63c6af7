//! Small files: keys, passwords, certificates.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::limits::MAX_KEY_FILE;
use crate::provision::credential::Secret;

/// Reads a small file.
pub(crate) fn read(path: &Path) -> Result<Secret, String> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_KEY_FILE).read_to_end(&mut bytes));
    let bytes = Secret::new(bytes);
    match read {
        Ok(_) => Ok(bytes),
        Err(error) => Err(format!("cannot read {}: {error}", path.display())),
    }
}

/// What is wrong with the mode of a file with a secret; nothing when it is not there.
pub(crate) fn exposed(path: &Path) -> Option<String> {
    let facts = std::fs::metadata(path).ok()?;
    (facts.permissions().mode() & 0o077 != 0).then(|| {
        let path = path.display();
        format!("{path} can be read by others: run `chmod 600` on it")
    })
}

/// Writes a file that is whole or not there, with the mode that new files have.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    let mut file = File::create(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(new, path)?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_others_can_read_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        assert_eq!(exposed(&path), None);
        std::fs::write(&path, "x").unwrap();
        for (mode, is) in [(0o600, false), (0o400, false), (0o644, true), (0o640, true)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(exposed(&path).is_some(), is, "{mode:o}");
        }
    }
}

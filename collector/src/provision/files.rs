//! Small files: keys, passwords, certificates.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
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

//! A secret that stands in a file of its own.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use zeroize::Zeroizing;

/// The name of a file in a configuration, and after [`read`](Self::read) what is in it. It is never
/// printed.
#[derive(Clone, Deserialize)]
#[serde(from = "PathBuf")]
pub struct SecretFile {
    path: PathBuf,
    secret: Zeroizing<String>,
}

impl From<PathBuf> for SecretFile {
    fn from(path: PathBuf) -> Self {
        Self {
            path,
            secret: Zeroizing::default(),
        }
    }
}

impl SecretFile {
    /// Reads the file, from this folder when its name is relative. White space at its ends is not
    /// part of the secret.
    ///
    /// # Errors
    /// A sentence that names the file.
    pub fn read(&mut self, folder: &Path) -> Result<(), String> {
        let path = folder.join(&self.path);
        let text = std::fs::read_to_string(&path).map(Zeroizing::new);
        let text = text.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        if text.trim().is_empty() {
            return Err(format!("{} is empty, expected a secret", path.display()));
        }
        text.trim().clone_into(&mut self.secret);
        Ok(())
    }

    /// The secret.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.secret
    }
}

impl fmt::Debug for SecretFile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SecretFile({})", self.path.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_from_its_file_and_never_printed() {
        let folder = tempfile::tempdir().unwrap();
        let mut secret = SecretFile::from(PathBuf::from("token"));
        let missing = secret.read(folder.path()).unwrap_err();
        assert!(missing.contains("token"), "{missing}");
        std::fs::write(folder.path().join("token"), " \n").unwrap();
        assert!(secret.read(folder.path()).unwrap_err().contains("empty"));
        std::fs::write(folder.path().join("token"), "xoxb-1\n").unwrap();
        secret.read(folder.path()).unwrap();
        assert_eq!(secret.expose(), "xoxb-1");
        assert!(!format!("{secret:?}").contains("xoxb"));
    }
}

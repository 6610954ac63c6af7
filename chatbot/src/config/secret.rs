//! A secret that stands in a file of its own.

use std::fmt;
use std::io;
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
    /// Reads the file that this setting names, from this folder when its name is relative. White
    /// space at its ends is not part of the secret. A file that everybody may read is warned of.
    ///
    /// # Errors
    /// A sentence that names the setting and the file.
    pub fn read(&mut self, setting: &str, folder: &Path) -> Result<(), String> {
        let path = folder.join(&self.path);
        let failed = |error| format!("{setting}: cannot read {}: {error}", path.display());
        let text = std::fs::read_to_string(&path).map(Zeroizing::new);
        let text = text.map_err(failed)?;
        if text.trim().is_empty() {
            let path = path.display();
            return Err(format!("{setting}: {path} is empty, expected a secret"));
        }
        if is_open(&path).map_err(failed)? {
            tracing::warn!(
                setting,
                path = %path.display(),
                "everybody on this machine may read a secret; chmod 600 takes that away"
            );
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

/// Whether others than its owner and its group may read a file.
#[cfg(unix)]
fn is_open(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(std::fs::metadata(path)?.permissions().mode() & 0o004 != 0)
}

#[cfg(not(unix))]
fn is_open(_path: &Path) -> io::Result<bool> {
    Ok(false)
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
        let missing = secret.read("slack.bot", folder.path()).unwrap_err();
        assert!(missing.starts_with("slack.bot: "), "{missing}");
        assert!(missing.contains("token"), "{missing}");
        std::fs::write(folder.path().join("token"), " \n").unwrap();
        let empty = secret.read("slack.bot", folder.path()).unwrap_err();
        assert!(
            empty.starts_with("slack.bot: ") && empty.contains("empty"),
            "{empty}"
        );
        std::fs::write(folder.path().join("token"), "xoxb-1\n").unwrap();
        secret.read("slack.bot", folder.path()).unwrap();
        assert_eq!(secret.expose(), "xoxb-1");
        assert!(!format!("{secret:?}").contains("xoxb"));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_everybody_may_read_is_known() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "xoxb-1").unwrap();
        for (mode, open) in [(0o600, false), (0o640, false), (0o644, true)] {
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(&path, permissions).unwrap();
            assert_eq!(is_open(&path).unwrap(), open, "{mode:o}");
        }
    }
}

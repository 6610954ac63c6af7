//! Secrets, which stand in files or in the environment and are never printed.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use zeroize::Zeroizing;

use super::Place;
use crate::limits::MAX_SECRET_FILE;

/// Where a secret stands, and after [`settle`](Self::settle) the secret.
#[derive(Clone, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "expected where the secret stands, as in { file = \"/etc/countersign/token\" } or \
                 { env = \"TOKEN\" }"
)]
pub struct Secret {
    /// A file that holds it. White space at its ends is not part of it.
    file: Option<PathBuf>,
    /// A variable of the environment.
    env: Option<String>,
    #[serde(skip)]
    value: Zeroizing<String>,
}

impl Secret {
    pub(super) fn settle(&mut self, what: &str, place: &Place<'_>) -> Result<(), String> {
        let Some(env) = place.env else {
            return Ok(());
        };
        let (text, from) = match (&self.file, &self.env) {
            (Some(file), None) => {
                let path = place.folder.join(file);
                let from = path.display().to_string();
                (Zeroizing::new(read(&path)?), from)
            }
            (None, Some(name)) => {
                let text = env(name).ok_or_else(|| {
                    format!(
                        "{what}: the variable {name} is not set; set it where the sinks are \
                         started, or name a file with {{ file = \"…\" }}"
                    )
                })?;
                (Zeroizing::new(text), format!("the variable {name}"))
            }
            _ => {
                return Err(format!(
                    "{what}: expected exactly one of file and env, as in {{ file = \
                     \"/etc/countersign/token\" }}"
                ));
            }
        };
        if text.trim().is_empty() {
            return Err(format!("{what}: {from} is empty, expected a secret"));
        }
        text.trim().clone_into(&mut self.value);
        Ok(())
    }

    /// The secret.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.value
    }
}

/// Reads a small text file.
pub(in crate::sink) fn read(path: &Path) -> Result<String, String> {
    let size = std::fs::metadata(path).map(|about| about.len());
    let size = size.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    if size > MAX_SECRET_FILE {
        return Err(format!(
            "{} has more than {MAX_SECRET_FILE} bytes, expected a secret or a certificate",
            path.display()
        ));
    }
    let text = std::fs::read_to_string(path);
    text.map_err(|error| format!("cannot read {}: {error}", path.display()))
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, &self.env) {
            (Some(file), _) => write!(out, "Secret(file {})", file.display()),
            (None, Some(name)) => write!(out, "Secret(env {name})"),
            (None, None) => out.write_str("Secret"),
        }
    }
}

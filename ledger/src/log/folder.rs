//! The folder of one log: its identity and its key (docs/format.md, section 11).

use std::io;

use countersign_chain::key::{SigningKey, VerifierKey};
use countersign_chain::origin::Origin;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::fs::Fs;
use crate::store::segment;

/// Identity of the log; it is what is locked.
pub const IDENTITY: &str = "IDENTITY";
/// Secret key of the log, readable by its owner only.
pub const SIGNING_KEY: &str = "signing.key";
const FORMAT: u32 = 1;

/// Why a folder is no log, or not this one.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The file system says no.
    #[error("cannot {doing} {path}: {error}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// With which file.
        path: &'static str,
        /// Why not.
        error: io::Error,
    },
    /// Someone has it open.
    #[error("the log is open in another process; stop that one first")]
    Locked,
    /// There is one.
    #[error("there is a log here already; nothing was changed")]
    Exists,
    /// There is none.
    #[error(
        "there is no log here; is the disk mounted? `countersign ledger init` makes a new log, and \
         never in the place of another"
    )]
    Missing,
    /// There are entries, and nothing that says of which log.
    #[error(
        "IDENTITY is missing beside a log; restore it from a backup: it holds the origin and the \
         verifier key"
    )]
    IdentityLost,
    /// The file is not what it should be.
    #[error("{path} is malformed: {why}")]
    Malformed {
        /// Which file.
        path: &'static str,
        /// Why.
        why: String,
    },
    /// The key belongs to another log.
    #[error("signing.key belongs to {got}; IDENTITY names {expected}")]
    WrongKey {
        /// Key of the log.
        expected: String,
        /// Key in the file.
        got: String,
    },
}

fn failed(doing: &'static str, path: &'static str) -> impl FnOnce(io::Error) -> FolderError {
    move |error| FolderError::Io { doing, path, error }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentityFile {
    format: u32,
    origin: String,
    vkey: String,
}

/// Who a log is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Name of the log.
    pub origin: Origin,
    /// Key that signs its checkpoints.
    pub vkey: VerifierKey,
}

/// Makes the folder of an empty log. The identity is written last: a folder without it is not a
/// log, and one that holds a part of a log is left alone.
///
/// # Errors
/// [`FolderError::Exists`] when there is one.
pub fn create(fs: &dyn Fs, key: &SigningKey) -> Result<Identity, FolderError> {
    for part in [IDENTITY, SIGNING_KEY, segment::HEAD] {
        if fs.exists(part).map_err(failed("look for", part))? {
            return Err(FolderError::Exists);
        }
    }
    write_new(fs, SIGNING_KEY, key.to_text().as_bytes())?;
    segment::create(fs).map_err(failed("create", segment::HEAD))?;
    let vkey = key.verifier().clone();
    let file = IdentityFile {
        format: FORMAT,
        origin: vkey.origin().to_string(),
        vkey: vkey.to_string(),
    };
    let text = toml::to_string(&file).map_err(|error| malformed(IDENTITY, error))?;
    write_new(fs, IDENTITY, text.as_bytes())?;
    Ok(Identity {
        origin: vkey.origin().clone(),
        vkey,
    })
}

fn write_new(fs: &dyn Fs, path: &'static str, bytes: &[u8]) -> Result<(), FolderError> {
    // What a creation that was cut short left behind stands in the way only until now.
    let making = format!("{path}.making");
    let write = || {
        if fs.exists(&making)? {
            fs.remove(&making)?;
        }
        let file = fs.create_new(&making)?;
        file.write_all_at(bytes, 0)?;
        file.sync_all()?;
        fs.rename_noreplace(&making, path)?;
        fs.sync_dir("")
    };
    write().map_err(failed("write", path))
}

/// Reads who the log is.
///
/// # Errors
/// [`FolderError::Missing`] when there is no log.
pub fn identity(fs: &dyn Fs) -> Result<Identity, FolderError> {
    let text = read(fs, IDENTITY).map_err(|error| match error {
        FolderError::Io { error, .. } if error.kind() == io::ErrorKind::NotFound => {
            match fs.exists(segment::HEAD) {
                Ok(true) => FolderError::IdentityLost,
                _ => FolderError::Missing,
            }
        }
        other => other,
    })?;
    let file: IdentityFile = toml::from_str(&text).map_err(|error| malformed(IDENTITY, error))?;
    if file.format != FORMAT {
        let why = format!("format is {}; expected {FORMAT}", file.format);
        return Err(malformed(IDENTITY, why));
    }
    let origin = Origin::parse(&file.origin).map_err(|error| malformed(IDENTITY, error))?;
    let vkey = VerifierKey::parse(&file.vkey).map_err(|error| malformed(IDENTITY, error))?;
    if *vkey.origin() == origin {
        Ok(Identity { origin, vkey })
    } else {
        Err(malformed(IDENTITY, "vkey names another origin"))
    }
}

/// Reads the secret key and checks that it is the log's.
///
/// # Errors
/// [`FolderError::WrongKey`] when it is another's.
pub fn signing_key(fs: &dyn Fs, identity: &Identity) -> Result<SigningKey, FolderError> {
    let text = Zeroizing::new(read(fs, SIGNING_KEY)?);
    let key = SigningKey::parse(&text).map_err(|error| malformed(SIGNING_KEY, error))?;
    if *key.verifier() == identity.vkey {
        Ok(key)
    } else {
        let (expected, got) = (identity.vkey.to_string(), key.verifier().to_string());
        Err(FolderError::WrongKey { expected, got })
    }
}

fn malformed(path: &'static str, why: impl std::fmt::Display) -> FolderError {
    FolderError::Malformed {
        path,
        why: why.to_string(),
    }
}

fn read(fs: &dyn Fs, path: &'static str) -> Result<String, FolderError> {
    let read = || {
        let file = fs.open_read(path)?;
        // No file of this folder that is text is longer than a page.
        let len = usize::try_from(file.len()?.min(4_096)).map_err(io::Error::other)?;
        let mut bytes = vec![0; len];
        file.read_exact_at(&mut bytes, 0)?;
        String::from_utf8(bytes).map_err(io::Error::other)
    };
    read().map_err(failed("read", path))
}

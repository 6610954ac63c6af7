//! Where the ledger is, who the caller is, and whose signature counts.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_chain::key::{KeyError, VerifierKey};

use crate::limits::{CALL_TIMEOUT, MAX_ENDPOINTS, MAX_IDENTITY_FILE};

/// Name of the log when none is given.
const MAIN: &str = "main";

/// Whose checkpoints are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustedKey {
    /// The owner of this verifier key, which the caller got from someone it trusts.
    Pinned(Box<VerifierKey>),
    /// The key that is remembered, else the one in `log.vkey` of the identity folder, else the one
    /// that entry 0 of the log names. With the last, a ledger that lies from the first call on is
    /// believed; with [`Config::remember`], only then. Reading entry 0 takes the role admin,
    /// auditor, bot or provisioner.
    FirstUse,
}

/// How to reach a ledger.
#[derive(Debug, Clone)]
pub struct Config {
    /// 1 to 16 addresses of one ledger, each `https://host:port`. The host is the name that the
    /// certificate of the server must carry.
    pub endpoints: Vec<String>,
    /// Folder with `cert.pem` (the chain), `key.pem` and `ca.pem` (the root), as `countersign ca
    /// issue` writes it.
    pub identity: PathBuf,
    /// Name of the log.
    pub log: String,
    /// How long a call may take, its repeats included.
    pub timeout: Duration,
    /// Whose checkpoints are believed.
    pub trust: TrustedKey,
    /// File with the newest verified checkpoint of each log. Without it a rollback or a fork is
    /// noticed only while the program runs.
    pub remember: Option<PathBuf>,
}

impl Config {
    /// A configuration with the log `main`, a timeout of 30 s, trust on first use and no memory.
    #[must_use]
    pub fn new(endpoints: Vec<String>, identity: impl Into<PathBuf>) -> Self {
        Self {
            endpoints,
            identity: identity.into(),
            log: MAIN.to_owned(),
            timeout: CALL_TIMEOUT,
            trust: TrustedKey::FirstUse,
            remember: None,
        }
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.endpoints.is_empty() || self.endpoints.len() > MAX_ENDPOINTS {
            return Err(ConfigError::Endpoints(self.endpoints.len()));
        }
        if self.log.is_empty() {
            return Err(ConfigError::NoLog);
        }
        if self.timeout.is_zero() {
            return Err(ConfigError::NoTime);
        }
        Ok(())
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No address, or too many.
    #[error("expected 1 to {MAX_ENDPOINTS} addresses of the ledger, got {0}")]
    Endpoints(usize),
    /// Not an address.
    #[error("expected an address like https://ledger.example:7443, got {address:?}: {why}")]
    Address {
        /// As given.
        address: String,
        /// What is wrong with it.
        why: String,
    },
    /// The name of the log is empty.
    #[error("expected the name of a log, got none; the usual one is main")]
    NoLog,
    /// The timeout is zero.
    #[error("expected a timeout above zero, got zero")]
    NoTime,
    /// A file of the identity cannot be read.
    #[error(
        "cannot read {}: {source}; `countersign ca issue` writes identity folders",
        path.display()
    )]
    Identity {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Certificate, key or root are not what TLS needs.
    #[error("cannot set up TLS with the identity in {}: {why}", folder.display())]
    Tls {
        /// The identity folder.
        folder: PathBuf,
        /// What the TLS library says.
        why: String,
    },
    /// The key of the log is none.
    #[error("{} holds no verifier key: {source}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        source: KeyError,
    },
}

/// Files of an identity folder.
#[derive(Clone)]
pub struct Identity {
    folder: PathBuf,
    /// Certificate chain in PEM form.
    pub(crate) cert: Vec<u8>,
    /// Private key in PEM form.
    pub(crate) key: Vec<u8>,
    /// Root certificate in PEM form.
    pub(crate) ca: Vec<u8>,
}

impl Identity {
    /// Reads `cert.pem`, `key.pem` and `ca.pem`.
    ///
    /// # Errors
    /// [`ConfigError::Identity`] names the file.
    pub fn read(folder: &Path) -> Result<Self, ConfigError> {
        let get = |name: &str| {
            let path = folder.join(name);
            read(&path).map_err(|source| ConfigError::Identity { path, source })
        };
        Ok(Self {
            folder: folder.to_path_buf(),
            cert: get("cert.pem")?,
            key: get("key.pem")?,
            ca: get("ca.pem")?,
        })
    }

    /// An identity that no TLS library accepts.
    #[cfg(test)]
    pub(crate) fn for_tests(folder: &Path) -> Self {
        let (cert, key, ca) = (b"no".to_vec(), b"no".to_vec(), b"no".to_vec());
        Self {
            folder: folder.to_path_buf(),
            cert,
            key,
            ca,
        }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The verifier key in `log.vkey`, when there is such a file.
    ///
    /// # Errors
    /// [`ConfigError`] when the file cannot be read or holds no key.
    pub fn log_key(&self) -> Result<Option<VerifierKey>, ConfigError> {
        let path = self.folder.join("log.vkey");
        let bytes = match read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(ConfigError::Identity { path, source }),
        };
        match VerifierKey::parse(String::from_utf8_lossy(&bytes).trim_end()) {
            Ok(key) => Ok(Some(key)),
            Err(source) => Err(ConfigError::Key { path, source }),
        }
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut file = File::open(path)?.take(MAX_IDENTITY_FILE);
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_names_what_is_missing() {
        let good = Config::new(vec!["https://localhost:1".into()], "identity");
        assert!(good.check().is_ok());
        let bad = [
            Config {
                endpoints: Vec::new(),
                ..good.clone()
            },
            Config {
                endpoints: vec![String::new(); 17],
                ..good.clone()
            },
            Config {
                log: String::new(),
                ..good.clone()
            },
            Config {
                timeout: Duration::ZERO,
                ..good
            },
        ];
        for config in bad {
            assert!(config.check().is_err(), "{config:?}");
        }
    }

    #[test]
    fn a_missing_identity_is_named() {
        let error = Identity::read(Path::new("/nonexistent/identity")).unwrap_err();
        assert!(
            error.to_string().contains("/nonexistent/identity/cert.pem"),
            "{error}"
        );
    }
}

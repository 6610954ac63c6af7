//! The data folder of a server: its logs, its CA, and who holds certificates.
//!
//! ```text
//! DIR/ca/  tls/  admin/       identity (see `identity::ca`)
//! DIR/logs/NAME/              one log each (docs/format.md, section 11); `main` is always there
//! DIR/certificates.json       certificates that `main` tells of, up to some entry; derived
//! DIR/endpoint.json           where the running server listens; gone when it stopped
//! ```
//!
//! A node is open in one process at a time. The server and the offline commands open the same node.

mod certificates;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign_chain::key::{KeyError, SigningKey, VerifierKey};
use countersign_chain::origin::{Origin, OriginError};
use countersign_proto::event::Event;
use zeroize::Zeroizing;

use self::certificates::Keeper;
use crate::clock::Clock;
use crate::fs::Fs;
use crate::fs::real::RealFs;
use crate::identity::ca::{self, InitError as CaInitError, InitReport};
use crate::identity::ca::{Ca, LoadError};
use crate::identity::desk::CertificateDesk;
use crate::identity::registry::Registry;
use crate::limits::{MIN_SEGMENT_BYTES, SEGMENT_BYTES};
use crate::log::folder::{self, FolderError};
use crate::log::{Log, LogSettings, OpenLogError, SubmitError};
use crate::store::ReadError;

/// Name of the log that every server has.
pub const MAIN: &str = "main";
/// Folder of the logs.
pub const LOGS: &str = "logs";
/// What [`init`] makes in a data folder.
const PARTS: [&str; 4] = ["ca", "tls", "admin", LOGS];

/// Why a data folder could not be made, opened or closed.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// No folder, or no rights.
    #[error("cannot open {path}: {error}")]
    Io {
        /// Which folder.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// Not a data folder.
    #[error(
        "{0} is no data folder: it has no logs/{MAIN}. Is the disk mounted, and the path right? A \
         new one is made with `countersign ledger init --dir DIR --origin NAME`, never over an old \
         one"
    )]
    Missing(PathBuf),
    /// Something of a data folder is there.
    #[error(
        "{0} exists already, and what is there is never changed; choose another folder, or restore \
         what is missing from a backup"
    )]
    Exists(PathBuf),
    /// A log.
    #[error("log {name}: {error}{}", error.advice())]
    Log {
        /// Which.
        name: String,
        /// Why.
        error: OpenLogError,
    },
    /// A log's folder.
    #[error("log {name}: {error}")]
    Folder {
        /// Which.
        name: String,
        /// Why.
        error: FolderError,
    },
    /// The CA was not made.
    #[error(transparent)]
    CaInit(#[from] CaInitError),
    /// The CA does not load.
    #[error(transparent)]
    Ca(#[from] LoadError),
    /// A log's name.
    #[error(
        "log name {0:?} is not 1 to 63 characters of a-z, 0-9 and '-' that start with a letter"
    )]
    LogName(String),
    /// The origin of a log beside `main`.
    #[error("origin of the log: {0}")]
    Origin(#[from] OriginError),
    /// A seed gave a weak key.
    #[error("signing key: {0}")]
    Key(#[from] KeyError),
    /// Entries could not be written.
    #[error("cannot write to the log: {0}")]
    Submit(#[from] SubmitError),
    /// Certificates could not be read.
    #[error("cannot read the certificates of the log: {0}")]
    Read(#[from] ReadError),
}

/// How a node is opened.
#[derive(Debug, Clone)]
pub struct NodeSettings {
    /// Size of a segment file.
    pub segment_bytes: u64,
    /// The clocks.
    pub clock: Arc<dyn Clock>,
}

impl NodeSettings {
    /// Usual settings on this clock.
    #[must_use]
    pub const fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            segment_bytes: SEGMENT_BYTES,
            clock,
        }
    }

    /// Another size of segment files, at least 64 KiB.
    #[must_use]
    pub fn with_segment_bytes(mut self, bytes: u64) -> Self {
        self.segment_bytes = bytes.max(MIN_SEGMENT_BYTES);
        self
    }
}

/// What [`init`] made.
#[derive(Debug)]
pub struct Initialised {
    /// Key that auditors pin.
    pub vkey: VerifierKey,
    /// Folder of the first administrator's certificate.
    pub admin: PathBuf,
}

/// Makes a data folder: CA, certificates, and the log `main` with its first entries.
///
/// # Errors
/// [`NodeError`]; an existing data folder is never touched, and what was made until then is
/// removed.
pub async fn init(
    dir: &Path,
    origin: &Origin,
    hosts: &[String],
    settings: &NodeSettings,
) -> Result<Initialised, NodeError> {
    let there = PARTS
        .iter()
        .map(|part| dir.join(part))
        .find(|path| path.exists());
    if let Some(path) = there {
        return Err(NodeError::Exists(path));
    }
    std::fs::create_dir_all(dir).map_err(io_at(dir))?;
    let made = fill(dir, origin, hosts, settings).await;
    if made.is_err() {
        for part in PARTS {
            // What was not made yet cannot be removed; the error that counts is the first one.
            drop(std::fs::remove_dir_all(dir.join(part)));
        }
    }
    made
}

async fn fill(
    dir: &Path,
    origin: &Origin,
    hosts: &[String],
    settings: &NodeSettings,
) -> Result<Initialised, NodeError> {
    let now = settings.clock.wall();
    let InitReport { server, admin } = ca::init(dir, origin, hosts, now)?;
    let vkey = create_log(dir, MAIN, origin)?;
    let log = open_log(dir, MAIN, settings).await?;
    for issued in [server, admin] {
        log.record(&Event::from_message(&issued.event())).await?;
    }
    log.close("init").await?;
    Ok(Initialised {
        vkey,
        admin: dir.join("admin"),
    })
}

/// Makes an empty log in a data folder. The server opens it at its next start.
///
/// # Errors
/// [`NodeError::LogName`] for a bad name, [`NodeError::Folder`] when there is one.
pub fn create_log(dir: &Path, name: &str, origin: &Origin) -> Result<VerifierKey, NodeError> {
    check_name(name)?;
    let origin = match name {
        MAIN => origin.clone(),
        _ => Origin::parse(&format!("{origin}/{name}"))?,
    };
    let mut seed = Zeroizing::new([0_u8; 32]);
    let path = dir.join(LOGS).join(name);
    getrandom::fill(seed.as_mut_slice()).map_err(|error| io_at(&path)(io::Error::other(error)))?;
    let key = SigningKey::from_seed(origin, &seed)?;
    std::fs::create_dir_all(&path).map_err(io_at(&path))?;
    let fs = RealFs::open(&path).map_err(io_at(&path))?;
    let made = folder::create(fs.as_ref(), &key);
    let identity = made.map_err(|error| NodeError::Folder {
        name: name.to_owned(),
        error,
    })?;
    Ok(identity.vkey)
}

/// Whether a log may have this name.
#[must_use]
pub fn is_log_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=63).contains(&name.len())
        && name.bytes().all(plain)
        && name.starts_with(|c: char| c.is_ascii_lowercase())
}

fn check_name(name: &str) -> Result<(), NodeError> {
    if is_log_name(name) {
        Ok(())
    } else {
        Err(NodeError::LogName(name.to_owned()))
    }
}

fn io_at(path: &Path) -> impl Fn(io::Error) -> NodeError {
    move |error| NodeError::Io {
        path: path.to_owned(),
        error,
    }
}

async fn open_log(dir: &Path, name: &str, settings: &NodeSettings) -> Result<Arc<Log>, NodeError> {
    let path = dir.join(LOGS).join(name);
    let fs: Arc<dyn Fs> = RealFs::open(&path).map_err(io_at(&path))?;
    let settings = LogSettings {
        name: name.to_owned(),
        folder: path,
        segment_bytes: settings.segment_bytes,
        clock: Arc::clone(&settings.clock),
    };
    Log::open(fs, settings)
        .await
        .map_err(|error| NodeError::Log {
            name: name.to_owned(),
            error,
        })
}

/// An open data folder.
#[derive(Debug)]
pub struct Node {
    dir: PathBuf,
    logs: Arc<BTreeMap<String, Arc<Log>>>,
    registry: Arc<Registry>,
    ca: Arc<Ca>,
    desk: CertificateDesk,
    keeper: Keeper,
}

impl Node {
    /// Opens every log of a data folder, after a crash or not.
    ///
    /// # Errors
    /// [`NodeError`] names the log that cannot be opened; nothing is served then.
    pub async fn open(dir: &Path, settings: &NodeSettings) -> Result<Self, NodeError> {
        let names = log_names(dir)?;
        let mut logs = BTreeMap::new();
        for name in names {
            let log = open_log(dir, &name, settings).await?;
            logs.insert(name, log);
        }
        let main = logs
            .get(MAIN)
            .ok_or_else(|| NodeError::Missing(dir.to_owned()))?;
        let (registry, kept) = certificates::load(dir, main).await?;
        let registry = Arc::new(registry);
        let ca = Arc::new(Ca::load(dir)?);
        let desk = CertificateDesk::new(
            Arc::clone(&ca),
            Arc::clone(&registry),
            Arc::clone(main),
            Arc::clone(&settings.clock),
        );
        let keeper = Keeper::new(dir, Arc::clone(main), desk.clone(), kept);
        Ok(Self {
            dir: dir.to_owned(),
            logs: Arc::new(logs),
            registry,
            ca,
            desk,
            keeper,
        })
    }

    /// Keeps the list of certificates on disk when the log has grown much since, so that the next
    /// start need not read the log for it.
    pub async fn keep_certificates(&self) {
        self.keeper.keep_when_grown().await;
    }

    /// The data folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Logs by name.
    #[must_use]
    pub const fn logs(&self) -> &Arc<BTreeMap<String, Arc<Log>>> {
        &self.logs
    }

    /// The log `main`.
    ///
    /// # Errors
    /// Never for a node that was opened.
    pub fn main(&self) -> Result<&Arc<Log>, NodeError> {
        self.logs
            .get(MAIN)
            .ok_or_else(|| NodeError::Missing(self.dir.clone()))
    }

    /// Issued and revoked certificates.
    #[must_use]
    pub const fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// The issuing CA.
    #[must_use]
    pub const fn ca(&self) -> &Arc<Ca> {
        &self.ca
    }

    /// Where certificates are issued and revoked.
    #[must_use]
    pub const fn desk(&self) -> &CertificateDesk {
        &self.desk
    }

    /// Resolves when a log cannot be written any more.
    pub async fn failed(&self) {
        let mut waits = tokio::task::JoinSet::new();
        for log in self.logs.values() {
            let log = Arc::clone(log);
            waits.spawn(async move { log.failed().await });
        }
        drop(waits.join_next().await);
    }

    /// Closes every log.
    ///
    /// # Errors
    /// The first [`SubmitError`]; the others are closed all the same.
    pub async fn close(&self, reason: &str) -> Result<(), NodeError> {
        let mut result = Ok(());
        self.keeper.keep().await;
        for log in self.logs.values() {
            let closed = log.close(reason).await;
            result = result.and(closed);
        }
        result.map_err(NodeError::from)
    }
}

fn log_names(dir: &Path) -> Result<Vec<String>, NodeError> {
    let path = dir.join(LOGS);
    let entries = match std::fs::read_dir(&path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(NodeError::Missing(dir.to_owned()));
        }
        Err(error) => return Err(io_at(&path)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(io_at(&path))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !entry.file_type().map_err(io_at(&path))?.is_dir() {
            tracing::warn!(name, "a file stands in the folder of logs, and is no log");
            continue;
        }
        check_name(&name)?;
        names.push(name);
    }
    names.sort();
    Ok(names)
}

//! Opening a log: lock, recover, bring the derived things up to date, start the threads.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use countersign_chain::hash::Hash;
use countersign_chain::key::SigningKey;
use countersign_chain::record::Record;
use countersign_proto::event::Event;
use countersign_proto::v1::{LogOpened, LogRecovered};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::cases::{self, Cases};
use super::folder::{self, FolderError, Identity};
use super::idem::{Fingerprint, Window};
use super::sealer::publish;
use super::sequences::Shared;
use super::workers::{Handles, Stuff, join};
use super::{Log, SubmitError};
use crate::blobs::Blobs;
use crate::clock::Clock;
use crate::fs::{Fs, FsLock};
use crate::limits::{
    IDEMPOTENCY_WINDOW, LOCK_PAUSE, LOCK_TRIES, QUEUE_BYTES, QUEUE_SHARE, READ_BYTES, long_readings,
};
use crate::projections::{self, Projector};
use crate::shares::Shares;
use crate::store::segment::recover::{self, OpenError, Recovery};
use crate::store::segment::{Settings, random_nonce};
use crate::store::{AppendError, LogStore, ReadError};
use crate::tree::TreeStore;

/// What a log needs to know.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// Name on its server.
    pub name: String,
    /// Folder of the log. Projections are not written through the seam, for they are no truth.
    pub folder: PathBuf,
    /// Size of a segment file.
    pub segment_bytes: u64,
    /// The clocks.
    pub clock: Arc<dyn Clock>,
}

/// Why a log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenLogError {
    /// No log, or not to be had.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Damaged.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The head says that nothing was ever sealed, which is true of a log of one entry at most: the
    /// first one is sealed before another is taken.
    #[error("the durable head is empty, and there are {size} entries")]
    NoFloor {
        /// Number of entries.
        size: u64,
    },
    /// Cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Cannot be written.
    #[error("cannot take the log over: {0}")]
    Fence(#[from] AppendError),
    /// The first entry could not be written.
    #[error("cannot write the opening entry: {0}")]
    Submit(#[from] SubmitError),
    /// The file system says no.
    #[error("cannot {doing}: {error}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// Why not.
        error: io::Error,
    },
}

impl OpenLogError {
    /// What to do about damage, as an end of the message; empty where the message says it itself.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::Store(OpenError::Io { .. }) | Self::Io { .. } => {
                "; look at the disk, and restore what is missing from a backup"
            }
            Self::Folder(
                FolderError::Io { .. }
                | FolderError::Malformed { .. }
                | FolderError::WrongKey { .. },
            ) => "; restore it from a backup of this log",
            Self::Folder(_) | Self::Fence(_) | Self::Submit(_) => "",
            Self::Store(_) | Self::NoFloor { .. } | Self::Read(_) => {
                "; change nothing, run `countersign verify` on the data folder, and read \
                 docs/operations.md, \"Restart\""
            }
        }
    }
}

fn failed(doing: &'static str) -> impl FnOnce(io::Error) -> OpenLogError {
    move |error| OpenLogError::Io { doing, error }
}

impl Log {
    /// Opens the log in a folder and starts its threads. A log without entries gets its first one;
    /// a log that was recovered gets the entry that says so.
    ///
    /// # Errors
    /// [`OpenLogError`]; what is stored is then as it was. Half-made files are removed, torn bytes
    /// behind the last commit are in quarantine, and tree files may be those of a new beginning.
    pub async fn open(fs: Arc<dyn Fs>, settings: LogSettings) -> Result<Arc<Self>, OpenLogError> {
        let prepared = take(&fs, settings).await?;
        let fresh = prepared.store.head().head.size() == 0;
        let (identity, recovery) = (prepared.identity.clone(), prepared.recovery.clone());
        let log = Arc::new(start(Arc::clone(&fs), prepared)?);
        if fresh {
            let opened = LogOpened {
                origin: identity.origin.to_string(),
                vkey: identity.vkey.to_string(),
                format: 1,
            };
            let run = log.record(&Event::from_message(&opened)).await?;
            log.wait_sealed(run.size()).await?;
        }
        if recovery.floor == 0 {
            // The first seal was cut off by a crash: before others append, there is a floor.
            log.wait_sealed(log.accepted_size()).await?;
        }
        log.tell_recovery(fs.as_ref(), &recovery).await?;
        Ok(log)
    }

    /// Writes `LogRecovered` for everything in quarantine that the log has not told yet.
    async fn tell_recovery(&self, fs: &dyn Fs, recovery: &Recovery) -> Result<(), OpenLogError> {
        let torn = recover::pending(fs).map_err(failed("look into quarantine"))?;
        for torn in torn {
            let event = LogRecovered {
                size: recovery.size,
                floor: recovery.floor,
                quarantined_bytes: torn.bytes,
                quarantined_sha256: torn.sha256.as_bytes().to_vec().into(),
            };
            let run = self.record(&Event::from_message(&event)).await?;
            self.wait_sealed(run.size()).await?;
            // If we stop here, then the next start tells it once more: twice said is better than
            // never.
            recover::told(fs, &torn).map_err(failed("mark quarantined bytes as told"))?;
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Prepared {
    settings: LogSettings,
    lock: Box<dyn FsLock>,
    identity: Identity,
    key: SigningKey,
    store: Arc<dyn LogStore>,
    recovery: Recovery,
    tree: Arc<TreeStore>,
    window: Window,
}

/// Prepares a log, once whoever had it open a moment ago has let go of it.
async fn take(fs: &Arc<dyn Fs>, settings: LogSettings) -> Result<Prepared, OpenLogError> {
    let mut tries = 1;
    loop {
        let (fs, settings) = (Arc::clone(fs), settings.clone());
        let prepared = tokio::task::spawn_blocking(move || prepare(&fs, settings))
            .await
            .map_err(|error| failed("open the log")(io::Error::other(error)))?;
        match prepared {
            Err(OpenLogError::Folder(FolderError::Locked)) if tries < LOCK_TRIES => {
                tries += 1;
                tokio::time::sleep(LOCK_PAUSE).await;
            }
            prepared => return prepared,
        }
    }
}

/// Everything that blocks.
fn prepare(fs: &Arc<dyn Fs>, settings: LogSettings) -> Result<Prepared, OpenLogError> {
    let identity = folder::identity(fs.as_ref())?;
    let lock = fs
        .lock(folder::IDENTITY)
        .map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => FolderError::Locked.into(),
            _ => failed("lock the log")(error),
        })?;
    let key = folder::signing_key(fs.as_ref(), &identity)?;
    let (store, recovery) = recover::open(
        Arc::clone(fs),
        Settings {
            origin: identity.origin.clone(),
            key: identity.vkey.clone(),
            segment_bytes: settings.segment_bytes,
            nonce: random_nonce,
        },
    )?;
    if recovery.floor == 0 && recovery.size > 1 {
        let size = recovery.size;
        return Err(OpenLogError::NoFloor { size });
    }
    tracing::info!(size = recovery.size, floor = recovery.floor, "log opened");
    let store: Arc<dyn LogStore> = Arc::new(store);
    let head = store.head().head;
    let tree = TreeStore::open(Arc::clone(fs), &head).map_err(failed("open the tree files"))?;
    feed_tree(store.as_ref(), &tree)?;
    if !tree
        .confirm(&head)
        .map_err(failed("check the tree files"))?
    {
        feed_tree(store.as_ref(), &tree)?;
    }
    let window = load_window(store.as_ref())?;
    // Whatever a crash left of the file, or someone took away.
    publish(fs.as_ref(), &store.sealed().into());
    let tree = Arc::new(tree);
    Ok(Prepared {
        settings,
        lock,
        identity,
        key,
        store,
        recovery,
        tree,
        window,
    })
}

/// Walks all records from an entry on.
pub(super) fn walk(
    store: &dyn LogStore,
    from: u64,
    mut see: impl FnMut(&Record<'_>),
) -> Result<(), ReadError> {
    let size = store.head().head.size();
    let mut next = from;
    while next < size {
        next = walk_some(store, next, &mut see)?;
    }
    Ok(())
}

/// Walks the records of one reading, and tells where the next one begins.
pub(super) fn walk_some(
    store: &dyn LogStore,
    from: u64,
    mut see: impl FnMut(&Record<'_>),
) -> Result<u64, ReadError> {
    let mut next = from;
    let run = store.read(from, READ_BYTES)?;
    for frame in run.frames() {
        let frame = frame.map_err(|error| ReadError::Damaged { index: next, error })?;
        for bytes in frame.records() {
            match Record::parse(bytes) {
                Ok(record) if record.index().get() >= next => {
                    next = record.index().get().saturating_add(1);
                    see(&record);
                }
                Ok(_) => {}
                Err(_) => {
                    let error = countersign_chain::frame::FrameError::BadBody("bad record");
                    return Err(ReadError::Damaged { index: next, error });
                }
            }
        }
    }
    Ok(next)
}

/// Brings the tree up to the log.
pub(super) fn feed_tree(store: &dyn LogStore, tree: &TreeStore) -> Result<(), OpenLogError> {
    const BATCH: usize = 4_096;
    let mut first = tree.size();
    let mut leaves: Vec<Hash> = Vec::with_capacity(BATCH);
    let mut result = Ok(());
    let mut flush = |leaves: &mut Vec<Hash>| {
        if result.is_ok() {
            result = tree.append(first, leaves);
        }
        first = first.saturating_add(u64::try_from(leaves.len()).unwrap_or(u64::MAX));
        leaves.clear();
    };
    walk(store, tree.size(), |record| {
        leaves.push(record.leaf());
        if leaves.len() == BATCH {
            flush(&mut leaves);
        }
    })?;
    flush(&mut leaves);
    result.map_err(failed("rebuild the tree files"))
}

/// Reads the newest idempotency keys back from the log.
fn load_window(store: &dyn LogStore) -> Result<Window, OpenLogError> {
    let mut window = Window::new(IDEMPOTENCY_WINDOW);
    let size = store.head().head.size();
    let room = u64::try_from(IDEMPOTENCY_WINDOW).unwrap_or(u64::MAX);
    walk(store, size.saturating_sub(room), |record| {
        if !record.idem().is_empty() {
            let key = Fingerprint::of(record.actor(), record.idem());
            window.insert(key, record.index().get());
        }
    })?;
    Ok(window)
}

/// Starts the threads.
fn start(fs: Arc<dyn Fs>, prepared: Prepared) -> Result<Log, OpenLogError> {
    let Prepared {
        settings,
        lock,
        identity,
        key,
        store,
        tree,
        window,
        ..
    } = prepared;
    let stop = CancellationToken::new();
    let replayed = cases::replay(&settings.name, Arc::clone(&store), stop.clone())
        .map_err(failed("start a thread"))?;
    let cases = Arc::new(Cases::default());
    let sequences = Shared::default();
    let blobs = Blobs::open(Arc::clone(&fs)).map_err(failed("look after the blobs"))?;
    let blobs = Arc::new(blobs);
    let (workers, handles) = join(Stuff {
        fs,
        cases: Arc::clone(&cases),
        sequences: Arc::clone(&sequences),
        replayed,
        stop,
        epoch: store.fence()?,
        store: Arc::clone(&store),
        tree: Arc::clone(&tree),
        clock: Arc::clone(&settings.clock),
        key,
        window,
    });
    let projector = start_projector(&settings, identity, &store, &handles)?;
    let threads = Mutex::new(
        workers
            .start(&settings.name)
            .map_err(failed("start a thread"))?,
    );
    Ok(Log {
        name: settings.name,
        store,
        tree,
        cases,
        sequences,
        blobs,
        projections: projector.projections(),
        projector: Mutex::new(Some(projector)),
        window: handles.window,
        low: handles.low,
        queue: handles.queue,
        shares: Shares::new(QUEUE_SHARE, QUEUE_BYTES),
        lookups: Shares::new(1, long_readings()),
        accepted: handles.accepted,
        sealed: handles.sealed,
        desk: handles.desk,
        failed: handles.failed,
        stop: handles.stop,
        threads,
        lock: Mutex::new(Some(lock)),
    })
}

fn start_projector(
    settings: &LogSettings,
    identity: Identity,
    store: &Arc<dyn LogStore>,
    handles: &Handles,
) -> Result<Projector, OpenLogError> {
    let clock = Arc::clone(&settings.clock);
    let folder = settings.folder.clone();
    let settings = projections::Settings::new(folder, identity.origin, move || clock.wall());
    let (sealed, stop) = (handles.sizes.clone(), handles.stop.clone());
    Projector::spawn(settings, Arc::clone(store), sealed, stop).map_err(failed("start a thread"))
}

//! Entries that wait while a commit is on its way to the disk: they come behind it, whatever
//! happens in between, and hold up nobody else.

use std::future::{Future, ready};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use countersign_chain::key::SigningKey;
use countersign_chain::kind::Kind;
use countersign_chain::origin::Origin;
use countersign_chain::principal::Principal;
use countersign_ledger::clock::ManualClock;
use countersign_ledger::fs::sim::SimFs;
use countersign_ledger::fs::{Fs, FsFile, FsLock};
use countersign_ledger::limits::{QUEUE_SHARE, QUEUED_PROPOSAL};
use countersign_ledger::log::{Log, LogSettings, Mode, NewEntry, Pending, SubmitError, folder};
use parking_lot::{Condvar, Mutex};

/// Holds up the syncs of segments while it is closed.
#[derive(Debug, Default)]
struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    closed: bool,
    waiting: usize,
}

impl Gate {
    fn pass(&self) {
        let mut state = self.state.lock();
        state.waiting += 1;
        self.changed.notify_all();
        self.changed.wait_while(&mut state, |state| state.closed);
        state.waiting -= 1;
    }

    fn set_closed(&self, closed: bool) {
        self.state.lock().closed = closed;
        self.changed.notify_all();
    }

    fn wait_for_a_sync(&self) {
        let mut state = self.state.lock();
        let nobody = |state: &mut State| state.waiting == 0;
        let waited = self
            .changed
            .wait_while_for(&mut state, nobody, Duration::from_secs(20));
        assert!(!waited.timed_out(), "no commit came to the disk");
    }
}

#[derive(Debug)]
struct GatedFs {
    disk: SimFs,
    gate: Arc<Gate>,
}

#[derive(Debug)]
struct GatedFile {
    file: Arc<dyn FsFile>,
    gate: Option<Arc<Gate>>,
}

impl GatedFs {
    fn gated(&self, path: &str, file: Arc<dyn FsFile>) -> Arc<dyn FsFile> {
        let gate = path
            .starts_with("segments/")
            .then(|| Arc::clone(&self.gate));
        Arc::new(GatedFile { file, gate })
    }
}

impl Fs for GatedFs {
    fn create_dir(&self, path: &str) -> io::Result<()> {
        self.disk.create_dir(path)
    }
    fn create_new(&self, path: &str) -> io::Result<Arc<dyn FsFile>> {
        Ok(self.gated(path, self.disk.create_new(path)?))
    }
    fn open(&self, path: &str) -> io::Result<Arc<dyn FsFile>> {
        Ok(self.gated(path, self.disk.open(path)?))
    }
    fn open_read(&self, path: &str) -> io::Result<Arc<dyn FsFile>> {
        self.disk.open_read(path)
    }
    fn open_device(&self, path: &str) -> io::Result<Arc<dyn FsFile>> {
        self.disk.open_device(path)
    }
    fn rename_noreplace(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename_noreplace(from, to)
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }
    fn remove(&self, path: &str) -> io::Result<()> {
        self.disk.remove(path)
    }
    fn sync_dir(&self, path: &str) -> io::Result<()> {
        self.disk.sync_dir(path)
    }
    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        self.disk.list(path)
    }
    fn exists(&self, path: &str) -> io::Result<bool> {
        self.disk.exists(path)
    }
    fn free_bytes(&self) -> io::Result<u64> {
        self.disk.free_bytes()
    }
    fn lock(&self, path: &str) -> io::Result<Box<dyn FsLock>> {
        self.disk.lock(path)
    }
}

impl FsFile for GatedFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buf, offset)
    }
    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize> {
        self.file.write_at(buf, offset)
    }
    fn allocate(&self, len: u64) -> io::Result<()> {
        self.file.allocate(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        if let Some(gate) = &self.gate {
            gate.pass();
        }
        self.file.sync_data()
    }
    fn sync_all(&self) -> io::Result<()> {
        self.file.sync_all()
    }
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
}

/// Opens the gate, at the latest when the test ends, however it ends.
struct Opener(Arc<Gate>);

impl Opener {
    fn open(&self) {
        self.0.set_closed(false);
    }
}

impl Drop for Opener {
    fn drop(&mut self) {
        self.open();
    }
}

struct Bench {
    gate: Opener,
    log: Arc<Log>,
    _folder: tempfile::TempDir,
}

impl Bench {
    /// A log with a commit on its way to the disk, and what is told when it is there.
    async fn with_a_commit_in_flight() -> (Self, Pending) {
        let disk = SimFs::new();
        let origin = Origin::parse("example.com/log").expect("an origin");
        let key = SigningKey::from_seed(origin, &[9; 32]).expect("a key");
        folder::create(&disk, &key).expect("an empty disk");
        let gate = Arc::new(Gate::default());
        let folder = tempfile::tempdir().expect("a folder");
        let settings = LogSettings {
            name: "main".to_owned(),
            folder: folder.path().to_owned(),
            segment_bytes: 8 << 20,
            clock: Arc::new(ManualClock::at(1_790_000_000_000_000)) as _,
        };
        let fs = GatedFs {
            disk,
            gate: Arc::clone(&gate),
        };
        let log = Log::open(Arc::new(fs), settings).await;
        let bench = Self {
            gate: Opener(gate),
            log: log.expect("an intact log"),
            _folder: folder,
        };
        bench.gate.0.set_closed(true);
        let first = bench.submit("agent:first", 1).await;
        tokio::task::block_in_place(|| bench.gate.0.wait_for_a_sync());
        (bench, first)
    }

    async fn submit(&self, actor: &str, entries: usize) -> Pending {
        let actor = Principal::parse(actor).expect("a principal");
        let kind = Kind::new(140).expect("a kind");
        let entry = NewEntry::new(kind, actor, Bytes::from_static(b"x")).expect("small");
        let submitted = self.log.submit(vec![entry; entries], Mode::Each);
        soon(submitted).await.expect("it is open")
    }
}

/// What comes without anybody else doing something.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    let came = tokio::time::timeout(Duration::from_secs(20), what).await;
    came.expect("it need not wait")
}

async fn is_ready<F: Future>(what: Pin<&mut F>) -> bool {
    tokio::select! {
        biased;
        _ = what => true,
        () = ready(()) => false,
    }
}

/// First index and number of entries of an answer.
async fn place(pending: Pending) -> Result<(u64, usize), SubmitError> {
    let runs = soon(pending.accepted()).await?;
    assert_eq!(runs.len(), 1);
    Ok((runs[0].first_index, runs[0].leaves.len()))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_the_open_commit_goes_into_the_next() {
    let (bench, first) = Bench::with_a_commit_in_flight().await;
    // Each has room in a commit by itself; together they are too many.
    let one = bench.submit("agent:one", 600).await;
    let other = bench.submit("agent:other", 600).await;
    bench.gate.open();
    let (at, _) = place(first).await.expect("taken");
    assert_eq!(place(one).await, Ok((at + 1, 600)));
    assert_eq!(place(other).await, Ok((at + 601, 600)));
    let alone = bench.submit("agent:one", 1_025).await;
    let refused = place(alone).await;
    assert!(matches!(
        refused,
        Err(SubmitError::TooLarge { entries: 1_025, .. })
    ));
    bench.log.close("test").await.expect("a healthy disk");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_queued_when_the_log_went_away_is_still_written() {
    let (bench, first) = Bench::with_a_commit_in_flight().await;
    let queued = bench.submit("agent:queued", 3).await;
    let Bench { gate, log, _folder } = bench;
    drop(log);
    // Whatever comes first, the end or the disk, the entries that were taken are written.
    gate.open();
    let (at, _) = place(first).await.expect("taken");
    assert_eq!(place(queued).await, Ok((at + 1, 3)));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_used_its_share_of_the_queue_waits_and_nobody_else_does() {
    let (bench, first) = Bench::with_a_commit_in_flight().await;
    let share = usize::try_from(QUEUE_SHARE).expect("small") / QUEUED_PROPOSAL;
    let mut taken = Vec::new();
    for _ in 0..share {
        taken.push(bench.submit("agent:busy", 1).await);
    }
    {
        let mut more = pin!(bench.submit("agent:busy", 1));
        assert!(!is_ready(more.as_mut()).await, "its share is used up");
        for other in ["agent:other", "user:ada@example.com"] {
            taken.push(bench.submit(other, 1).await);
        }
        assert!(!is_ready(more.as_mut()).await, "nothing came back");
        bench.gate.open();
        taken.push(more.await);
    }
    place(first).await.expect("taken");
    for pending in taken {
        place(pending).await.expect("taken");
    }
    bench.log.close("test").await.expect("a healthy disk");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_closed_says_so() {
    let (bench, first) = Bench::with_a_commit_in_flight().await;
    bench.gate.open();
    place(first).await.expect("taken");
    bench.log.close("test").await.expect("a healthy disk");
    let kind = Kind::new(140).expect("a kind");
    let actor = Principal::parse("agent:late").expect("a principal");
    let entry = NewEntry::new(kind, actor, Bytes::new()).expect("small");
    let late = bench.log.submit(vec![entry], Mode::Each).await;
    assert_eq!(late.map(drop), Err(SubmitError::ShuttingDown));
}

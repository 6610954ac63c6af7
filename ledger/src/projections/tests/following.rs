//! The index follows a log, and readers find with it what they find without.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use countersign_chain::commit::Commit;
use countersign_chain::key::VerifierKey;
use countersign_chain::origin::Origin;

use super::samples::{Log, Running, build, copy, origin, put_aside};
use crate::filter::Filter;
use crate::projections::Status;
use crate::store::memory::MemoryStore;
use crate::store::{AppendError, DurableHead, FrameRun, LogStore, ReadError, Room, Space};

#[tokio::test]
async fn answers_are_those_of_a_scan_while_the_log_grows() {
    for seed in 0..3 {
        let folder = tempfile::tempdir().expect("folder");
        let mut log = Log::new(seed, origin());
        log.grow(200);
        let running = Running::start(folder.path(), Arc::clone(&log.store) as Arc<dyn LogStore>);
        for growth in [56, 1, 2_000, 3, 5_000, 700] {
            log.assert_answers(&running.projections);
            log.grow(growth);
            running.sealed.send_replace(log.size());
            running.covers(log.size()).await;
            log.assert_answers(&running.projections);
        }
        assert_eq!(running.projections.status(), Status::Following);
        // The index is of use: a rare actor is found in few bundles.
        let rare = Filter {
            actor: Some("user:person-3@example.com".to_owned()),
            ..Filter::default()
        };
        let (found, looked) = log.ask(&running.projections, &rare);
        assert!(!found.is_empty());
        assert!(looked < log.size() / 2, "{looked} of {}", log.size());
        running.stop();
        assert_eq!(put_aside(folder.path()), 0);
    }
}

#[tokio::test]
async fn entries_that_are_not_sealed_are_not_indexed() {
    let folder = tempfile::tempdir().expect("folder");
    let mut log = Log::new(1, origin());
    log.grow(2_000);
    let running = Running::start(folder.path(), Arc::clone(&log.store) as Arc<dyn LogStore>);
    running.covers(2_000).await;
    log.grow(2_000);
    running.sealed.send_replace(2_600);
    running.covers(2_600).await;
    log.assert_answers(&running.projections);
    running.stop();
}

#[tokio::test]
async fn a_clean_stop_keeps_the_index_and_a_stopped_one_answers_nothing() {
    let folder = tempfile::tempdir().expect("folder");
    let mut log = Log::new(2, origin());
    log.grow(3_000);
    build(folder.path(), &log).await;
    // A store that gives nothing but what one check needs: the index was not built anew.
    let counting = Arc::new(Flaky::new(Arc::clone(&log.store), 0));
    let running = Running::start(folder.path(), Arc::clone(&counting) as Arc<dyn LogStore>);
    running.covers(3_000).await;
    assert_eq!(counting.reads.load(Ordering::SeqCst), 1);
    log.assert_answers(&running.projections);
    let projections = Arc::clone(&running.projections);
    running.stop();
    assert_eq!(projections.status(), Status::Stopped);
    assert_eq!(projections.bundles(&Filter::default(), 0, 10), None);
    assert_eq!(put_aside(folder.path()), 0);
}

#[tokio::test]
async fn a_follower_whose_log_is_gone_stops() {
    let folder = tempfile::tempdir().expect("folder");
    let mut log = Log::new(3, origin());
    log.grow(600);
    let Running {
        projector,
        projections,
        sealed,
        stop: _stop,
    } = Running::start(folder.path(), Arc::clone(&log.store) as Arc<dyn LogStore>);
    drop(sealed);
    projector.join();
    assert_eq!(projections.status(), Status::Stopped);
}

#[tokio::test]
async fn a_deleted_folder_is_built_anew() {
    let folder = tempfile::tempdir().expect("folder");
    let mut log = Log::new(4, origin());
    log.grow(3_000);
    build(folder.path(), &log).await;
    std::fs::remove_dir_all(folder.path().join("projections")).expect("folder");
    let running = Running::start(folder.path(), Arc::clone(&log.store) as Arc<dyn LogStore>);
    running.covers(log.size()).await;
    log.assert_answers(&running.projections);
    running.stop();
    assert_eq!(put_aside(folder.path()), 0);
}

#[tokio::test]
async fn an_older_copy_catches_up() {
    let (folder, older) = (tempfile::tempdir().expect("folder"), tempfile::tempdir());
    let older = older.expect("folder");
    let mut log = Log::new(5, origin());
    log.grow(2_000);
    build(folder.path(), &log).await;
    copy(folder.path(), older.path());
    log.grow(6_000);
    build(folder.path(), &log).await;
    let running = Running::start(older.path(), Arc::clone(&log.store) as Arc<dyn LogStore>);
    running.covers(log.size()).await;
    log.assert_answers(&running.projections);
    running.stop();
    assert_eq!(put_aside(older.path()), 0);
}

#[tokio::test]
async fn an_index_of_another_log_is_put_aside() {
    let mut log = Log::new(6, origin());
    log.grow(3_000);
    let mut same_name = Log::new(7, origin());
    same_name.grow(3_000);
    let mut longer = Log::new(6, origin());
    longer.grow(3_000);
    longer.grow(3_000);
    let other_name = Origin::parse("ledger.example.com/other").expect("valid");
    for (other, name) in [
        (&same_name, origin()),
        (&longer, origin()),
        (&log, other_name),
    ] {
        let folder = tempfile::tempdir().expect("folder");
        let store = Arc::clone(&other.store) as Arc<dyn LogStore>;
        let running = Running::start_as(folder.path(), store, name);
        running.covers(other.size()).await;
        running.stop();
        let running = Running::start(folder.path(), Arc::clone(&log.store) as Arc<dyn LogStore>);
        log.assert_answers(&running.projections);
        running.covers(log.size()).await;
        log.assert_answers(&running.projections);
        running.stop();
        assert_eq!(put_aside(folder.path()), 1);
    }
}

#[tokio::test]
async fn a_store_that_fails_to_read_is_asked_again_and_in_the_end_no_more() {
    let mut log = Log::new(8, origin());
    log.grow(3_000);
    let folder = tempfile::tempdir().expect("folder");
    let flaky = Arc::new(Flaky::new(Arc::clone(&log.store), 4));
    let running = Running::start(folder.path(), flaky);
    running.covers(log.size()).await;
    log.assert_answers(&running.projections);
    running.stop();
    assert_eq!(put_aside(folder.path()), 0, "it was not the index's fault");

    let folder = tempfile::tempdir().expect("folder");
    let flaky = Arc::new(Flaky::new(Arc::clone(&log.store), u32::MAX));
    let Running {
        projector,
        projections,
        sealed: _sealed,
        stop: _stop,
    } = Running::start(folder.path(), Arc::clone(&flaky) as Arc<dyn LogStore>);
    projector.join();
    assert_eq!(projections.status(), Status::Stopped);
    assert_eq!(flaky.reads.load(Ordering::SeqCst), 6);
    log.assert_answers(&projections);
}

/// A store whose first reads fail.
#[derive(Debug)]
struct Flaky {
    inner: Arc<MemoryStore>,
    failures: u32,
    reads: AtomicU32,
}

impl Flaky {
    const fn new(inner: Arc<MemoryStore>, failures: u32) -> Self {
        Self {
            inner,
            failures,
            reads: AtomicU32::new(0),
        }
    }
}

impl LogStore for Flaky {
    fn key(&self) -> VerifierKey {
        self.inner.key()
    }

    fn head(&self) -> DurableHead {
        self.inner.head()
    }

    fn append(&self, epoch: u64, commit: &mut Commit, space: Space) -> Result<(), AppendError> {
        self.inner.append(epoch, commit, space)
    }

    fn read(&self, from: u64, max_bytes: usize) -> Result<FrameRun, ReadError> {
        if self.reads.fetch_add(1, Ordering::SeqCst) < self.failures {
            return Err(ReadError::Io(std::io::Error::other("the disk is away")));
        }
        self.inner.read(from, max_bytes)
    }

    fn seal(&self) -> Result<DurableHead, AppendError> {
        self.inner.seal()
    }

    fn sealed(&self) -> DurableHead {
        self.inner.sealed()
    }

    fn fence(&self) -> Result<u64, AppendError> {
        self.inner.fence()
    }

    fn make_room(&self) -> std::io::Result<Room> {
        self.inner.make_room()
    }
}

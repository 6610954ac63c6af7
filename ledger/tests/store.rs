//! The contract of `LogStore`, kept by every store: in memory, on this machine's disk, on the
//! simulated disk.

use std::sync::Arc;

use countersign_chain::commit::{Commit, CommitBuilder, Draft, LogHead};
use countersign_chain::key::SigningKey;
use countersign_chain::kind::Kind;
use countersign_chain::origin::Origin;
use countersign_chain::time::UnixMicros;
use countersign_ledger::fs::Fs;
use countersign_ledger::fs::real::RealFs;
use countersign_ledger::fs::sim::SimFs;
use countersign_ledger::store::memory::MemoryStore;
use countersign_ledger::store::segment::{self, Settings, random_nonce, recover};
use countersign_ledger::store::{AppendError, LogStore, ReadError, Room, Space};

fn key() -> SigningKey {
    let origin = Origin::parse("example.com/store").expect("an origin");
    SigningKey::from_seed(origin, &[5; 32]).expect("a key")
}

fn commit(head: &LogHead, entries: usize) -> Commit {
    let mut builder = CommitBuilder::after(head);
    for n in 0..entries {
        let kind = if builder.next_index() == 0 { 1 } else { 140 };
        let draft = Draft {
            kind: Kind::new(kind).expect("a kind"),
            now: UnixMicros::new(7).expect("a time"),
            case: 0,
            actor: "agent:a",
            via: "",
            idem: b"",
            payload: &vec![1; n * 37 % 400],
        };
        builder.push(&draft).expect("a good entry");
    }
    builder.finish(&key()).expect("not empty")
}

fn segment_store(fs: Arc<dyn Fs>) -> Arc<dyn LogStore> {
    segment::create(fs.as_ref()).expect("an empty folder");
    Arc::new(reopen(fs))
}

fn reopen(fs: Arc<dyn Fs>) -> segment::SegmentStore {
    let key = key().verifier().clone();
    let settings = Settings {
        origin: key.origin().clone(),
        key,
        segment_bytes: 16 << 10,
        nonce: random_nonce,
    };
    recover::open(fs, settings).expect("an intact log").0
}

fn every_store(check: impl Fn(&dyn LogStore)) {
    check(&MemoryStore::new(key().verifier().clone()));
    check(segment_store(Arc::new(SimFs::new())).as_ref());
    let folder = tempfile::tempdir().expect("a folder");
    check(segment_store(RealFs::open(folder.path()).expect("a folder")).as_ref());
}

/// All records from an entry on, as the store gives them.
fn records(store: &dyn LogStore, from: u64, max_bytes: usize) -> Vec<Vec<u8>> {
    let size = store.head().head.size();
    let (mut next, mut all) = (from, Vec::new());
    while next < size {
        let run = store.read(next, max_bytes).expect("durable");
        let before = next;
        for frame in run.frames() {
            let frame = frame.expect("a whole frame");
            for (index, record) in (frame.first()..).zip(frame.records()) {
                if index >= next {
                    all.push(record.to_vec());
                    next = index + 1;
                }
            }
        }
        assert!(
            next > before,
            "a read must hold the entry that was asked for"
        );
    }
    all
}

#[test]
fn what_was_appended_is_read_back_from_anywhere_in_runs_of_any_size() {
    every_store(|store| {
        let epoch = store.fence().expect("a new epoch");
        let mut expected = Vec::new();
        for entries in [1, 3, 1, 64, 2, 200, 1, 17] {
            let mut commit = commit(&store.head().head, entries);
            expected.extend(commit.records().map(<[u8]>::to_vec));
            store
                .append(epoch, &mut commit, Space::Common)
                .expect("room");
            assert_eq!(store.head().head, *commit.head());
            assert_eq!(store.head().checkpoint.as_ref(), Some(commit.checkpoint()));
        }
        for from in [0, 1, 2, 68, 69, 70, 288] {
            for max_bytes in [1, 500, 5_000, 1 << 20] {
                let at = usize::try_from(from).expect("small");
                assert!(
                    records(store, from, max_bytes) == expected[at..],
                    "{from} {max_bytes}"
                );
            }
        }
        let size = store.head().head.size();
        assert!(matches!(
            store.read(size, 1),
            Err(ReadError::OutOfRange { .. })
        ));
    });
}

#[test]
fn a_commit_that_does_not_follow_changes_nothing() {
    every_store(|store| {
        let epoch = store.fence().expect("a new epoch");
        let mut first = commit(&LogHead::empty(), 2);
        store
            .append(epoch, &mut first, Space::Common)
            .expect("room");
        let mut again = commit(&LogHead::empty(), 3);
        let refused = store.append(epoch, &mut again, Space::Common);
        assert!(matches!(
            refused,
            Err(AppendError::Conflict {
                expected: 2,
                got: 0
            })
        ));
        assert_eq!(store.head().head.size(), 2);
    });
}

#[test]
fn a_newer_epoch_shuts_out_the_older() {
    every_store(|store| {
        let old = store.fence().expect("a new epoch");
        let new = store.fence().expect("a new epoch");
        assert_ne!(old, new);
        let mut first = commit(&LogHead::empty(), 1);
        assert!(matches!(
            store.append(old, &mut first, Space::Common),
            Err(AppendError::Conflict { .. })
        ));
        assert_eq!(store.head().head.size(), 0);
        store.append(new, &mut first, Space::Common).expect("room");
    });
}

#[test]
fn sealing_moves_the_floor_to_the_durable_head() {
    every_store(|store| {
        let epoch = store.fence().expect("a new epoch");
        assert_eq!(store.seal().expect("nothing to do").head.size(), 0);
        for entries in [1, 5] {
            let mut commit = commit(&store.head().head, entries);
            store
                .append(epoch, &mut commit, Space::Common)
                .expect("room");
        }
        assert_eq!(store.sealed().head.size(), 0);
        let sealed = store.seal().expect("a healthy disk");
        assert_eq!((sealed.head.size(), store.sealed().head.size()), (6, 6));
        assert!(matches!(store.make_room(), Ok(Room::Enough)));
    });
}

#[test]
fn a_log_that_was_cut_below_its_floor_is_refused() {
    let fs = Arc::new(SimFs::new());
    let store = segment_store(Arc::clone(&fs) as Arc<dyn Fs>);
    let epoch = store.fence().expect("a new epoch");
    let mut first = commit(&store.head().head, 1);
    store
        .append(epoch, &mut first, Space::Common)
        .expect("room");
    let mut second = commit(&store.head().head, 1);
    store
        .append(epoch, &mut second, Space::Common)
        .expect("room");
    store.seal().expect("a healthy disk");
    drop(store);
    let path = format!("segments/{}", countersign_chain::segment::file_name(0));
    let cut = 512 + u64::try_from(first.frame_len()).expect("small");
    fs.truncate(&path, cut).expect("there");
    let key = key().verifier().clone();
    let settings = Settings {
        origin: key.origin().clone(),
        key,
        segment_bytes: 16 << 10,
        nonce: random_nonce,
    };
    let refused = recover::open(fs, settings)
        .map(|_| ())
        .expect_err("an entry is missing");
    assert!(
        matches!(refused, recover::OpenError::Cut { floor: 2, found: 1 }),
        "{refused}"
    );
}

#[test]
fn running_out_of_space_changes_nothing_and_goes_on_when_there_is_room_again() {
    let fs = Arc::new(SimFs::new());
    let store = segment_store(Arc::clone(&fs) as Arc<dyn Fs>);
    let epoch = store.fence().expect("a new epoch");
    let mut first = commit(&store.head().head, 1);
    store
        .append(epoch, &mut first, Space::Common)
        .expect("room");
    fs.set_capacity(30 << 10);
    assert!(matches!(store.make_room(), Ok(Room::Low { .. })));
    let mut appended = 1;
    let refused = loop {
        let mut commit = commit(&store.head().head, 8);
        match store.append(epoch, &mut commit, Space::Common) {
            Ok(()) => appended += 8,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, AppendError::Full { .. }), "{refused}");
    assert_eq!(store.head().head.size(), appended);
    fs.set_capacity(1 << 20);
    assert!(matches!(store.make_room(), Ok(Room::Enough)));
    let mut more = commit(&store.head().head, 8);
    store
        .append(epoch, &mut more, Space::Common)
        .expect("room again");
    let again = reopen(fs);
    assert!(records(&again, 0, 1 << 20) == records(store.as_ref(), 0, 1));
}

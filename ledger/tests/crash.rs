//! The segment store on the simulated disk: power loss and failing calls at every operation.
//!
//! The promise: what was acknowledged is there after any crash, nothing is there that was not
//! written, and no honest crash keeps a log from being opened.

#![expect(clippy::panic, reason = "helpers of tests stop at the first surprise")]

use std::io;
use std::sync::Arc;

use countersign_chain::commit::{CommitBuilder, Draft, LogHead};
use countersign_chain::frame::Nonce;
use countersign_chain::hash::Hash;
use countersign_chain::key::SigningKey;
use countersign_chain::kind::Kind;
use countersign_chain::origin::Origin;
use countersign_chain::time::UnixMicros;
use countersign_ledger::fs::Fs;
use countersign_ledger::fs::sim::{Errno, Fault, SimFs, Survive};
use countersign_ledger::store::segment::{self, SegmentStore, Settings, recover};
use countersign_ledger::store::{AppendError, LogStore, Space};

/// Small enough that the workload rolls twice.
const SEGMENT_BYTES: u64 = 8_192;

fn key() -> SigningKey {
    let origin = Origin::parse("example.com/crash").expect("an origin");
    SigningKey::from_seed(origin, &[3; 32]).expect("a key")
}

fn nonce(first: u64) -> io::Result<Nonce> {
    let mut bytes = [0xA5; 16];
    bytes[..8].copy_from_slice(&first.to_be_bytes());
    Ok(Nonce(bytes))
}

fn settings() -> Settings {
    let key = key().verifier().clone();
    Settings {
        origin: key.origin().clone(),
        key,
        segment_bytes: SEGMENT_BYTES,
        nonce,
    }
}

/// What a run promised, and what it tried.
#[derive(Debug, Clone, Default)]
struct Promises {
    /// Leaf hashes of every entry that was ever handed to the store, by index.
    tried: Vec<Hash>,
    acknowledged: usize,
    sealed: usize,
    failed: bool,
}

/// Entries of each commit, and whether the log is sealed or room is made after it.
const WORKLOAD: &[(usize, usize, bool, bool)] = &[
    (1, 40, true, true),
    (3, 120, false, false),
    (1, 900, true, false),
    (2, 300, false, true),
    (1, 1_400, false, false),
    (4, 10, true, true),
    (1, 2_500, true, false),
    (1, 60, false, false),
];

fn run(fs: &Arc<SimFs>) -> Promises {
    let mut promises = Promises::default();
    let Ok((store, _)) = open(fs) else {
        promises.failed = true;
        return promises;
    };
    let Ok(epoch) = store.fence() else {
        return promises;
    };
    for (entries, payload, seal, room) in WORKLOAD {
        let mut commit = commit(&store.head().head, *entries, *payload);
        promises.tried.extend_from_slice(commit.leaves());
        let mut stored = store.append(epoch, &mut commit, Space::Common);
        if matches!(stored, Err(AppendError::Full { .. })) {
            // Running out of space changes nothing and may be tried again.
            stored = store.append(epoch, &mut commit, Space::Common);
        }
        if stored.is_err() {
            promises.failed = true;
            // A poisoned store must refuse everything from now on.
            assert!(
                store.append(epoch, &mut commit, Space::Common).is_err(),
                "acknowledged after a failure"
            );
            return promises;
        }
        promises.acknowledged = promises.tried.len();
        if *seal {
            match store.seal() {
                Ok(head) => promises.sealed = usize::try_from(head.head.size()).expect("small"),
                Err(_) => {
                    promises.failed = true;
                    assert!(
                        store.append(epoch, &mut commit, Space::Common).is_err(),
                        "went on after a seal failed"
                    );
                    return promises;
                }
            }
        }
        if *room {
            // Not having room is not a failure of the log.
            drop(store.make_room());
        }
    }
    promises
}

fn commit(head: &LogHead, entries: usize, payload: usize) -> countersign_chain::commit::Commit {
    let mut builder = CommitBuilder::after(head);
    for n in 0..entries {
        let byte = u8::try_from(n % 251).expect("small") + 1;
        let draft = Draft {
            kind: if builder.next_index() == 0 {
                Kind::LOG_OPENED
            } else {
                Kind::new(140).expect("a kind")
            },
            now: UnixMicros::new(1_000_000 + builder.next_index()).expect("a time"),
            case: 0,
            actor: "agent:crash",
            via: "",
            idem: b"",
            payload: &vec![byte; payload],
        };
        builder.push(&draft).expect("a good entry");
    }
    builder.finish(&key()).expect("not empty")
}

fn open(fs: &Arc<SimFs>) -> Result<(SegmentStore, recover::Recovery), recover::OpenError> {
    recover::open(Arc::clone(fs) as Arc<dyn Fs>, settings())
}

fn fresh() -> Arc<SimFs> {
    let fs = Arc::new(SimFs::new());
    segment::create(fs.as_ref()).expect("an empty disk");
    fs
}

/// Opens a disk after a crash and holds it to the promises.
fn check(image: SimFs, promises: &Promises, what: &str) {
    let image = Arc::new(image);
    let (store, recovery) = open(&image).unwrap_or_else(|error| panic!("{what}: refused: {error}"));
    let size = usize::try_from(store.head().head.size()).expect("small");
    assert!(
        size >= promises.acknowledged,
        "{what}: {size} of {} kept",
        promises.acknowledged
    );
    assert!(
        size <= promises.tried.len(),
        "{what}: {size} entries from nowhere"
    );
    assert!(recovery.floor <= store.head().head.size(), "{what}");
    let mut next = 0;
    while next < size {
        let run = store
            .read(u64::try_from(next).expect("small"), 1 << 20)
            .expect("durable");
        for frame in run.frames() {
            for record in frame.expect("a whole frame").records() {
                let leaf = countersign_chain::hash::leaf(record);
                assert_eq!(
                    leaf, promises.tried[next],
                    "{what}: entry {next} is another"
                );
                next += 1;
            }
        }
    }
    // The log goes on.
    let epoch = store.fence().expect("not poisoned");
    let mut more = commit(&store.head().head, 2, 50);
    store
        .append(epoch, &mut more, Space::Common)
        .unwrap_or_else(|error| panic!("{what}: cannot go on: {error}"));
    store
        .seal()
        .unwrap_or_else(|error| panic!("{what}: cannot seal: {error}"));
    let expected = store.head().head.size();
    drop(store);
    let (again, _) = open(&image).unwrap_or_else(|error| panic!("{what}: then refused: {error}"));
    assert_eq!(
        again.head().head.size(),
        expected,
        "{what}: lost after recovery"
    );
}

#[test]
fn the_workload_rolls_and_survives_without_faults() {
    let fs = fresh();
    let promises = run(&fs);
    assert!(!promises.failed);
    assert_eq!(promises.acknowledged, promises.tried.len());
    assert!(
        fs.list("segments").expect("a folder").len() >= 3,
        "the workload must roll"
    );
    check(fs.crash_image(Survive::Nothing), &promises, "clean");
}

#[test]
fn power_loss_at_every_operation_loses_nothing_acknowledged() {
    let start = fresh();
    let first = start.ops();
    run(&start);
    let last = start.ops();
    let mut images = 0;
    for op in first..last {
        for fault in [Fault::CrashBefore, Fault::CrashAfter] {
            let fs = fresh();
            fs.fail_at(op, fault);
            let promises = run(&fs);
            for survive in Survive::sample(fs.pending(), 0..64) {
                let what = format!("op {op} {fault:?} {survive:?}");
                check(fs.crash_image(survive), &promises, &what);
                images += 1;
            }
        }
    }
    println!(
        "counted: power loss: {} operations, {images} crash images, 0 acknowledged lost",
        last - first
    );
    assert!(images > 2_000, "only {images} images");
}

#[test]
fn every_step_that_fails_stored_or_not_ends_acknowledgement_and_loses_nothing() {
    let start = fresh();
    let first = start.ops();
    run(&start);
    let (last, trace) = (start.ops(), start.trace());
    let (mut rows, mut images) = (0, 0);
    for op in first..last {
        for fault in [
            Fault::NotStored(Errno::IO),
            Fault::ButStored(Errno::IO),
            Fault::NotStored(Errno::NOSPC),
            Fault::Short,
        ] {
            let fs = fresh();
            fs.fail_at(op, fault);
            let promises = run(&fs);
            rows += 1;
            for survive in Survive::sample(fs.pending(), 0..6) {
                let what = format!("op {op} {:?} {fault:?} {survive:?}", trace.get(op));
                check(fs.crash_image(survive), &promises, &what);
                images += 1;
            }
        }
    }
    println!(
        "counted: failure table: {rows} rows, {images} crash images, \
         0 acknowledged after a failure, 0 lost"
    );
    assert!(rows >= 4 * (last - first));
}

#[test]
fn a_second_crash_inside_recovery_is_like_the_first() {
    let start = fresh();
    let first = start.ops();
    run(&start);
    let last = start.ops();
    let mut images = 0;
    for op in (first..last).step_by(3) {
        let fs = fresh();
        fs.fail_at(op, Fault::CrashBefore);
        let promises = run(&fs);
        for survive in Survive::sample(fs.pending(), 0..2) {
            let once = fs.crash_image(survive);
            let probe = Arc::new(once.crash_image(Survive::Everything));
            let before = probe.ops();
            drop(open(&probe));
            for second in before..probe.ops() {
                let again = Arc::new(once.crash_image(Survive::Everything));
                again.fail_at(second, Fault::CrashBefore);
                drop(open(&again));
                for survive in Survive::sample(again.pending(), 0..1) {
                    let what = format!("op {op}, then {second} {survive:?}");
                    check(again.crash_image(survive), &promises, &what);
                    images += 1;
                }
            }
        }
    }
    println!("counted: crash inside recovery: {images} images, 0 acknowledged lost");
    assert!(images > 500, "only {images} images");
}

#[test]
fn flipped_bits_at_or_below_the_floor_are_refused_or_read_as_damage() {
    let fs = fresh();
    let promises = run(&fs);
    let fs = Arc::new(fs.crash_image(Survive::Everything));
    let (store, _) = open(&fs).expect("clean");
    store.seal().expect("clean");
    drop(store);
    let mut flips = 0;
    let names = fs.list("segments").expect("a folder");
    for name in names.iter().filter(|name| name.ends_with(".seg")) {
        let path = format!("segments/{name}");
        let bytes = fs.read_file(&path).expect("there");
        let end = bytes.iter().rposition(|byte| *byte != 0).expect("a header") + 1;
        for bit in (0..end.min(bytes.len()) * 8).step_by(7) {
            let image = Arc::new(fs.crash_image(Survive::Everything));
            image
                .flip_bit(&path, u64::try_from(bit).expect("small"))
                .expect("in range");
            let silent = open(&image)
                .is_ok_and(|(store, found)| found.torn.is_none() && reads_all(&store, &promises));
            assert!(!silent, "{path} bit {bit}: nobody noticed");
            flips += 1;
        }
    }
    println!("counted: rot: {flips} flipped bits, 0 unnoticed");
    assert!(flips > 5_000, "only {flips} flips");
}

/// Whether every entry can be read and is what was written.
fn reads_all(store: &SegmentStore, promises: &Promises) -> bool {
    let mut next = 0_usize;
    while next < promises.tried.len() {
        let Ok(run) = store.read(u64::try_from(next).expect("small"), 1 << 20) else {
            return false;
        };
        for frame in run.frames() {
            let Ok(frame) = frame else { return false };
            for record in frame.records() {
                if countersign_chain::hash::leaf(record) != promises.tried[next] {
                    return false;
                }
                next += 1;
            }
        }
    }
    true
}

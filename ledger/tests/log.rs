//! One open log: order, receipts, idempotency, sealing, restart, and what happens when the disk
//! fails.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use countersign_chain::hash;
use countersign_chain::idem::IdempotencyKey;
use countersign_chain::key::SigningKey;
use countersign_chain::kind::Kind;
use countersign_chain::origin::Origin;
use countersign_chain::principal::Principal;
use countersign_chain::proof;
use countersign_chain::record::Record;
use countersign_ledger::clock::ManualClock;
use countersign_ledger::fs::Fs;
use countersign_ledger::fs::sim::{Errno, Fault, SimFs, Survive};
use countersign_ledger::limits::TREE_STRIDE;
use countersign_ledger::log::{
    CHECKPOINT, Log, LogSettings, Mode, NewEntry, OpenLogError, SubmitError, folder,
};
use countersign_proto::v1::LogRecovered;
use prost::Message as _;

const START: u64 = 1_790_000_000_000_000;

struct Bench {
    fs: Arc<SimFs>,
    clock: Arc<ManualClock>,
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let fs = Arc::new(SimFs::new());
        let origin = Origin::parse("example.com/log").expect("an origin");
        let key = SigningKey::from_seed(origin, &[9; 32]).expect("a key");
        folder::create(fs.as_ref(), &key).expect("an empty disk");
        let folder = tempfile::tempdir().expect("a folder");
        Self {
            fs,
            clock: Arc::new(ManualClock::at(START)),
            folder,
        }
    }

    async fn try_open(&self) -> Result<Arc<Log>, OpenLogError> {
        let settings = LogSettings {
            name: "main".to_owned(),
            folder: self.folder.path().to_owned(),
            segment_bytes: 64 << 10,
            clock: Arc::clone(&self.clock) as _,
        };
        Log::open(Arc::clone(&self.fs) as Arc<dyn Fs>, settings).await
    }

    async fn open(&self) -> Arc<Log> {
        self.try_open().await.expect("an intact log")
    }

    /// The same disk after the power went.
    fn after_crash(self, survive: Survive) -> Self {
        Self {
            fs: Arc::new(self.fs.crash_image(survive)),
            ..self
        }
    }
}

fn entry(key: &str, payload: &str) -> NewEntry {
    let actor = Principal::parse("agent:db-1").expect("a principal");
    let payload = Bytes::copy_from_slice(payload.as_bytes());
    NewEntry::new(Kind::new(140).expect("a kind"), actor, payload)
        .expect("small")
        .with_key(IdempotencyKey::parse(key.as_bytes()).expect("short"))
}

async fn append(log: &Log, key: &str, payload: &str) -> Result<(u64, bool), SubmitError> {
    let runs = log
        .submit(vec![entry(key, payload)], Mode::Each)
        .await?
        .accepted()
        .await?;
    assert_eq!(runs.len(), 1);
    Ok((runs[0].first_index, runs[0].repeated))
}

fn records(log: &Log) -> Vec<(u64, u16, String, u64)> {
    let (mut all, mut next) = (Vec::new(), 0);
    while next < log.accepted_size() {
        for frame in log.read(next, 1 << 20).expect("durable").frames() {
            let frame = frame.expect("a whole frame");
            for bytes in frame.records() {
                let record = Record::parse(bytes).expect("a record");
                let text = String::from_utf8_lossy(record.payload()).into_owned();
                all.push((
                    record.index().get(),
                    record.kind().get(),
                    text,
                    record.time().get(),
                ));
            }
            next = frame.size_after();
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_or_damaged_checkpoint_is_published_anew_at_start() {
    let bench = Bench::new();
    let log = bench.open().await;
    log.close("test").await.expect("a healthy disk");
    drop(log);
    let read = || {
        let file = bench.fs.open_read(CHECKPOINT)?;
        let len = usize::try_from(file.len()?).expect("small");
        let mut bytes = vec![0; len];
        file.read_exact_at(&mut bytes, 0)?;
        std::io::Result::Ok(bytes)
    };
    let published = read().expect("a sealed log");
    bench.fs.remove(CHECKPOINT).expect("there");
    let log = bench.open().await;
    assert_eq!(read().expect("there again"), published);
    drop(log);
    bench.fs.remove(CHECKPOINT).expect("there");
    drop(bench.fs.create_new(CHECKPOINT).expect("an empty file"));
    let _log = bench.open().await;
    assert_eq!(read().expect("whole again"), published);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tree_files_are_synced_while_the_log_grows() {
    let bench = Bench::new();
    let log = bench.open().await;
    let batch: Vec<NewEntry> = (0..1_024).map(|_| entry("", "x")).collect();
    for _ in 0..=TREE_STRIDE / 1_024 {
        let pending = log.submit(batch.clone(), Mode::Each).await.expect("room");
        pending.accepted().await.expect("taken");
    }
    // A crash from now on leaves a tree that need not be built again from the first entry.
    let synced = async {
        while !bench.fs.exists("tree/durable").expect("a healthy disk") {
            tokio::task::yield_now().await;
        }
    };
    let synced = tokio::time::timeout(Duration::from_secs(60), synced).await;
    assert!(synced.is_ok(), "the housekeeper looks twice a second");
    let after = bench.after_crash(Survive::Nothing);
    let log = after.open().await;
    assert!(log.tree().loose() < log.tree().size());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_holds_the_leaf_and_a_checkpoint_that_proves_it() {
    let bench = Bench::new();
    let log = bench.open().await;
    for n in 0..40 {
        append(&log, "", &format!("event {n}"))
            .await
            .expect("taken");
    }
    let runs = log
        .submit(vec![entry("k", "x")], Mode::Each)
        .await
        .expect("room");
    let run = runs.accepted().await.expect("taken").remove(0);
    let (record, covering) = log.entry(run.first_index).expect("durable");
    assert_eq!(run.leaves, [hash::leaf(&record)]);
    assert_eq!(*run.checkpoint, covering);
    let (size, root) = (covering.size(), covering.root());
    let hashes = log
        .tree()
        .inclusion(run.first_index, size, &root)
        .expect("in the tree");
    let held = proof::verify_inclusion(&run.leaves[0], run.first_index, size, &hashes, &root);
    assert_eq!(held, Ok(()));
    let sealed = log.wait_sealed(run.size()).await.expect("a healthy disk");
    assert!(sealed.size >= run.size());
    log.close("test").await.expect("a healthy disk");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_returns_the_first_receipt_now_and_after_a_restart() {
    let bench = Bench::new();
    let log = bench.open().await;
    let first = append(&log, "key-1", "payload").await.expect("taken");
    assert!(!first.1);
    assert_eq!(append(&log, "key-1", "payload").await, Ok((first.0, true)));
    let other = append(&log, "key-1", "another")
        .await
        .expect_err("another event");
    assert_eq!(
        other,
        SubmitError::KeyReused {
            position: 0,
            index: first.0
        }
    );
    // Twice in one proposal: one entry.
    let twice = vec![entry("key-2", "a"), entry("key-2", "a"), entry("", "b")];
    let runs = log
        .submit(twice, Mode::Each)
        .await
        .expect("room")
        .accepted()
        .await
        .expect("taken");
    let seen: Vec<_> = runs
        .iter()
        .map(|run| (run.first_position, run.first_index, run.repeated))
        .collect();
    let at = first.0 + 1;
    assert_eq!(seen, [(0, at, false), (1, at, true), (2, at + 1, false)]);
    log.close("test").await.expect("a healthy disk");
    drop(log);

    let log = bench.open().await;
    assert_eq!(append(&log, "key-1", "payload").await, Ok((first.0, true)));
    assert_eq!(
        log.find_key("agent:db-1", b"key-2").expect("readable"),
        Some(at)
    );
    assert_eq!(
        log.find_key("agent:db-2", b"key-2").expect("readable"),
        None
    );
    log.close("test").await.expect("a healthy disk");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_new_or_repeated_but_never_both() {
    let bench = Bench::new();
    let log = bench.open().await;
    let batch = |keys: &[&str]| keys.iter().map(|key| entry(key, "p")).collect::<Vec<_>>();
    let submit = async |entries| log.submit(entries, Mode::AllOrNone).await?.accepted().await;
    let first = submit(batch(&["a", "b", "c"])).await.expect("taken");
    assert_eq!(
        (first.len(), first[0].leaves.len(), first[0].repeated),
        (1, 3, false)
    );
    let again = submit(batch(&["a", "b", "c"])).await.expect("a repeat");
    assert_eq!(
        (
            again[0].first_index,
            again[0].leaves.len(),
            again[0].repeated
        ),
        (first[0].first_index, 3, true)
    );
    let size = log.accepted_size();
    for mixed in [
        batch(&["a", "new"]),
        batch(&["new", "a"]),
        batch(&["a", "b", "new"]),
    ] {
        let refused = submit(mixed).await.expect_err("some are new");
        assert!(
            matches!(refused, SubmitError::PartlyRepeated { .. }),
            "{refused}"
        );
    }
    assert_eq!(log.accepted_size(), size);
    let ahead = vec![entry("", "p").in_case(size + 1)];
    let refused = submit(ahead).await.expect_err("no such case");
    assert!(
        matches!(refused, SubmitError::UnknownCase { position: 0, .. }),
        "{refused}"
    );
    log.close("test").await.expect("a healthy disk");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_callers_at_once_lose_nothing_and_share_commits() {
    let bench = Bench::new();
    let log = bench.open().await;
    let before = log.accepted_size();
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..64 {
        let log = Arc::clone(&log);
        callers.spawn(async move {
            let mut got = Vec::new();
            for n in 0..20 {
                got.push(
                    append(&log, &format!("{caller}-{n}"), "p")
                        .await
                        .expect("taken")
                        .0,
                );
            }
            assert!(got.is_sorted(), "one caller's entries keep their order");
            got
        });
    }
    let mut all: Vec<u64> = callers.join_all().await.concat();
    all.sort_unstable();
    let expected: Vec<u64> = (before..before + 64 * 20).collect();
    assert_eq!(all, expected);
    log.close("test").await.expect("a healthy disk");
}

#[tokio::test(flavor = "multi_thread")]
async fn time_never_goes_back_and_steps_of_the_clock_are_entries() {
    let bench = Bench::new();
    let log = bench.open().await;
    append(&log, "", "a").await.expect("taken");
    bench.clock.set_wall(START - 3_600_000_000);
    append(&log, "", "b").await.expect("taken");
    bench.clock.set_wall(START + 7_200_000_000);
    append(&log, "", "c").await.expect("taken");
    bench.clock.pass(Duration::from_secs(86_400));
    append(&log, "", "d").await.expect("an idle day is no step");
    let all = records(&log);
    assert!(all.is_sorted_by_key(|(_, _, _, time)| *time), "{all:?}");
    let steps: Vec<u64> = all.iter().filter(|r| r.1 == 5).map(|r| r.0).collect();
    assert_eq!(steps, [2, 4], "one step back, one forward: {all:?}");
    log.close("test").await.expect("a healthy disk");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_disk_ends_acknowledgement_and_the_log_says_so() {
    for fault in [Fault::NotStored(Errno::IO), Fault::ButStored(Errno::IO)] {
        let bench = Bench::new();
        let log = bench.open().await;
        let (kept, _) = append(&log, "kept", "p").await.expect("taken");
        log.wait_sealed(kept + 1).await.expect("a healthy disk");
        bench.fs.fail_at(bench.fs.ops(), fault);
        let lost = append(&log, "lost", "p")
            .await
            .expect_err("the disk failed");
        assert_eq!(lost, SubmitError::OutcomeUnknown);
        tokio::time::timeout(Duration::from_secs(5), log.failed())
            .await
            .expect("it says so");
        for key in ["later", "kept"] {
            assert_eq!(
                append(&log, key, "p").await,
                Err(SubmitError::OutcomeUnknown)
            );
        }
        drop(log);
        let bench = bench.after_crash(Survive::Nothing);
        let log = bench.open().await;
        assert_eq!(
            append(&log, "kept", "p").await,
            Ok((kept, true)),
            "{fault:?}"
        );
        log.close("test").await.expect("a healthy disk");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_clearly_reads_go_on_and_appends_resume() {
    let bench = Bench::new();
    let log = bench.open().await;
    let (first, _) = append(&log, "first", "p").await.expect("taken");
    bench.fs.set_capacity(100 << 10);
    let payload = "x".repeat(4_000);
    let refused = loop {
        match append(&log, "", &payload).await {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, SubmitError::DiskFull { .. }), "{refused}");
    assert!(log.is_disk_low());
    assert!(log.entry(first).is_ok(), "reads go on");
    let told = async {
        while !records(&log).iter().any(|record| record.1 == 6) {
            tokio::task::yield_now().await;
        }
    };
    let told = tokio::time::timeout(Duration::from_secs(20), told).await;
    told.expect("DiskLow tells why others are refused");
    bench.fs.set_capacity(64 << 20);
    let resumed = async {
        while append(&log, "again", "p").await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), resumed)
        .await
        .expect("appends resume");
    log.close("test").await.expect("a healthy disk");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_commit_is_kept_told_and_behind() {
    let bench = Bench::new();
    let log = bench.open().await;
    append(&log, "kept", "p").await.expect("taken");
    log.wait_sealed(log.accepted_size())
        .await
        .expect("a healthy disk");
    // The write of the next commit reaches the device in part.
    bench.fs.fail_at(bench.fs.ops(), Fault::CrashAfter);
    let torn = append(&log, "torn", &"x".repeat(3_000)).await;
    assert_eq!(torn, Err(SubmitError::OutcomeUnknown));
    drop(log);
    let survive = Survive::Prefix(bench.fs.pending() - 3);
    let bench = bench.after_crash(survive);
    let log = bench.open().await;
    let told: Vec<_> = records(&log)
        .into_iter()
        .filter(|record| record.1 == 2)
        .collect();
    assert_eq!(told.len(), 1, "LogRecovered names what was torn");
    let (record, _) = log.entry(told[0].0).expect("durable");
    let record = Record::parse(&record).expect("a record");
    let told = LogRecovered::decode(record.payload()).expect("kind 2 is this event");
    let mut kept = bench.fs.list("quarantine").expect("a folder");
    kept.retain(|name| name.ends_with(".torn"));
    assert_eq!(kept.len(), 1, "{kept:?}");
    let torn = bench.fs.read_file(&format!("quarantine/{}", kept[0]));
    let torn = torn.expect("there");
    let digest = hash::digest(&torn);
    assert_eq!(told.quarantined_sha256, digest.as_bytes().as_slice());
    assert_eq!(usize::try_from(told.quarantined_bytes), Ok(torn.len()));
    assert_eq!(kept[0], format!("{digest}.torn"));
    log.close("test").await.expect("a healthy disk");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_cannot_have_the_same_log() {
    let bench = Bench::new();
    let log = bench.open().await;
    let refused = bench.try_open().await.map(|_| ()).expect_err("it is open");
    assert!(
        matches!(refused, OpenLogError::Folder(folder::FolderError::Locked)),
        "{refused}"
    );
    log.close("test").await.expect("a healthy disk");
    drop(log);
    bench.open().await;
}

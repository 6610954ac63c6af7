//! Exports of logs that are built here: every row can be proved from its file alone, whatever range
//! was asked for, and a run that was stopped ends with the same bytes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::UInt64Type;
use countersign_chain::checkpoint::{Checkpoint, SignedCheckpoint};
use countersign_chain::hash::Hash;
use countersign_chain::key::VerifierKey;
use countersign_chain::kind::Kind;
use countersign_chain::proof::verify_inclusion;
use countersign_chain::record::Record;
use countersign_chain::time::UnixMicros;
use countersign_export::manifest::Manifest;
use countersign_export::native::Native;
use countersign_export::native::meta::Meta;
use countersign_proto::v1;
use countersign_verifier::check::Request;
use countersign_verifier::export::{ExportError, Exported, Layout, Mode, Order, export};
use countersign_verifier::source::folder::Folder;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::copying::verify_with;
use super::folder::{Log, Told, payload};

/// Commits of all sizes that meet in all ways.
const COMMITS: &[&[u64]] = &[&[1, 5, 1, 3], &[8, 2], &[1, 1, 6]];
const SIZE: u64 = 28;
/// 2026-01-01T00:00:00Z.
const NEW_YEAR: u64 = 1_767_225_600_000_000;
const DAY: u64 = 86_400_000_000;

fn order(out: &Path) -> Order {
    Order {
        layout: Layout {
            rows: 1_000,
            bytes: 1 << 30,
            by_day: false,
        },
        ..Order::whole(out, "main")
    }
}

fn run_until(log: &Log, order: &Order, stop: &AtomicBool) -> Result<Exported, ExportError> {
    let mut source = Folder::open(log.dir.path(), "main").expect("a log");
    let request = Request::default();
    let preset = Native::new(log.key.verifier().clone());
    export(&mut source, (order, &request), &preset, &mut |_| {}, stop)
}

fn run(log: &Log, order: &Order) -> Exported {
    run_until(log, order, &AtomicBool::new(false)).expect("a sound log")
}

/// Reads a file and proves its rows; returns their indexes.
fn prove(path: &Path, key: &VerifierKey) -> Vec<u64> {
    let file = fs::File::open(path).expect("there");
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).expect("a file");
    let pairs = builder.metadata().file_metadata().key_value_metadata();
    let pairs = pairs.expect("metadata").clone();
    let pairs = pairs
        .iter()
        .map(|it| (it.key.as_str(), it.value.as_deref()));
    let meta = Meta::from_pairs(pairs).expect("of the form");
    let mut tree = meta.frontier.clone();
    let (mut indexes, mut waiting) = (Vec::new(), Vec::new());
    for batch in builder.build().expect("columns") {
        let batch = batch.expect("readable");
        let column = |name: &str| batch.column_by_name(name).expect(name).clone();
        let (records, proofs) = (column("record"), column("proof"));
        let (records, proofs) = (records.as_binary::<i32>(), proofs.as_binary::<i32>());
        let (sizes, roots) = (column("commit_size"), column("commit_root"));
        let (sizes, roots) = (
            sizes.as_primitive::<UInt64Type>(),
            roots.as_fixed_size_binary(),
        );
        let signatures = column("signature");
        let signatures = signatures.as_fixed_size_binary();
        for row in 0..batch.num_rows() {
            let record = Record::parse(records.value(row)).expect("a record");
            let (index, leaf) = (record.index().get(), record.leaf());
            indexes.push(index);
            waiting.push(index);
            let checkpoint = Checkpoint {
                origin: key.origin().clone(),
                size: sizes.value(row),
                root: Hash::from_slice(roots.value(row)).expect("32 bytes"),
            };
            let signature = signatures.value(row).try_into().expect("64 bytes");
            let note = checkpoint.to_note(key.id(), signature);
            SignedCheckpoint::open(&note, key).expect("signed");
            let (size, root) = (checkpoint.size, checkpoint.root);
            if let Some(tree) = &mut tree {
                tree.push(leaf);
                if tree.size() == size {
                    assert_eq!(tree.root(), root, "{index}");
                    waiting.clear();
                }
            }
            if proofs.is_valid(row) {
                let hashes = proofs.value(row).chunks(32);
                let hashes: Option<Vec<Hash>> = hashes.map(Hash::from_slice).collect();
                let hashes = hashes.expect("32 bytes each");
                assert_eq!(verify_inclusion(&leaf, index, size, &hashes, &root), Ok(()));
                waiting.retain(|it| *it != index);
            }
        }
    }
    assert_eq!(waiting, [] as [u64; 0], "not proved, in {}", path.display());
    assert_eq!(meta.rows, u64::try_from(indexes.len()).expect("small"));
    assert_eq!(indexes.first(), Some(&meta.first));
    assert_eq!(indexes.last().map(|last| last + 1), Some(meta.end));
    indexes
}

/// Proves all files of an export, in order.
fn prove_all(out: &Path, manifest: &Manifest, key: &VerifierKey) -> Vec<u64> {
    let request = Request {
        key: Some(key.clone()),
        ..Request::default()
    };
    let report = verify_with(out, &request);
    assert_eq!(report.findings.damage(), &[], "the verifier takes it, too");
    let files = manifest.files.iter();
    files
        .flat_map(|file| prove(&out.join(&file.path), key))
        .collect()
}

/// Names and bytes of everything that is left in a folder.
fn left(out: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let (mut left, mut folders) = (Vec::new(), vec![out.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("there") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(out).expect("inside").to_owned();
                left.push((name, fs::read(&path).expect("readable")));
            }
        }
    }
    left.sort();
    left
}

#[test]
fn every_row_of_every_range_is_proved_by_its_file_alone() {
    let log = Log::of(COMMITS);
    let key = log.key.verifier().clone();
    let mut ranges = 0;
    for from in 0..SIZE {
        for end in (from + 1..=SIZE).step_by(2) {
            let out = tempfile::tempdir().expect("room");
            let order = Order {
                from,
                end: Some(end),
                ..order(out.path())
            };
            let manifest = run(&log, &order).manifest.expect("entries");
            let indexes = prove_all(out.path(), &manifest, &key);
            assert_eq!(indexes, (from..end).collect::<Vec<_>>());
            assert_eq!((manifest.first, manifest.end), (from, end));
            ranges += 1;
        }
    }
    println!("{ranges} ranges, each row of each proved");
}

#[test]
fn rows_of_one_case_carry_their_proofs() {
    let log = Log::of(COMMITS);
    let out = tempfile::tempdir().expect("room");
    let order = Order {
        case: Some(5),
        ..order(out.path())
    };
    let manifest = run(&log, &order).manifest.expect("entries");
    // Entries n of these logs are of the case n / 2.
    assert_eq!(
        prove_all(out.path(), &manifest, log.key.verifier()),
        [10, 11]
    );
    assert_eq!((manifest.first, manifest.end, manifest.rows), (0, SIZE, 2));
    assert_eq!(manifest.filter, "--case 5");
}

#[test]
fn a_number_that_is_no_case_is_refused_and_nothing_is_left() {
    let log = Log::of(COMMITS);
    let out = tempfile::tempdir().expect("room");
    // Entry 20 is of case 10, as entry 21 is; there is no entry 99.
    for (number, said) in [(20, "give --case 10"), (99, "no case 99")] {
        let order = Order {
            case: Some(number),
            ..order(out.path())
        };
        let error = run_until(&log, &order, &AtomicBool::new(false)).expect_err("no case");
        assert!(error.to_string().contains(said), "{error}");
        assert_eq!(left(out.path()), [], "{number}");
    }
}

#[test]
fn files_end_behind_commits_and_follow_one_another() {
    let log = Log::of(COMMITS);
    let out = tempfile::tempdir().expect("room");
    let mut order = order(out.path());
    order.layout.rows = 4;
    let manifest = run(&log, &order).manifest.expect("entries");
    let ends: Vec<_> = manifest
        .files
        .iter()
        .map(|file| (file.first, file.end))
        .collect();
    assert_eq!(ends, [(0, 6), (6, 10), (10, 18), (18, 22), (22, 28)]);
    assert_eq!(
        manifest.files[1].path,
        "main-000000000006-000000000010.parquet"
    );
    let indexes = prove_all(out.path(), &manifest, log.key.verifier());
    assert_eq!(indexes, (0..SIZE).collect::<Vec<_>>());
}

/// A log of a commit a day, whose entries are from both sides of midnight.
fn three_days() -> Log {
    let told = (1..12_u64).map(|index| {
        let (kind, payload) = payload(&v1::ExternalEvent {
            source: "test".into(),
            raw: format!("line {index}").into_bytes().into(),
            ..v1::ExternalEvent::default()
        });
        Told {
            time: UnixMicros::new(NEW_YEAR + index * DAY / 4).expect("a time"),
            case: 0,
            actor: "agent:db-prod-1".to_owned(),
            via: String::new(),
            idem: Vec::new(),
            kind: Kind::new(kind.get()).expect("a kind"),
            payload,
        }
    });
    Log::telling(told.collect(), 5)
}

#[test]
fn days_lie_in_folders_of_their_own_also_where_a_commit_has_two() {
    let log = three_days();
    let out = tempfile::tempdir().expect("room");
    let mut order = order(out.path());
    order.layout.by_day = true;
    let manifest = run(&log, &order).manifest.expect("entries");
    let paths: Vec<_> = manifest
        .files
        .iter()
        .map(|file| file.path.as_str())
        .collect();
    assert_eq!(
        paths,
        [
            "day=2026-01-01/main-000000000000-000000000004.parquet",
            "day=2026-01-02/main-000000000004-000000000008.parquet",
            "day=2026-01-03/main-000000000008-000000000012.parquet",
        ]
    );
    let indexes = prove_all(out.path(), &manifest, log.key.verifier());
    assert_eq!(indexes, (0..12).collect::<Vec<_>>());
}

#[test]
fn times_choose_a_range() {
    let log = three_days();
    let out = tempfile::tempdir().expect("room");
    let at = |index: u64| UnixMicros::new(NEW_YEAR + index * DAY / 4).ok();
    let order = Order {
        since: at(3),
        until: at(7),
        ..order(out.path())
    };
    let manifest = run(&log, &order).manifest.expect("entries");
    assert_eq!(
        prove_all(out.path(), &manifest, log.key.verifier()),
        [3, 4, 5, 6]
    );
    assert_eq!((manifest.first, manifest.end), (3, 7));
    let none = Order {
        since: at(100),
        ..order.clone()
    };
    let empty = tempfile::tempdir().expect("room");
    let none = Order {
        out: empty.path().to_owned(),
        ..none
    };
    assert!(run(&log, &none).manifest.is_none());
    assert_eq!(left(empty.path()), []);
}

#[test]
fn an_export_is_made_longer_and_a_repeat_changes_nothing() {
    let long = Log::of(COMMITS);
    let short = Log::of(&[&[1, 5, 1, 3], &[8]]);
    let (whole, grown) = (
        tempfile::tempdir().expect("room"),
        tempfile::tempdir().expect("room"),
    );
    let mut order = order(grown.path());
    order.layout.rows = 4;
    assert_eq!(run(&short, &order).written, 3);
    let before = left(grown.path());
    let again = run(&short, &order);
    assert_eq!((again.written, again.kept), (0, 3));
    assert_eq!(left(grown.path()), before);
    assert_eq!(again.behind, 0);
    // The log is longer now: the same export stays as it is, until it is to go on.
    let same = run(&long, &order);
    assert_eq!((same.written, same.behind), (0, SIZE - 18));
    assert_eq!(left(grown.path()), before);
    order.mode = Mode::SinceLast;
    let more = run(&long, &order);
    assert_eq!((more.written, more.kept, more.behind), (2, 3, 0));
    let manifest = more.manifest.expect("entries");
    assert_eq!(
        (manifest.first, manifest.end, manifest.rows),
        (0, SIZE, SIZE)
    );
    // Files end where they would have, had all been exported at once.
    order.out = whole.path().to_owned();
    run(&long, &order);
    assert_eq!(left(whole.path()), left(grown.path()));
}

#[test]
fn what_was_stopped_goes_on_and_ends_with_the_same_bytes() {
    let log = Log::of(COMMITS);
    let (whole, parts) = (
        tempfile::tempdir().expect("room"),
        tempfile::tempdir().expect("room"),
    );
    let mut order = order(whole.path());
    order.layout.rows = 4;
    run(&log, &order);
    let reference = left(whole.path());
    order.out = parts.path().to_owned();
    let stop = AtomicBool::new(true);
    let error = run_until(&log, &order, &stop).expect_err("it was stopped");
    assert!(matches!(error, ExportError::Stopped { .. }), "{error}");
    assert!(!parts.path().join("manifest.json").exists());
    stop.store(false, Ordering::Relaxed);
    run_until(&log, &order, &stop).expect("it goes on");
    assert_eq!(left(parts.path()), reference);
    // A file that was changed or lost is written again, as it was.
    for (name, bytes) in &reference {
        if name.extension().is_some_and(|it| it == "parquet") {
            for damage in [Some([&bytes[..40], b"x", &bytes[41..]].concat()), None] {
                let path = parts.path().join(name);
                match damage {
                    Some(bytes) => fs::write(&path, bytes).expect("room"),
                    None => fs::remove_file(&path).expect("there"),
                }
                assert_eq!(run(&log, &order).written, 1);
                assert_eq!(left(parts.path()), reference);
            }
        }
    }
}

#[test]
fn a_log_that_does_not_verify_gives_no_export() {
    let log = Log::of(COMMITS);
    log.flip_in_record(20, 90);
    let out = tempfile::tempdir().expect("room");
    let error = run_until(&log, &order(out.path()), &AtomicBool::new(false));
    let error = error.expect_err("entry 20 was changed");
    assert!(matches!(error, ExportError::Damaged { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("record-changed") && text.contains("countersign verify"),
        "{text}"
    );
    assert!(!out.path().join("manifest.json").exists());
}

#[test]
fn a_folder_of_something_else_is_left_alone() {
    let (log, other) = (Log::of(COMMITS), Log::seeded(COMMITS, 9));
    let stranger = Log::with_key(COMMITS, 8);
    let out = tempfile::tempdir().expect("room");
    let order = order(out.path());
    run(&log, &order);
    let before = left(out.path());
    let refused = |log: &Log, order: &Order, what: &str| {
        let error = run_until(log, order, &AtomicBool::new(false)).expect_err(what);
        assert!(error.to_string().contains(what), "{error}");
        assert_eq!(left(out.path()), before, "{what}");
    };
    refused(&stranger, &order, "key");
    refused(&other, &order, "ends with another entry 27");
    let case = Order {
        case: Some(1),
        ..order.clone()
    };
    refused(&log, &case, "filter");
    let mut smaller = order.clone();
    smaller.layout.rows = 3;
    refused(&log, &smaller, "settings");
    let shorter = Order {
        end: Some(9),
        ..order.clone()
    };
    refused(&log, &shorter, "--since-last");
    // Files that no manifest tells of may be anybody's.
    fs::remove_file(out.path().join("manifest.json")).expect("there");
    let error = run_until(&log, &order, &AtomicBool::new(false)).expect_err("a stray file");
    assert!(error.to_string().contains("no manifest"), "{error}");
}

#[test]
fn two_exports_do_not_write_to_one_folder() {
    let log = Log::of(COMMITS);
    let out = tempfile::tempdir().expect("room");
    let lock = fs::File::create(out.path().join(".export.lock")).expect("room");
    lock.try_lock().expect("free");
    let error = run_until(&log, &order(out.path()), &AtomicBool::new(false));
    let error = error.expect_err("somebody else writes");
    assert!(error.to_string().contains("another export"), "{error}");
}

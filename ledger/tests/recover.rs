//! Opening a log of segment files that is not as it was left: what is refused, where it says the
//! damage is, and what an honest crash leaves.

use std::io;
use std::sync::Arc;

use countersign_chain::commit::{Commit, CommitBuilder, Draft, LogHead};
use countersign_chain::frame::Nonce;
use countersign_chain::hash::{self, Hash};
use countersign_chain::key::SigningKey;
use countersign_chain::kind::Kind;
use countersign_chain::origin::Origin;
use countersign_chain::segment::{SegmentHeader, file_name};
use countersign_chain::time::UnixMicros;
use countersign_ledger::fs::Fs;
use countersign_ledger::fs::sim::{Call, SimFs, Survive};
use countersign_ledger::store::segment::recover::{self, OpenError, Recovery};
use countersign_ledger::store::segment::{self, SegmentStore, Settings};
use countersign_ledger::store::{LogStore, Space};

const NONCE: Nonce = Nonce([0xA5; 16]);
const HEADER: usize = 512;

fn key() -> SigningKey {
    let origin = Origin::parse("example.com/recover").expect("an origin");
    SigningKey::from_seed(origin, &[3; 32]).expect("a key")
}

fn nonce(_first: u64) -> io::Result<Nonce> {
    Ok(NONCE)
}

fn settings(origin: &str) -> Settings {
    Settings {
        origin: Origin::parse(origin).expect("an origin"),
        key: key().verifier().clone(),
        segment_bytes: 32 << 10,
        nonce,
    }
}

fn open_as(disk: &Arc<SimFs>, origin: &str) -> Result<(SegmentStore, Recovery), OpenError> {
    recover::open(Arc::clone(disk) as Arc<dyn Fs>, settings(origin))
}

fn open(disk: &Arc<SimFs>) -> Result<(SegmentStore, Recovery), OpenError> {
    open_as(disk, "example.com/recover")
}

fn refused(disk: &Arc<SimFs>) -> OpenError {
    open(disk).map(drop).expect_err("it is damaged")
}

/// A commit of entries with these payloads.
fn commit(head: &LogHead, payloads: &[&[u8]]) -> Commit {
    let mut builder = CommitBuilder::after(head);
    for payload in payloads {
        let opens = builder.next_index() == 0;
        let draft = Draft {
            kind: Kind::new(if opens { 1 } else { 140 }).expect("a kind"),
            now: UnixMicros::new(1_000_000).expect("a time"),
            case: 0,
            actor: "agent:recover",
            via: "",
            idem: b"",
            payload,
        };
        builder.push(&draft).expect("a good entry");
    }
    builder.finish(&key()).expect("not empty")
}

/// A log in one segment, with its frames.
struct Bench {
    disk: Arc<SimFs>,
    store: SegmentStore,
    epoch: u64,
    commits: Vec<Commit>,
}

impl Bench {
    fn new() -> Self {
        let disk = Arc::new(SimFs::new());
        segment::create(disk.as_ref()).expect("an empty disk");
        let (store, _) = open(&disk).expect("an empty log");
        let epoch = store.fence().expect("a new epoch");
        let commits = Vec::new();
        Self {
            disk,
            store,
            epoch,
            commits,
        }
    }

    fn with(payloads: &[&[&[u8]]]) -> Self {
        let mut bench = Self::new();
        payloads.iter().for_each(|some| bench.append(some));
        bench
    }

    fn append(&mut self, payloads: &[&[u8]]) {
        let mut commit = commit(&self.store.head().head, payloads);
        let stored = self.store.append(self.epoch, &mut commit, Space::Common);
        stored.expect("room");
        self.commits.push(commit);
    }

    fn seal(self) -> Self {
        self.store.seal().expect("a healthy disk");
        self
    }

    /// Where the frame of a commit starts in its file.
    fn offset(&self, position: usize) -> usize {
        let before = self.commits[..position].iter().map(Commit::frame_len);
        HEADER + before.sum::<usize>()
    }

    /// The disk, another machine's, after this was done to the bytes of the segment.
    fn after(&self, harm: impl FnOnce(&mut Vec<u8>)) -> Arc<SimFs> {
        let disk = self.disk.crash_image(Survive::Everything);
        let mut bytes = disk.read_file(&path(0)).expect("there");
        harm(&mut bytes);
        disk.write_file(&path(0), &bytes).expect("a folder");
        Arc::new(disk)
    }
}

fn path(first: u64) -> String {
    format!("segments/{}", file_name(first))
}

fn put(bytes: &mut [u8], at: usize, frame: &[u8]) {
    bytes[at..at + frame.len()].copy_from_slice(frame);
}

fn assert_misplaced(error: &OpenError, part: &str) {
    let misplaced = matches!(error, OpenError::Misplaced { .. });
    assert!(misplaced && error.to_string().contains(part), "{error}");
}

fn assert_damaged(error: &OpenError, (at, entry): (usize, u64), part: &str) {
    let right = matches!(
        error,
        OpenError::Damaged { offset, index, why, .. }
            if (*offset, *index) == (at, entry) && why.contains(part)
    );
    assert!(
        right,
        "{error}; expected offset {at}, entry {entry}: {part}"
    );
}

#[test]
fn a_log_that_was_closed_in_order_is_opened_without_writing_anything() {
    let bench = Bench::with(&[&[b"a"], &[b"b", b"c"]]).seal();
    let disk = Arc::new(bench.disk.crash_image(Survive::Everything));
    // More behind the last commit than is looked at together.
    disk.truncate(&path(0), 3 << 20).expect("there");
    let (store, recovery) = open(&disk).expect("an intact log");
    assert_eq!(store.head().head.size(), 3);
    let expected = Recovery {
        size: 3,
        floor: 3,
        torn: None,
    };
    assert_eq!(recovery, expected);
    let wrote = |call| [Call::Write, Call::SyncData, Call::CreateNew].contains(&call);
    let trace = disk.trace();
    assert!(!trace.iter().any(|op| wrote(op.call)), "{trace:?}");
}

#[test]
fn a_sealed_log_without_any_segment_was_cut() {
    let bench = Bench::with(&[&[b"a"], &[b"b"]]).seal();
    bench.disk.remove(&path(0)).expect("there");
    let cut = refused(&bench.disk);
    let expected = matches!(cut, OpenError::Cut { floor: 2, found: 0 });
    assert!(expected, "{cut}");
}

#[test]
fn a_segment_of_another_log_or_under_another_name_is_refused() {
    let bench = Bench::with(&[&[b"a"], &[b"b"]]);
    let other = open_as(&bench.disk, "example.com/other").map(drop);
    let said = "its header says log example.com/recover from entry 0; expected log \
                example.com/other from entry 0";
    assert_misplaced(&other.expect_err("another log"), said);
    let first = bench.disk.read_file(&path(0)).expect("there");
    bench.disk.write_file(&path(2), &first).expect("a folder");
    let said = "its header says log example.com/recover from entry 0; expected log \
                example.com/recover from entry 2";
    assert_misplaced(&refused(&bench.disk), said);
}

#[test]
fn a_segment_without_frames_must_still_follow_the_log_before_it() {
    let bench = Bench::with(&[&[b"a"], &[b"b"]]);
    let head = bench.store.head().head;
    let empty = |first: u64, prev: Hash| {
        let header = SegmentHeader {
            origin: key().verifier().origin().clone(),
            first,
            prev,
            nonce: NONCE,
        };
        let mut bytes = header.encode();
        bytes.resize(32 << 10, 0);
        let disk = Arc::new(bench.disk.crash_image(Survive::Everything));
        disk.write_file(&path(first), &bytes).expect("a folder");
        disk
    };
    let (store, _) = open(&empty(2, head.last_leaf())).expect("it follows");
    assert_eq!(store.head().head.size(), 2);
    let said = "the log before it ends after 2 entries";
    assert_misplaced(&refused(&empty(3, head.last_leaf())), said);
    assert_misplaced(&refused(&empty(2, hash::leaf(b"another"))), said);
}

#[test]
fn a_torn_commit_may_hold_copies_of_older_ones_but_nothing_may_stand_behind_it() {
    let mut bench = Bench::with(&[&[b"a"], &[b"b"], &[b"c", b"d"]]);
    let run = bench.store.read(1, 1).expect("durable");
    // The second commit, frame and all, at every alignment.
    let mut echo = Vec::new();
    for _ in 0..8 {
        echo.extend_from_slice(run.bytes());
        echo.push(1);
    }
    bench.append(&[&echo]);
    bench.append(&[b"e"]);
    let (torn, behind) = (bench.offset(3), bench.offset(4));
    let disk = bench.after(|bytes| bytes[behind..].fill(0));
    let (store, recovery) = open(&disk).expect("whole");
    assert_eq!((store.head().head.size(), recovery.torn), (5, None));

    let disk = bench.after(|bytes| {
        bytes[behind..].fill(0);
        bytes[behind - 16] ^= 1;
    });
    let (store, recovery) = open(&disk).expect("an honest crash");
    assert_eq!(store.head().head.size(), 4);
    let kept = recovery.torn.expect("it was torn");
    let name = format!("quarantine/{}.pending", kept.sha256);
    let bytes = disk.read_file(&name).expect("kept");
    assert_eq!(Ok(kept.bytes), u64::try_from(bytes.len()));
    assert_eq!(hash::digest(&bytes), kept.sha256);
    let cleared = disk.read_file(&path(0)).expect("there");
    assert!(cleared[torn..].iter().all(|byte| *byte == 0));

    let disk = bench.after(|bytes| bytes[behind - 16] ^= 1);
    let said = format!("a later commit is whole at offset {behind}");
    assert_damaged(&refused(&disk), (torn, 4), &said);
}

#[test]
fn a_changed_byte_below_the_floor_is_named() {
    let bench = Bench::with(&[&[b"a"], &[b"b", b"c"], &[b"d"]]).seal();
    for (position, entry) in [(0, 0), (1, 1), (2, 3)] {
        let at = bench.offset(position);
        let disk = bench.after(|bytes| bytes[at + 60] ^= 1);
        assert_damaged(&refused(&disk), (at, entry), "checksum");
    }
}

#[test]
fn another_history_in_the_place_of_sealed_entries_is_refused() {
    let bench = Bench::with(&[&[b"a"], &[b"b"], &[b"c"]]).seal();
    let [one, two, three] = [0, 1, 2].map(|position| bench.offset(position));
    // Signed by the right key, and of the same lengths.
    let mut first = commit(&LogHead::empty(), &[b"x"]);
    let mut second = commit(first.head(), &[b"b"]);
    let mut last = commit(bench.commits[1].head(), &[b"z"]);
    let (first, second) = (first.seal(&NONCE), second.seal(&NONCE));
    let disk = bench.after(|bytes| put(bytes, two, second));
    assert_damaged(&refused(&disk), (two, 1), "");
    let disk = bench.after(|bytes| put(bytes, one, first));
    assert_damaged(&refused(&disk), (two, 1), "");
    let last = last.seal(&NONCE);
    let disk = bench.after(|bytes| put(bytes, three, last));
    let end = three + last.len();
    assert_damaged(&refused(&disk), (end, 3), "the sealed head does not end");
    // The second commit once more, where the third was.
    let disk = bench.after(|bytes| {
        let again = bytes[two..three].to_vec();
        put(bytes, three, &again);
    });
    assert_damaged(&refused(&disk), (three, 2), "");
}

#[test]
fn a_whole_commit_above_the_floor_that_does_not_follow_is_damage() {
    let bench = Bench::with(&[&[b"a"], &[b"b"]]);
    let mut other = commit(&LogHead::empty(), &[b"x"]);
    let mut foreign = commit(other.head(), &[b"y"]);
    let frame = foreign.seal(&NONCE).to_vec();
    let at = bench.offset(1);
    let disk = bench.after(|bytes| put(bytes, at, &frame));
    assert_damaged(&refused(&disk), (at, 1), "");
    assert_eq!(other.seal(&NONCE).len(), bench.commits[0].frame_len());
}

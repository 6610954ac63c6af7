//! Rows of a log that is made here, put together again or proved one by one.

use countersign_chain::commit::{Commit, CommitBuilder, Draft, LogHead};
use countersign_chain::edge::Edge;
use countersign_chain::hash::{self, Hash};
use countersign_chain::key::{SigningKey, VerifierKey};
use countersign_chain::kind::Kind;
use countersign_chain::origin::Origin;
use countersign_chain::time::UnixMicros;

use super::frames::Frames;
use super::loose::Loose;
use super::{Row, Seal};
use crate::finding::Findings;
use crate::look;
use crate::window::Window;

fn key() -> SigningKey {
    let origin = Origin::parse("log.example/main").expect("an origin");
    SigningKey::from_seed(origin, &[7; 32]).expect("a key")
}

/// A row that owns what it says.
#[derive(Clone)]
struct Owned {
    index: u64,
    record: Vec<u8>,
    leaf: Hash,
    seal: Seal,
    proof: Option<Vec<u8>>,
}

impl Owned {
    fn row(&self) -> Row<'_> {
        Row {
            index: self.index,
            record: &self.record,
            leaf: self.leaf,
            seal: self.seal,
            proof: self.proof.as_deref(),
        }
    }
}

fn commit(head: &LogHead, entries: u64) -> Commit {
    let mut builder = CommitBuilder::after(head);
    for _ in 0..entries {
        let index = builder.next_index();
        let draft = Draft {
            kind: Kind::LOG_OPENED,
            now: UnixMicros::new(1_000 + index).expect("a time"),
            case: 0,
            actor: "agent:db-1",
            via: "",
            idem: b"",
            payload: &index.to_be_bytes(),
        };
        builder.push(&draft).expect("it fits");
    }
    builder.finish(&key()).expect("entries")
}

/// The rows of commits of these numbers of entries, each with its proof.
fn rows(commits: &[u64]) -> Vec<Owned> {
    let mut head = LogHead::empty();
    let mut rows = Vec::new();
    for entries in commits {
        let commit = commit(&head, *entries);
        let edge = Edge::new(head.frontier().clone(), commit.leaves());
        for ((record, leaf), index) in commit.records().zip(commit.leaves()).zip(commit.first()..) {
            let path = edge.inclusion(index).expect("a new leaf");
            rows.push(Owned {
                index,
                record: record.to_vec(),
                leaf: *leaf,
                seal: Seal::of(commit.checkpoint()),
                proof: Some(path.iter().flat_map(|hash| *hash.as_bytes()).collect()),
            });
        }
        head = commit.head().clone();
    }
    rows
}

fn framed(rows: &[Owned]) -> (Window, Findings) {
    let mut findings = Findings::default();
    let mut frames = Frames::new(key().verifier().clone());
    rows.iter()
        .for_each(|row| frames.push(&row.row(), &mut findings));
    frames.flush();
    (frames.window(), findings)
}

/// First index and number of entries of each commit that was put together.
fn commits(window: &Window) -> Vec<(u64, usize)> {
    let frames = window
        .spans
        .iter()
        .map(|span| look::frame(window, window.span(*span)));
    let frames = frames.map(|frame| frame.expect("a frame"));
    frames
        .map(|frame| (frame.first(), frame.records().len()))
        .collect()
}

fn proved(rows: &[Owned]) -> (u64, Findings) {
    let mut findings = Findings::default();
    let mut loose = Loose::new(key().verifier().clone());
    for rows in rows.chunks(3) {
        let rows: Vec<Row<'_>> = rows.iter().map(Owned::row).collect();
        loose.take(&rows, &mut findings);
    }
    (loose.proved(), findings)
}

/// Code and index of each finding.
fn found(findings: &Findings) -> Vec<(&'static str, Option<u64>)> {
    let found = findings.damage().iter();
    found
        .map(|finding| (finding.code.code(), finding.index))
        .collect()
}

#[test]
fn rows_become_the_commits_that_they_were() {
    let rows = rows(&[1, 3, 2]);
    let (window, findings) = framed(&rows);
    assert_eq!(commits(&window), [(0, 1), (1, 3), (4, 2)]);
    assert_eq!(found(&findings), []);
    let key: VerifierKey = key().verifier().clone();
    for look in look::look(&window, &key, &crate::traces::blobs::BlobFolder::default()) {
        assert!(look.outline.is_some(), "records, chain and signature hold");
    }
    // From inside a commit, up to inside one.
    assert_eq!(commits(&framed(&rows[2..5]).0), [(2, 2), (4, 1)]);
}

#[test]
fn what_stands_before_a_window_is_told_with_it() {
    let rows = rows(&[2, 2]);
    let mut frames = Frames::new(key().verifier().clone());
    let mut findings = Findings::default();
    rows[..3]
        .iter()
        .for_each(|row| frames.push(&row.row(), &mut findings));
    let window = frames.window();
    assert_eq!(commits(&window), [(0, 2)]);
    let follow = window.follow.expect("the run that began");
    assert_eq!((follow.index, follow.prev), (2, rows[1].leaf));
    // At the end the last row speaks for itself.
    frames.push(&rows[3].row(), &mut findings);
    let follow = frames.window().follow.expect("the last row");
    assert_eq!((follow.index, follow.prev), (4, rows[3].leaf));
}

#[test]
fn a_seal_that_contradicts_its_neighbours_is_named_by_row_and_column() {
    let sound = rows(&[1, 4, 2]);
    for at in 1..5 {
        let mut rows = sound.clone();
        rows[at].seal.root = hash::leaf(b"x");
        let (window, findings) = framed(&rows);
        let index = Some(u64::try_from(at).expect("small"));
        assert_eq!(found(&findings), [("column-changed", index)], "row {at}");
        assert!(findings.damage()[0].message.contains("column commit_root"));
        // It stands with its neighbours all the same.
        assert_eq!(commits(&window), [(0, 1), (1, 4), (5, 2)], "row {at}");
    }
    // The seal of another commit, which holds by itself.
    let mut rows = sound;
    rows[2].seal = rows[6].seal;
    let (window, findings) = framed(&rows);
    assert_eq!(found(&findings), [("column-changed", Some(2)); 3]);
    assert_eq!(commits(&window), [(0, 1), (1, 4), (5, 2)]);
}

#[test]
fn rows_with_a_hole_between_them_are_not_one_commit() {
    let mut rows = rows(&[1, 4]);
    rows.remove(2);
    assert_eq!(commits(&framed(&rows).0), [(0, 1), (1, 1), (3, 2)]);
}

#[test]
fn a_record_that_is_too_long_is_left_out() {
    let mut rows = rows(&[1, 3]);
    rows[2].record = vec![0; 65_536];
    let (window, findings) = framed(&rows);
    assert_eq!(found(&findings), [("record-too-long", Some(2))]);
    assert_eq!(commits(&window), [(0, 1), (1, 1), (3, 1)]);
}

#[test]
fn rows_are_proved_one_by_one() {
    let rows = rows(&[1, 3, 2, 7]);
    assert_eq!(proved(&rows).0, 13);
    assert_eq!(found(&proved(&rows).1), []);
    let some: Vec<Owned> = rows.iter().step_by(3).cloned().collect();
    let (count, findings) = proved(&some);
    assert_eq!((count, found(&findings)), (5, vec![]));
}

#[test]
fn each_part_of_a_loose_row_matters() {
    type Change = fn(&mut Owned);
    let other = |record: &mut Owned| *record.record.last_mut().expect("bytes") ^= 1;
    let cases: [(&str, Change); 9] = [
        ("row-unproved", |row| row.proof = None),
        ("row-unproved", |row| row.proof = Some(Vec::new())),
        ("row-unproved", |row| row.proof = Some(vec![0; 33])),
        ("row-unproved", |row| row.proof = Some(vec![0; 65 * 32])),
        ("row-unproved", |row| {
            row.proof.as_mut().expect("a proof")[3] ^= 1;
        }),
        ("bad-signature", |row| row.seal.signature[3] ^= 1),
        ("bad-signature", |row| row.seal.size += 1),
        ("record-changed", |row| row.record.clear()),
        ("record-changed", other),
    ];
    for (nth, (code, change)) in cases.into_iter().enumerate() {
        let mut rows = rows(&[1, 4, 3]);
        change(&mut rows[3]);
        let (count, findings) = proved(&rows);
        let found = found(&findings);
        assert!(found.contains(&(code, Some(3))), "{nth}: {found:?}");
        assert_eq!(count, 7, "{nth}");
    }
}

#[test]
fn loose_rows_stand_once_and_in_order() {
    let sound = rows(&[1, 4, 3]);
    let mut rows = sound.clone();
    rows.swap(2, 3);
    assert!(found(&proved(&rows).1).contains(&("index-gap", Some(2))));
    let mut rows = sound;
    rows.insert(4, rows[4].clone());
    assert!(found(&proved(&rows).1).contains(&("index-gap", Some(4))));
}

//! One bit is wrong in every part of a record and of a frame: the code and the exact index.

use super::folder::{Log, assert_damage, damage};

/// Offsets in a record, by name.
const RECORD: [(&str, usize); 14] = [
    ("version", 0),
    ("flags", 1),
    ("kind", 3),
    ("index", 11),
    ("time", 19),
    ("prev", 20),
    ("prev end", 51),
    ("case", 59),
    ("actor length", 61),
    ("actor", 62),
    ("actor end", 76),
    ("via length", 78),
    ("idem length", 80),
    ("payload", 90),
];

fn log() -> Log {
    Log::of(&[&[1, 3, 2], &[1, 4]])
}

#[test]
fn a_whole_log_is_intact() {
    let log = log();
    let report = log.verify_with(&log.pinned());
    assert_damage(&report, &[], "whole");
    assert_eq!(report.findings.notes_total(), 0, "{:?}", report.findings);
    assert_eq!(report.size, 11);
    assert_eq!(report.root, Some(log.head.frontier().root()));
    assert!(report.complete);
    let checked = report.checked;
    assert_eq!((checked.segments, checked.commits), (2, 5));
    assert_eq!((checked.entries, checked.signatures), (11, 5));
    assert_eq!((checked.tree_hashes, checked.checkpoints), (11, 3));
}

#[test]
fn the_changed_record_is_named_in_every_field_and_at_every_place() {
    let size = log().head.size();
    for with_tree in [true, false] {
        for index in 0..size {
            for (field, byte) in RECORD {
                let log = log();
                if !with_tree {
                    log.drop_tree();
                }
                log.flip_in_record(index, byte);
                let what = format!("{field} of entry {index}, tree {with_tree}");
                assert_damage(&log.verify(), &[("record-changed", Some(index))], &what);
            }
        }
    }
}

#[test]
fn a_change_with_a_fitting_checksum_is_named_too() {
    for index in 0..log().head.size() {
        for byte in [19, 20, 62, 90] {
            let log = log();
            log.flip_in_record(index, byte);
            let commit = log.commits.iter().position(|at| index < at.size);
            log.fix_checksum(commit.expect("in the log"));
            let what = format!("byte {byte} of entry {index}");
            assert_damage(&log.verify(), &[("record-changed", Some(index))], &what);
        }
    }
}

#[test]
fn two_changed_records_of_a_commit_are_both_named() {
    for (one, other) in [(7, 8), (7, 9), (8, 10), (9, 10), (1, 2)] {
        let log = log();
        log.flip_in_record(one, 62);
        log.flip_in_record(other, 62);
        let expected = [
            ("record-changed", Some(one)),
            ("record-changed", Some(other)),
        ];
        assert_damage(&log.verify(), &expected, &format!("{one} and {other}"));
    }
}

#[test]
fn a_rewritten_chain_is_found_by_the_root_and_by_the_stored_tree() {
    // Entry 8 is changed, and prev of 9 is made to fit, then prev of 10: the chain holds, the root
    // does not.
    let rewrite = |log: &Log| {
        log.flip_in_record(8, 62);
        for index in [9_u64, 10] {
            let (at, position) = log.place(index);
            let (before, len) = at.records[position - 1];
            let (start, _) = at.records[position];
            log.damage(at.segment, |bytes| {
                let leaf = countersign_chain::hash::leaf(&bytes[before..before + len]);
                bytes[start + 20..start + 52].copy_from_slice(leaf.as_bytes());
            });
        }
        log.fix_checksum(4);
    };
    let log = log();
    rewrite(&log);
    let expected = [8, 9, 10].map(|index| ("record-changed", Some(index)));
    assert_damage(&log.verify(), &expected, "with the stored tree");
    log.drop_tree();
    let report = log.verify();
    assert!(
        damage(&report).contains(&("wrong-root", Some(10))),
        "{:?}",
        report.findings
    );
}

#[test]
fn every_field_of_a_frame_is_named() {
    // Offset in the frame, bit, and what it is.
    let fields = [
        ("magic", 0, 1, "bad-magic"),
        ("length, high", 4, 1, "bad-frame-length"),
        ("length, larger", 6, 0x08, "bad-frame"),
        ("length, by one", 7, 1, "bad-frame"),
        ("crc", 8, 1, "bad-crc"),
        ("nonce", 12, 1, "foreign-frame"),
        ("first", 35, 0x10, "bad-frame"),
        ("count", 39, 0x10, "bad-frame"),
        ("count, high", 36, 0x80, "bad-frame"),
    ];
    for commit in 0..log().commits.len() {
        for (field, byte, bit, code) in fields {
            let log = log();
            let at = log.commits[commit].clone();
            log.damage(at.segment, |bytes| bytes[at.offset + byte] ^= bit);
            let what = format!("{field} of commit {commit}");
            assert_damage(&log.verify(), &[(code, Some(at.first))], &what);
        }
    }
}

#[test]
fn a_wrong_length_of_a_record_names_the_entry() {
    for index in 0..log().head.size() {
        for (byte, bit) in [(2, 1), (2, 0x80), (1, 1), (1, 0x40)] {
            let log = log();
            let (at, position) = log.place(index);
            let (start, _) = at.records[position];
            log.damage(at.segment, |bytes| bytes[start - byte] ^= bit);
            let what = format!("length of entry {index}, byte {byte}, bit {bit}");
            assert_damage(&log.verify(), &[("bad-frame", Some(index))], &what);
        }
    }
}

#[test]
fn a_damaged_checkpoint_of_a_commit_names_its_last_entry() {
    for commit in 0..log().commits.len() {
        let log = log();
        let at = log.commits[commit].clone();
        let (last, len) = *at.records.last().expect("entries");
        let note = last + len + 2;
        let text = at.checkpoint.text().len();
        let index = Some(at.size - 1);
        let flips = [
            ("origin", 0, "wrong-origin"),
            ("signed root", 25, "bad-signature"),
            ("signature", text - 20, "bad-signature"),
            ("key id", text - 91, "no-known-signature"),
        ];
        let whole = std::fs::read(log.segment_path(at.segment)).expect("readable");
        for (part, byte, code) in flips {
            log.damage(at.segment, |bytes| {
                bytes.clone_from(&whole);
                // Another character of base64, or of an origin.
                let old = bytes[note + byte];
                bytes[note + byte] = if old == b'k' { b'j' } else { b'k' };
            });
            let report = log.verify();
            let what = format!("{part} of commit {commit}");
            assert_damage(&report, &[(code, index)], &what);
        }
    }
}

#[test]
fn damage_in_every_commit_is_found_in_one_pass() {
    let log = Log::of(&[&[2, 2, 2], &[2, 2]]);
    for index in [1, 3, 4, 6, 9] {
        log.flip_in_record(index, 62);
    }
    let expected = [1, 3, 4, 6, 9].map(|index| ("record-changed", Some(index)));
    let report = log.verify();
    assert_damage(&report, &expected, "five entries");
    assert!(report.complete);
    // The root is known all the same.
    assert_eq!(report.root, Some(log.head.frontier().root()));
}

//! Files and parts of files are removed, copied, swapped, cut and changed.

use std::fs;

use countersign_chain::segment::file_name;

use super::folder::{Log, assert_damage, change_file, damage, notes};

fn log() -> Log {
    Log::of(&[&[1, 2], &[2, 1], &[1, 1]])
}

#[test]
fn a_missing_segment_is_a_gap_and_the_rest_is_still_checked() {
    for with_tree in [true, false] {
        for (first, last) in [(0, 2), (3, 5)] {
            let log = log();
            if !with_tree {
                log.drop_tree();
            }
            fs::remove_file(log.segment_path(first)).expect("removed");
            let report = log.verify_with(&log.pinned());
            let what = format!("entries {first} to {last}, tree {with_tree}");
            assert_damage(&report, &[("index-gap", Some(first))], &what);
            assert!(!report.complete, "{what}");
            assert_eq!(report.checked.entries, 5, "{what}");
            // The stored tree leads back to signed roots, and they confirm it.
            assert_eq!(report.root.is_some(), with_tree, "{what}");
        }
    }
}

#[test]
fn damage_behind_a_gap_is_named_all_the_same() {
    for with_tree in [true, false] {
        let log = log();
        if !with_tree {
            log.drop_tree();
        }
        fs::remove_file(log.segment_path(0)).expect("removed");
        log.flip_in_record(4, 62);
        let expected = [("index-gap", Some(0)), ("record-changed", Some(4))];
        assert_damage(&log.verify_with(&log.pinned()), &expected, "entry 4");
    }
}

#[test]
fn the_last_segment_is_missed_by_head_and_checkpoint() {
    let log = log();
    fs::remove_file(log.segment_path(6)).expect("removed");
    let report = log.verify();
    let expected = [
        ("log-cut", Some(6)),
        ("log-cut", Some(6)),
        ("log-cut", Some(6)),
    ];
    assert_damage(&report, &expected, "head A, head B, checkpoint");
    assert_eq!(report.size, 6);
    assert!(!report.complete);
}

#[test]
fn a_folder_without_segments_is_cut() {
    let log = log();
    for first in [0, 3, 6] {
        fs::remove_file(log.segment_path(first)).expect("removed");
    }
    let found = damage(&log.verify());
    assert!(found.contains(&("log-cut", Some(0))) && found.contains(&("not-opened", Some(0))));
}

#[test]
fn swapped_and_copied_segments_stand_under_wrong_names() {
    let log = log();
    let (one, other) = (log.segment_path(0), log.segment_path(3));
    let aside = log.path("aside");
    fs::rename(&one, &aside).expect("renamed");
    fs::rename(&other, &one).expect("renamed");
    fs::rename(&aside, &other).expect("renamed");
    let expected = [("bad-header", Some(0)), ("bad-header", Some(3))];
    assert_damage(&log.verify(), &expected, "swapped");

    let log = self::log();
    let copy = log.path("segments").join(file_name(99));
    fs::copy(log.segment_path(3), copy).expect("copied");
    assert_damage(&log.verify(), &[("bad-header", Some(99))], "copied");

    let log = self::log();
    fs::copy(log.segment_path(3), log.segment_path(0)).expect("copied");
    let expected = [("bad-header", Some(0)), ("index-gap", Some(0))];
    assert_damage(&log.verify(), &expected, "written over");
}

#[test]
fn a_commit_that_stands_twice_is_one_finding() {
    let log = Log::of(&[&[1, 2, 1]]);
    let at = log.commits[1].clone();
    log.damage(0, |bytes| {
        let copy = bytes[at.offset..at.offset + at.len].to_vec();
        let end = at.offset + at.len;
        bytes.splice(end..end, copy);
    });
    let found = damage(&log.verify());
    assert_eq!(found[0], ("index-gap", Some(1)), "{found:?}");
    // What comes behind moved, and the head says where it should be.
    assert_eq!(found[1..], [("head-mismatch", Some(3))]);
}

#[test]
fn commits_that_change_places_are_gaps() {
    let log = Log::of(&[&[1, 1, 1, 1]]);
    let (one, two) = (log.commits[1].clone(), log.commits[2].clone());
    log.damage(0, |bytes| {
        let first = bytes[one.offset..one.offset + one.len].to_vec();
        let second = bytes[two.offset..two.offset + two.len].to_vec();
        let both = [second, first].concat();
        bytes[one.offset..one.offset + both.len()].copy_from_slice(&both);
    });
    let found = damage(&log.verify());
    assert_eq!(found[0], ("index-gap", Some(1)), "{found:?}");
    assert_eq!(found[1], ("index-gap", Some(1)), "{found:?}");
}

#[test]
fn a_commit_that_is_cut_out_is_a_gap() {
    for commit in 1..3 {
        let log = Log::of(&[&[1, 2, 3, 2]]);
        let at = log.commits[commit].clone();
        log.damage(0, |bytes| drop(bytes.drain(at.offset..at.offset + at.len)));
        let found = damage(&log.verify());
        assert_eq!(found[0], ("index-gap", Some(at.first)), "{found:?}");
    }
}

#[test]
fn a_commit_that_is_wiped_out_is_not_the_end_of_the_log() {
    for commit in 1..3 {
        let log = Log::of(&[&[1, 2, 3, 2]]);
        let at = log.commits[commit].clone();
        log.damage(0, |bytes| bytes[at.offset..at.offset + at.len].fill(0));
        let report = log.verify();
        assert_damage(&report, &[("bad-magic", Some(at.first))], "wiped out");
        assert_eq!(report.size, 8);
        assert!(!report.complete);
    }
}

#[test]
fn a_truncated_segment_is_found_at_every_length() {
    let log = Log::of(&[&[1, 2], &[2]]);
    let whole = fs::read(log.segment_path(0)).expect("readable");
    let end = log.commits[1].offset + log.commits[1].len;
    let (last, last_len) = log.commits[1].records[1];
    for len in 0..end {
        fs::write(log.segment_path(0), &whole[..len]).expect("written");
        let report = log.verify_with(&log.pinned());
        assert!(report.findings.damage_total() > 0, "{len} bytes");
        // Where only the signature is cut off, all entries are there.
        let whole = len > last + last_len;
        assert!(
            whole || !report.complete,
            "{len} bytes: {:?}",
            report.findings
        );
    }
    println!("counted: truncated segments: {end} lengths, 0 without a finding");
    // Without the zero bytes behind the last frame nothing is missing.
    fs::write(log.segment_path(0), &whole[..end]).expect("written");
    assert_damage(&log.verify(), &[], "no reserve");
}

#[test]
fn bytes_behind_the_last_frame_are_a_dirty_tail() {
    for (segment, commit) in [(0, 1), (3, 3), (6, 5)] {
        let log = log();
        let end = log.commits[commit].offset + log.commits[commit].len;
        for byte in [end, end + 9, end + 63] {
            let whole = fs::read(log.segment_path(segment)).expect("readable");
            log.damage(segment, |bytes| bytes[byte] ^= 0x10);
            let what = format!("byte {byte} of segment {segment}");
            let found = damage(&log.verify());
            assert_eq!(found.len(), 1, "{what}: {found:?}");
            assert!(
                ["dirty-tail", "bad-magic"].contains(&found[0].0),
                "{what}: {found:?}"
            );
            fs::write(log.segment_path(segment), whole).expect("written");
        }
    }
}

#[test]
fn every_field_of_a_segment_header_is_checked() {
    let fields = [
        (0, "bad-magic"),
        (17, "bad-format"),
        (19, "bad-crc"),
        (25, "bad-crc"),
        (283, "bad-crc"),
        (300, "bad-crc"),
        (320, "bad-crc"),
        (333, "bad-crc"),
        (400, "bad-header"),
    ];
    for first in [0, 3, 6] {
        for (byte, code) in fields {
            let log = log();
            log.damage(first, |bytes| bytes[byte] ^= 1);
            let what = format!("byte {byte} of segment {first}");
            assert_damage(&log.verify(), &[(code, Some(first))], &what);
        }
    }
}

#[test]
fn one_broken_head_slot_is_a_note_and_two_are_damage() {
    for byte in [0, 9, 13, 16, 100, 900, 3_000] {
        let log = log();
        for slot in [0, 4_096] {
            let whole = fs::read(log.path("head")).expect("readable");
            change_file(&log.path("head"), |bytes| bytes[slot + byte] ^= 1);
            let report = log.verify();
            assert_damage(&report, &[], &format!("slot at {slot}, byte {byte}"));
            assert_eq!(notes(&report), [("bad-head", None)]);
            fs::write(log.path("head"), whole).expect("written");
        }
        change_file(&log.path("head"), |bytes| {
            bytes[byte] ^= 1;
            bytes[4_096 + byte] ^= 1;
        });
        let expected = [("head-mismatch", None), ("head-mismatch", None)];
        assert_damage(&log.verify(), &expected, &format!("byte {byte}"));
    }
    let log = log();
    fs::remove_file(log.path("head")).expect("removed");
    assert_damage(&log.verify(), &[("head-mismatch", None)], "missing");
}

#[test]
fn a_head_that_contradicts_the_log_is_named() {
    let log = log();
    let other = Log::seeded(&[&[1, 2], &[2, 1], &[1, 1]], 9);
    fs::copy(other.path("head"), log.path("head")).expect("copied");
    let expected = [("head-mismatch", Some(6)), ("head-mismatch", Some(7))];
    assert_damage(&log.verify(), &expected, "head of a fork");
    let moved = Log::of(&[&[1, 2], &[2, 1, 1, 1]]);
    fs::copy(moved.path("head"), log.path("head")).expect("copied");
    assert_damage(&log.verify(), &expected, "another segment");
}

#[test]
fn the_published_checkpoint_is_checked() {
    let log = log();
    let note = fs::read_to_string(log.path("checkpoint")).expect("readable");
    let fork = Log::seeded(&[&[1, 2], &[2, 1], &[1, 1]], 9);
    let forged = fork.commits[5].checkpoint.text().to_owned();
    let cases = [
        (note.replace("\n8\n", "\n7\n"), "bad-signature", None),
        (note.replace("main\n", "mine\n"), "wrong-origin", None),
        (note[..note.len() - 1].to_owned(), "bad-note", None),
        (forged, "forked", Some(7)),
    ];
    for (text, code, index) in cases {
        fs::write(log.path("checkpoint"), text).expect("written");
        assert_damage(&log.verify(), &[(code, index)], code);
    }
    fs::remove_file(log.path("checkpoint")).expect("removed");
    let report = log.verify();
    assert_damage(&report, &[], "missing");
    assert_eq!(notes(&report), [("checkpoint-missing", None)]);
}

#[test]
fn derived_files_do_not_make_the_verdict() {
    let log = Log::of(&[&[300]]);
    for (name, byte, index) in [("tree/level-00", 77, 2), ("tree/level-08", 3, 0)] {
        let whole = fs::read(log.path(name)).expect("readable");
        change_file(&log.path(name), |bytes| bytes[byte] ^= 1);
        let report = log.verify();
        assert_damage(&report, &[], name);
        assert_eq!(notes(&report), [("tree-damaged", Some(index))]);
        fs::write(log.path(name), whole).expect("written");
    }
    // A tree that is behind the log, or has room reserved, is none the worse.
    change_file(&log.path("tree/level-00"), |bytes| bytes[320..].fill(0));
    assert_eq!(notes(&log.verify()), []);
    fs::write(log.path("segments/notes.txt"), "hello").expect("written");
    fs::write(log.path("segments/spare"), [0; 64]).expect("written");
    let report = log.verify();
    assert_damage(&report, &[], "another file");
    assert_eq!(notes(&report), [("unknown-file", None)]);
}

#[test]
fn the_reserve_of_one_log_is_not_another() {
    // A segment of another log under the same key and name does not fit its neighbours.
    let log = log();
    let fork = Log::seeded(&[&[1, 2], &[2, 1], &[1, 1]], 9);
    fs::copy(fork.segment_path(3), log.segment_path(3)).expect("copied");
    let found = damage(&log.verify());
    assert!(found.contains(&("chain-broken", Some(3))), "{found:?}");
    assert!(found.contains(&("wrong-root", Some(4))), "{found:?}");
}

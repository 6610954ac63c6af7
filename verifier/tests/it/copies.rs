//! Copies in Parquet: whole ones, parts, chosen entries, folders.

mod files;
mod hostile;
mod matrix;
mod rewrite;

use countersign_verifier::check::Request;
use countersign_verifier::report::{Trust, Verdict, json, text};

use super::copying::{Entries, codes, pinned, verify_bytes, verify_with};
use super::folder::Log;
use super::output::run_on;

#[test]
fn a_whole_copy_is_walked_along_like_a_log() {
    let log = Entries::lines(90, 7);
    let report = verify_bytes(&log.whole(0, log.size()));
    assert_eq!(codes(&report), (vec![], vec![]));
    assert_eq!(report.verdict(), Verdict::Intact);
    assert!(report.complete);
    assert_eq!((report.size, report.checked.entries), (91, 91));
    assert_eq!(report.root, Some(log.frontier(91).root()));
    // Each commit was judged, and nothing beside the key is needed.
    assert_eq!(report.checked.commits, 14);
    assert_eq!(report.trust, Trust::Pinned);
}

#[test]
fn a_copy_names_its_own_key_when_none_is_given() {
    let log = Entries::lines(3, 3);
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("copy.parquet");
    std::fs::write(&path, log.whole(0, 4)).expect("written");
    let report = verify_with(&path, &Request::default());
    assert_eq!(report.verdict(), Verdict::Intact);
    assert_eq!(report.trust, Trust::Unpinned("file"));
}

#[test]
fn every_range_of_a_log_proves_itself() {
    let log = Entries::lines(24, 5);
    for first in 0..log.size() {
        for end in first + 1..=log.size() {
            let report = verify_bytes(&log.whole(first, end));
            let (damage, notes) = codes(&report);
            assert_eq!(
                damage,
                Vec::<&str>::new(),
                "{first} to {end}: {:?}",
                report.findings
            );
            let inside = log.checkpoints().all(|it| it.size() != end);
            let expected: &[&str] = if first > 0 || inside {
                &["copy-partial"]
            } else {
                &[]
            };
            assert_eq!(notes, expected, "{first} to {end}");
            assert!(report.complete, "{first} to {end}");
            assert_eq!(report.size, end - first, "{first} to {end}");
        }
    }
}

#[test]
fn chosen_entries_are_proved_one_by_one() {
    let log = Entries::every_kind(6);
    let wanted = [1, 2, 3, 9, 30, 31, 50];
    let report = verify_bytes(&log.chosen((0, log.size()), &wanted));
    assert_eq!(codes(&report), (vec![], vec!["copy-partial"]));
    assert!(!report.complete, "nobody knows how many there are");
    assert_eq!(report.checked.entries, 7);
    let copied = report.copied.expect("a copy");
    assert_eq!((copied.rows, copied.alone, copied.whole), (7, 7, false));
}

#[test]
fn promises_are_compared_where_the_copy_has_their_entries() {
    let log = Entries::lines(24, 5);
    let other = Entries::every_kind(5);
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("copy.parquet");
    // Commits end at 1, 6, 11, 16, 21 and 25.
    std::fs::write(&path, log.whole(6, 16)).expect("written");
    let with = |entries: &Entries, size: u64| {
        let note = entries
            .checkpoints()
            .find(|it| it.size() == size)
            .expect("there");
        let request = Request {
            supplied: vec![("note".to_owned(), note.text().as_bytes().to_vec())],
            ..pinned()
        };
        verify_with(&path, &request)
    };
    for size in [6, 11, 16] {
        let report = with(&log, size);
        assert_eq!(codes(&report), (vec![], vec!["copy-partial"]), "{size}");
        let report = with(&other, size);
        assert_eq!(codes(&report).0, ["forked"], "{size}");
    }
    for size in [1, 21] {
        let report = with(&log, size);
        let mut notes = codes(&report).1;
        notes.sort_unstable();
        assert_eq!(notes, ["copy-partial", "not-covered"], "{size}");
        assert!(!report.complete, "{size}");
        assert_eq!(report.promised, None, "{size}: an older one is no progress");
    }
}

#[test]
fn reports_say_what_the_copy_holds() {
    let log = Entries::lines(24, 5);
    let export = log.export(&[6, 11, 21]);
    let report = export.verify();
    let took = std::time::Duration::from_secs(1);
    let mut out = Vec::new();
    text::report(&mut out, &report, took).expect("room");
    let out = String::from_utf8(out).expect("text");
    for part in [
        "INTACT: 15 entries",
        "copy:       all of entries 6 to 20 in 2 files",
        "taken:      by auditor:eva, as entry 25 says",
        "complete:   yes (judged by the range of entries 6 to 20)",
        "it begins with entry 6",
    ] {
        assert!(out.contains(part), "{part:?} in {out}");
    }
    let json = json::report(&report, took);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["copy"]["first"], 6);
    assert_eq!(json["copy"]["rows"], 15);
    assert_eq!(json["copy"]["taken_by"], "auditor:eva");
    assert_eq!(json["complete"], true);
}

#[test]
fn what_is_verified_is_told_by_what_lies_there() {
    let log = Entries::lines(24, 5);
    let export = log.export(&[0, 11, 21]);
    let key = pinned().key.expect("a key").to_string();
    let source = |path: &std::path::Path| path.to_str().expect("text").to_owned();
    let file = export.path("main-000000000000-000000000011.parquet");
    let data = Log::of(&[&[1, 2]]);
    let unnamed = export.path("unnamed");
    std::fs::copy(&file, &unnamed).expect("copied");
    for (path, expected) in [
        (
            file.as_path(),
            "copy:       all of entries 0 to 10 in 1 file\n",
        ),
        (
            unnamed.as_path(),
            "copy:       all of entries 0 to 10 in 1 file\n",
        ),
        (data.dir.path(), "INTACT: 3 entries"),
    ] {
        let (code, text) = run_on(&source(path), &["--key", &key]);
        assert_eq!(code, 0, "{text}");
        assert!(text.contains(expected), "{expected:?} in {text}");
    }
    std::fs::remove_file(&unnamed).expect("removed");
    // The newest checkpoint of a copy is remembered, and an older copy does not take its place.
    let known = data.dir.path().join("known");
    let remember = ["--key", &key, "--remember", known.to_str().expect("text")];
    let (code, text) = run_on(&source(export.dir.path()), &remember);
    assert_eq!(code, 0, "{text}");
    assert!(
        text.contains("copy:       all of entries 0 to 20 in 2 files"),
        "{text}"
    );
    let newest = std::fs::read_to_string(&known).expect("kept");
    assert!(newest.contains("\n21\n"), "{newest}");
    let (code, text) = run_on(&source(&file), &remember);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("not-covered"), "{text}");
    assert_eq!(std::fs::read_to_string(&known).expect("kept"), newest);
    std::fs::write(&file, b"PAR1 and nothing more").expect("written");
    let (code, text) = run_on(&source(&file), &["--key", &key]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("bad-file"), "{text}");
}

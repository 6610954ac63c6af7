//! What someone was promised: cut logs, forks under the right key, wrong keys.

use std::fs;

use countersign_verifier::check::{Request, check};
use countersign_verifier::source::folder::Folder;

use super::folder::{Log, assert_damage, damage, key};

fn with(log: &Log, notes: &[&str]) -> Request {
    let supplied = notes
        .iter()
        .zip(1..)
        .map(|(note, number)| (format!("note-{number}"), note.as_bytes().to_vec()));
    Request {
        supplied: supplied.collect(),
        ..log.pinned()
    }
}

#[test]
fn every_checkpoint_of_the_log_is_accepted() {
    let log = Log::of(&[&[1, 2], &[3, 1]]);
    let notes: Vec<&str> = log.commits.iter().map(|at| at.checkpoint.text()).collect();
    let report = log.verify_with(&with(&log, &notes));
    assert_damage(&report, &[], "own checkpoints");
    assert_eq!(report.checked.checkpoints, 3 + 4);
}

#[test]
fn a_cut_log_is_found_by_who_remembers_more() {
    let whole = Log::of(&[&[1, 2, 2]]);
    let cut = Log::of(&[&[1, 2]]);
    let newest = whole.commits[2].checkpoint.text();
    assert_damage(&cut.verify_with(&cut.pinned()), &[], "nobody remembers");
    let report = cut.verify_with(&with(&cut, &[newest]));
    assert_damage(&report, &[("log-cut", Some(3))], "supplied");
    assert!(!report.complete);
    let request = Request {
        remembered: Some(("remembered".to_owned(), newest.as_bytes().to_vec())),
        ..cut.pinned()
    };
    let report = cut.verify_with(&request);
    assert_damage(&report, &[("log-cut", Some(3))], "remembered");
    assert_eq!(report.promised.map(|newest| newest.size()), Some(3));
}

#[test]
fn a_fork_signed_with_the_right_key_is_found_at_every_size() {
    let log = Log::of(&[&[1, 1, 1], &[1, 1]]);
    let fork = Log::seeded(&[&[1, 1, 1], &[1, 1]], 9);
    assert_damage(&fork.verify_with(&fork.pinned()), &[], "the fork by itself");
    for at in log.commits.iter().skip(1) {
        let report = fork.verify_with(&with(&fork, &[at.checkpoint.text()]));
        let expected = [("forked", Some(at.size - 1))];
        assert_damage(&report, &expected, &format!("size {}", at.size));
        let exhibit = &report.evidence.exhibits()[0];
        let names: Vec<&str> = exhibit.files.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["checkpoint-promised", "checkpoint-in-log"]);
    }
}

#[test]
fn a_checkpoint_between_two_commits_is_a_fork() {
    let log = Log::of(&[&[1, 1, 1, 1]]);
    let other = Log::of(&[&[1, 3]]);
    let report = other.verify_with(&with(&other, &[log.commits[1].checkpoint.text()]));
    assert_damage(&report, &[("forked", Some(1))], "size 2");
}

#[test]
fn checkpoints_that_do_not_hold_are_findings() {
    let log = Log::of(&[&[1, 1]]);
    let own = log.commits[0].checkpoint.text();
    let foreign = countersign_chain::checkpoint::SignedCheckpoint::sign(
        1,
        countersign_chain::hash::leaf(b"x"),
        &key(8),
    );
    let cases = [
        (foreign.text().to_owned(), "no-known-signature"),
        (own.replace("\n1\n", "\n2\n"), "bad-signature"),
        (
            own.replace("log.example/main", "log.example/other"),
            "wrong-origin",
        ),
    ];
    for (note, code) in cases {
        let report = log.verify_with(&with(&log, &[&note]));
        assert_damage(&report, &[(code, None)], code);
    }
}

#[test]
fn a_file_that_holds_no_checkpoint_says_nothing_about_the_log() {
    let log = Log::of(&[&[1, 1]]);
    let malformed = log.commits[0].checkpoint.text().replace("\n1\n", "\n01\n");
    for text in [malformed.as_str(), "{\"format\":1}", ""] {
        let mut folder = Folder::open(log.dir.path(), "main").expect("opens");
        let checked = check(&mut folder, &with(&log, &[text]), &mut |_| {});
        let error = checked.expect_err("nothing can be said").to_string();
        assert!(error.contains("is no signed checkpoint"), "{error}");
    }
}

#[test]
fn a_wrong_pinned_key_is_a_finding_everywhere() {
    let log = Log::of(&[&[1, 2]]);
    let request = Request {
        key: Some(key(8).verifier().clone()),
        ..Request::default()
    };
    let report = log.verify_with(&request);
    let found = damage(&report);
    let expected = [
        ("wrong-key", None),
        ("head-mismatch", None),
        ("head-mismatch", None),
        ("no-known-signature", None),
        ("no-known-signature", Some(0)),
        ("wrong-key", Some(0)),
        ("no-known-signature", Some(2)),
    ];
    assert_eq!(found, expected, "{:?}", report.findings);
}

#[test]
fn a_log_of_another_key_passes_only_without_a_pinned_key() {
    // Someone replaces the whole folder, key included.
    let log = Log::of(&[&[1, 2]]);
    let note = log.commits[1].checkpoint.text();
    let forged = Log::with_key(&[&[1, 2]], 8);
    assert_damage(&forged.verify(), &[], "not pinned");
    assert_eq!(
        forged.verify().trust.to_string(),
        "key from the folder (not pinned)"
    );
    let pinned = damage(&forged.verify_with(&log.pinned()));
    assert_eq!(pinned[0], ("wrong-key", None));
    let request = Request {
        supplied: vec![("note".into(), note.as_bytes().to_vec())],
        ..Request::default()
    };
    let report = forged.verify_with(&request);
    assert_damage(
        &report,
        &[("no-known-signature", None)],
        "a checkpoint from elsewhere",
    );
}

#[test]
fn identity_and_entry_0_must_name_the_key() {
    let log = Log::of(&[&[1, 2]]);
    fs::remove_file(log.path("IDENTITY")).expect("removed");
    assert_damage(&log.verify(), &[("bad-identity", None)], "missing");
    fs::write(log.path("IDENTITY"), "format = 1\norigin = 7\n").expect("written");
    assert_damage(
        &log.verify(),
        &[("bad-identity", None)],
        "not what it must be",
    );
    let other = Log::with_key(&[&[1]], 8);
    fs::copy(other.path("IDENTITY"), log.path("IDENTITY")).expect("copied");
    let found = damage(&log.verify_with(&log.pinned()));
    assert_eq!(found, [("wrong-key", None)]);
}

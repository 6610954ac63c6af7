//! The folder of a running ledger, and logs that are larger than a window.

use std::fs::{self, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use countersign_verifier::check::{Request, check};
use countersign_verifier::report::Report;
use countersign_verifier::source::folder::Folder;

use super::folder::{BIG, Log, assert_damage, notes};

#[test]
fn commits_beyond_the_head_count_when_they_are_whole() {
    let log = Log::of(&[&[1, 2, 2]]);
    log.seal(2);
    let report = log.verify();
    assert_damage(&report, &[], "unsealed");
    assert_eq!(report.size, 5);
    // Only what was sealed is remembered: the rest may be lost in a crash.
    assert_eq!(report.promised.map(|newest| newest.size()), Some(3));
}

#[test]
fn a_torn_commit_beyond_the_head_is_a_note_at_every_length() {
    let log = Log::of(&[&[1, 2, 2]]);
    log.seal(2);
    let at = log.commits[2].clone();
    let whole = fs::read(log.segment_path(0)).expect("readable");
    // The padding of the frame is zero: without its last bytes it is still whole.
    for written in (1..at.len - 8).step_by(3) {
        let mut torn = whole.clone();
        torn[at.offset + written..].fill(0);
        fs::write(log.segment_path(0), &torn).expect("written");
        let report = log.verify();
        assert_damage(&report, &[], &format!("{written} bytes"));
        assert_eq!(
            notes(&report),
            [("unsealed-tail", Some(3))],
            "{written} bytes"
        );
        assert_eq!(report.size, 3);
        assert!(report.complete);
        // The same bytes in a file that ends there.
        fs::write(log.segment_path(0), &torn[..at.offset + written]).expect("written");
        assert_damage(&log.verify(), &[], &format!("{written} bytes, file cut"));
    }
}

#[test]
fn a_torn_commit_below_the_head_is_damage() {
    let log = Log::of(&[&[1, 2, 2]]);
    let at = log.commits[2].clone();
    log.damage(0, |bytes| bytes[at.offset + 100..].fill(0));
    let report = log.verify();
    let codes: Vec<_> = report
        .findings
        .damage()
        .iter()
        .map(|f| f.code.code())
        .collect();
    assert!(codes.contains(&"log-cut"), "{codes:?}");
    assert!(!report.complete);
}

#[test]
fn a_ledger_that_writes_meanwhile_raises_no_alarm() {
    let log = Log::of(&[&[1; 120]]);
    let whole = fs::read(log.segment_path(0)).expect("readable");
    let start = log.commits[0].offset + log.commits[0].len;
    log.seal(1);
    log.drop_tree();
    log.damage(0, |bytes| bytes[start..].fill(0));
    let (done, path) = (AtomicBool::new(false), log.segment_path(0));
    let reports: Vec<Report> = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut file = OpenOptions::new().write(true).open(&path).expect("opens");
            for at in &log.commits[1..] {
                // Each commit in two pieces, the later one first every other time.
                let (offset, half) = (at.offset, at.len / 2);
                let mut pieces = [offset..offset + half, offset + half..offset + at.len];
                if at.first % 2 == 0 {
                    pieces.reverse();
                }
                for piece in pieces {
                    let place = u64::try_from(piece.start).expect("small");
                    file.seek(SeekFrom::Start(place)).expect("seeks");
                    file.write_all(&whole[piece]).expect("written");
                }
            }
            done.store(true, Ordering::Release);
        });
        let mut reports = Vec::new();
        loop {
            let last = done.load(Ordering::Acquire);
            reports.push(log.verify());
            if last {
                return reports;
            }
        }
    });
    for report in &reports {
        // A second half without a first one cannot be told from a dirty tail; everything else is
        // clean.
        let alarms = report.findings.damage().iter();
        let alarms: Vec<_> = alarms
            .filter(|found| found.code.code() != "dirty-tail")
            .collect();
        assert!(alarms.is_empty(), "{alarms:?}");
    }
    let last = reports.last().expect("at least one");
    assert_damage(last, &[], "the end");
    assert_eq!(last.size, 120);
}

#[test]
fn a_log_larger_than_a_window_is_read_in_parts() {
    let commits = [20_u64; 10];
    let log = Log::seeded(&[&commits, &commits], BIG);
    let bytes = fs::metadata(log.segment_path(0)).expect("is there").len();
    assert!(bytes > 7_000_000, "{bytes} bytes are several windows");
    let verify = || {
        let mut folder = Folder::open_with(log.dir.path(), "main", 0).expect("opens");
        let mut steps = 0;
        let request = Request::default();
        let report = check(&mut folder, &request, &mut |_| steps += 1).expect("checked");
        assert!(steps >= 6, "{steps} windows");
        report
    };
    let report = verify();
    assert_damage(&report, &[], "whole");
    assert_eq!(report.checked.commits, 20);
    // Damage in every commit, also at the borders of windows.
    let expected: Vec<_> = (0..20)
        .map(|n| ("record-changed", Some(n * 20 + 19)))
        .collect();
    for (_, index) in &expected {
        log.flip_in_record(index.expect("set"), 62);
    }
    assert_damage(&verify(), &expected, "the last entry of every commit");
}

//! The folder of an export: files that are missing, swapped, renamed, added, cut or changed; its
//! manifest and what proves it.

use std::fs;
use std::path::PathBuf;

use countersign_export::manifest;
use countersign_verifier::report::{Report, Verdict};

use super::super::copying::{Entries, Export, codes};

const CUTS: [u64; 6] = [0, 8, 20, 21, 33, 46];

fn export() -> Export {
    // Commits end at 1, 6, 11 and so on: some of the files end inside one.
    Entries::lines(50, 5).export(&CUTS)
}

fn files(export: &Export) -> Vec<PathBuf> {
    let names = CUTS
        .windows(2)
        .map(|pair| format!("main-{:012}-{:012}.parquet", pair[0], pair[1]));
    names.map(|name| export.path(&name)).collect()
}

fn has(report: &Report, code: &str, part: &str) -> bool {
    let all = report
        .findings
        .damage()
        .iter()
        .chain(report.findings.notes());
    let mut of_code = all.filter(|finding| finding.code.code() == code);
    of_code.any(|finding| finding.message.contains(part))
}

fn name(path: &std::path::Path) -> String {
    path.file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned()
}

#[test]
fn an_export_proves_itself_and_who_took_it() {
    let report = export().verify();
    assert_eq!(codes(&report), (vec![], vec![]));
    assert!(report.complete);
    let copied = report.copied.expect("a copy");
    let recorded = copied.recorded.expect("recorded");
    assert_eq!(
        (recorded.index, recorded.actor.as_str()),
        (51, "auditor:eva")
    );
    assert_eq!((copied.files, copied.rows), (5, 46));
}

#[test]
fn files_that_are_missing_swapped_renamed_or_added_are_named() {
    for (at, _) in CUTS.windows(2).enumerate() {
        let export = export();
        let all = files(&export);
        fs::remove_file(&all[at]).expect("removed");
        let report = export.verify();
        assert!(
            has(&report, "file-missing", &name(&all[at])),
            "{:?}",
            report.findings
        );
        if at > 0 && at + 1 < all.len() {
            assert!(
                has(&report, "index-gap", "are missing between"),
                "{:?}",
                report.findings
            );
        }
        assert!(!report.complete, "without file {at}");

        let export = self::export();
        let all = files(&export);
        let other = (at + 1) % all.len();
        let aside = export.path("aside");
        fs::rename(&all[at], &aside).expect("moved");
        fs::rename(&all[other], &all[at]).expect("moved");
        fs::rename(&aside, &all[other]).expect("moved");
        let report = export.verify();
        for (here, there) in [(at, other), (other, at)] {
            let part = name(&all[here]);
            assert!(
                has(&report, "file-changed", &part),
                "{part}: {:?}",
                report.findings
            );
            assert!(
                has(&report, "bad-manifest", &part),
                "{there}: {:?}",
                report.findings
            );
        }

        let export = self::export();
        let all = files(&export);
        fs::rename(&all[at], export.path("other.parquet")).expect("moved");
        let report = export.verify();
        let part = format!("{} is missing; other.parquet holds", name(&all[at]));
        assert!(has(&report, "file-missing", &part), "{:?}", report.findings);
        assert!(
            has(&report, "file-unlisted", "other.parquet; it holds"),
            "{:?}",
            report.findings
        );

        let export = self::export();
        let all = files(&export);
        fs::copy(&all[at], export.path("more.parquet")).expect("copied");
        let report = export.verify();
        assert_eq!(
            codes(&report),
            (vec!["file-unlisted"], vec![]),
            "{:?}",
            report.findings
        );
    }
}

#[test]
fn a_folder_without_a_manifest_is_judged_by_its_files() {
    let export = export();
    fs::remove_file(export.path(manifest::FILE)).expect("removed");
    let report = export.verify();
    assert_eq!(
        codes(&report),
        (vec!["manifest-unproved"], vec!["no-manifest"])
    );
    fs::remove_file(export.path(manifest::PROOF)).expect("removed");
    let report = export.verify();
    assert_eq!(codes(&report), (vec![], vec!["no-manifest"]));
    assert_eq!(report.size, 46);
    let all = files(&export);
    fs::remove_file(&all[2]).expect("removed");
    let report = export.verify();
    assert!(
        has(&report, "index-gap", "entries 20 to 20 are missing between"),
        "{:?}",
        report.findings
    );
    let log = Entries::lines(50, 5);
    fs::write(&all[2], log.whole(19, 22)).expect("written");
    let report = export.verify();
    assert!(
        has(&report, "index-gap", "entries from 19 to 19 are in"),
        "{:?}",
        report.findings
    );
    assert!(
        has(&report, "index-gap", "entries from 21 to 21 are in"),
        "{:?}",
        report.findings
    );
}

#[test]
fn every_bit_of_an_export_is_guarded() {
    let export = export();
    let mut tried = 0_u32;
    for path in files(&export) {
        let sound = fs::read(&path).expect("there");
        for at in (0..sound.len()).step_by(1_536) {
            let mut bytes = sound.clone();
            bytes[at] ^= 4;
            fs::write(&path, &bytes).expect("written");
            let report = export.verify();
            assert!(
                has(&report, "file-changed", &name(&path)),
                "{at}: {:?}",
                report.findings
            );
            tried += 1;
        }
        for cut in (0..sound.len()).step_by(sound.len() / 7) {
            fs::write(&path, &sound[..cut]).expect("written");
            let report = export.verify();
            assert!(
                has(&report, "file-changed", &name(&path)),
                "cut at {cut}: {:?}",
                report.findings
            );
            tried += 1;
        }
        fs::write(&path, &sound).expect("written");
    }
    assert!(tried > 80, "{tried}");
    assert_eq!(codes(&export.verify()), (vec![], vec![]));
}

#[test]
fn every_byte_of_manifest_and_proof_is_guarded() {
    let export = export();
    let mut tried = 0_u32;
    for file in [manifest::FILE, manifest::PROOF] {
        let path = export.path(file);
        let sound = fs::read(&path).expect("there");
        for at in (0..sound.len()).step_by(23) {
            let mut bytes = sound.clone();
            bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
            fs::write(&path, &bytes).expect("written");
            let report = export.verify();
            assert_eq!(report.verdict(), Verdict::Findings, "{file} at {at}");
            assert!(
                has(&report, "manifest-unproved", "") || has(&report, "bad-manifest", ""),
                "{file} at {at}: {:?}",
                report.findings
            );
            tried += 1;
        }
        fs::write(&path, &sound).expect("written");
    }
    println!("counted: bytes of manifest and proof: {tried} changed, 0 not found");
}

#[test]
fn a_proof_of_another_export_is_refused_and_none_is_told() {
    let log = Entries::lines(50, 5);
    let (one, other) = (log.export(&CUTS), log.export(&[0, 46]));
    fs::copy(other.path(manifest::PROOF), one.path(manifest::PROOF)).expect("copied");
    let report = one.verify();
    assert!(
        has(&report, "manifest-unproved", "is about the manifest"),
        "{:?}",
        report.findings
    );
    fs::remove_file(one.path(manifest::PROOF)).expect("removed");
    let report = one.verify();
    assert!(
        has(&report, "manifest-unproved", "it is missing"),
        "{:?}",
        report.findings
    );
    let path = one.path(manifest::FILE);
    let text = fs::read_to_string(&path).expect("there");
    fs::write(
        &path,
        text.replace("\"recorded\": true", "\"recorded\": false"),
    )
    .expect("written");
    let report = one.verify();
    assert_eq!(codes(&report), (vec![], vec!["not-recorded"]));
}

#[test]
fn files_of_two_logs_do_not_become_one_export() {
    let export = export();
    fs::remove_file(export.path(manifest::FILE)).expect("removed");
    fs::remove_file(export.path(manifest::PROOF)).expect("removed");
    let all = files(&export);
    let other = Entries::every_kind(5);
    fs::write(&all[1], other.whole(8, 20)).expect("written");
    let report = export.verify();
    assert!(
        has(&report, "bad-metadata", "countersign.frontier"),
        "{:?}",
        report.findings
    );
    assert_eq!(report.verdict(), Verdict::Findings);
}

#[test]
fn what_an_export_left_behind_is_named_and_not_judged() {
    let export = export();
    fs::write(export.path("main-1.parquet.tmp"), b"half").expect("written");
    fs::write(export.path(manifest::PARTIAL), b"{}").expect("written");
    let report = export.verify();
    assert_eq!(
        codes(&report),
        (vec![], vec!["unfinished-file"; 2]),
        "{:?}",
        report.findings
    );
}

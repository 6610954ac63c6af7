//! The command: text, JSON, exit codes, evidence, memory.

use std::fs;
use std::path::PathBuf;

use clap::Parser as _;
use countersign_chain::key::VerifierKey;
use countersign_chain::tlog_proof::TlogProof;
use countersign_verifier::command::{self, Verify};
use serde_json::Value;

use super::folder::Log;

#[derive(Debug, clap::Parser)]
struct Cli {
    #[command(flatten)]
    verify: Verify,
}

fn run(log: &Log, args: &[&str]) -> (u8, String) {
    let source = log.dir.path().to_str().expect("text");
    run_on(source, args)
}

pub(super) fn run_on(source: &str, args: &[&str]) -> (u8, String) {
    let all = ["verify", source].into_iter().chain(args.iter().copied());
    let cli = Cli::try_parse_from(all).expect("arguments");
    let mut out = Vec::new();
    let code = command::run(&cli.verify, &mut out).expect("written");
    (code, String::from_utf8(out).expect("text"))
}

fn json(log: &Log, args: &[&str]) -> (u8, Value) {
    let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
    let (code, text) = run(log, &args);
    (code, serde_json::from_str(&text).expect("JSON"))
}

#[test]
fn the_text_starts_with_the_verdict_and_says_the_trust() {
    let log = Log::of(&[&[1, 2]]);
    let (code, text) = run(&log, &[]);
    assert_eq!(code, 0, "{text}");
    assert!(text.starts_with("INTACT: 3 entries\n"), "{text}");
    assert!(text.contains("key from the folder (not pinned)"), "{text}");
    let vkey = log.key.verifier().to_string();
    let (_, text) = run(&log, &["--key", &vkey]);
    assert!(text.contains("trust:      pinned key\n"), "{text}");
    fs::write(log.path("vkey"), format!("{vkey}\n")).expect("written");
    let at = format!("@{}", log.path("vkey").display());
    assert!(run(&log, &["--key", &at]).1.contains("pinned key"));
    log.flip_in_record(1, 62);
    let (code, text) = run(&log, &[]);
    assert_eq!(code, 1);
    assert!(text.starts_with("FINDINGS: 1 in 3 entries\n"), "{text}");
    assert!(text.contains("  record-changed [1] entry 1: "), "{text}");
}

#[test]
fn the_json_has_its_stable_keys() {
    let log = Log::of(&[&[1, 2]]);
    let (code, report) = json(&log, &[]);
    assert_eq!(code, 0);
    assert_eq!(report["verdict"], "intact");
    assert_eq!(report["origin"], "log.example/main");
    assert_eq!(report["size"], 3);
    assert_eq!(report["root"], log.head.frontier().root().to_string());
    assert_eq!(report["checkpoint"], log.commits[1].checkpoint.text());
    assert_eq!(report["complete"], true);
    assert_eq!(report["findings"], serde_json::json!([]));
    assert_eq!(report["checked"]["entries"], 3);
    log.flip_in_record(2, 62);
    let (code, report) = json(&log, &[]);
    assert_eq!((code, &report["verdict"]), (1, &Value::from("findings")));
    assert_eq!(report["findings"][0]["code"], "record-changed");
    assert_eq!(report["findings"][0]["index"], 2);
    assert!(report["findings"][0]["message"].is_string());
}

#[test]
fn what_cannot_be_checked_is_unknown() {
    let (code, text) = run_on("/nonexistent/log", &[]);
    assert_eq!(code, 2);
    assert!(text.starts_with("UNKNOWN: "), "{text}");
    let (code, text) = run_on("/nonexistent/log", &["--json"]);
    let report: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((code, &report["verdict"]), (2, &Value::from("unknown")));
    let log = Log::of(&[&[1]]);
    for args in [
        ["--key", "log.example/main+00000000+AAAA"],
        ["--checkpoint", "/nonexistent/note"],
    ] {
        assert_eq!(run(&log, &args).0, 2, "{args:?}");
    }
    fs::write(log.path("IDENTITY"), "").expect("written");
    log.damage(0, |bytes| bytes.truncate(600));
    let (code, text) = run(&log, &[]);
    assert_eq!(code, 2, "nobody names a key: {text}");
}

#[test]
fn the_folder_of_a_server_is_searched_for_the_log() {
    let log = Log::of(&[&[1, 2]]);
    let server = tempfile::tempdir().expect("a folder");
    fs::create_dir(server.path().join("logs")).expect("a folder");
    let inside = server.path().join("logs/audit");
    fs::rename(log.dir.path(), &inside).expect("renamed");
    let source = server.path().to_str().expect("text");
    assert_eq!(run_on(source, &["--log", "audit"]).0, 0);
    assert_eq!(run_on(source, &[]).0, 2);
    assert_eq!(run_on(source, &["--log", "../logs/audit"]).0, 2);
}

#[test]
fn memory_moves_forward_only_behind_an_intact_verdict() {
    let log = Log::of(&[&[1, 2], &[2]]);
    let short = Log::of(&[&[1, 2]]);
    let folder = tempfile::tempdir().expect("a folder");
    let memory = folder.path().join("newest");
    let name = memory.to_str().expect("text");
    assert_eq!(run(&short, &["--remember", name]).0, 0);
    let note = |log: &Log| {
        log.commits
            .last()
            .expect("commits")
            .checkpoint
            .text()
            .to_owned()
    };
    assert_eq!(fs::read_to_string(&memory).expect("written"), note(&short));
    assert_eq!(run(&log, &["--remember", name]).0, 0);
    assert_eq!(fs::read_to_string(&memory).expect("written"), note(&log));
    let (code, report) = json(&short, &["--remember", name]);
    assert_eq!(
        (code, &report["findings"][0]["code"]),
        (1, &Value::from("log-cut"))
    );
    assert_eq!(report["complete"], false);
    assert_eq!(fs::read_to_string(&memory).expect("kept"), note(&log));
    let left: Vec<_> = fs::read_dir(folder.path()).expect("readable").collect();
    assert_eq!(left.len(), 1, "no temporary file is left");
}

#[test]
fn evidence_of_a_changed_entry_proves_the_original() {
    let log = Log::of(&[&[1, 3, 4], &[5]]);
    let original = {
        let (at, position) = log.place(6);
        let (start, len) = at.records[position];
        fs::read(log.segment_path(0)).expect("readable")[start..start + len].to_vec()
    };
    log.flip_in_record(6, 90);
    let folder = tempfile::tempdir().expect("a folder");
    let name = folder.path().to_str().expect("text");
    assert_eq!(run(&log, &["--evidence", name]).0, 1);
    let place: PathBuf = folder.path().join("001-record-changed-6");
    let read = |file: &str| fs::read(place.join(file)).expect("written");
    assert_ne!(read("record.bin"), original);
    let proof = String::from_utf8(read("entry.tlog-proof")).expect("text");
    let proof = TlogProof::parse(&proof).expect("a proof");
    let key = VerifierKey::parse(&log.key.verifier().to_string()).expect("a key");
    let leaf = countersign_chain::hash::leaf(&original);
    assert_eq!(proof.verify(&leaf, &key).expect("holds").size(), 8);
    let readme = String::from_utf8(read("README.txt")).expect("text");
    assert!(
        readme.contains(&leaf.to_string()) && readme.contains(&key.to_string()),
        "{readme}"
    );
}

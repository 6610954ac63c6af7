//! Exports of a running ledger are entries of its log; those of its folder are not.

use std::path::Path;

use countersign_export::manifest::{Manifest, RecordProof};
use countersign_ledger::identity::role::Role;
use countersign_tests::process::{Served, run};

use super::folders::{export, files, filled, refused, well};

fn read(out: &Path) -> (Manifest, RecordProof) {
    let manifest = std::fs::read_to_string(out.join("manifest.json")).expect("it is there");
    let proof = std::fs::read_to_string(out.join("manifest.proof")).expect("it is there");
    (
        Manifest::parse(&manifest).expect("of the form"),
        RecordProof::parse(&proof).expect("of the form"),
    )
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_of_a_running_ledger_is_an_entry_whose_proof_lies_beside_it() {
    let data = filled(300).await;
    let auditor = data.issue(Role::Auditor, "eva").await;
    let room = tempfile::tempdir().expect("room");
    let out = room.path().join("audit");
    let server = Served::start(&data.path(), "127.0.0.1:0", &[]).expect("a server");
    let source = server.endpoint.grpc.clone();
    let vkey = data.vkey.to_string();
    let who = ["--identity", text(&auditor), "--key", &vkey];
    let told = well(&export(&source, &out, &who));
    assert!(told.contains("manifest.proof"), "{told}");
    let (manifest, proof) = read(&out);
    assert!(manifest.recorded && manifest.rows == manifest.end && manifest.first == 0);
    let (record, event, _) = proof
        .verify(&manifest.digest(), &data.vkey)
        .expect("it holds");
    assert_eq!(record.actor(), "auditor:eva");
    assert_eq!(
        (event.first, event.end, event.entries),
        (0, manifest.end, manifest.rows)
    );
    assert_eq!(record.index().get(), manifest.end);

    // The same command again changes nothing, and is no other entry.
    let before = files(&out);
    let told = well(&export(&source, &out, &who));
    assert!(told.contains("0 written, 1 kept"), "{told}");
    // The entry of the export is behind it.
    assert!(
        told.contains("1 entry more") && told.contains("--since-last"),
        "{told}"
    );
    let report = run(&["verify", text(&out), "--key", &vkey, "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&report.stdout).expect("JSON");
    assert_eq!(report["verdict"], "intact", "{report}");
    assert_eq!(
        report["notes"].as_array().map(Vec::len),
        Some(0),
        "{report}"
    );
    assert_eq!(files(&out), before);
    // A proof that was lost is got again: the entry is the same one.
    std::fs::remove_file(out.join("manifest.proof")).expect("it is there");
    let json = [&who[..], &["--json"]].concat();
    let told = well(&export(&source, &out, &json));
    let result: serde_json::Value = serde_json::from_str(&told).expect("one object");
    assert_eq!(result["result"], "exported");
    assert_eq!(result["recorded_by"], record.index().get());
    read(&out)
        .1
        .verify(&manifest.digest(), &data.vkey)
        .expect("it holds");

    // What came since: the entry of the export itself.
    let more = [&who[..], &["--since-last"]].concat();
    well(&export(&source, &out, &more));
    let (longer, proof) = read(&out);
    assert_eq!((longer.first, longer.rows), (0, manifest.rows + 1));
    assert_eq!(longer.files.len(), 2);
    assert_eq!(longer.files[0], manifest.files[0]);
    proof
        .verify(&longer.digest(), &data.vkey)
        .expect("it holds");

    // The folder of the stopped server gives the same bytes for the same range.
    assert!(server.stop().0.success());
    let last = (manifest.end - 1).to_string();
    let again = room.path().join("again");
    let folder = data.path();
    well(&export(
        text(&folder),
        &again,
        &["--to", &last, "--unrecorded"],
    ));
    let name = Path::new(&manifest.files[0].path);
    let bytes = |out: &Path| std::fs::read(out.join(name)).expect("it is there");
    assert_eq!(bytes(&again), bytes(&out));
    assert!(!again.join("manifest.proof").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_is_told_before_anything_is_read() {
    let data = filled(5).await;
    let agent = data.issue(Role::Agent, "db-2").await;
    let room = tempfile::tempdir().expect("room");
    let out = room.path().join("audit");
    let server = Served::start(&data.path(), "127.0.0.1:0", &[]).expect("a server");
    let source = server.endpoint.grpc.clone();
    let (code, error) = refused(&export(&source, &out, &["--identity", text(&agent)]));
    assert_eq!(code, 1, "{error}");
    assert!(error.contains("role auditor or admin"), "{error}");
    let (code, error) = refused(&export(&source, &out, &[]));
    assert_eq!(code, 2, "{error}");
    assert!(error.contains("--identity"), "{error}");
    let admin = data.admin();
    let wrong = ["--identity", text(&admin), "--key", "nothing"];
    let (code, error) = refused(&export(&source, &out, &wrong));
    assert_eq!(code, 2, "{error}");
    assert!(!out.exists());
    // An administrator may.
    well(&export(&source, &out, &["--identity", text(&admin)]));
    let (manifest, proof) = read(&out);
    let (record, _, _) = proof
        .verify(&manifest.digest(), &data.vkey)
        .expect("it holds");
    assert!(record.actor().starts_with("admin:"), "{}", record.actor());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_exported_only_by_who_knows_that_nothing_tells_of_it() {
    let data = filled(20).await;
    let room = tempfile::tempdir().expect("room");
    let (folder, out) = (data.path(), room.path().join("out"));
    let (code, error) = refused(&export(text(&folder), &out, &[]));
    assert_eq!(code, 2, "{error}");
    assert!(error.contains("--unrecorded"), "{error}");
    assert!(!out.exists());
    let told = well(&export(text(&folder), &out, &["--unrecorded"]));
    assert!(told.contains("No entry of the log tells of it."), "{told}");
    let manifest = std::fs::read_to_string(out.join("manifest.json")).expect("it is there");
    assert!(!Manifest::parse(&manifest).expect("of the form").recorded);
    for (more, said) in [
        (
            &["--unrecorded", "--from", "9", "--to", "5"][..],
            "before --from",
        ),
        (&["--unrecorded", "--from", "5"], "choose another folder"),
        (&["--unrecorded", "--to", "5"], "--since-last"),
    ] {
        let (code, error) = refused(&export(text(&folder), &out, more));
        assert_eq!(code, 2, "{more:?}: {error}");
        assert!(error.contains(said), "{more:?}: {error}");
    }
    let (code, error) = refused(&export(
        "/nothing/there",
        &room.path().join("x"),
        &["--unrecorded"],
    ));
    assert_eq!(code, 2, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_cut_since_it_was_remembered_is_not_exported() {
    let data = filled(20).await;
    let room = tempfile::tempdir().expect("room");
    let (folder, old) = (data.path(), room.path().join("old"));
    let copied = std::process::Command::new("cp")
        .arg("-r")
        .args([&folder, &old])
        .status();
    assert!(copied.expect("it starts").success());
    let server = Served::start(&folder, "127.0.0.1:0", &[]).expect("a server");
    let remember = room.path().join("ledger.checkpoint");
    let (admin, more) = (data.admin(), ["--remember", text(&remember), "--identity"]);
    let of_server = [&more[..], &[text(&admin)]].concat();
    let source = server.endpoint.grpc.clone();
    well(&export(&source, &room.path().join("first"), &of_server));
    let first = std::fs::read_to_string(&remember).expect("it was written");
    // The export is an entry, so the log is longer now, and extends what was remembered.
    let since = [&of_server[..], &["--since-last"]].concat();
    well(&export(&source, &room.path().join("first"), &since));
    let newer = std::fs::read_to_string(&remember).expect("it was written");
    assert_ne!(newer, first);
    assert!(server.stop().0.success());
    let out = room.path().join("second");
    let of_folder = ["--unrecorded", "--remember", text(&remember)];
    let (code, error) = refused(&export(text(&old), &out, &of_folder));
    assert_eq!(code, 1, "{error}");
    assert!(error.contains("does not verify"), "{error}");
    assert!(error.contains("remembered"), "{error}");
    assert!(!out.join("manifest.json").exists());
    let kept = std::fs::read_to_string(&remember).expect("it stays");
    assert_eq!(kept, newer);
    well(&export(text(&folder), &out, &of_folder));
}

//! What someone meets who makes mistakes at the command line: nothing half-made, nothing believed
//! that should not be, and a message that says what to do.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use countersign_client::{Client, Config, Draft, Level, StreamOptions};
use countersign_ledger::identity::role::Role;
use countersign_proto::v1;
use countersign_tests::folder::{DataFolder, copy};
use countersign_tests::process::{Served, countersign, run};
use serde_json::Value;
use tokio::sync::mpsc;

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// What a command said, and its exit code.
fn said(output: &Output) -> (Option<i32>, String) {
    let said = [&output.stdout[..], &output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

/// Appends one event.
fn append(server: &Served, identity: &Path, raw: &str) {
    let mut child = countersign(&["collector", "emit", "--server", &server.endpoint.grpc])
        .args(["--identity", text(identity)])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let event = serde_json::json!({ "source": "test", "raw": raw });
    let stdin = child.stdin.take().expect("it is piped");
    serde_json::to_writer(stdin, &event).expect("it reads");
    assert!(child.wait().expect("it ran").success());
}

#[test]
fn an_init_that_fails_leaves_nothing_and_can_be_repeated() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("data");
    let init = |host: &str| {
        let origin = ["--origin", "example.com/log", "--host", host];
        run(&[&["ledger", "init", "--dir", text(&dir)][..], &origin].concat())
    };
    assert_eq!(said(&init("not a host!")).0, Some(2));
    let left = fs::read_dir(&dir).expect("the folder itself").count();
    assert_eq!(left, 0, "what was half-made is gone");
    assert_eq!(said(&init("ledger.example.com")).0, Some(0));
    let key = fs::read(dir.join("logs/main/signing.key")).expect("a key");
    let (code, again) = said(&init("ledger.example.com"));
    assert!(
        code == Some(2) && again.contains("exists already"),
        "{again}"
    );
    let kept = fs::read(dir.join("logs/main/signing.key")).expect("a key");
    assert_eq!(kept, key, "an existing folder is never touched");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_lost_a_part_is_never_made_anew() {
    let data = DataFolder::new().await;
    let start = || Served::start(&data.path(), "127.0.0.1:0", &[]);
    let identity = data.log().join("IDENTITY");
    let kept = fs::read(&identity).expect("there");
    fs::remove_file(&identity).expect("there");
    let why = start().expect_err("it is no log without its identity");
    assert!(why.contains("restore it from a backup"), "{why}");
    let dir = data.path();
    let init = ["ledger", "init", "--dir", text(&dir), "--origin", "a/b"];
    let (code, why) = said(&run(&init));
    assert!(code == Some(2) && why.contains("exists already"), "{why}");
    fs::write(&identity, kept).expect("room");

    // The server's own certificate can be made again, and a stray file is no log.
    fs::remove_dir_all(dir.join("tls")).expect("there");
    fs::write(dir.join("logs/notes.txt"), "mine").expect("room");
    let server = start().expect("it serves");
    let dir = text(&dir);
    let (_, issued) = said(&run(&[
        "log",
        "--dir",
        dir,
        "--kind",
        "CertificateIssued",
        "--json",
    ]));
    let renewed = issued.lines().count();
    assert_eq!(
        renewed, 3,
        "one at first, the administrator's, and the new one: {issued}"
    );
    assert!(server.stop().0.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_is_noticed_on_the_ledgers_own_machine() {
    let data = DataFolder::new().await;
    let agent = data.issue(Role::Agent, "one").await;
    let backup = data.path().with_file_name("backup");
    copy(&data.path(), &backup);
    let start = || Served::start(&data.path(), "127.0.0.1:0", &[]).expect("a server");
    let dir = data.path();
    let list = || said(&run(&["log", "--dir", text(&dir), "--limit", "1"]));
    let server = start();
    append(&server, &agent, "soon forgotten");
    assert_eq!(list().0, Some(0));
    assert!(server.stop().0.success());
    fs::remove_dir_all(&dir).expect("there");
    copy(&backup, &dir);
    fs::set_permissions(dir.join("logs/main/signing.key"), mode(0o600)).expect("ours");
    let server = start();
    let (code, why) = list();
    assert!(
        code == Some(1) && why.contains("rolled back"),
        "{code:?} {why}"
    );
    assert!(server.stop().0.success());
}

fn mode(bits: u32) -> fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(bits)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_ledger_is_refused_at_once() {
    let (data, other) = (DataFolder::new().await, DataFolder::new().await);
    let server = Served::start(&data.path(), "127.0.0.1:0", &[]).expect("a server");
    let admin = other.admin();
    let url = &server.endpoint.grpc;
    // Who went on asking would have no answer when the time is over, which is another exit code.
    let wait = ["--timeout", "5"];
    let call = ["log", "--server", url, "--identity", text(&admin)];
    let (code, why) = said(&run(&[&call[..], &wait].concat()));
    assert_eq!(code, Some(1), "{why}");
    assert!(why.contains("another ledger"), "{why}");
    assert!(server.stop().0.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verdict_is_about_what_was_read() {
    let (data, other) = (DataFolder::new().await, DataFolder::new().await);
    let dir = data.path();
    let verify = |more: &[&str]| {
        let output = run(&[&["verify", text(&dir), "--json"][..], more].concat());
        let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
        (output.status.code(), report)
    };
    let right = data.vkey.to_string();
    let (code, report) = verify(&["--key", &other.vkey.to_string()]);
    assert_eq!((code, &report["complete"]), (Some(1), &Value::from(false)));

    // A file of the clients' memory is no checkpoint, and says nothing about the log.
    let junk = dir.join("remembered.json");
    fs::write(&junk, "{\"format\":1}").expect("room");
    let (code, report) = verify(&["--key", &right, "--remember", text(&junk)]);
    assert_eq!(
        (code, &report["verdict"]),
        (Some(2), &Value::from("unknown"))
    );

    // The verdict is told, also when it cannot be kept.
    let nowhere = dir.join("no/such/folder/checkpoint");
    let (code, report) = verify(&["--key", &right, "--remember", text(&nowhere)]);
    assert_eq!(
        (code, &report["verdict"]),
        (Some(2), &Value::from("intact"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_are_read_everywhere_in_the_same_way() {
    let data = DataFolder::new().await;
    let agent = data.issue(Role::Agent, "one").await;
    let dir = data.path();
    let small = [
        "ledger",
        "serve",
        "--dir",
        text(&dir),
        "--segment-bytes",
        "10",
    ];
    assert_eq!(said(&run(&small)).0, Some(2));
    let out = dir.with_file_name("bad");
    let issue = ["ca", "issue", "--dir", text(&dir), "--role", "agent"];
    let named = ["--name", "bad name", "--out", text(&out)];
    assert_eq!(said(&run(&[&issue[..], &named].concat())).0, Some(2));
    assert!(!out.exists(), "nothing is left of a name that is none");

    let server = Served::start(&dir, "127.0.0.1:0", &[]).expect("a server");
    append(&server, &agent, "turned \u{202e}round");
    let key = format!("@{}", text(&agent.join("log.vkey")));
    let admin = data.admin();
    let call = [
        "--server",
        &server.endpoint.grpc,
        "--identity",
        text(&admin),
    ];
    let list = ["log", "--key", &key, "--kind", "ExternalEvent", "--json"];
    let (code, listed) = said(&run(&[&list[..], &call].concat()));
    assert_eq!(code, Some(0), "{listed}");
    let entry: Value = serde_json::from_str(&listed).expect("one entry");
    let (code, shown) = said(&run(
        &[&["show", &entry["index"].to_string()][..], &call].concat()
    ));
    assert_eq!(code, Some(0), "{shown}");
    assert!(
        shown.contains("\\u{202e}") && !shown.contains('\u{202e}'),
        "{shown}"
    );
    let (_, all) = said(&run(&["log", "--dir", text(&dir), "--json"]));
    let (code, last) = said(&run(&["log", "--dir", text(&dir), "--json", "--last", "2"]));
    let newest: Vec<&str> = all.lines().rev().take(2).collect();
    let shown: Vec<&str> = last.lines().rev().collect();
    assert_eq!((code, shown), (Some(0), newest));
    let (code, why) = said(&run(&["log", "--dir", text(&dir), "--log", "../../etc"]));
    assert!(code == Some(2) && why.contains("there is no log"), "{why}");
    assert!(server.stop().0.success());
}

/// Sends three events with this memory; how it ended.
fn emit(server: &Served, identity: &Path, memory: &Path) -> (Option<i32>, String) {
    let mut child = countersign(&["collector", "emit", "--server", &server.endpoint.grpc])
        .args(["--identity", text(identity), "--remember", text(memory)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let event = serde_json::json!({ "source": "test", "raw": "eA==" });
    let mut stdin = child.stdin.take().expect("it is piped");
    // Whoever refuses a ledger at once reads nothing.
    drop(writeln!(stdin, "{event}\n{event}\n{event}"));
    drop(stdin);
    said(&child.wait_with_output().expect("it ran"))
}

/// Sends an event, and another one at once; what the ledger was between the two is copied.
async fn send_twice(config: Config, from: &Path, to: &Path) {
    let client = Client::connect(config).await.expect("it answers");
    let (told, mut acknowledged) = mpsc::unbounded_channel();
    let options = StreamOptions {
        level: Level::Sealed,
        max_events: 8,
        max_bytes: 64 * 1024,
        patience: Some(Duration::from_secs(60)),
    };
    let mut stream = client.append_stream(options, move |ack| {
        told.send(ack.run.first_index).expect("somebody waits");
    });
    for number in 0..2 {
        let event = v1::ExternalEvent {
            source: "test".to_owned(),
            raw: number.to_string().into(),
            ..v1::ExternalEvent::default()
        };
        stream.send(Draft::new(&event)).await.expect("it is taken");
        acknowledged.recv().await.expect("it is sealed");
        if number == 0 {
            copy(from, to);
        }
    }
    stream.finish().await.expect("all is sealed");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sent_last_notices_that_the_ledger_was_set_back() {
    let data = DataFolder::new().await;
    let agent = data.issue(Role::Agent, "sender").await;
    let outside = tempfile::tempdir().expect("a folder");
    let (memory, old) = (outside.path().join("memory"), outside.path().join("old"));
    let start = || Served::start(&data.path(), "127.0.0.1:0", &[]).expect("it serves");
    let server = start();
    let mut config = data.config(&server.endpoint.grpc, &agent);
    config.remember = Some(memory.clone());
    send_twice(config, &data.path(), &old).await;
    server.kill();
    fs::remove_dir_all(data.path()).expect("it is ours");
    copy(&old, &data.path());
    let server = start();
    let (code, told) = emit(&server, &agent, &memory);
    assert_ne!(code, Some(0), "{told}");
    let noticed = told.contains("rolled back") || told.contains("fork");
    assert!(noticed, "{told}");
    server.kill();
}

//! Programs that share no code with ours, against the real server and its files: a Python client,
//! `buf curl`, the Python checker of docs/format.md.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use countersign_client::{Client, Draft, Entry, Filter, Level};
use countersign_ledger::identity::role::Role;
use countersign_proto::event::Known;
use countersign_proto::v1::ExternalEvent;
use countersign_tests::folder::DataFolder;
use countersign_tests::process::{Served, run, tool};
use serde_json::Value;

const ANY_PORT: &str = "127.0.0.1:0";
/// Ends a test that hangs; a peer answers within a second.
const PATIENCE: Duration = Duration::from_secs(60);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A Python program of this repository.
fn python(script: &str) -> Command {
    let mut command = Command::new(tool("COUNTERSIGN_TEST_PYTHON"));
    command
        .arg(root().join(script))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

fn finish(command: &mut Command) -> Output {
    command.output().expect("it is installed")
}

/// What a program printed, when it went well.
fn text(output: &Output) -> String {
    let why = String::from_utf8_lossy(&output.stderr);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}: {text}{why}", output.status);
    text
}

/// Python code for the gRPC contract, made as docs/clients.md says.
fn stubs() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().to_str().expect("a plain path");
    let proto = root().join("proto");
    let names = std::fs::read_dir(proto.join("countersign/v1")).expect("the contract");
    let files = names.map(|name| name.expect("it is readable").path());
    let mut command = Command::new(tool("COUNTERSIGN_TEST_PYTHON"));
    command
        .args(["-m", "grpc_tools.protoc", "-I"])
        .arg(&proto)
        .args([
            format!("--python_out={out}"),
            format!("--grpc_python_out={out}"),
        ])
        .args(files);
    text(&finish(&mut command));
    folder
}

/// A program that runs until it is dropped, and its lines.
struct Running {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .expect("it is installed");
        let stdout = child.stdout.take().expect("it is piped");
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// The next line.
    fn line(&self) -> String {
        let line = self.lines.recv_timeout(PATIENCE);
        line.expect("the program ended, or says nothing")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Gone already is as good.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// All entries, checked by our own client.
async fn entries(client: &Client) -> Vec<Entry> {
    let mut pages = client.list(Filter::default());
    let mut all = Vec::new();
    while let Some(page) = pages.next().await.expect("readable") {
        all.extend(page.entries);
    }
    all
}

fn address(server: &Served) -> &str {
    let url = server.endpoint.grpc.strip_prefix("https://");
    url.expect("TLS")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_python_client_appends_and_follows() {
    let stubs = stubs();
    let data = DataFolder::new().await;
    let bot = data.issue(Role::Bot, "example").await;
    let server = Served::start(&data.path(), ANY_PORT, &[]).expect("a server");
    let client = |key: &str, text: &str| {
        let mut command = python("docs/examples/client.py");
        command
            .env("PYTHONPATH", stubs.path())
            .arg(address(&server))
            .arg(&bot);
        command.args([key, text]);
        command
    };

    let first = Running::start(&mut client("key-1", "hello from Python"));
    let admin = data.connect(&server.endpoint.grpc, &data.admin()).await;
    let line = first.line();
    let index = line
        .strip_prefix("entry ")
        .and_then(|rest| rest.strip_suffix(" appended"));
    let index: u64 = index.unwrap_or(&line).parse().expect("entry N appended");
    let expected =
        format!(r#"{index} external_event {{ source: "client.py" raw: "hello from Python" }}"#);
    while first.line() != expected {}

    // A follower hears of an entry that comes later.
    let event = ExternalEvent {
        source: "test".into(),
        raw: "later".into(),
        ..ExternalEvent::default()
    };
    let later = admin
        .append(Draft::new(&event), Level::Sealed)
        .await
        .expect("a good event");
    assert!(
        first
            .line()
            .starts_with(&format!("{} external_event", later.index))
    );
    drop(first);

    let again = Running::start(&mut client("key-1", "hello from Python"));
    assert_eq!(again.line(), format!("entry {index} again"));
    drop(again);
    let refused = finish(&mut client("key-1", "something else"));
    let why = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && why.starts_with("ALREADY_EXISTS"),
        "{why}"
    );

    let all = entries(&admin).await;
    let from_python: Vec<&Entry> = all
        .iter()
        .filter(|entry| entry.idempotency_key() == b"key-1")
        .collect();
    let [entry] = from_python[..] else {
        unreachable!("expected one entry, got {}", from_python.len());
    };
    let Ok(Known::ExternalEvent(event)) = entry.known() else {
        unreachable!("expected an external event, got {:?}", entry.known());
    };
    assert_eq!((entry.index(), entry.actor()), (index, "bot:example"));
    assert_eq!(
        (&event.source[..], &event.raw[..]),
        ("client.py", &b"hello from Python"[..])
    );
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_python_client_reads_reason_and_hint_of_a_refusal() {
    let stubs = stubs();
    let data = DataFolder::new().await;
    let server = Served::start(&data.path(), ANY_PORT, &[]).expect("a server");
    let mut refusal = python("tests/peers/refusal.py");
    refusal
        .env("PYTHONPATH", stubs.path())
        .arg(address(&server))
        .arg(data.admin());
    let seen: Value = serde_json::from_str(&text(&finish(&mut refusal))).expect("JSON");
    assert_eq!(seen["code"], "INVALID_ARGUMENT");
    assert_eq!(seen["reason"], "PAGE_SIZE_INVALID");
    assert_eq!(seen["domain"], "countersign");
    assert!(
        seen["hint"]
            .as_str()
            .is_some_and(|hint| hint.contains("1,000")),
        "{seen}"
    );
    server.stop();
}

/// `buf curl` with the identity in a folder.
struct Buf<'a> {
    url: &'a str,
    identity: &'a Path,
}

impl Buf<'_> {
    fn curl(&self, path: &str, more: &[&str]) -> Output {
        let mut command = Command::new(tool("COUNTERSIGN_TEST_BUF"));
        command.args(["curl", "--protocol", "grpc"]);
        for (flag, name) in [
            ("--cacert", "ca.pem"),
            ("--cert", "cert.pem"),
            ("--key", "key.pem"),
        ] {
            command.arg(flag).arg(self.identity.join(name));
        }
        finish(command.args(more).arg(format!("{}{path}", self.url)))
    }

    /// Calls a method with a deadline; everything that it knows of the contract comes by
    /// reflection.
    fn call(&self, method: &str, data: &str) -> Output {
        let path = format!("/countersign.v1.LogService/{method}");
        self.curl(&path, &["--timeout", "30s", "--data", data])
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn buf_curl_knows_the_contract_by_reflection_and_appends_and_reads() {
    let data = DataFolder::new().await;
    let server = Served::start(&data.path(), ANY_PORT, &[]).expect("a server");
    let identity = data.admin();
    let buf = Buf {
        url: &server.endpoint.grpc,
        identity: &identity,
    };
    let lists = |what: &str, expected: &[&str]| {
        let list = text(&buf.curl("", &[what]));
        for line in expected {
            assert!(
                list.lines().any(|found| found == *line),
                "{line} is not in\n{list}"
            );
        }
    };
    let services = [
        "countersign.v1.LogService",
        "countersign.v1.AdminService",
        "grpc.health.v1.Health",
    ];
    lists("--list-services", &services);
    let methods = [
        "countersign.v1.LogService/Append",
        "countersign.v1.AdminService/Status",
    ];
    lists("--list-methods", &methods);

    let event = r#"{"externalEvent": {"source": "shell", "raw": "aGVsbG8="}}"#;
    let draft = format!(r#"{{"event": {event}, "idempotencyKey": "key-2"}}"#);
    let call = format!(r#"{{"draft": {draft}, "waitFor": "ACK_LEVEL_SEALED"}}"#);
    let answer: Value = serde_json::from_str(&text(&buf.call("Append", &call))).expect("JSON");
    // Numbers of 64 bits are text in the JSON form of protobuf.
    let index = answer["receipt"]["index"]
        .as_str()
        .expect("an index")
        .to_owned();
    let answer = text(&buf.call("GetEntry", &format!(r#"{{"index": {index}}}"#)));
    let entry: Value = serde_json::from_str(&answer).expect("JSON");
    let event: Value = serde_json::from_str(event).expect("JSON");
    assert_eq!(entry["entry"]["event"], event);
    assert_eq!(entry["entry"]["actor"], "admin:operator");

    let refused = buf.curl(
        "/countersign.v1.LogService/GetCheckpoint",
        &["--data", "{}"],
    );
    let why = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && why.contains("invalid_argument"),
        "{why}"
    );
    assert!(why.contains("google.rpc.ErrorInfo"), "{why}");

    let admin = data.connect(&server.endpoint.grpc, &data.admin()).await;
    let all = entries(&admin).await;
    let keys = all
        .iter()
        .filter(|entry| entry.idempotency_key() == b"key-2");
    let found: Vec<String> = keys.map(|entry| entry.index().to_string()).collect();
    assert_eq!(found, [index]);
    server.stop();
}

/// Appends events of many sizes from several callers at once.
async fn load(data: &DataFolder, server: &Served, agent: &Path, run: usize) {
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..4_usize {
        let client = data.connect(&server.endpoint.grpc, agent).await;
        callers.spawn(async move {
            for n in 0..50_usize {
                let raw = vec![b'x'; n * 200];
                let event = ExternalEvent {
                    source: format!("run {run} caller {caller}"),
                    raw: raw.into(),
                    ..ExternalEvent::default()
                };
                let level = if n % 2 == 0 {
                    Level::Accepted
                } else {
                    Level::Sealed
                };
                let appended = client.append(Draft::new(&event), level).await;
                appended.expect("a good event");
            }
        });
    }
    callers.join_all().await;
}

fn check(data: &DataFolder) -> Output {
    let mut command = python("tests/checker/check.py");
    command
        .arg("log")
        .arg(data.log())
        .args(["--key", &data.vkey.to_string()]);
    finish(&mut command)
}

fn verify(data: &DataFolder) -> (Option<i32>, Value) {
    let dir = data.path();
    let dir = dir.to_str().expect("a plain path");
    let output = run(&["verify", dir, "--key", &data.vkey.to_string(), "--json"]);
    let report = serde_json::from_slice(&output.stdout);
    (output.status.code(), report.expect("a report"))
}

fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).expect("a file");
    bytes[at] ^= 1;
    std::fs::write(path, bytes).expect("room");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_checker_and_verify_agree_on_a_real_log() {
    let data = DataFolder::new().await;
    let agent = data.issue(Role::Agent, "load").await;
    let small = ["--segment-bytes", "65536"];
    let server = Served::start(&data.path(), ANY_PORT, &small).expect("a server");
    load(&data, &server, &agent, 0).await;
    server.kill();
    let server = Served::start(&data.path(), ANY_PORT, &small).expect("it recovers");
    load(&data, &server, &agent, 1).await;
    let admin = data.connect(&server.endpoint.grpc, &data.admin()).await;
    let listed = entries(&admin).await.len();
    let (status, printed) = server.stop();
    assert!(status.success(), "{printed}");

    let (code, report) = verify(&data);
    assert_eq!(
        (code, &report["verdict"]),
        (Some(0), &Value::from("intact")),
        "{report}"
    );
    // The last entry says that the server stopped.
    assert_eq!(report["size"], listed + 1);
    let root = report["root"].as_str().expect("a root");
    let said = text(&check(&data));
    assert_eq!(
        said.trim_end(),
        format!("intact: {} entries, root {root}", listed + 1)
    );

    let segments = std::fs::read_dir(data.log().join("segments")).expect("a folder");
    let mut segments: Vec<PathBuf> = segments
        .map(|entry| entry.expect("it is readable").path())
        .filter(|path| path.extension() == Some(OsStr::new("seg")))
        .collect();
    segments.sort();
    assert!(
        segments.len() > 3,
        "expected many segments, got {segments:?}"
    );
    for path in [&segments[0], &segments[segments.len() / 2]] {
        flip(path, 1_000);
        let damaged = check(&data);
        assert_eq!(damaged.status.code(), Some(1), "{damaged:?}");
        let said = String::from_utf8_lossy(&damaged.stdout).into_owned();
        let name = path
            .file_name()
            .and_then(OsStr::to_str)
            .expect("a plain name");
        assert!(said.contains(name) && said.contains("bad-crc"), "{said}");
        let (code, report) = verify(&data);
        assert_eq!(
            (code, &report["verdict"]),
            (Some(1), &Value::from("findings")),
            "{report}"
        );
        flip(path, 1_000);
    }
    assert_eq!(text(&check(&data)), said);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_from_the_command_line_convinces_python() {
    let data = DataFolder::new().await;
    let agent = data.issue(Role::Agent, "load").await;
    let server = Served::start(&data.path(), ANY_PORT, &[]).expect("a server");
    load(&data, &server, &agent, 0).await;
    let files = tempfile::tempdir().expect("a folder");
    let file = |name: &str| {
        files
            .path()
            .join(name)
            .to_str()
            .expect("a plain path")
            .to_owned()
    };
    let dir = data.path();
    let dir = dir.to_str().expect("a plain path");
    let make = |index: &str| {
        let (record, proof) = (
            file(&format!("{index}.bin")),
            file(&format!("{index}.tlog-proof")),
        );
        text(&run(&["show", index, "--dir", dir, "--record", &record]));
        text(&run(&["proof", index, "--dir", dir, "--output", &proof]));
        (record, proof)
    };
    let judge = |proof: &str, record: &str, key: &str| {
        finish(python("tests/peers/proof.py").args([proof, record, key]))
    };
    let key = data.vkey.to_string();
    let (first, seventh) = (make("0"), make("7"));
    let last = entries(&data.connect(&server.endpoint.grpc, &data.admin()).await)
        .await
        .len()
        - 1;
    let last = (make(&last.to_string()), last);
    for (index, (record, proof)) in [(0, &first), (7, &seventh), (last.1, &last.0)] {
        let said = text(&judge(proof, record, &key));
        assert!(
            said.starts_with(&format!("proved: entry {index} of ")),
            "{said}"
        );
    }

    let other = DataFolder::new().await.vkey.to_string();
    let rows = [
        (judge(&seventh.1, &first.0, &key), "proof-wrong-root"),
        (judge(&first.1, &first.0, &other), "no-known-signature"),
    ];
    for (judged, code) in rows {
        let why = String::from_utf8_lossy(&judged.stderr);
        assert!(
            !judged.status.success() && why.contains(code),
            "{code}: {why}"
        );
    }
    server.stop();
}

//! What is stored, when it is damaged, mixed up, gone or copied: a start says what is wrong, ends
//! with its exit code and changes nothing; what can be made again is; a backup that is taken as
//! docs/operations.md says verifies.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use countersign_chain::hash::{Hash, digest};
use countersign_client::{Draft, Level};
use countersign_ledger::identity::role::Role;
use countersign_proto::v1::ExternalEvent;
use countersign_tests::folder::{DataFolder, copy};
use countersign_tests::process::{Served, binary, countersign, run};

/// The smallest segments, so that a few entries fill some.
const SMALL: [&str; 2] = ["--segment-bytes", "65536"];

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

fn event(bytes: usize) -> ExternalEvent {
    ExternalEvent {
        source: "test".into(),
        raw: vec![b'x'; bytes].into(),
        ..Default::default()
    }
}

/// A data folder whose log has more than two segments, all sealed.
async fn filled() -> DataFolder {
    let data = DataFolder::new().await;
    let agent = data.issue(Role::Agent, "one").await;
    let server = Served::start(&data.path(), "127.0.0.1:0", &SMALL).expect("a server");
    let client = data.connect(&server.endpoint.grpc, &agent).await;
    for _ in 0..30 {
        let taken = client.append(Draft::new(&event(40_000)), Level::Sealed);
        taken.await.expect("a healthy server");
    }
    assert!(server.stop().0.success());
    assert!(segments(&data.path()).len() > 2);
    data
}

/// The segments of the log in a data folder, in order.
fn segments(dir: &Path) -> Vec<PathBuf> {
    let listed = fs::read_dir(dir.join("logs/main/segments")).expect("there");
    let mut paths: Vec<PathBuf> = listed.map(|entry| entry.expect("there").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "seg"));
    paths.sort();
    paths
}

/// Every file below a folder, but for those that a start may make or take away: the next segment,
/// which holds nothing, and the indexes, which are derived.
fn tree(folder: &Path) -> BTreeMap<PathBuf, Hash> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("there") {
        let path = entry.expect("there").path();
        if path.ends_with("segments/spare") || path.ends_with("segments/making") {
            continue;
        }
        if path.is_dir() && !path.ends_with("logs/main/projections") {
            files.append(&mut tree(&path));
        } else if path.is_file() {
            files.insert(path.clone(), digest(&fs::read(&path).expect("readable")));
        }
    }
    files
}

/// Starts a server that must not serve; its exit code and what it said.
fn refused(dir: &Path, listen: &str) -> (Option<i32>, String) {
    let serve = ["ledger", "serve", "--no-http", "--listen", listen, "--dir"];
    // A server that starts all the same is ended, so that the test fails and does not hang.
    let output = Command::new("timeout")
        .args(["--signal=KILL", "60"])
        .arg(binary())
        .args(serve)
        .arg(dir)
        .args(SMALL)
        .output()
        .expect("timeout is a program of every Linux");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), said)
}

/// One harm, and what a start says about it.
struct Row {
    harm: fn(&Path),
    says: &'static [&'static str],
}

/// Starts a server on a copy of the folder for each row, and compares the copy before and after.
fn check(data: &DataFolder, rows: &[Row]) {
    for Row { harm, says } in rows {
        let dir = data.path().with_file_name("harmed");
        copy(&data.path(), &dir);
        harm(&dir);
        let before = tree(&dir);
        let (code, said) = refused(&dir, "127.0.0.1:0");
        assert_eq!(code, Some(2), "{says:?}: {said}");
        for part in *says {
            assert!(said.contains(part), "expected {part:?}, got {said}");
        }
        assert!(tree(&dir) == before, "{says:?}: something was changed");
        fs::remove_dir_all(&dir).expect("there");
    }
}

/// Turns one bit over.
fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).expect("there");
    bytes[at] ^= 4;
    fs::write(path, bytes).expect("room");
}

fn remove(dir: &Path, path: &str) {
    fs::remove_file(dir.join(path)).expect("there");
}

fn write(dir: &Path, path: &str, text: &str) {
    fs::write(dir.join(path), text).expect("room");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_on_a_damaged_folder_says_what_and_changes_nothing() {
    let data = filled().await;
    let rows = [
        Row {
            harm: |dir| fs::remove_file(segments(dir).last().expect("some")).expect("there"),
            says: &["log main: the log was cut", "change nothing", "verify"],
        },
        Row {
            harm: |dir| fs::remove_file(&segments(dir)[0]).expect("there"),
            says: &[
                "log main: segment",
                "before it are missing",
                "change nothing",
            ],
        },
        Row {
            harm: |dir| flip(&segments(dir)[0], 500_000),
            says: &["log main: the log is damaged near entry", "change nothing"],
        },
        Row {
            harm: |dir| flip(&segments(dir)[1], 20),
            says: &["log main: segment", ".seg is damaged", "change nothing"],
        },
        Row {
            harm: |dir| {
                flip(&dir.join("logs/main/head"), 100);
                flip(&dir.join("logs/main/head"), 4_196);
            },
            says: &[
                "log main: both slots of the durable head are damaged",
                "change nothing",
            ],
        },
        Row {
            harm: |dir| remove(dir, "logs/main/head"),
            says: &["log main: cannot read the durable head", "from a backup"],
        },
        Row {
            harm: |dir| fs::write(dir.join("logs/main/head"), [0; 8_192]).expect("room"),
            says: &["log main: the durable head is empty", "change nothing"],
        },
        Row {
            harm: |dir| fs::remove_dir_all(dir.join("logs")).expect("there"),
            says: &["is no data folder"],
        },
    ];
    check(&data, &rows);

    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("a bound socket").to_string();
    let before = tree(&data.path());
    let (code, said) = refused(&data.path(), &address);
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains(&format!("cannot listen on {address}")),
        "{said}"
    );
    assert!(tree(&data.path()) == before, "something was changed");

    let empty = tempfile::tempdir().expect("a folder");
    let (code, said) = refused(empty.path(), "127.0.0.1:0");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("is no data folder"), "{said}");
    assert_eq!(tree(empty.path()), BTreeMap::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_without_its_keys_or_identity_names_the_file_and_changes_nothing() {
    let data = DataFolder::new().await;
    let rows = [
        Row {
            harm: |dir| {
                let other = countersign(&["ledger", "init", "--origin", "a/b", "--dir"])
                    .arg(dir.join("other"))
                    .output();
                assert!(other.expect("the binary starts").status.success());
                let (from, to) = ("other/logs/main/signing.key", "logs/main/signing.key");
                fs::rename(dir.join(from), dir.join(to)).expect("there");
            },
            says: &[
                "signing.key belongs to a/b+",
                "IDENTITY names ledger.test/prod+",
            ],
        },
        Row {
            harm: |dir| write(dir, "logs/main/signing.key", "junk"),
            says: &["log main: signing.key is malformed"],
        },
        Row {
            harm: |dir| remove(dir, "logs/main/signing.key"),
            says: &["log main: cannot read signing.key"],
        },
        Row {
            harm: |dir| remove(dir, "ca/issuing.key"),
            says: &["ca/issuing.key does not exist", "restore it from a backup"],
        },
        Row {
            harm: |dir| write(dir, "ca/issuing.key", "junk"),
            says: &["ca/issuing.key is no private key"],
        },
        Row {
            harm: |dir| write(dir, "tls/server.key", "junk"),
            says: &["tls/server.key is not in PEM form"],
        },
        Row {
            harm: |dir| {
                let path = dir.join("logs/main/IDENTITY");
                let known = fs::read_to_string(&path).expect("there");
                fs::write(&path, format!("{known}owner = \"me\"\n")).expect("room");
            },
            says: &["log main: IDENTITY is malformed", "unknown field `owner`"],
        },
        Row {
            harm: |dir| {
                let path = dir.join("logs/main/IDENTITY");
                let known = fs::read_to_string(&path).expect("there");
                fs::write(&path, known.replace("format = 1", "format = 2")).expect("room");
            },
            says: &["log main: IDENTITY is malformed: format is 2; expected 1"],
        },
    ];
    check(&data, &rows);
    // As docs/operations.md has it, it starts without its TLS folder and its administrator.
    for part in ["tls", "admin"] {
        fs::remove_dir_all(data.path().join(part)).expect("there");
    }
    let server = Served::start(&data.path(), "127.0.0.1:0", &[]).expect("it serves");
    assert!(server.stop().0.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_servers_endpoint_file_keeps_nobody_from_working_offline() {
    let data = DataFolder::new().await;
    let dir = data.path();
    let server = Served::start(&dir, "127.0.0.1:0", &[]).expect("a server");
    server.kill();
    assert!(dir.join("endpoint.json").exists(), "nobody removed it");
    // The administrator's identity may be gone as well.
    fs::remove_dir_all(dir.join("admin")).expect("there");
    let issue = ["ca", "issue", "--role", "admin", "--name", "operator"];
    let folders = [
        "--dir",
        text(&dir),
        "--out",
        &format!("{}/admin", text(&dir)),
    ];
    let issued = run(&[&issue[..], &folders].concat());
    let said = String::from_utf8_lossy(&issued.stderr);
    assert_eq!(issued.status.code(), Some(0), "{said}");

    let server = Served::start(&dir, "127.0.0.1:0", &[]).expect("a server");
    let listed = run(&["ca", "list", "--dir", text(&dir), "--json"]);
    assert_eq!(
        listed.status.code(),
        Some(0),
        "the new administrator is known"
    );
    let listed: Vec<serde_json::Value> = serde_json::from_slice(&listed.stdout).expect("a list");
    let operators = listed
        .iter()
        .filter(|one| one["principal"] == "admin:operator");
    assert_eq!(operators.count(), 2, "{listed:?}");
    assert!(server.stop().0.success());
}

/// The commands of docs/operations.md that make a backup, with other folders.
fn recipe(data: &Path, backups: &Path, vkey: &Path) -> String {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations.md");
    let docs = fs::read_to_string(docs).expect("there");
    let section = docs.split("## Backup and restore").nth(1).expect("there");
    let block = section.split("```sh\n").nth(1).expect("commands");
    let block = block.split("```").next().expect("an end");
    assert!(
        block.contains("cp -a") && block.contains("verify"),
        "{block}"
    );
    block
        .replace("/var/lib/countersign/data", text(data))
        .replace("/backup", text(backups))
        .replace("@ledger.vkey", &format!("@{}", text(vkey)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_busy_ledger_by_the_printed_commands_is_intact() {
    let data = DataFolder::new().await;
    let agent = data.issue(Role::Agent, "busy").await;
    let server = Served::start(&data.path(), "127.0.0.1:0", &SMALL).expect("a server");
    let client = data.connect(&server.endpoint.grpc, &agent).await;
    let taken = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&taken);
    let load = tokio::spawn(async move {
        loop {
            let draft = Draft::new(&event(9_000));
            let receipt = client.append(draft, Level::Accepted).await;
            receipt.expect("a healthy server");
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    let more = async |entries: u64| {
        let goal = taken.load(Ordering::Relaxed) + entries;
        while taken.load(Ordering::Relaxed) < goal {
            tokio::task::yield_now().await;
        }
    };
    let backups = tempfile::tempdir().expect("a folder");
    let commands = recipe(&data.path(), backups.path(), &agent.join("log.vkey"));
    let path = std::env::var("PATH").unwrap_or_default();
    let binaries = binary().with_file_name("");
    for round in 0..3 {
        more(20).await;
        let before = taken.load(Ordering::Relaxed);
        let made = Command::new("bash")
            .args(["-c", &commands])
            .env("PATH", format!("{}:{path}", text(&binaries)))
            .stdin(Stdio::null())
            .output()
            .expect("bash starts");
        let during = taken.load(Ordering::Relaxed) - before;
        let said = String::from_utf8_lossy(&made.stdout);
        let why = String::from_utf8_lossy(&made.stderr);
        assert_eq!(made.status.code(), Some(0), "{said}\n{why}");
        assert!(said.starts_with("INTACT"), "{said}");
        assert!(during > 0, "round {round}: nothing was appended meanwhile");
        println!("counted: backup under load: {during} entries meanwhile, intact");
        fs::remove_dir_all(backups.path().join("countersign")).expect("it was made");
    }
    load.abort();
    assert!(server.stop().0.success());
}

//! The real server as a process: one at a time, an orderly end, a disk that fails, projections that
//! are harmed.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use countersign_ledger::identity::role::Role;
use countersign_proto::v1::FollowRequest;
use countersign_proto::v1::log_service_client::LogServiceClient;
use countersign_tests::folder::{DataFolder, copy};
use countersign_tests::pems::Pems;
use countersign_tests::process::{Served, binary, countersign, run};
use tonic::transport::Endpoint;

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// Sends this many events, with an agent's start and stop every `every` of them.
fn emit(server: &Served, agent: &Path, prefix: &str, count: usize) {
    let mut child = countersign(&["collector", "emit", "--server", &server.endpoint.grpc])
        .args(["--identity", text(agent), "--idempotency-prefix", prefix])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    for n in 0..count {
        let source = if n % 500 == 7 { "rare" } else { "common" };
        let case = if n % 700 == 9 { 1 } else { 0 };
        writeln!(
            stdin,
            r#"{{"source":"{source}","case":{case},"fields":{{"n":"{n}"}}}}"#
        )
        .expect("it reads");
    }
    drop(stdin);
    assert!(child.wait().expect("it ran").success());
}

/// What the log says to some questions, as text.
fn answers(data: &DataFolder) -> Vec<String> {
    let dir = data.path();
    let filters: [&[&str]; 4] = [
        &["--case", "1"],
        &["--kind", "CertificateIssued"],
        &["--actor", "agent:one", "--case", "1"],
        &["--kind", "LogStopped", "--kind", "LogOpened"],
    ];
    filters
        .iter()
        .map(|filter| {
            let mut arguments = vec!["log", "--dir", text(&dir), "--json"];
            arguments.extend_from_slice(filter);
            let output = run(&arguments);
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            String::from_utf8(output.stdout).expect("text")
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_same_folder_is_refused() {
    let data = DataFolder::new().await;
    let server = Served::start(&data.path(), "127.0.0.1:0", &[]).expect("a server");
    let refused = Served::start(&data.path(), "127.0.0.1:0", &[]).expect_err("it is open");
    assert!(refused.contains("open in another process"), "{refused}");
    // Someone who removes the file that is locked does not get in either.
    let identity = data.log().join("IDENTITY");
    let kept = std::fs::read(&identity).expect("there");
    std::fs::remove_file(&identity).expect("there");
    std::fs::write(&identity, kept).expect("room");
    let refused = Served::start(&data.path(), "127.0.0.1:0", &[]).expect_err("it is still open");
    assert!(refused.contains("open in another process"), "{refused}");
    println!("counted: double start: 2 tries, 2 refused");
    let (status, _) = server.stop();
    assert!(status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orderly_end_is_the_last_entry_and_leaves_an_intact_log() {
    let data = DataFolder::new().await;
    let agent = data.issue(Role::Agent, "one").await;
    let server = Served::start(&data.path(), "127.0.0.1:0", &[]).expect("a server");
    emit(&server, &agent, "e", 50);
    let (status, printed) = server.stop();
    assert!(status.success(), "{printed}");
    assert!(
        !data.path().join("endpoint.json").exists(),
        "nobody listens any more"
    );
    let verdict = run(&[
        "verify",
        text(&data.path()),
        "--key",
        &data.vkey.to_string(),
        "--json",
    ]);
    let report: serde_json::Value = serde_json::from_slice(&verdict.stdout).expect("a report");
    assert_eq!(report["verdict"], "intact", "{report}");
    assert_eq!(report["complete"], true, "{report}");
    assert_eq!(verdict.status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_that_does_not_read_is_not_waited_for() {
    let data = DataFolder::new().await;
    let agent = data.issue(Role::Agent, "one").await;
    let auditor = data.issue(Role::Auditor, "eve").await;
    let server = Served::start(&data.path(), "127.0.0.1:0", &[]).expect("a server");
    emit(&server, &agent, "e", 5_000);
    // It takes a little at a time, so more is ready for it than it has room for.
    let endpoint = Endpoint::from_shared(server.endpoint.grpc.clone()).expect("an address");
    let endpoint = endpoint.initial_stream_window_size(1_024);
    let endpoint = endpoint.tls_config(Pems::read(&auditor).tls());
    let channel = endpoint.expect("an identity").connect().await;
    let mut log = LogServiceClient::new(channel.expect("it serves"));
    let mut follow = log.follow(FollowRequest::default()).await.expect("it may");
    let first = follow.get_mut().message().await.expect("a stream");
    assert!(!first.expect("without end").entries.is_empty());
    let (status, printed) = server.stop();
    assert!(status.success(), "{printed}");
    assert!(printed.contains("stopping"), "{printed}");
    assert!(!printed.contains("still under way"), "{printed}");
    drop(follow);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_fails_ends_the_process_with_its_own_code_and_loses_nothing() {
    let data = DataFolder::new().await;
    let agent = data.issue(Role::Agent, "one").await;
    // Files may not grow or be written beyond 64 KiB; the segment is larger than that.
    let script = "trap '' XFSZ; ulimit -f 64; exec \"$@\"";
    let mut child = Command::new("bash")
        .args(["-c", script, "bash", text(&binary()), "ledger", "serve"])
        .args([
            "--dir",
            text(&data.path()),
            "--listen",
            "127.0.0.1:0",
            "--no-http",
        ])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("bash starts");
    let stderr = child.stderr.take().expect("it is piped");
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(stderr));
    let serving = lines
        .by_ref()
        .map_while(Result::ok)
        .any(|line| line.contains("serving"));
    assert!(serving, "it starts all the same");
    let drain = std::thread::spawn(move || lines.map_while(Result::ok).count());
    let endpoint = countersign_ledger::server::run::Endpoint::read(&data.path()).expect("written");
    let mut config = data.config(&endpoint.grpc, &agent);
    config.timeout = std::time::Duration::from_secs(2);
    let client = countersign_client::Client::connect(config)
        .await
        .expect("a server");
    let mut acknowledged = Vec::new();
    let raw = bytes::Bytes::from(vec![b'x'; 9_000]);
    for n in 0..40 {
        let event = countersign_proto::v1::ExternalEvent {
            source: "fill".into(),
            raw: raw.clone(),
            ..Default::default()
        };
        let draft = countersign_client::Draft::new(&event).with_key(format!("fill-{n}"));
        match client
            .append(draft, countersign_client::Level::Accepted)
            .await
        {
            Ok(receipt) => acknowledged.push(receipt.index),
            Err(_) => break,
        }
    }
    let status = child.wait().expect("it ran");
    assert_eq!(
        status.code(),
        Some(70),
        "a poisoned writer has its own exit code"
    );
    drop(drain.join());
    assert!(acknowledged.len() < 20, "the limit was reached");

    let server = Served::start(&data.path(), "127.0.0.1:0", &[]).expect("recovery decides");
    let reader = data.connect(&server.endpoint.grpc, &data.admin()).await;
    for index in &acknowledged {
        reader
            .entry(*index)
            .await
            .expect("what was acknowledged is there");
    }
    println!(
        "counted: poisoned writer: exit code 70, {} acknowledged, 0 lost",
        acknowledged.len()
    );
    let (status, _) = server.stop();
    assert!(status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn harmed_projections_give_the_same_answers() {
    let data = DataFolder::new().await;
    let agent = data.issue(Role::Agent, "one").await;
    let projections = data.log().join("projections");
    let server = Served::start(&data.path(), "127.0.0.1:0", &[]).expect("a server");
    emit(&server, &agent, "a", 1_500);
    assert!(server.stop().0.success());
    let stale = data.path().join("stale");
    copy(&projections, &stale);
    let server = Served::start(&data.path(), "127.0.0.1:0", &[]).expect("a server");
    emit(&server, &agent, "b", 1_500);
    let expected = answers(&data);
    assert!(expected.iter().all(|answer| !answer.is_empty()));
    assert!(server.stop().0.success());

    let harms: [(&str, &dyn Fn()); 3] = [
        ("deleted", &|| {
            std::fs::remove_dir_all(&projections).expect("there")
        }),
        ("damaged", &|| damage(&projections)),
        ("stale", &|| {
            // The damaged ones were put aside; new ones may not have been begun.
            if projections.exists() {
                std::fs::remove_dir_all(&projections).expect("there");
            }
            copy(&stale, &projections);
        }),
    ];
    let mut same = 0;
    for (what, harm) in harms {
        harm();
        let server = Served::start(&data.path(), "127.0.0.1:0", &[]).expect("a server");
        let got = answers(&data);
        // Every stop adds one LogStopped; the rest must be as it was.
        for (got, expected) in got.iter().zip(&expected) {
            assert!(
                got.starts_with(expected.trim_end()),
                "{what}: another answer"
            );
        }
        same += 1;
        assert!(server.stop().0.success());
    }
    println!("counted: projections: deleted, damaged, stale: {same} of 3 gave the same answers");
}

/// Turns bytes over all through every file.
fn damage(folder: &Path) {
    for entry in std::fs::read_dir(folder).expect("there") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            damage(&path);
            continue;
        }
        let mut bytes = std::fs::read(&path).expect("readable");
        bytes.iter_mut().step_by(97).for_each(|byte| *byte ^= 0x40);
        std::fs::write(&path, bytes).expect("room");
    }
}

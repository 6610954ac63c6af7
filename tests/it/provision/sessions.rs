//! Recorded sessions with access that was really made: psql under `countersign collector run`.

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use countersign_proto::event::Known;
use countersign_tests::postgres::Postgres;
use countersign_tests::process::countersign;
use tokio::time::Instant;

use crate::roles::{RESOURCES, config, database, delivered};
use crate::site::{Site, until};

/// A command of ada's, who remembers what she saw in this folder.
fn of_ada(site: &Site, dir: &Path, arguments: &[&str]) -> Command {
    let (url, ada) = (site.url(), site.ada().display().to_string());
    let memory = dir.join("remembered").display().to_string();
    let mut all: Vec<&str> = arguments.to_vec();
    let at = all.iter().position(|it| *it == "--").unwrap_or(all.len());
    let connection = ["--server", &url, "--identity", &ada, "--remember", &memory];
    all.splice(at..at, connection);
    countersign(&all)
}

/// psql with the role of a grant, recorded.
fn psql(site: &Site, dir: &Path, server: &Postgres, grant: u64) -> Child {
    let (role, password) = delivered(dir, grant);
    let (number, port) = (grant.to_string(), server.port().to_string());
    let spool = dir.join("sessions").display().to_string();
    let arguments = [
        "collector",
        "run",
        "--grant",
        &number,
        "--spool",
        &spool,
        "--",
        "psql",
        "-X",
        "-h",
        "127.0.0.1",
        "-p",
        &port,
        "-U",
        &role,
        "-d",
        "orders",
    ];
    let mut command = of_ada(site, dir, &arguments);
    let command = command.env("PGPASSWORD", password);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command.stderr(Stdio::piped()).spawn().expect("it starts")
}

async fn output(child: Child) -> Output {
    let waited = tokio::task::spawn_blocking(move || child.wait_with_output());
    waited.await.expect("waited").expect("it ran")
}

/// Types this, and what follows comes from nobody.
fn type_in(child: &mut Child, text: &str) {
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(text.as_bytes()).expect("it reads");
}

async fn session_of(site: &Site, of: u64) -> u64 {
    let admin = site.connect(&site.data.admin()).await;
    let listed = admin.sessions(Default::default()).await.expect("sessions");
    let mut sessions = listed.sessions.iter().filter(|it| it.grant == of);
    sessions.next().expect("a session").session
}

#[tokio::test(flavor = "multi_thread")]
async fn a_granted_psql_session_is_recorded_and_played_back() {
    let (server, dir) = (database(), tempfile::tempdir().expect("a folder"));
    let site = Site::new(RESOURCES).await;
    let running = site.provision(&config(&server, dir.path(), "")).await;
    let grant = site.grant("orders-db", "read-only", 3_600).await;
    site.made(grant).await;
    let mut child = psql(&site, dir.path(), &server, grant);
    type_in(&mut child, "SELECT 'order ' || id FROM orders;\n\\q\n");
    let ran = output(child).await;
    let shown = String::from_utf8_lossy(&ran.stdout).into_owned();
    let told = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(ran.status.success(), "{shown}\n{told}");
    assert!(shown.contains("order 7"), "{shown}\n{told}");

    let session = session_of(&site, grant).await;
    let command = site
        .wait(|known| match known {
            Known::CommandExecuted(it) if it.session == session => Some(it.clone()),
            _ => None,
        })
        .await;
    assert_eq!(command.source, "psql");
    assert!(command.command.contains("FROM orders"), "{command:?}");
    let number = session.to_string();
    let played = of_ada(&site, dir.path(), &["session", "play", &number, "--text"]).output();
    let played = played.expect("it starts");
    let text = String::from_utf8_lossy(&played.stdout).into_owned();
    assert!(
        played.status.success() && text.contains("order 7"),
        "{text}"
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_cut_within_a_second_of_the_end_while_a_query_runs() {
    let (server, dir) = (database(), tempfile::tempdir().expect("a folder"));
    let site = Site::new(RESOURCES).await;
    let running = site.provision(&config(&server, dir.path(), "")).await;
    let grant = site.grant("orders-db", "read-only", 3_600).await;
    site.made(grant).await;
    let mut child = psql(&site, dir.path(), &server, grant);
    let mut input = child.stdin.take().expect("a pipe");
    input
        .write_all(b"SELECT pg_sleep(600);\n")
        .expect("it reads");
    let (role, _) = delivered(dir.path(), grant);
    let sleeping = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE usename = '{role}' AND query LIKE '%sleep%'"
    );
    until("a query that runs", || {
        server.admin("postgres", &sleeping) == "1"
    })
    .await;
    site.clock.pass(Duration::from_secs(3_600));
    let over = Instant::now();
    until("the query is over", || {
        server.admin("postgres", &sleeping) == "0"
    })
    .await;
    assert!(
        over.elapsed() < Duration::from_secs(1),
        "{:?}",
        over.elapsed()
    );
    let ran = output(child).await;
    drop(input);
    assert!(!ran.status.success());
    let proof = site.removed(grant).await;
    assert!(proof.contains("dropped"), "{proof}");
    let session = session_of(&site, grant).await;
    let ended = site
        .wait(|known| match known {
            Known::SessionEnded(it) if it.session == session => Some(it.clone()),
            _ => None,
        })
        .await;
    assert_eq!(ended.reason, "expired");
    assert!(ended.recording.is_some_and(|it| it.parts > 0), "{ended:?}");
    running.stop().await;
}

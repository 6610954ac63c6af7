//! PostgreSQL with pgaudit writes its log in both formats, which two inputs follow.

use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use countersign_proto::v1::ExternalEvent;
use countersign_tests::process::tool;
use rustix::process::{Signal, geteuid};

use crate::outlet::{Memory, PATIENCE, Running};
use crate::program::{Program, done};

/// `nobody` and its group, on Debian and most others: PostgreSQL refuses to run as root.
const NOBODY: u32 = 65_534;

/// A program of PostgreSQL, as a user who is not root.
fn program(name: &str) -> Command {
    let path = tool("COUNTERSIGN_TEST_POSTGRES").join(name);
    if !geteuid().is_root() {
        return Command::new(path);
    }
    let mut command = Command::new("setpriv");
    let user = NOBODY.to_string();
    command.args(["--reuid", &user, "--regid", &user, "--clear-groups", "--"]);
    command.arg(path).env("HOME", "/");
    command
}

/// A server in a folder of its own, on a socket there.
struct Server {
    folder: tempfile::TempDir,
    postgres: Program,
}

impl Server {
    async fn start(log_filename: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        if geteuid().is_root() {
            chown(folder.path(), Some(NOBODY), Some(NOBODY)).expect("root may");
        }
        let data = folder.path().join("data");
        let mut initdb = program("initdb");
        initdb.args([
            "--auth=trust",
            "--username=ada",
            "--locale=C",
            "--encoding=UTF8",
        ]);
        initdb.args(["--no-sync", "-D"]).arg(&data).current_dir("/");
        done(initdb).await;
        let mut command = program("postgres");
        command
            .arg("-D")
            .arg(&data)
            .current_dir("/")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let at = folder.path().display();
        for setting in [
            "listen_addresses=",
            &format!("unix_socket_directories={at}"),
            "fsync=off",
            "logging_collector=on",
            "log_destination=csvlog,jsonlog",
            &format!("log_directory={at}/log"),
            &format!("log_filename={log_filename}"),
            "log_timezone=UTC",
            "log_connections=on",
            "log_statement=all",
            "shared_preload_libraries=pgaudit",
            "pgaudit.log=all",
            "pgaudit.log_catalog=off",
            "pgaudit.log_parameter=on",
        ] {
            command.arg("-c").arg(setting);
        }
        let postgres = Program::start(&mut command);
        let mut server = Self { folder, postgres };
        let ready = async {
            while !server.is_ready().await {
                assert!(server.postgres.runs(), "it ended: is pgaudit installed?");
            }
        };
        tokio::time::timeout(PATIENCE, ready)
            .await
            .expect("it starts");
        server
    }

    async fn is_ready(&self) -> bool {
        let mut command = program("pg_isready");
        command
            .arg("-q")
            .arg("-h")
            .arg(self.folder.path())
            .current_dir("/");
        let status = tokio::task::spawn_blocking(move || command.status()).await;
        status
            .expect("no panic")
            .expect("it is installed")
            .success()
    }

    async fn sql(&self, statements: &[&str]) {
        let mut command = program("psql");
        command.args(["-X", "-q", "-U", "ada", "-d", "postgres", "-h"]);
        command.arg(self.folder.path()).current_dir("/");
        for statement in statements {
            command.args(["-c", statement]);
        }
        done(command).await;
    }

    fn log(&self, ending: &str) -> PathBuf {
        self.folder.path().join(format!("log/pg.{ending}"))
    }
}

fn config(path: &Path, format: &str) -> String {
    format!("type = \"csvlog\"\nname = {format:?}\npath = {path:?}\nformat = {format:?}")
}

fn field<'a>(event: &'a ExternalEvent, name: &str) -> &'a str {
    event.fields.get(name).map_or("", String::as_str)
}

/// Whether pgaudit told of a statement with this in it.
fn is_audited(event: &ExternalEvent, text: &str) -> bool {
    field(event, "audit.statement").contains(text)
}

/// What either format says of the statements below.
async fn tells_of_the_statements(outlet: &Memory) {
    outlet
        .until(|events| {
            // With its parameters, which pgaudit writes when the statement runs.
            events
                .iter()
                .any(|event| field(event, "audit.parameter") == "7,\"x,y\"")
        })
        .await;
    let events = outlet.external();
    for event in &events {
        assert_eq!(event.malformed, "", "{event:?}");
        assert!(event.observed_at.is_some(), "{event:?}");
        assert_ne!(field(event, "user_name"), "eve", "{event:?}");
    }
    let insert = events
        .iter()
        .find(|event| is_audited(event, "quoted"))
        .expect("audited");
    assert_eq!(field(insert, "user_name"), "ada");
    assert_eq!(field(insert, "database_name"), "postgres");
    assert_eq!(field(insert, "backend_type"), "client backend");
    assert_eq!(field(insert, "audit.type"), "SESSION");
    assert_eq!(field(insert, "audit.class"), "WRITE");
    assert_eq!(field(insert, "audit.command"), "INSERT");
    let statement = "insert into orders values (1, 'it''s \"quoted\",\nand has lines')";
    assert_eq!(field(insert, "audit.statement"), statement);
    let forged = events
        .iter()
        .filter(|event| is_audited(event, "eve"))
        .count();
    assert_eq!(forged, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_a_real_server_is_read_record_by_record() {
    let server = Server::start("pg.log").await;
    let (csv, json) = (Memory::default(), Memory::default());
    let inputs = [
        Running::start(&config(&server.log("csv"), "csv"), &csv),
        Running::start(&config(&server.log("json"), "json"), &json),
    ];
    // A record in a text is no record, whatever it looks like.
    let forged = "select '\n2026-11-27 02:30:00.123 UTC,\"eve\",\"postgres\",1,\"x\"' as \"a,b\"";
    server
        .sql(&[
            "create table orders (id int, note text)",
            "insert into orders values (1, 'it''s \"quoted\",\nand has lines')",
            forged,
            "prepare put (int, text) as insert into orders values ($1, $2)",
            "execute put(7, 'x,y')",
        ])
        .await;
    for outlet in [&csv, &json] {
        tells_of_the_statements(outlet).await;
    }
    // Every line of the file is in an event.
    let whole: Vec<u8> = csv
        .external()
        .iter()
        .flat_map(|event| [&event.raw[..], b"\n"].concat())
        .collect();
    let file = std::fs::read(server.log("csv")).expect("it is there");
    assert!(file.starts_with(&whole), "the events are the file");

    // Rotation by renaming: nothing is lost, nothing is there twice.
    let [of_csv, of_json] = inputs;
    std::fs::rename(server.log("csv"), server.log("csv.1")).expect("it is there");
    server
        .sql(&["select pg_rotate_logfile()", "select 'after the rotation'"])
        .await;
    csv.until(|events| {
        events
            .iter()
            .any(|event| is_audited(event, "after the rotation"))
    })
    .await;
    of_csv.stop().await;
    server.sql(&["select 'while nobody reads'"]).await;
    let again = Running::start(&config(&server.log("csv"), "csv"), &csv);
    csv.until(|events| {
        events
            .iter()
            .any(|event| is_audited(event, "while nobody reads"))
    })
    .await;
    let events = csv.external();
    let lines: Vec<(&str, &str)> = events
        .iter()
        .map(|event| (field(event, "session_id"), field(event, "session_line_num")))
        .collect();
    let unique: std::collections::BTreeSet<_> = lines.iter().collect();
    assert_eq!(unique.len(), lines.len(), "a record is there twice");
    again.stop().await;
    of_json.stop().await;
    server.postgres.end(Signal::INT);
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_with_dates_in_their_names_are_read_one_after_the_other() {
    let server = Server::start("pg-%Y-%m-%d_%H%M%S.log").await;
    let outlet = Memory::default();
    let of_csv = config(&server.log("csv").with_file_name("pg-*.csv"), "csv");
    let running = Running::start(&of_csv, &outlet);
    // The name has whole seconds.
    let rotate = ["select pg_sleep(1.1)", "select pg_rotate_logfile()"];
    let audited = async |text: &str| {
        let there = |events: &[ExternalEvent]| events.iter().any(|event| is_audited(event, text));
        outlet.until(there).await;
    };
    server.sql(&["select 'one'"]).await;
    server.sql(&rotate).await;
    server.sql(&["select 'two'"]).await;
    audited("'two'").await;
    running.stop().await;
    server.sql(&rotate).await;
    server.sql(&["select 'three'"]).await;
    server.sql(&rotate).await;
    server.sql(&["select 'four'"]).await;
    let running = Running::start(&of_csv, &outlet);
    audited("'four'").await;
    running.stop().await;
    let events = outlet.external();
    for text in ["'one'", "'two'", "'three'", "'four'"] {
        let found = events
            .iter()
            .filter(|event| is_audited(event, text))
            .count();
        assert_eq!(found, 1, "{text}");
    }
    let sources: std::collections::BTreeSet<&str> =
        events.iter().map(|event| event.source.as_str()).collect();
    assert_eq!(sources.len(), 4, "{sources:?}");
    assert_eq!(outlet.events().len(), events.len(), "there is no gap");
    server.postgres.end(Signal::INT);
}

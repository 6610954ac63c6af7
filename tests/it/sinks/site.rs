//! A ledger with entries, and `countersign sink run` as a process.

use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};
use std::time::Duration;

use countersign_client::{Client, Draft, Entry, Filter, Level};
use countersign_ledger::identity::role::Role;
use countersign_proto::event::Known;
use countersign_proto::v1;
use countersign_tests::folder::DataFolder;
use countersign_tests::process::{Served, countersign};
use rustix::process::{Pid, Signal};

/// How long a test waits for what has to come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Settings of sinks that are in a hurry.
pub(crate) const HURRY: &str = "retry = { first = \"5ms\", last = \"40ms\" }\n";

pub(crate) struct Site {
    pub(crate) data: DataFolder,
    pub(crate) server: Served,
    pub(crate) auditor: PathBuf,
    pub(crate) admin: Client,
}

/// A running `countersign sink run`. Dropping it kills it.
pub(crate) struct Running(Child);

impl Site {
    pub(crate) async fn start() -> Self {
        let data = DataFolder::new().await;
        let auditor = data.issue(Role::Auditor, "siem").await;
        let server = Served::start(&data.path(), "127.0.0.1:0", &[]).expect("a server");
        let admin = data.connect(&server.endpoint.grpc, &data.admin()).await;
        Self {
            data,
            server,
            auditor,
            admin,
        }
    }

    /// Appends events, sealed; the size of the log then.
    pub(crate) async fn append(&self, count: u64) -> u64 {
        let drafts: Vec<Draft> = (0..count)
            .map(|number| {
                Draft::new(&v1::ExternalEvent {
                    source: "test".to_owned(),
                    raw: format!("line {number} \"quoted\" \u{fc}")
                        .into_bytes()
                        .into(),
                    ..v1::ExternalEvent::default()
                })
            })
            .collect();
        for drafts in drafts.chunks(500) {
            let run = self
                .admin
                .append_batch(drafts.to_vec(), Level::Sealed)
                .await;
            run.expect("a ledger that seals");
        }
        self.size().await
    }

    pub(crate) async fn size(&self) -> u64 {
        self.admin.checkpoint().await.expect("an answer").size()
    }

    /// Every entry.
    pub(crate) async fn entries(&self) -> Vec<Entry> {
        let (mut pages, mut all) = (self.admin.list(Filter::default()), Vec::new());
        while let Some(page) = pages.next().await.expect("an answer") {
            all.extend(page.entries);
        }
        all
    }

    /// What the log was told of sinks.
    pub(crate) async fn told(&self) -> Vec<v1::SinkFailed> {
        let entries = self.entries().await;
        let known = entries.iter().filter_map(|entry| entry.known().ok());
        known
            .filter_map(|known| match known {
                Known::SinkFailed(event) => Some(event),
                _ => None,
            })
            .collect()
    }

    /// Writes a file of sinks, and makes a place for their state beside it.
    pub(crate) fn config(&self, name: &str, sinks: &str) -> PathBuf {
        let path = self.folder().join(format!("{name}.toml"));
        let text = format!("state = \"{name}-state\"\n{sinks}");
        std::fs::write(&path, text).expect("room");
        path
    }

    /// A folder beside the ledger's.
    pub(crate) fn folder(&self) -> PathBuf {
        let data = self.data.path();
        data.parent().expect("a folder").to_owned()
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = countersign(&["sink"]);
        let remember = self.folder().join("remembered.json");
        command
            .args(arguments)
            .args(["--server", &self.server.endpoint.grpc, "--remember"])
            .arg(remember)
            .arg("--identity")
            .arg(&self.auditor);
        command
    }

    pub(crate) fn run(&self, config: &Path) -> Running {
        let mut command = self.command(&["run", text(config)]);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        if std::env::var_os("COUNTERSIGN_TEST_VERBOSE").is_none() {
            command.stderr(Stdio::null());
        }
        Running(command.spawn().expect("the binary starts"))
    }

    /// Runs another command of sinks to its end.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Output {
        let mut command = match arguments {
            // It does not ask the ledger.
            ["status", ..] => countersign(&["sink"]),
            _ => return self.command(arguments).output().expect("the binary starts"),
        };
        command.args(arguments).output().expect("the binary starts")
    }
}

impl Running {
    pub(crate) fn kill(mut self) {
        self.0.kill().expect("it runs");
        self.0.wait().expect("it ran");
    }

    /// Asks for its end; how it ended, and how long that took.
    pub(crate) fn stop(mut self) -> (Option<i32>, Duration) {
        let begin = tokio::time::Instant::now();
        let pid = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw);
        rustix::process::kill_process(pid.expect("a process id"), Signal::TERM).expect("it runs");
        let status = self.0.wait().expect("it ran");
        (status.code(), begin.elapsed())
    }

    pub(crate) fn ended(mut self) -> Option<i32> {
        self.0.wait().expect("it ran").code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// Waits until something holds.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(waited.await.is_ok(), "{what}");
}

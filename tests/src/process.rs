//! The real binary, as a process of its own.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use countersign_ledger::server::run::Endpoint;
use rustix::process::Signal;

/// Path of the `countersign` binary beside this test binary.
///
/// # Panics
/// When it was not built: `cargo build --workspace --bins` does, and `tests/run` does that first.
#[must_use]
pub fn binary() -> PathBuf {
    let me = std::env::current_exe().expect("a running program has a path");
    let folder = me
        .ancestors()
        .find(|path| path.join("countersign").is_file());
    let folder = folder.expect("the binary is not built; run cargo build --workspace --bins first");
    folder.join("countersign")
}

/// A command of the real binary.
#[must_use]
pub fn countersign(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command
        .args(arguments)
        .env_remove("COUNTERSIGN_LOG")
        .env_remove("RUST_LOG")
        // What commands remember of throw-away ledgers has no place in the tester's home.
        .env("XDG_STATE_HOME", binary().with_file_name("state"));
    command
}

/// Runs a command of the real binary to its end.
///
/// # Panics
/// When it cannot be started.
#[must_use]
pub fn run(arguments: &[&str]) -> Output {
    countersign(arguments).output().expect("the binary starts")
}

/// Path of a program that `tests/run` installs and names.
///
/// # Panics
/// When the variable is not set.
#[must_use]
pub fn tool(variable: &str) -> PathBuf {
    let path = std::env::var_os(variable);
    assert!(
        path.is_some(),
        "{variable} is not set: run `tests/run test`, which installs the tool and names it"
    );
    PathBuf::from(path.unwrap_or_default())
}

/// Whether the long form of the tests was asked for: `tests/nightly` does.
#[must_use]
pub fn is_long() -> bool {
    std::env::var_os("COUNTERSIGN_TEST_LONG").is_some_and(|value| value == "1")
}

/// A port that was free a moment ago.
///
/// # Panics
/// When loopback has none.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("a bound socket").port()
}

/// A running `countersign ledger serve`. Dropping it kills it.
#[derive(Debug)]
pub struct Served {
    child: Child,
    /// Where it listens.
    pub endpoint: Endpoint,
    lines: mpsc::Receiver<String>,
}

impl Served {
    /// Starts a server on a data folder and waits until it says that it serves.
    ///
    /// # Errors
    /// What it printed, when it ended instead.
    ///
    /// # Panics
    /// When it cannot be started at all.
    pub fn start(dir: &Path, listen: &str, more: &[&str]) -> Result<Self, String> {
        let mut command = countersign(&[]);
        command.args(["ledger", "serve", "--http", "127.0.0.1:0"]);
        command.args(["--listen", listen]).args(more);
        Self::of(command, dir)
    }

    /// As [`Self::start`], with a file by whose certificates it tells whom it may fetch from.
    ///
    /// # Errors
    /// What it printed, when it ended instead.
    ///
    /// # Panics
    /// When it cannot be started at all.
    pub fn start_trusting(dir: &Path, roots: &Path) -> Result<Self, String> {
        let mut command = countersign(&["ledger", "serve", "--no-http"]);
        command.args(["--listen", "127.0.0.1:0"]);
        command
            .env("SSL_CERT_FILE", roots)
            .env("NO_PROXY", "127.0.0.1");
        Self::of(command, dir)
    }

    /// As [`Self::start`], run by another program, which gets the command line of the server at the
    /// end of its own and ends as the server does.
    ///
    /// # Errors
    /// What was printed, when it ended instead.
    ///
    /// # Panics
    /// When it cannot be started at all.
    pub fn start_by(mut command: Command, dir: &Path, more: &[&str]) -> Result<Self, String> {
        command.arg(binary()).args(["ledger", "serve", "--no-http"]);
        command.args(["--listen", "127.0.0.1:0"]).args(more);
        Self::of(command, dir)
    }

    fn of(mut command: Command, dir: &Path) -> Result<Self, String> {
        let mut child = command
            .arg("--dir")
            .arg(dir)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let stderr = child.stderr.take().expect("it is piped");
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    // Nobody reads any more, but the pipe must not fill up.
                }
            }
        });
        let mut seen = Vec::new();
        while let Ok(line) = lines.recv() {
            let serving = line.contains("serving");
            seen.push(line);
            if serving {
                let endpoint = Endpoint::read(dir).expect("a serving server says where");
                return Ok(Self {
                    child,
                    endpoint,
                    lines,
                });
            }
        }
        drop(child.wait());
        Err(seen.join("\n"))
    }

    /// Process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has printed all of these texts; what it printed until then.
    ///
    /// # Panics
    /// When it does not within a minute.
    #[must_use]
    pub fn says(&self, texts: &[&str]) -> String {
        let mut seen = String::new();
        while !texts.iter().all(|text| seen.contains(text)) {
            let line = self.lines.recv_timeout(Duration::from_secs(60));
            assert!(line.is_ok(), "expected {texts:?} after {seen}");
            seen.push_str(&line.unwrap_or_default());
            seen.push('\n');
        }
        seen
    }

    /// Ends it without a chance to clean up.
    ///
    /// # Panics
    /// When there is no such process any more.
    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ran");
    }

    /// Asks it to stop, and returns how it ended and what it printed.
    ///
    /// # Panics
    /// When there is no such process any more.
    pub fn stop(mut self) -> (ExitStatus, String) {
        let pid = i32::try_from(self.child.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        let pid = pid.expect("a process id");
        rustix::process::kill_process(pid, Signal::TERM).expect("it runs");
        self.wait()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it is silent for two minutes and does not end.
    pub fn wait(&mut self) -> (ExitStatus, String) {
        const PATIENCE: Duration = Duration::from_secs(120);
        let mut lines = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => lines.push(line),
                Err(end) => {
                    assert_eq!(end, RecvTimeoutError::Disconnected, "after {lines:?}");
                    break;
                }
            }
        }
        (self.child.wait().expect("it ran"), lines.join("\n"))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Gone already is as good. Run by another program, the server would outlive that.
        let served = i32::try_from(self.endpoint.pid).ok();
        let served = served.and_then(rustix::process::Pid::from_raw);
        if let (Some(pid), Ok(None)) = (served, self.child.try_wait()) {
            rustix::process::kill_process(pid, Signal::KILL).ok();
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

//! A PostgreSQL cluster of its own, on a free port of loopback and a socket in its folder.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;

use rustix::process::{Pid, Signal, getuid, kill_process};
use tempfile::TempDir;

use crate::process::free_port;

/// Password of the cluster's superuser `postgres`.
pub const PASSWORD: &str = "of-the-test-cluster";
/// Where Debian has one folder with programs for each version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// A running cluster whose users log in with SCRAM. Dropping it ends it and removes its folder.
#[derive(Debug)]
pub struct Postgres {
    server: Child,
    folder: TempDir,
    port: u16,
}

impl Postgres {
    /// Makes a cluster and waits until it takes connections.
    ///
    /// # Panics
    /// When PostgreSQL is not installed (Debian: `postgresql`), or does not start.
    #[must_use]
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        // The server's user has to get in.
        open(folder.path(), 0o755);
        let (data, password) = (folder.path().join("data"), folder.path().join("password"));
        fs::create_dir(&data).expect("room");
        fs::write(&password, PASSWORD).expect("room");
        open(&data, 0o700);
        let sockets = folder.path().join("sockets");
        fs::create_dir(&sockets).expect("room");
        open(&sockets, 0o777);
        if let Some((uid, gid)) = unprivileged() {
            chown(&data, Some(uid), Some(gid)).expect("root may");
        }
        let made = program("initdb")
            .args(["--auth=scram-sha-256", "--username=postgres", "--no-sync"])
            .args(["--encoding=UTF8", "--locale=C", "--pwfile"])
            .arg(&password)
            .arg("--pgdata")
            .arg(&data)
            .output()
            .expect("initdb starts");
        let why = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "initdb: {why}");
        open(&password, 0o600);
        let port = free_port();
        let server = serve(&data, &sockets, port);
        Self {
            server,
            folder,
            port,
        }
    }

    /// Port on 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Folder of the unix socket.
    #[must_use]
    pub fn sockets(&self) -> PathBuf {
        self.folder.path().join("sockets")
    }

    /// File with the password of `postgres`.
    #[must_use]
    pub fn password_file(&self) -> PathBuf {
        self.folder.path().join("password")
    }

    /// `psql` as this user, without a startup file, unaligned, ending at the first error.
    #[must_use]
    pub fn psql(&self, user: &str, password: &str, database: &str) -> Command {
        let mut command = Command::new("psql");
        let port = self.port.to_string();
        command
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"])
            .args(["-h", "127.0.0.1", "-p", &port])
            .args(["-U", user, "-d", database])
            .env("PGPASSWORD", password)
            .env_remove("PGOPTIONS");
        command
    }

    /// Runs SQL as this user.
    ///
    /// # Panics
    /// When there is no `psql`.
    #[must_use]
    pub fn run(&self, (user, password): (&str, &str), database: &str, sql: &str) -> Output {
        let mut command = self.psql(user, password, database);
        command.args(["-c", sql]).output().expect("psql starts")
    }

    /// What SQL that must succeed says to the superuser, without the last line end.
    ///
    /// # Panics
    /// When it does not succeed.
    pub fn admin(&self, database: &str, sql: &str) -> String {
        let output = self.run(("postgres", PASSWORD), database, sql);
        let why = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{sql}: {why}");
        let said = String::from_utf8(output.stdout).expect("text");
        said.trim_end().to_owned()
    }

    /// Ends the server, as an accident does, and starts it again on the same port.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart_after(&mut self, meanwhile: impl FnOnce()) {
        self.end();
        meanwhile();
        let data = self.folder.path().join("data");
        self.server = serve(&data, &self.sockets(), self.port);
    }

    fn end(&mut self) {
        let pid = i32::try_from(self.server.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // Gone already is as good. The signal ends its children too.
            kill_process(pid, Signal::QUIT).ok();
        }
        drop(self.server.wait());
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.end();
    }
}

fn serve(data: &Path, sockets: &Path, port: u16) -> Child {
    let mut server = program("postgres")
        .arg("-D")
        .arg(data)
        .args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"])
        .arg("-c")
        .arg(format!("unix_socket_directories={}", sockets.display()))
        .args(["-c", "fsync=off", "-c", "shared_buffers=16MB"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("postgres starts");
    let stderr = server.stderr.take().expect("it is piped");
    let (sender, ready) = mpsc::channel();
    std::thread::spawn(move || {
        let mut said = Vec::new();
        let mut waiting = Some(sender);
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            let is_ready = line.contains("ready to accept connections");
            if let Some(sender) = waiting.take_if(|_| is_ready) {
                // Whoever waited may have given up.
                sender.send(Ok(())).ok();
            }
            if waiting.is_some() {
                said.push(line);
            }
        }
        if let Some(sender) = waiting {
            sender.send(Err(said.join("\n"))).ok();
        }
    });
    let ready: Result<(), String> = ready.recv().expect("it says something");
    ready.expect("a server that takes connections");
    server
}

/// A program of the server package, run as a user that the server accepts.
fn program(name: &str) -> Command {
    let mut versions: Vec<PathBuf> = fs::read_dir(DEBIAN)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    versions.sort();
    let found = versions
        .iter()
        .rev()
        .map(|version| version.join("bin").join(name))
        .find(|path| path.is_file());
    let mut command = Command::new(found.unwrap_or_else(|| PathBuf::from(name)));
    command.current_dir("/").env_remove("LANG");
    if let Some((uid, gid)) = unprivileged() {
        command.uid(uid).gid(gid);
    }
    command
}

/// The server refuses to be root: then it is `postgres`, or `nobody` where there is no such user.
fn unprivileged() -> Option<(u32, u32)> {
    if !getuid().is_root() {
        return None;
    }
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let ids = passwd.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        match fields.as_slice() {
            ["postgres", _, uid, gid, ..] => Some((uid.parse().ok()?, gid.parse().ok()?)),
            _ => None,
        }
    });
    Some(ids.unwrap_or((65_534, 65_534)))
}

fn open(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
}

//! An OpenSSH server of its own, on a free port of loopback.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};

use parking_lot::Mutex;
use rustix::process::getuid;
use tempfile::TempDir;

use crate::process::free_port;

/// Where Debian has the server; it insists on being started by its full path.
const SSHD: &str = "/usr/sbin/sshd";
/// The server wants this folder when it runs as root, and a package's service makes it.
const EMPTY: &str = "/run/sshd";

/// A running server whose users log in with keys and certificates. Dropping it ends it; what it
/// forked for open connections ends when those do.
#[derive(Debug)]
pub struct Sshd {
    server: Child,
    folder: TempDir,
    port: u16,
    said: Arc<Mutex<Vec<String>>>,
}

impl Sshd {
    /// Starts a server with these lines in its configuration, and waits until it listens.
    ///
    /// # Panics
    /// When OpenSSH is not installed (Debian: `openssh-server`), or does not start.
    #[must_use]
    pub fn start(lines: &[String]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        if getuid().is_root() {
            fs::create_dir_all(EMPTY).expect("root may");
        }
        let host_key = folder.path().join("host_key");
        keygen(&host_key);
        let port = free_port();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nPidFile none\nUsePAM no\n\
             StrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             PermitRootLogin prohibit-password\nLogLevel VERBOSE\n\
             Subsystem sftp internal-sftp\nAuthorizedKeysFile none\n{}\n",
            host_key.display(),
            lines.join("\n")
        );
        fs::write(folder.path().join("sshd_config"), config).expect("room");
        let mut server = Command::new(SSHD)
            .args(["-D", "-e", "-f"])
            .arg(folder.path().join("sshd_config"))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("sshd starts");
        let said = Arc::new(Mutex::new(Vec::new()));
        let stderr = server.stderr.take().expect("it is piped");
        let (sender, listening) = mpsc::channel();
        let kept = Arc::clone(&said);
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let listens = line.contains("Server listening");
                kept.lock().push(line);
                if listens {
                    // Whoever waited may have given up.
                    sender.send(()).ok();
                }
            }
        });
        let listens = listening.recv();
        assert!(listens.is_ok(), "sshd ended: {:?}", said.lock());
        Self {
            server,
            folder,
            port,
            said,
        }
    }

    /// Port on 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Its configuration file.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("sshd_config")
    }

    /// What it wrote to its log until now.
    #[must_use]
    pub fn log(&self) -> String {
        self.said.lock().join("\n")
    }

    /// `ssh` to this server as this user, with nothing but this identity; a certificate lies beside
    /// it as `<identity>-cert.pub`.
    #[must_use]
    pub fn ssh(&self, user: &str, identity: &Path) -> Command {
        let mut command = Command::new("ssh");
        command
            .args(["-F", "none", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR"])
            .args(["-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none"])
            .args(["-o", "StrictHostKeyChecking=no"])
            .args(["-o", "UserKnownHostsFile=/dev/null"])
            .args(["-p", &self.port.to_string(), "-i"])
            .arg(identity)
            .arg(format!("{user}@127.0.0.1"))
            .stdin(Stdio::null());
        command
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

/// Makes an Ed25519 key without a passphrase at this path.
///
/// # Panics
/// When there is no `ssh-keygen`, or no room.
pub fn keygen(path: &Path) {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"])
        .arg(path)
        .status()
        .expect("ssh-keygen starts");
    assert!(made.success(), "no key at {}", path.display());
}

/// Name of the user that this process runs as, whom a server of the same user lets in.
///
/// # Panics
/// When it has none.
#[must_use]
pub fn me() -> String {
    let output = Command::new("id").arg("-un").output().expect("id starts");
    let name = String::from_utf8(output.stdout).expect("text");
    name.trim_end().to_owned()
}

//! Connections that came in with a certificate, found and ended.
//!
//! The note of a connection holds `/proc/<pid>/stat` of the `sshd` process that serves it. A
//! process is that one when it is called so and began at the same tick; a number that was given to
//! another process since is left alone.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::provision::provisioner::Failure;

/// How long a process may take to end when it is asked to.
const POLITE: Duration = Duration::from_millis(300);
/// How long it may take when it is killed; one that cannot end waits for a device.
const PATIENCE: Duration = Duration::from_secs(5);
/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(10);

/// A process, as `/proc/<pid>/stat` tells.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Process {
    pid: i32,
    parent: i32,
    /// Clock ticks after the start of the machine.
    began: u64,
    name: String,
    zombie: bool,
}

impl Process {
    fn parse(stat: &str) -> Option<Self> {
        let (pid, rest) = stat.split_once(" (")?;
        // The name may hold anything, `)` too.
        let (name, rest) = rest.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        Some(Self {
            pid: pid.trim().parse().ok()?,
            zombie: matches!(*fields.first()?, "Z" | "X"),
            parent: fields.get(1)?.parse().ok()?,
            began: fields.get(19)?.parse().ok()?,
            name: name.to_owned(),
        })
    }

    fn read(pid: i32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// All processes that this agent can see.
    fn all() -> Vec<Self> {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter_map(Self::read).collect()
    }

    fn is_alive(&self) -> bool {
        Self::read(self.pid).is_some_and(|now| now.began == self.began && !now.zombie)
    }

    /// `SSH_CONNECTION` in its environment, which everything that a connection started has.
    fn connection(&self) -> Option<Vec<u8>> {
        let environment = fs::read(format!("/proc/{}/environ", self.pid)).ok()?;
        let mut variables = environment.split(|byte| *byte == 0);
        let found = variables.find(|variable| variable.starts_with(b"SSH_CONNECTION="));
        found.map(<[u8]>::to_vec)
    }

    fn signal(&self, signal: Signal) {
        let Some(pid) = Pid::from_raw(self.pid) else {
            return;
        };
        // The handle is of the process that has the number now; it is checked before it is used.
        if let Ok(handle) = pidfd_open(pid, PidfdFlags::empty())
            && self.is_alive()
        {
            // It may end by itself at the same moment.
            pidfd_send_signal(&handle, signal).ok();
        }
    }
}

/// The processes that serve connections with this serial and are alive. Notes of others are
/// removed.
fn noted(folder: &Path, serial: Option<u64>) -> io::Result<Vec<(u64, Process)>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let parts = name.to_str().and_then(|name| name.split_once('.'));
        let Some((of, pid)) =
            parts.and_then(|(of, pid)| Some((of.parse::<u64>().ok()?, pid.parse::<i32>().ok()?)))
        else {
            continue;
        };
        if serial.is_some_and(|serial| serial != of) {
            continue;
        }
        let then = fs::read_to_string(entry.path()).ok();
        // Being written at this moment: it is whole at the next look.
        let Some(then) = then.as_deref().and_then(Process::parse) else {
            continue;
        };
        let is = |process: &Process| {
            process.pid == pid && process.name.starts_with("sshd") && process.is_alive()
        };
        if is(&then) {
            found.push((of, then));
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(found)
}

/// Serials of which there are connections.
pub(super) fn serials(folder: &Path) -> Result<BTreeSet<u64>, Failure> {
    let noted = noted(folder, None).map_err(|error| cannot(folder, &error))?;
    Ok(noted.into_iter().map(|(serial, _)| serial).collect())
}

fn cannot(folder: &Path, error: &io::Error) -> Failure {
    Failure::new(format!("cannot look into {}: {error}", folder.display()))
}

/// Everything that serves or was started by these connections.
fn family(roots: &[Process]) -> Vec<Process> {
    let all = Process::all();
    let mut pids: BTreeSet<i32> = roots.iter().map(|root| root.pid).collect();
    loop {
        let more: Vec<i32> = all
            .iter()
            .filter(|process| pids.contains(&process.parent) && !pids.contains(&process.pid))
            .map(|process| process.pid)
            .collect();
        if more.is_empty() {
            break;
        }
        pids.extend(more);
    }
    let inside = |process: &&Process| pids.contains(&process.pid);
    // What a session left in the background has another parent, and still its environment. That of
    // the roots is that of the server.
    let connections: BTreeSet<Vec<u8>> = all
        .iter()
        .filter(inside)
        .filter(|process| !roots.iter().any(|root| root.pid == process.pid))
        .filter_map(Process::connection)
        .collect();
    let with = |process: &&Process| {
        let connection = process.connection();
        connection.is_some_and(|connection| connections.contains(&connection))
    };
    let family = all
        .iter()
        .filter(|process| inside(process) || with(process));
    family.cloned().collect()
}

/// Ends the connections of a serial; how many there were.
pub(super) async fn end(folder: &Path, serial: u64) -> Result<usize, Failure> {
    let mut ended = BTreeSet::new();
    let all = async {
        loop {
            let roots = noted(folder, Some(serial)).map_err(|error| cannot(folder, &error))?;
            let roots: Vec<Process> = roots.into_iter().map(|(_, root)| root).collect();
            if roots.is_empty() {
                return Ok(());
            }
            ended.extend(roots.iter().map(|root| (root.pid, root.began)));
            let mut family = family(&roots);
            for process in &family {
                process.signal(Signal::TERM);
            }
            let asked = tokio::time::timeout(POLITE, gone(&family)).await;
            if asked.is_err() {
                family.retain(Process::is_alive);
                for process in &family {
                    process.signal(Signal::KILL);
                }
                gone(&family).await;
            }
        }
    };
    match tokio::time::timeout(PATIENCE, all).await {
        Ok(done) => done.map(|()| ended.len()),
        Err(_) => Err(Failure::new(format!(
            "connections with the certificate {serial} did not end within {PATIENCE:?}"
        ))),
    }
}

async fn gone(processes: &[Process]) {
    while processes.iter().any(Process::is_alive) {
        tokio::time::sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "4242 (sshd: a) (b) S 1 4242 4242 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 \
                        987654 1 2 3";

    #[test]
    fn processes_are_read_whatever_they_are_called() {
        let process = Process::parse(STAT).unwrap();
        assert_eq!(
            (process.pid, process.parent, process.began),
            (4_242, 1, 987_654)
        );
        assert_eq!(process.name, "sshd: a) (b");
        for bad in ["", "1", "1 (a)", "x (a) S 1", "1 (a) S 1 2 3"] {
            assert_eq!(Process::parse(bad), None, "{bad}");
        }
        let me = Process::read(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(me.is_alive());
        let before = Process {
            began: me.began - 1,
            ..me
        };
        assert!(!before.is_alive(), "another process with the same number");
    }

    #[tokio::test]
    async fn notes_that_are_no_connections_harm_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let me = std::process::id();
        let stat = fs::read_to_string(format!("/proc/{me}/stat")).unwrap();
        // This process is no sshd; the next never was; the last is no note.
        fs::write(folder.path().join(format!("7.{me}")), stat).unwrap();
        fs::write(folder.path().join("7.4242"), STAT).unwrap();
        fs::write(folder.path().join("README"), "x").unwrap();
        fs::write(folder.path().join("7.1"), "").unwrap();
        assert!(serials(folder.path()).unwrap().is_empty());
        assert_eq!(end(folder.path(), 7).await.unwrap(), 0);
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            2,
            "what is no note stays"
        );
        assert_eq!(end(&folder.path().join("none"), 7).await.unwrap(), 0);
    }
}

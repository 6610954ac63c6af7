//! What an agent says of its spool, in a file beside it, for whoever asks how it is.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Standing;
use crate::agent::Certificate;
use crate::trouble::Trouble;

const STATUS: &str = "status.json";

/// How an agent and its spool are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// Process that wrote this.
    pub pid: u32,
    /// The client, as its certificate names it.
    pub identity: String,
    /// The certificates that were read at the start, of the client and of its provisioners.
    pub certificates: Vec<Certificate>,
    /// Name of the log.
    pub log: String,
    /// When the agent started, in microseconds since 1970.
    pub started_at: u64,
    /// When this was written, in microseconds since 1970.
    pub updated_at: u64,
    /// Items that wait to be sealed.
    pub waiting: u64,
    /// Items that the ledger sealed since the agent started.
    pub sealed: u64,
    /// Bytes that the spool takes.
    pub used_bytes: u64,
    /// Bytes that it may take.
    pub max_bytes: u64,
    /// Items that were lost since the agent started, because the spool was full.
    pub dropped: u64,
    /// Items that cannot be read any more or that the ledger refused, as far as this run knows.
    pub lost: u64,
    /// Whether it is full now.
    pub is_full: bool,
    /// Whether its disk is full now, whatever it may still take.
    pub is_disk_full: bool,
    /// Why the ledger does not take it.
    pub trouble: Option<String>,
    /// Why nothing can be written any more.
    pub failed: Option<String>,
    /// Inputs that cannot read or listen, and access that cannot be removed.
    pub troubles: Vec<Trouble>,
    /// Names of the inputs.
    pub inputs: Vec<String>,
    /// Names of the provisioners.
    pub provisioners: Vec<String>,
}

impl Status {
    /// Takes over how the spool stands; `first` is what was sealed when the agent started.
    pub fn stand(&mut self, standing: &Standing, first: u64) {
        self.waiting = standing.next.saturating_sub(standing.sealed);
        self.sealed = standing.sealed.saturating_sub(first);
        self.used_bytes = standing.used_bytes;
        self.dropped = standing.dropped;
        self.lost = standing.lost;
        self.is_full = standing.is_full;
        self.is_disk_full = standing.is_disk_full;
        self.failed.clone_from(&standing.failed);
    }

    /// Writes it beside the spool.
    ///
    /// # Errors
    /// Whatever the file system reports.
    pub fn write(&self, dir: &Path) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(self).map_err(io::Error::other)?;
        let next = dir.join("status.json.next");
        fs::write(&next, text)?;
        fs::rename(next, dir.join(STATUS))
    }

    /// Reads what was written last, and whether an agent has the spool open.
    ///
    /// # Errors
    /// `NotFound` when there is no spool; whatever else the file system reports.
    pub fn read(dir: &Path) -> io::Result<(Self, bool)> {
        let running = is_open(dir)?;
        let text = match fs::read(dir.join(STATUS)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok((Self::default(), running));
            }
            Err(error) => return Err(error),
        };
        let status = serde_json::from_slice(&text).map_err(|error| {
            let why = format!(
                "{STATUS} is damaged: {error}; a running agent writes it anew within a second, and \
                 without one it can be removed"
            );
            io::Error::other(why)
        })?;
        Ok((status, running))
    }
}

fn is_open(dir: &Path) -> io::Result<bool> {
    match File::open(dir.join("OWNER"))?.try_lock() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_as_it_was_written_and_tells_whether_the_spool_is_open() {
        let dir = tempfile::tempdir().expect("a folder");
        let none = Status::read(dir.path()).expect_err("no spool");
        assert_eq!(none.kind(), io::ErrorKind::NotFound);
        let owner = File::create(dir.path().join("OWNER")).expect("a file");
        let mut status = Status {
            pid: 7,
            trouble: Some("away".to_owned()),
            ..Status::default()
        };
        let standing = Standing {
            next: 10,
            sealed: 6,
            ..Standing::default()
        };
        status.stand(&standing, 2);
        assert_eq!((status.waiting, status.sealed), (4, 4));
        status.write(dir.path()).expect("written");
        let read = Status::read(dir.path()).expect("there");
        assert_eq!(read, (status.clone(), false));
        fs::write(dir.path().join(STATUS), "{").expect("room");
        let damaged = Status::read(dir.path()).expect_err("damaged").to_string();
        assert!(damaged.contains("status.json is damaged"), "{damaged}");
        status.write(dir.path()).expect("written");
        owner.lock().expect("free");
        assert_eq!(Status::read(dir.path()).expect("there"), (status, true));
    }
}

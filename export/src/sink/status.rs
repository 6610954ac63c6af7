//! What a sink says of itself, in a file in its folder, for whoever asks how it is.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::store::Owner;

const FILE: &str = "status.json";

/// How a sink is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// Process that wrote this.
    pub pid: u32,
    /// When it was written, in microseconds since 1970.
    pub updated_at: u64,
    /// Everything below this index was delivered or put aside.
    pub next: u64,
    /// Size of the log, as far as it was seen; nothing when the ledger has not told it yet.
    pub size: Option<u64>,
    /// Seconds that the oldest entry waits which was read and not delivered.
    pub behind_seconds: u64,
    /// Entries that were delivered since the process began.
    pub delivered: u64,
    /// Entries that the receiver refused since then.
    pub refused: u64,
    /// Tries that failed since then.
    pub retries: u64,
    /// What is in the way now.
    pub trouble: Option<String>,
    /// Why the sink has stopped for good.
    pub failed: Option<String>,
}

impl Status {
    /// Entries of the log that the receiver does not have, where the size of the log is known.
    #[must_use]
    pub fn behind(&self) -> Option<u64> {
        self.size.map(|size| size.saturating_sub(self.next))
    }

    /// Writes it. A half-written one cannot be seen; a crash may leave an older one.
    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(self).map_err(io::Error::other)?;
        let next = folder.join("status.next");
        std::fs::write(&next, text)?;
        std::fs::rename(next, folder.join(FILE))
    }

    /// Reads what was written last, and whether a process has the sink.
    ///
    /// # Errors
    /// `NotFound` when the sink has never run; whatever else the file system reports.
    pub fn read(folder: &Path) -> io::Result<(Self, bool)> {
        let running = Owner::is_taken(folder)?;
        let text = match std::fs::read(folder.join(FILE)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok((Self::default(), running));
            }
            Err(error) => return Err(error),
        };
        let status = serde_json::from_slice(&text).map_err(|error| {
            io::Error::other(format!(
                "{FILE} is damaged: {error}; a running sink writes it anew within a second"
            ))
        })?;
        Ok((status, running))
    }
}

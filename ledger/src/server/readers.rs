//! Threads that read: each client has a few, and waits for its own.
//!
//! Without turns, one client's pages through a selective filter would keep every core and every
//! thread busy, and appends would wait for them.

use tonic::Status;

use super::blocking;
use crate::limits::{SHORT_READINGS, SHORT_READINGS_EACH, long_readings};
use crate::shares::Shares;

/// How much is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// An entry or a few, or a proof.
    Short,
    /// Up to a page of what a filter finds in a large log.
    Long,
}

/// Turns at reading. Clones share them.
#[derive(Debug, Clone)]
pub struct Readers {
    short: Shares,
    long: Shares,
}

impl Default for Readers {
    fn default() -> Self {
        Self {
            short: Shares::new(SHORT_READINGS_EACH, SHORT_READINGS),
            long: Shares::new(1, long_readings()),
        }
    }
}

impl Readers {
    /// Runs what waits for a disk on a thread that may wait, when it is this client's turn.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        client: &str,
        reading: Reading,
        work: impl FnOnce() -> Result<T, Status> + Send + 'static,
    ) -> Result<T, Status> {
        let shares = match reading {
            Reading::Short => &self.short,
            Reading::Long => &self.long,
        };
        let turn = shares.take(client, 1).await;
        // The turn ends with the work, also when nobody waits for it any more.
        blocking(move || {
            let done = work();
            drop(turn);
            done
        })
        .await
    }
}

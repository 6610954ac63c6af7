//! Sinks: every sealed entry, in order and at least once, to another system.
//!
//! A sink is a follower of the log with a cursor in a file. It reads a batch, brings it there, and
//! only then moves the cursor; the index of an entry is what a receiver knows a repeated one by.
//! What comes from the log was verified by `client`; nothing here judges it.
//!
//! The way through: [`config`] reads the file, [`serve::Standby`] runs a lane for each sink, a lane
//! takes batches out of its feed and gives them to its sink. What a receiver refuses for good
//! is put aside ([`letters`]); what fails is tried again, and the log is told of it.

mod backoff;
pub mod check;
pub mod clock;
pub mod config;
mod cursor;
mod encoding;
mod feed;
mod file;
mod http;
mod https;
mod lane;
pub mod letters;
mod meter;
mod object;
mod open;
mod otlp;
mod parcel;
mod report;
pub mod resend;
pub mod serve;
mod sign;
mod splunk;
pub mod status;
mod store;
mod syslog;
mod tls;

use std::time::Duration;

pub use self::encoding::Encoding;
pub use self::parcel::Parcel;

/// Where entries are brought.
trait Sink: Send {
    /// Brings entries there, in this order, and returns when it is known what became of them.
    /// Dropping the future leaves it unknown.
    fn deliver(&mut self, parcels: &[Parcel]) -> impl Future<Output = Outcome> + Send;

    /// Goes on where a run before has stopped; `mark` is what the last delivery left.
    ///
    /// # Errors
    /// A sentence, when that cannot be.
    fn resume(&mut self, mark: Option<&str>) -> Result<(), String> {
        let _unused = mark;
        Ok(())
    }

    /// Whether the receiver can be reached, without leaving anything there; what was seen.
    fn probe(&mut self) -> impl Future<Output = Result<String, String>> + Send;

    /// Whether it removes what is old. Then the cursor is stored behind each batch, and
    /// [`Sink::forget`] told.
    fn forgets(&self) -> bool {
        false
    }

    /// The cursor behind all that was delivered is stored: what it does not need may go. May wait
    /// for the disk.
    ///
    /// # Errors
    /// Whatever the file system reports; it is tried again behind the next batch.
    fn forget(&mut self) -> std::io::Result<()> {
        Ok(())
    }

    /// How batches are cut.
    fn cut(&self) -> Cut {
        Cut::Anywhere
    }
}

/// How batches are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// As the limits say.
    Anywhere,
    /// Also where a day ends, in ledger time. Where a batch ends is stored before it is delivered,
    /// so that a run after a crash makes the same batch again.
    Days,
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    /// The receiver has all of it.
    Delivered {
        /// What [`Sink::resume`] gets after a restart; nothing leaves it as it was.
        mark: Option<String>,
    },
    /// The receiver has this many of the first ones; the others are to be tried again.
    Later {
        /// How many.
        delivered: usize,
        /// What is in the way.
        why: String,
        /// The pause that the receiver asks for.
        after: Option<Duration>,
    },
    /// The receiver has this many of the first ones, and refuses what follows for what it holds.
    Refused {
        /// How many.
        delivered: usize,
        /// Which of the others it refuses.
        which: Which,
        /// What it says.
        why: String,
    },
}

/// Which of the entries that were not delivered a receiver refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    /// The first.
    First,
    /// One or some of them; the smaller a batch, the clearer.
    Some,
    /// The receiver has taken some and will not say which: all of them are put aside.
    Unknown,
}

impl Outcome {
    /// Nothing was delivered; it is to be tried again.
    fn later(why: impl Into<String>) -> Self {
        Self::Later {
            delivered: 0,
            why: why.into(),
            after: None,
        }
    }

    /// All of it was delivered.
    const fn done() -> Self {
        Self::Delivered { mark: None }
    }
}

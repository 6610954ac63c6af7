//! Sessions: a command on a terminal of its own, recorded, for as long as a grant holds.
//!
//! [`run`] enters the session at the ledger, starts the command, relays bytes both ways, and hands
//! everything that was shown to an [`Outlet`](crate::outlet::Outlet) as `SessionOutput` items, and
//! the commands that the shell or the client tells as `CommandExecuted` items. When the grant ends,
//! every process of the session is ended within a second.
//!
//! # No access that is not recorded
//!
//! - The session is entered before the command starts; without a ledger, or without a grant that
//!   holds, nothing starts.
//! - Output goes to the recorder first and to the screen then. At most 1 MiB of it is ahead of what
//!   the outlet has taken, and while the outlet takes nothing for 2 s, nothing is shown or typed.
//! - An outlet that fails ends the session.
//! - Nobody can say whether the grant holds: the session goes on for 10 s, then it ends, unless the
//!   grant is break-glass.
//!
//! # Who does what
//!
//! ```text
//! command <-> pseudo-terminal -> output thread -> queue -> recorder thread -> keeper -> Outlet
//!                  ^                  |                  mask, UTF-8, parts
//!                  |                  v
//!             input thread          screen
//! pipe of the shell -> listener -> keeper
//! ```
//!
//! [`run`] itself only waits for what ends a session, and tells the user.

mod commands;
mod cut;
mod ending;
mod grant;
mod keeper;
mod mask;
mod notice;
mod processes;
mod pty;
mod queue;
mod recorder;
mod register;
mod relay;
mod run;
mod screen;
mod terminal;
mod utf8;

use std::ffi::OsString;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use countersign_client::CallError;
use countersign_proto::v1;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::limits::{GRANT_GRACE, WARN_BEFORE};
use crate::outlet::OutletError;

pub use commands::Commands;
pub use grant::{Clock, GrantError, GrantWatch, Granted, Over, Standing, watch_grant};
pub use mask::{Mask, Masks, NoMask};
pub use processes::Strays;
pub use register::{Entered, Register, Use};
pub use run::run;
pub use terminal::Terminal;

/// Whether the keyboard is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keyboard {
    /// When the policy asks for it.
    #[default]
    AsGranted,
    /// In any case.
    Recorded,
}

/// How a session is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Program and arguments; at least the program.
    pub command: Vec<OsString>,
    /// What the ledger calls the program, for example "psql".
    pub client: String,
    /// Where the user comes from.
    pub source_address: String,
    /// Whether what is typed is recorded too.
    pub keyboard: Keyboard,
    /// Whether commands are recorded beside the output.
    pub commands: Commands,
    /// What happens to processes that lose their parent.
    pub strays: Strays,
    /// How long before the end the user is told.
    pub warn_before: Vec<Duration>,
    /// How long the session goes on while nobody can say whether the grant holds.
    pub grace: Duration,
}

impl Options {
    /// Runs this command as the policy wants it, from the address that ssh tells, if it does.
    #[must_use]
    pub fn new(command: Vec<OsString>) -> Self {
        let program = command.first().map(std::path::Path::new);
        let client = program.and_then(|program| program.file_name());
        let client = client.map(|name| name.to_string_lossy().into_owned());
        let from = std::env::var("SSH_CONNECTION").unwrap_or_default();
        Self {
            command,
            client: client.unwrap_or_default(),
            source_address: from.split(' ').next().unwrap_or_default().to_owned(),
            keyboard: Keyboard::default(),
            commands: Commands::default(),
            strays: Strays::default(),
            warn_before: WARN_BEFORE.to_vec(),
            grace: GRANT_GRACE,
        }
    }
}

/// What a session works with.
#[derive(Debug)]
pub struct Parts<R, O> {
    /// Where the session is entered.
    pub register: R,
    /// Where the recording goes.
    pub outlet: O,
    /// The grant that is used.
    pub granted: Granted,
    /// Whether it holds.
    pub standing: watch::Receiver<Standing>,
    /// What takes secrets out.
    pub masks: Arc<dyn Masks>,
    /// The user's side.
    pub terminal: Terminal,
    /// The time of day.
    pub clock: Clock,
    /// Ends the session, as a signal does.
    pub stop: CancellationToken,
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The command ended.
    Exit,
    /// The grant ended.
    Over(Over),
    /// Nobody could say whether the grant holds.
    LedgerAway,
    /// The recorder was asked to end, or the user's terminal is gone.
    Signal,
    /// The recording could not be stored.
    NotRecorded,
}

impl Reason {
    /// As the entry says it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exit => "exit",
            Self::Over(over) => over.name(),
            Self::LedgerAway => "ledger away",
            Self::Signal => "signal",
            Self::NotRecorded => "not recorded",
        }
    }
}

/// A session that is over.
#[derive(Debug)]
pub struct Ended {
    /// Its number.
    pub session: u64,
    /// Why it ended.
    pub reason: Reason,
    /// Exit status of the command; 128 and the number of the signal when one killed it, -1 when it
    /// is not known.
    pub exit_status: i32,
    /// What was recorded.
    pub recording: v1::Recording,
    /// Why the end could not be entered; unset when it was.
    pub unentered: Option<CallError>,
    /// Processes that could not be ended.
    pub left_over: Vec<u32>,
}

/// Why there was no session, or it cannot be vouched for.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// No command.
    #[error("expected a command to run, got none")]
    NoCommand,
    /// The grant does not hold.
    #[error("grant {grant} cannot be used: it is {why}; ask for access anew")]
    NotActive {
        /// The grant.
        grant: u64,
        /// How it ended.
        why: &'static str,
    },
    /// Nobody can say whether the grant holds.
    #[error("grant {0} cannot be used: the ledger does not say whether it holds; try again")]
    Unknown(u64),
    /// The ledger refused it, or is away. Nothing was run.
    #[error("the session was not entered, so nothing was started: {0}")]
    NotEntered(#[source] CallError),
    /// The command could not be started, or the terminal could not be prepared.
    #[error("cannot start {program}: {source}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// The session ended because its recording could not be stored; the ledger was told so.
    #[error("session {session} was ended, because its recording cannot be stored: {source}")]
    Outlet {
        /// The session.
        session: u64,
        /// Why.
        source: OutletError,
    },
    /// The rest of the recording was not stored in time.
    #[error(
        "session {session} is over, and the end of its recording could not be stored within \
         {waited} s: it is lost; see that the disk of its spool has room"
    )]
    Unstored {
        /// The session.
        session: u64,
        /// How long it was waited for, in seconds.
        waited: u64,
    },
    /// Making the recording failed.
    #[error("session {session} was ended, because it cannot be recorded: {source}")]
    Recorder {
        /// The session.
        session: u64,
        /// Why.
        source: io::Error,
    },
}

#[cfg(test)]
mod tests;

//! The agent: inputs, spool and provisioners in one process, and the first and the last entry of a
//! run.

mod config;
mod identity;
mod run;

use countersign_client::Draft;
use countersign_proto::v1;

pub use config::{AgentConfig, SpoolConfig};
pub use identity::{Certificate, IdentityError, certificate_of, identity_of};
pub use run::{AgentError, Setup, check, run};

/// Why an agent stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It was asked to.
    Signal,
    /// There is nothing more to read.
    EndOfInput,
}

/// The entry that begins the run.
pub(crate) fn started(run: &str, sources: Vec<String>) -> Draft {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    Draft::new(&v1::AgentStarted { version, sources }).with_key(format!("a:{run}:started"))
}

/// The entry that ends the run.
pub(crate) fn stopped(run: &str, stop: Stop) -> Draft {
    let reason = match stop {
        Stop::Signal => "signal",
        Stop::EndOfInput => "end of input",
    };
    let stopped = v1::AgentStopped {
        reason: reason.to_owned(),
    };
    Draft::new(&stopped).with_key(format!("a:{run}:stopped"))
}

//! Why an input cannot run.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::input::syslog::Transport;
use crate::input::tls::TlsError;
use crate::limits::{MAX_INPUT_NAME, MAX_INPUTS, MAX_PATH};
use crate::outlet::OutletError;

/// What is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Not a name.
    #[error(
        "expected a `name` of 1 to {MAX_INPUT_NAME} letters, digits, dots, dashes and underscores, \
         got {0:?}"
    )]
    Name(String),
    /// Two inputs have one name.
    #[error("expected each `name` once, got {0:?} twice; it names the place to go on from")]
    Twice(String),
    /// Too many inputs.
    #[error("expected at most {MAX_INPUTS} inputs, got {0}")]
    Inputs(usize),
    /// Not a path.
    #[error("expected an absolute path of at most {MAX_PATH} bytes, got {}", .0.display())]
    Path(PathBuf),
    /// A path that would stand for many files, where one is meant.
    #[error(
        "expected no `*` in {}: only csvlog takes one, and one only, in the name of the file; give \
         each file an input", .0.display()
    )]
    Star(PathBuf),
    /// No place for a socket.
    #[error(
        "something else than a socket is at {}; give another `path`, or take away what is there",
        .0.display()
    )]
    Occupied(PathBuf),
    /// Not a zone.
    #[error("expected an IANA name like Europe/Berlin in `zone`, got {0:?}: {1}")]
    Zone(String, String),
    /// A number out of range.
    #[error("expected {1} to {2} in `{0}`, got {3}")]
    Number(&'static str, usize, usize, usize),
    /// A setting is missing.
    #[error("transport {0} needs `{1}`, got none")]
    Needs(Transport, &'static str),
    /// A setting makes no sense.
    #[error("transport {0} has no use for `{1}`; leave it out")]
    Excess(Transport, &'static str),
    /// A listener for everybody without TLS.
    #[error(
        "{0} is no loopback address, and whoever reaches it could say anything; use TLS, or say \
         `{1} = true`"
    )]
    Plain(SocketAddr, &'static str),
    /// An argument that journalctl would read otherwise.
    #[error("expected {0}, got {1:?}")]
    Argument(&'static str, String),
}

/// Why an input ended. What it handed over is safe; it can be started again.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The configuration makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The outlet takes nothing more.
    #[error(transparent)]
    Outlet(#[from] OutletError),
    /// Certificates or keys are of no use.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// What it reads is not there, or not to be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// File, folder or program.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Nobody can reach the input.
    #[error("cannot listen at {at}: {source}")]
    Listen {
        /// Address or path.
        at: String,
        /// Why.
        source: io::Error,
    },
    /// The place is that of another kind of input.
    #[error(
        "the kept place of input {input} is none of its kind ({why}); give the input another name \
         to begin anew"
    )]
    Place {
        /// Name of the input.
        input: String,
        /// What is wrong with it.
        why: String,
    },
    /// The gRPC server failed.
    #[error("the OTLP server failed: {0}")]
    Serve(String),
    /// A task ended without an answer.
    #[error("a task of the input broke off: {0}")]
    Task(String),
}

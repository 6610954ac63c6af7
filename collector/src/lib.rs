//! Agents near production: what they read, what they record, and the access that they make.
//!
//! **Does:** takes events as JSON lines from standard input ([`emit`]) and follows log files
//! ([`tail`]), straight into a ledger. As an agent, reads the journal, syslog, OTLP, the logs of
//! PostgreSQL and files ([`input`]); runs commands on a terminal whose output it records
//! ([`session`]), and plays, reads and searches such recordings ([`recording`]); takes secrets out
//! before anything is stored ([`redact`]); keeps everything in a queue on disk until the ledger has
//! sealed it ([`spool`]); makes and removes the access that the log grants ([`provision`]).
//! **Does:** takes events as JSON lines from standard input ([`emit`]); follows log files through
//! rotation, truncation and restarts, each line becoming one entry ([`tail`]); reads what is known
//! about a line ([`parse`]); hands everything to a [`Sink`], which is a ledger or, to see what
//! would be sent, a writer. Secrets are taken out before anything is stored ([`redact`]).
//! would be sent, a writer. It makes and removes the access that the log grants ([`provision`]).
//!
//! **Does not:** talk to the ledger itself, or decide what an event means. It never drops an event
//! silently: what cannot be read is reported, and what is known to be missing becomes a `SpoolGap`
//! entry.
//!
//! **Elsewhere:** connections, retries and verification are in `countersign-client`.
//!
//! # Once, whatever happens
//!
//! [`emit`] and [`tail`] give every event an idempotency key that follows from where it was read,
//! not from when, and store the place in the input only up to what the ledger has sealed.
//! Everything that goes through an [`outlet`] has a place in a queue instead, which the ledger
//! remembers for ever. After a crash of either side the same events are sent again, and none is
//! taken twice.

pub mod agent;
pub mod emit;
mod folder;
pub mod input;
pub mod limits;
pub mod outlet;
pub mod parse;
pub mod provision;
pub mod recording;
pub mod redact;
pub mod session;
mod sink;
pub mod spool;
pub mod tail;
pub mod trouble;

pub use sink::{DryRun, LedgerSink, Sink, SinkError};

//! Agents near production: inputs that feed the ledger.
//!
//! **Does:** takes events as JSON lines from standard input ([`emit`]); follows log files through
//! rotation, truncation and restarts, each line becoming one entry ([`tail`]); reads what is known
//! about a line ([`parse`]); hands everything to a [`Sink`], which is a ledger or, to see what
//! would be sent, a writer.
//!
//! **Does not:** talk to the ledger itself, or decide what an event means. It never drops an event
//! silently: what cannot be read is reported, and what is known to be missing becomes a `SpoolGap`
//! entry.
//!
//! **Elsewhere:** connections, retries and verification are in `countersign-client`.
//!
//! # Once, whatever happens
//!
//! Every event has an idempotency key that follows from where it was read, not from when. The place
//! in the input is stored only up to what the ledger has sealed. After a crash of either side the
//! same events are sent again under the same keys, and the ledger answers with the first receipts.

mod agent;
pub mod emit;
pub mod limits;
pub mod outlet;
pub mod parse;
mod sink;
pub mod spool;
pub mod tail;

pub use sink::{DryRun, LedgerSink, Sink, SinkError};

//! How a Rust program talks to a ledger.
//!
//! **Does:** mTLS connections to one or several addresses of a ledger; every call of the log,
//! access, policy, insights and admin services, with deadlines and with retries where a repeat is
//! safe; streams that survive a lost connection; verification of everything that comes back, before
//! the caller sees it; a file that remembers the newest checkpoint, so that a rollback or a fork is
//! noticed and can be proved.
//!
//! **Does not:** read whole logs to judge them, know what an event means, or keep events across a
//! restart of the program.
//!
//! **Elsewhere:** messages, conversions and the table of error reasons are in `countersign-proto`,
//! hashes, signatures and proofs in `countersign-chain`, agents with files and spools in
//! `countersign-collector`, verdicts on whole logs in `countersign-verifier`.
//!
//! # Trust
//!
//! The client trusts one verifier key, pinned by the caller or taken on first use ([`TrustedKey`]).
//! What it returns holds under that key:
//!
//! - an [`Entry`] is the record whose leaf hash is proved to be in the tree of a signed checkpoint,
//!   directly or through the hash chain of the entries after it;
//! - a [`Receipt`] has its leaf hash proved in its signed checkpoint; a [`ReceiptRun`] has a signed
//!   checkpoint that is large enough to cover it, and nobody but the reader of the entries can say
//!   more;
//! - a change of a case or of the policy ([`Changed`], [`PolicyPut`]) has such a run; how the case
//!   or the policy looks is the ledger's word;
//! - a checkpoint extends every sealed checkpoint that this client has remembered.
//!
//! That a filtered list or stream is complete cannot be proved to its reader; `verify` reads the
//! whole log instead.

mod access;
mod admin;
mod append;
mod backoff;
mod call;
mod client;
mod config;
mod draft;
mod endpoints;
mod entry;
mod follow;
mod insights;
mod key;
pub mod limits;
mod list;
mod policy;
mod proofs;
mod receipt;
mod recording;
mod remember;
mod stream;
mod verify;

pub use access::Changed;
pub use admin::Issued;
pub use call::CallError;
pub use client::{Client, ConnectError};
pub use config::{Config, ConfigError, Identity, TrustedKey};
pub use draft::{Draft, Filter, Level};
pub use entry::Entry;
pub use follow::{Follow, Followed};
pub use key::random_key;
pub use list::{Page, Pages};
pub use policy::PolicyPut;
pub use proofs::{ConsistencyProof, InclusionProof};
pub use receipt::{Receipt, ReceiptRun};
pub use recording::{Recorded, RecordingStream};
pub use remember::RememberError;
pub use stream::{Ack, StreamAppender, StreamError, StreamOptions};
pub use verify::VerifyError;

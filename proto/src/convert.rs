//! Between wire messages and domain types: `TryFrom`-like functions in, `From`-like functions out.
//!
//! Both sides of most of these conversions come from other crates, so they are functions.

mod entry;
mod hashes;
mod proof;
mod time;

pub use entry::{EntryError, entry, entry_of, record};
pub use hashes::{HashesError, hash, hash_bytes, hash_list, hash_run, hash_run_bytes, hashes};
pub use proof::{Inclusion, ProofFieldError};
pub use time::{TimeError, check_timestamp, timestamp, unix_micros, unix_micros_ceil};

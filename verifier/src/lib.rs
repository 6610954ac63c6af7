//! Proves to an outsider that nothing in a ledger was changed, removed or forked.
//!
//! **Does:** reads a log from its folder or from a running ledger, checks every frame, record,
//! chain link, root and signature, and everything that was promised about the log elsewhere; names
//! the entry that was changed; replays every access case by the rules of the ledger; collects
//! findings with stable codes (docs/findings.md); writes reports and evidence that stands alone.
//!
//! **Does not:** change a log, believe what a source says about itself, or know rules of its own:
//! the cases are replayed by the code that decides them.
//!
//! **Elsewhere:** formats, hashes and signatures are in `chain`, the meaning of events in `proto`,
//! the rules in `workflow`, connections in `client`, files and their repair in `ledger`.
//!
//! The way through: [`command`] reads arguments and opens a [`source`]; [`check`] chooses the key
//! and walks along the log, window by window; what it finds becomes a [`report`]. [`finding`] lists
//! all codes, [`evidence`] and [`remember`] are what stays.
#![warn(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    clippy::panic_in_result_fn,
    clippy::unreachable,
    clippy::wildcard_enum_match_arm,
    clippy::missing_errors_doc
)]
#![cfg_attr(
    test,
    allow(
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "tests stop at the first surprise"
    )
)]

pub mod bundle;
mod cases;
pub mod check;
pub mod command;
mod copy;
pub mod evidence;
pub mod export;
pub mod finding;
mod locate;
mod look;
mod payload;
mod promise;
pub mod remember;
pub mod report;
mod salvage;
pub mod source;
mod traces;
mod tree;
mod walk;
pub mod window;

pub use walk::Checked;

//! The life of an access case, from the request to its closure, as pure functions.
//!
//! **Does:** `decide` what a command means to the cases that are open, `apply` what was decided,
//! say what is due at a moment, judge by a Cedar policy, replay all of it for whoever verifies, and
//! tell how access went.
//!
//! **Does not:** know a clock, a disk, a network or randomness. Time and what the world looks like
//! (who is on call) come in as values and are recorded in the entries.
//!
//! **Elsewhere:** the ledger's sequencer gives commands their place and time; the verifier replays
//! entries through the same code; messages are in `countersign-proto`.
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

pub mod apply;
pub mod case;
pub mod command;
pub mod decide;
pub mod draft;
pub mod insights;
pub mod limits;
pub mod moment;
pub mod passkey;
pub mod policy;
pub mod refusal;
pub mod rehearsal;
pub mod replay;
pub mod state;
pub mod timer;
pub mod view;
pub mod wire;

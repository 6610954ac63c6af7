//! The log itself: what its bytes mean, how they are chained and signed, and how that is proved.
//!
//! **Does:** records, leaf hashes and the Merkle tree (RFC 6962), keys, signed notes and
//! checkpoints (C2SP), commit frames, segment headers, head slots, proofs, and their verification.
//! docs/format.md is the normative text; the files in `vectors/` are its test.
//!
//! **Does not:** know a clock, a disk, a network or randomness, or what an event says. Bytes and
//! values come in, bytes, values and verdicts go out.
//!
//! **Elsewhere:** files and their durability are in `ledger`, the meaning of events in `proto`,
//! reports on whole logs in `verifier`.
//!
//! From the bottom up: [`hash`], [`index`], [`time`], [`kind`], [`principal`], [`origin`],
//! [`idem`] and [`sequence`] are values; [`record`] is an entry; [`tree`], [`run`], [`edge`] and
//! [`proof`] are the Merkle tree; [`key`] and [`checkpoint`] sign it; [`commit`] writes what
//! [`frame`] reads; [`segment`] and [`head`] hold them in files; [`verify`] ties it together.
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

pub mod checkpoint;
pub mod commit;
pub mod edge;
pub mod frame;
pub mod hash;
pub mod head;
pub mod idem;
pub mod index;
pub mod key;
pub mod kind;
pub mod limits;
mod note;
pub mod origin;
pub mod principal;
pub mod proof;
mod reader;
pub mod record;
pub mod run;
pub mod segment;
pub mod sequence;
pub mod time;
pub mod tlog_proof;
pub mod tree;
pub mod verify;

//! Copies of a log for other systems.
//!
//! **Does:** turns entries into what warehouses, SIEMs and auditors read: a typed Parquet table
//! whose rows can still be proved, OCSF events, lines for syslog; and brings them to sinks as they
//! are sealed.
//!
//! **Does not:** read a log from its folder, or judge one: `verifier` walks along a log, hands the
//! entries over and proves what was written here. It decides nothing about a case.
//!
//! **Elsewhere:** records, hashes and proofs are in `chain`, the words and the JSON of events in
//! `proto::reading`, connections in `client`.
//!
//! The way through: an [`item::Item`] is one entry with what signs it. A
//! [`preset::Preset`] makes rows of them and puts them into files ([`sheet`]): [`native`], those of
//! [`ocsf`], and [`lines`]. A [`manifest`] lists the files of an export. [`sink`] follows a log;
//! [`evidence`] and [`report`] are for people.
#![warn(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    clippy::panic_in_result_fn,
    clippy::unreachable,
    clippy::missing_errors_doc
)]
#![cfg_attr(
    test,
    allow(
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::arithmetic_side_effects,
        reason = "tests stop at the first surprise"
    )
)]

pub mod evidence;
pub mod item;
pub mod limits;
pub mod line;
pub mod lines;
pub mod manifest;
pub mod native;
pub mod ocsf;
pub mod preset;
pub mod report;
pub mod severity;
pub mod sheet;
pub mod sink;
pub mod story;

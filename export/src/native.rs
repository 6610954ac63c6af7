//! The native Parquet file: one flat, typed row for each entry, in order of their indexes, that can
//! be proved from the file alone.
//!
//! Every row holds the record as it was hashed, and the signature of its commit. What else it holds
//! is read out of the record, so that it can be checked against it. Metadata of the file says which
//! entries it holds ([`meta`]). The same entries give the same bytes.
//!
//! Out of each [`crate::item::Item`] [`columns`] read the typed values, [`rows`] make a batch in
//! the shape of [`schema`], and [`writer`] puts batches into a file. [`read`] compares rows that
//! were read from one with the entries that they say they are of.

pub mod cell;
pub mod columns;
pub mod meta;
mod preset;
pub mod read;
pub mod rows;
pub mod schema;
#[cfg(test)]
mod tests;
pub mod writer;

pub use preset::Native;

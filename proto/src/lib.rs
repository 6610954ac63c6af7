//! The wire contract of Countersign.
//!
//! This crate *does* hold the messages, clients and servers generated from
//! `proto/countersign/v1/*.proto` ([`v1`]), the hand-written message that carries an event with its
//! bytes untouched ([`event`]), how events read in words and as JSON ([`reading`]), the one table
//! of error reasons ([`reason`]), and the conversions between wire messages and domain types
//! ([`convert`]).
//!
//! It *does not* decide anything: which role may append which kind, which deadline is too long and
//! what a repeat means is the ledger's business. It opens no connection either.
//!
//! *Where the rest lives*: record format, hashes and proofs in `countersign-chain`; the service in
//! `countersign-ledger`; retries, idempotency and mTLS in `countersign-client`; what each reason
//! means to a person in `docs/errors.md`.
//!
//! `tests/generated.rs` compares the generated code with the `.proto` files and writes it anew.

pub mod convert;
pub mod event;
pub mod reading;
pub mod reason;

/// Messages, clients and servers of the package `countersign.v1`, as generated.
///
/// `countersign.v1.Event` is not among them: it is [`event::Event`], which keeps the bytes of the
/// event as they were received.
#[expect(
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::too_many_lines,
    unused_qualifications,
    reason = "generated code"
)]
pub mod v1 {
    include!("gen/countersign.v1.rs");
}

/// The compiled `.proto` files with what they import, for gRPC server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("gen/descriptor.bin");

//! What the system tests and benchmarks share: the real binary as a process, real servers in this
//! process, clients.
//!
//! **Does:** start and stop the `countersign` binary, PostgreSQL and OpenSSH on loopback, make data
//! folders and identities, connect clients, read what a process uses.
//!
//! **Does not:** assert anything about the product; the tests in `it/` do.
//!
//! **Elsewhere:** the disk that loses power is in `ledger::fs::sim`, vectors are in
//! `chain/vectors`.

pub mod folder;
pub mod pems;
pub mod postgres;
pub mod process;
pub mod raw;
pub mod sshd;
pub mod talk;
pub mod watch;

//! What the system tests and benchmarks share: the real binary as a process, real servers in this
//! process, clients.
//!
//! **Does:** start and stop the `countersign` binary, PostgreSQL and OpenSSH on loopback, make data
//! folders and identities, connect clients, read what a process uses; put people on a stage: a
//! ledger under the starter policy, the bot before it, and Slack, Teams and a browser around that.
//!
//! **Does not:** assert anything about the product; the tests in `it/` do.
//!
//! **Elsewhere:** the disk that loses power is in `ledger::fs::sim`, vectors are in
//! `chain/vectors`.

pub mod browser;
pub mod folder;
pub mod inbox;
pub mod node;
pub mod pems;
pub mod postgres;
pub mod process;
pub mod program;
pub mod random;
pub mod raw;
pub mod samples;
pub mod slack;
pub mod sshd;
pub mod stage;
pub mod talk;
pub mod teams;
pub mod watch;
pub mod wire;

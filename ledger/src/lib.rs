//! The service that keeps logs: one writer per log, durable commits, and the doors through which
//! they are read.
//!
//! **Does:** decide order and time ([`log`]), make commits durable ([`store`] on [`fs`]), keep what
//! is derived ([`tree`], [`projections`]), know who may do what ([`identity`]), serve gRPC and
//! metrics ([`server`]), and open all of it from one data folder ([`node`]).
//!
//! **Does not:** define what bytes mean, or judge a log from outside: it is the one that is judged.
//!
//! **Elsewhere:** the format is in `chain`, the wire contract in `proto`, verification in
//! `verifier`, the command line in `cli`.

pub mod blobs;
pub mod clock;
pub mod filter;
pub mod fs;
pub mod identity;
pub mod limits;
pub mod log;
pub mod node;
pub mod projections;
pub mod server;
mod shares;
pub mod store;
pub mod tree;

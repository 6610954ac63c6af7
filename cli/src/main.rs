//! The one binary of Countersign.
//!
//! **Does:** reads arguments and settings, calls the crates that do the work, prints what came of
//! it, and turns it into an exit code.
//!
//! **Does not:** hold rules of its own about entries, proofs or certificates.
//!
//! **Elsewhere:** the service is in `countersign-ledger`, inputs in `countersign-collector`,
//! verdicts in `countersign-verifier`, calls in `countersign-client`.

mod args;
mod commands;
mod config;
mod connect;
mod exit;
mod files;
mod logging;
mod output;
mod redact;
mod render;
mod span;
mod when;
mod words;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let cli = args::Cli::parse();
    exit::finish(commands::run(cli))
}

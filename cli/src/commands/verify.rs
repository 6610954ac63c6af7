//! `countersign verify`: the verifier, with the connection settings of the other commands behind
//! its flags.

use std::io;
use std::path::PathBuf;

use clap::Args;
use countersign_verifier::command::{self, Verify};

use crate::config::MAIN;
use crate::connect::ConnectArgs;
use crate::exit::Outcome;

/// Check a whole log without trusting its server
///
/// Reads a whole log and checks every frame, record, chain link, root and signature, and every
/// checkpoint that is given or remembered. It does not need the server's help and believes nobody
/// but the verifier key.
///
/// SOURCE is a data folder, the folder of one log, or grpc://host:port. Exit code 0: intact; 1:
/// findings, each with a code that docs/findings.md explains; 2: it could not be checked.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  countersign verify /var/lib/countersign/data --key @ledger.vkey --remember ~/ledger.checkpoint
  countersign verify grpc://ledger.example.com:7443 --identity ./auditor --key @ledger.vkey
  countersign verify ./backup --checkpoint last-year.checkpoint --evidence ./evidence --json")]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    pub(crate) verify: Verify,
    /// File with connection settings [default: countersign.toml, then
    /// ~/.config/countersign/countersign.toml]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

pub(crate) fn run(args: VerifyArgs) -> anyhow::Result<Outcome> {
    let VerifyArgs { mut verify, config } = args;
    let settings = ConnectArgs {
        config,
        ..ConnectArgs::default()
    }
    .settings()?;
    verify.key = verify.key.or(settings.key);
    verify.identity = verify.identity.or(settings.identity);
    if let Some(log) = settings.log.filter(|_| verify.log == MAIN) {
        verify.log = log;
    }
    Ok(Outcome::Code(command::run(&verify, &mut io::stdout())?))
}

//! `countersign policy`: write a policy, check it, put it into force, and read those that were.

mod check;
mod files;
mod put;
mod replay;
mod show;
mod starter;

use std::io::Write;

use clap::Subcommand;

use crate::exit::Outcome;

/// Check a policy, put it into force, show it
///
/// A policy is a folder with access.cedar, which says who may ask for what and who decides, and
/// entities.json, which names people, groups and resources. docs/policy.md explains both.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  countersign policy starter --out ./policy
  countersign policy check ./policy
  countersign policy replay ./policy --since 90d
  countersign policy put ./policy --dir /var/lib/countersign/data
  countersign policy show
  countersign policy list")]
pub(crate) enum PolicyCommand {
    Starter(starter::StarterArgs),
    Check(check::CheckArgs),
    Put(put::PutArgs),
    Replay(replay::ReplayArgs),
    Show(show::ShowArgs),
    List(show::ListArgs),
}

impl PolicyCommand {
    /// Runs one of them.
    pub(crate) async fn run(self, out: &mut dyn Write) -> anyhow::Result<Outcome> {
        match self {
            Self::Starter(args) => starter::run(&args, out),
            Self::Check(args) => check::run(&args, out),
            Self::Put(args) => put::run(args, out).await,
            Self::Replay(args) => replay::run(args, out).await,
            Self::Show(args) => show::run(args, out).await,
            Self::List(args) => show::list(args, out).await,
        }
    }
}

//! `countersign access`: ask for access, decide, use it, give it back, and see where a case stands.

mod ask;
mod check;
mod decide;
mod delegate;
mod feedback;
mod grant;
mod list;
mod me;
mod next;
mod object;
mod page;
mod show;
mod simulate;
mod told;

use std::io::Write;

use clap::{Args, Subcommand};
use countersign_proto::v1;

use crate::connect::ConnectArgs;
use crate::exit::Outcome;

/// Ask for access, decide, use it, give it back
///
/// Every step is an entry of the log, and every number is the index of an entry: a request and its
/// case have that of the request, a grant that of its GrantIssued entry. `countersign show NUMBER`
/// explains each of them.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  countersign access simulate orders-db read-only --for 1h
  countersign access request orders-db read-only --for 1h --reason 'index is broken' --ticket OPS-7
  countersign access list --to-review
  countersign access review 1042 --approve
  countersign access check orders-db
  countersign access finish 1045
  countersign access show 1042

Exit codes: 0 fine, 1 refused, 2 could not.")]
pub(crate) enum AccessCommand {
    Request(ask::RequestArgs),
    BreakGlass(ask::BreakGlassArgs),
    Simulate(simulate::SimulateArgs),
    Review(decide::ReviewArgs),
    RetroReview(decide::RetroReviewArgs),
    Cancel(decide::CancelArgs),
    Extend(grant::ExtendArgs),
    Revoke(grant::RevokeArgs),
    Finish(grant::FinishArgs),
    Feedback(feedback::FeedbackArgs),
    Delegate(delegate::DelegateArgs),
    List(list::ListArgs),
    Show(show::ShowArgs),
    Check(check::CheckArgs),
}

/// How a change is made and told.
#[derive(Debug, Clone, Args)]
pub(crate) struct SayArgs {
    /// Principal for whom a bot speaks, for example user:ada@example.com; only with the role bot
    #[arg(long, value_name = "PRINCIPAL")]
    on_behalf_of: Option<String>,
    /// Text by which a repeat is known, which then changes nothing and tells the first outcome
    #[arg(long, value_name = "TEXT")]
    idempotency_key: Option<String>,
    /// One JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

impl SayArgs {
    /// What every change carries.
    fn call(&self) -> v1::Call {
        v1::Call {
            log: String::new(),
            idempotency_key: self.idempotency_key.clone().unwrap_or_default(),
            on_behalf_of: self.on_behalf_of.clone().unwrap_or_default(),
            evidence: None,
        }
    }
}

/// The number of an entry that something has.
pub(super) fn number() -> clap::builder::RangedU64ValueParser<u64> {
    clap::value_parser!(u64).range(1..)
}

pub(crate) async fn run(command: AccessCommand, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    match command {
        AccessCommand::Request(args) => ask::request(args, out).await,
        AccessCommand::BreakGlass(args) => ask::break_glass(args, out).await,
        AccessCommand::Simulate(args) => simulate::run(args, out).await,
        AccessCommand::Review(args) => decide::review(args, out).await,
        AccessCommand::RetroReview(args) => decide::retro_review(args, out).await,
        AccessCommand::Cancel(args) => decide::cancel(args, out).await,
        AccessCommand::Extend(args) => grant::extend(args, out).await,
        AccessCommand::Revoke(args) => grant::revoke(args, out).await,
        AccessCommand::Finish(args) => grant::finish(args, out).await,
        AccessCommand::Feedback(args) => feedback::run(args, out).await,
        AccessCommand::Delegate(args) => delegate::run(args, out).await,
        AccessCommand::List(args) => list::run(args, out).await,
        AccessCommand::Show(args) => show::run(args, out).await,
        AccessCommand::Check(args) => check::run(args, out).await,
    }
}

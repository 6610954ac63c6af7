//! `access delegate`: a reviewer's place for somebody else, for a time.

use std::io::Write;

use anyhow::Context as _;
use clap::{ArgGroup, Args};
use countersign_chain::time::UnixMicros;
use countersign_ledger::clock::{Clock as _, SystemClock};
use countersign_proto::convert::timestamp;
use countersign_proto::v1;

use super::{SayArgs, told};
use crate::exit::Outcome;
use crate::output::{json_page, printable};
use crate::when::{Ahead, rfc3339};

/// Give one's place as a reviewer to somebody else for a time
///
/// While it lasts, TO may decide where the caller may. Nobody decides on an access of their own
/// that way either.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("end").required(true).args(["until", "take_back"]),
    after_long_help = "\
Examples:
  countersign access delegate emeka --until 2026-08-31 --reason 'on holiday'
  countersign access delegate emeka --take-back"
)]
pub(crate) struct DelegateArgs {
    /// Person as the policy names it, or principal
    #[arg(value_name = "TO")]
    to: String,
    /// Until when: RFC 3339, a date, or how long from now (8h, 14d)
    #[arg(long, value_name = "TIME", value_parser = Ahead::parse)]
    until: Option<Ahead>,
    /// Take the place back now
    #[arg(long, conflicts_with = "from")]
    take_back: bool,
    /// From when, in the same forms; from now on without it
    #[arg(long, value_name = "TIME", value_parser = Ahead::parse)]
    from: Option<Ahead>,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    #[command(flatten)]
    say: SayArgs,
}

pub(super) async fn run(args: DelegateArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let now = SystemClock::new().wall();
    let end = if args.take_back {
        // A time that is past takes the place back, whatever this machine's clock says.
        UnixMicros::EPOCH
    } else {
        let until = args.until.as_ref().context("give --until TIME")?;
        until.resolve(now)?
    };
    let start = args.from.as_ref().map(|from| from.resolve(now));
    let client = args.say.connect.client().await?;
    let request = v1::DelegateRequest {
        call: Some(args.say.call()),
        to: args.to.clone(),
        start: start.transpose()?.map(timestamp),
        end: Some(timestamp(end)),
        reason: args.reason,
    };
    let run = client.delegate(request).await?;
    if args.say.json {
        json_page(out, &told::run_object(&run))?;
        return Ok(Outcome::Fine);
    }
    let to = printable(&args.to);
    let entry = told::entries(&run);
    if args.take_back {
        writeln!(out, "Took the place back from {to} ({entry}).")?;
    } else {
        writeln!(
            out,
            "Gave the place to {to} until {} ({entry}).",
            rfc3339(end)
        )?;
    }
    Ok(Outcome::Fine)
}

//! `access review`, `access retro-review` and `access cancel`: what decides a case.

use std::io::Write;

use clap::{ArgGroup, Args};
use countersign_proto::v1;

use super::{SayArgs, number, told};
use crate::exit::Outcome;

/// Approve or deny
///
/// Decides on a request or an extension. One decision is enough to deny; approvals are counted for
/// one group each, until the policy has all it asks for.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("decision").required(true).args(["approve", "deny"]),
    after_long_help = "\
Examples:
  countersign access review 1042 --approve --group security
  countersign access review 1042 --deny --reason 'wrong database'"
)]
pub(crate) struct ReviewArgs {
    /// Number of the request (the case) or of the extension
    #[arg(value_name = "ID", value_parser = number())]
    id: u64,
    /// Say yes
    #[arg(long)]
    approve: bool,
    /// Say no, with a reason
    #[arg(long, requires = "reason")]
    deny: bool,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Group that it counts for; without it, one that still waits
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    #[command(flatten)]
    say: SayArgs,
}

/// Say afterwards whether a break-glass access was justified
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("verdict").required(true).args(["justified", "not_justified"]),
    after_long_help = "\
Example:
  countersign access retro-review 1042 --justified --reason 'checkout was down'"
)]
pub(crate) struct RetroReviewArgs {
    /// Number of the case
    #[arg(value_name = "ID", value_parser = number())]
    id: u64,
    /// It was
    #[arg(long)]
    justified: bool,
    /// It was not
    #[arg(long)]
    not_justified: bool,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    say: SayArgs,
}

/// Take back a request or an extension of one's own
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example:
  countersign access cancel 1042 --reason 'solved without'")]
pub(crate) struct CancelArgs {
    /// Number of the request (the case) or of the extension
    #[arg(value_name = "ID", value_parser = number())]
    id: u64,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    #[command(flatten)]
    say: SayArgs,
}

pub(super) async fn review(args: ReviewArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let client = args.say.connect.client().await?;
    let (decision, word) = if args.approve {
        (v1::Decision::Approve, "Approved")
    } else {
        (v1::Decision::Deny, "Denied")
    };
    let request = v1::ReviewRequest {
        call: Some(args.say.call()),
        request: args.id,
        decision: decision.into(),
        reason: args.reason.unwrap_or_default(),
        group: args.group.unwrap_or_default(),
    };
    let changed = client.review(request).await?;
    let changed = told::with_case(&client, changed, args.id).await?;
    told::changed(out, &format!("{word} {}", args.id), &changed, args.say.json)?;
    Ok(Outcome::Fine)
}

pub(super) async fn retro_review(
    args: RetroReviewArgs,
    out: &mut dyn Write,
) -> anyhow::Result<Outcome> {
    let client = args.say.connect.client().await?;
    let request = v1::RetroReviewRequest {
        call: Some(args.say.call()),
        request: args.id,
        justified: args.justified,
        reason: args.reason,
    };
    let changed = client.retro_review(request).await?;
    let changed = told::with_case(&client, changed, args.id).await?;
    let not = if args.justified { "" } else { "not " };
    let what = format!("Found the access of case {} {not}justified", args.id);
    told::changed(out, &what, &changed, args.say.json)?;
    Ok(Outcome::Fine)
}

pub(super) async fn cancel(args: CancelArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let client = args.say.connect.client().await?;
    let request = v1::CancelRequestRequest {
        call: Some(args.say.call()),
        request: args.id,
        reason: args.reason,
    };
    let changed = client.cancel_request(request).await?;
    let changed = told::with_case(&client, changed, args.id).await?;
    told::changed(
        out,
        &format!("Took back {}", args.id),
        &changed,
        args.say.json,
    )?;
    Ok(Outcome::Fine)
}

//! `access extend`, `access revoke` and `access finish`: what becomes of a grant.

use std::io::Write;

use clap::Args;
use countersign_proto::v1;

use super::{SayArgs, number, told};
use crate::exit::Outcome;
use crate::span::Span;

/// Ask for more time
///
/// It is reviewed as the request was. `access review` decides on it under the number of the
/// extension.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example:
  countersign access extend 1045 --for 30m --reason 'the index is still being built'")]
pub(crate) struct ExtendArgs {
    /// Number of the grant
    #[arg(value_name = "GRANT", value_parser = number())]
    grant: u64,
    /// How much more time, for example 15m or 1h
    #[arg(long = "for", value_name = "SPAN", value_parser = Span::parse)]
    span: Span,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    say: SayArgs,
}

/// End somebody's access
///
/// It ends at once. Those who may decide on it may end it, and administrators.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example:
  countersign access revoke 1045 --reason 'the incident is over'")]
pub(crate) struct RevokeArgs {
    /// Number of the grant
    #[arg(value_name = "GRANT", value_parser = number())]
    grant: u64,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    say: SayArgs,
}

/// End one's own access early
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example:
  countersign access finish 1045 --reason 'index rebuilt'")]
pub(crate) struct FinishArgs {
    /// Number of the grant
    #[arg(value_name = "GRANT", value_parser = number())]
    grant: u64,
    /// How it went
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    #[command(flatten)]
    say: SayArgs,
}

pub(super) async fn extend(args: ExtendArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let client = args.say.connect.client().await?;
    let request = v1::ExtendGrantRequest {
        call: Some(args.say.call()),
        grant: args.grant,
        duration_seconds: args.span.seconds(),
        reason: args.reason,
    };
    let changed = client.extend_grant(request).await?;
    let changed = told::with_case(&client, changed, args.grant).await?;
    let what = format!("Asked for {} more for grant {}", args.span, args.grant);
    told::changed(out, &what, &changed, args.say.json)?;
    Ok(Outcome::Fine)
}

pub(super) async fn revoke(args: RevokeArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let client = args.say.connect.client().await?;
    let request = v1::RevokeGrantRequest {
        call: Some(args.say.call()),
        grant: args.grant,
        reason: args.reason,
    };
    let changed = client.revoke_grant(request).await?;
    let changed = told::with_case(&client, changed, args.grant).await?;
    told::changed(
        out,
        &format!("Revoked grant {}", args.grant),
        &changed,
        args.say.json,
    )?;
    Ok(Outcome::Fine)
}

pub(super) async fn finish(args: FinishArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let client = args.say.connect.client().await?;
    let request = v1::FinishGrantRequest {
        call: Some(args.say.call()),
        grant: args.grant,
        reason: args.reason,
    };
    let changed = client.finish_grant(request).await?;
    let changed = told::with_case(&client, changed, args.grant).await?;
    told::changed(
        out,
        &format!("Finished grant {}", args.grant),
        &changed,
        args.say.json,
    )?;
    Ok(Outcome::Fine)
}

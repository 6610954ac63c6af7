//! `access check`: whether somebody may use a resource now.

use std::io::Write;

use clap::Args;
use countersign_proto::v1;
use serde_json::json;

use crate::connect::ConnectArgs;
use crate::exit::Outcome;
use crate::output::{json_page, printable};
use countersign_proto::reading::text::wire;

/// Tell whether somebody may use a resource now
///
/// The exit code is 0 when there is a grant, and 1 when there is none: for scripts that give
/// access.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  countersign access check orders-db && psql -h orders-db
  countersign access check orders-db --permission read-write --person ada --json")]
pub(crate) struct CheckArgs {
    /// Resource, as the policy names it
    #[arg(value_name = "RESOURCE")]
    resource: String,
    /// Permission on it; any without it
    #[arg(long, value_name = "PERMISSION", default_value = "")]
    permission: String,
    /// Person or principal; the caller without it
    #[arg(long, value_name = "PERSON", default_value = "")]
    person: String,
    /// One JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: ConnectArgs,
}

pub(super) async fn run(args: CheckArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let client = args.connect.client().await?;
    let request = v1::CheckAccessRequest {
        log: String::new(),
        person: args.person.clone(),
        resource: args.resource.clone(),
        permission: args.permission.clone(),
    };
    let answer = client.check_access(request).await?;
    let until = wire(answer.end.as_ref());
    if args.json {
        let value = json!({
            "allowed": answer.allowed,
            "grant": answer.grant,
            "case": answer.case,
            "permission": answer.permission,
            "end": until,
            "why_not": answer.why_not,
        });
        json_page(out, &value)?;
    } else if answer.allowed {
        writeln!(
            out,
            "Yes: {} on {} until {until}, by grant {} of case {}.",
            printable(&answer.permission),
            printable(&args.resource),
            answer.grant,
            answer.case
        )?;
    } else {
        writeln!(out, "No: {}.", printable(&answer.why_not))?;
    }
    Ok(if answer.allowed {
        Outcome::Fine
    } else {
        Outcome::Found
    })
}

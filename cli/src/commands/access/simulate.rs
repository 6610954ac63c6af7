//! `access simulate`: what would come of a request.

use std::io::Write;

use clap::Args;
use countersign_proto::v1;
use serde_json::json;

use super::ask::WantArgs;
use super::page::{asked, row};
use crate::connect::ConnectArgs;
use crate::exit::Outcome;
use crate::output::{json_page, printable};
use crate::when::Ahead;
use countersign_proto::reading::{groups, obligations};

/// Tell what would come of a request
///
/// Nothing is written. The exit code is 0 when the policy would let it be asked for, and 1 when it
/// would not.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  countersign access simulate orders-db read-write --for 1h
  countersign access simulate orders-db read-write --for 1h --person ada --break-glass")]
pub(crate) struct SimulateArgs {
    #[command(flatten)]
    want: WantArgs,
    /// Why, as it would be said
    #[arg(long, value_name = "TEXT", default_value = "simulated")]
    reason: String,
    /// When it is wanted: RFC 3339, a date, or how long from now
    #[arg(long, value_name = "TIME", value_parser = Ahead::parse)]
    start: Option<Ahead>,
    /// Who would ask: person or principal; the caller without it
    #[arg(long, value_name = "PERSON", default_value = "")]
    person: String,
    /// As break-glass
    #[arg(long, conflicts_with = "start")]
    break_glass: bool,
    /// One JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: ConnectArgs,
}

pub(super) async fn run(args: SimulateArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let client = args.connect.client().await?;
    let request = v1::SimulateRequest {
        log: String::new(),
        person: args.person.clone(),
        ask: Some(args.want.ask(&args.reason, args.start.as_ref())?),
        break_glass: args.break_glass,
    };
    let answer = client.simulate(request).await?;
    if args.json {
        let value = json!({
            "allowed": answer.allowed,
            "why_not": answer.why_not,
            "obligations": obligations(answer.obligations.as_ref()),
            "reviewers": groups(&answer.reviewers),
            "policy": answer.policy,
        });
        json_page(out, &value)?;
    } else {
        page(out, &args.want.text(), &answer)?;
    }
    Ok(if answer.allowed {
        Outcome::Fine
    } else {
        Outcome::Found
    })
}

fn page(out: &mut dyn Write, what: &str, answer: &v1::SimulateResponse) -> std::io::Result<()> {
    if !answer.allowed {
        return writeln!(
            out,
            "No: {what} could not be asked for: {} (policy {}).",
            printable(&answer.why_not),
            answer.policy
        );
    }
    writeln!(
        out,
        "Yes: {what} could be asked for (policy {}).",
        answer.policy
    )?;
    if let Some(obligations) = &answer.obligations {
        row(out, "asks for", &asked(obligations))?;
        row(out, "matched", &obligations.policies.join(", "))?;
    }
    for group in &answer.reviewers {
        let people = match group.people.as_slice() {
            [] => "nobody".to_owned(),
            people => people.join(", "),
        };
        row(out, &printable(&group.group), &people)?;
    }
    Ok(())
}

//! `access show`: a case as it stands, and everything that happened to it.

use std::io::Write;

use clap::Args;
use countersign_client::{Client, Entry, Filter};
use countersign_proto::reason::Reason;
use countersign_proto::v1;
use serde_json::{Value, json};

use super::{next, number, object, page};
use crate::connect::ConnectArgs;
use crate::exit::Outcome;
use crate::output::json_page;
use crate::render;

/// Show a case and everything that happened to it
///
/// Shows where the case stands and its entries in order. ID is the number of the case or of
/// anything that belongs to it: a grant, a review, a session. Roles that may not read entries see
/// their numbers only.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  countersign access show 1042
  countersign access show 1042 --json | jq -r .case.status")]
pub(crate) struct ShowArgs {
    /// Number of the case, or of anything that belongs to it
    #[arg(value_name = "ID", value_parser = number())]
    id: u64,
    /// One JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: ConnectArgs,
}

pub(super) async fn run(args: ShowArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let client = args.connect.client().await?;
    let case = client.case(args.id).await?;
    let entries = timeline(&client, case.id).await?;
    if args.json {
        let timeline = entries
            .as_deref()
            .map(|all| all.iter().map(render::object).collect());
        let timeline: Value = timeline.unwrap_or_default();
        let value = json!({ "case": object::case(&case), "timeline": timeline });
        json_page(out, &value)?;
        return Ok(Outcome::Fine);
    }
    page::case(out, &case)?;
    match &entries {
        Some(entries) => lines(out, &case, entries)?,
        None => numbers(out, &case)?,
    }
    writeln!(out, "\nNext:")?;
    for command in next::commands(&case).into_iter().skip(1) {
        writeln!(out, "  {command}")?;
    }
    let program = crate::words::program();
    writeln!(out, "  {program} show {}", case.id)?;
    Ok(Outcome::Fine)
}

/// The entries of the case; `None` when the caller's role may not read them.
async fn timeline(client: &Client, case: u64) -> anyhow::Result<Option<Vec<Entry>>> {
    let filter = Filter {
        case,
        ..Filter::default()
    };
    let mut pages = client.list(filter);
    let mut all = Vec::new();
    loop {
        match pages.next().await {
            Ok(Some(page)) => all.extend(page.entries),
            Ok(None) => return Ok(Some(all)),
            Err(error) if error.reason() == Some(Reason::RoleNotAllowed) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
}

fn lines(out: &mut dyn Write, case: &v1::Case, entries: &[Entry]) -> anyhow::Result<()> {
    writeln!(out, "\nentries")?;
    for entry in entries {
        writeln!(out, "{}", render::line_of_case(entry))?;
    }
    let shown = entries.last().map_or(0, Entry::index);
    for index in case.entries.iter().filter(|index| **index > shown) {
        writeln!(out, "{index:>8}  (not published to readers yet)")?;
    }
    Ok(())
}

fn numbers(out: &mut dyn Write, case: &v1::Case) -> anyhow::Result<()> {
    let all: Vec<String> = case.entries.iter().map(ToString::to_string).collect();
    writeln!(
        out,
        "  entries    {} (your role does not read entries; an auditor's does)",
        all.join(", ")
    )?;
    Ok(())
}

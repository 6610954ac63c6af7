//! `access list`: cases that are not closed.

use std::io::Write;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use countersign_proto::v1;
use serde_json::{Value, json};

use super::object::{self, STATUSES};
use super::{me, page};
use crate::connect::ConnectArgs;
use crate::exit::Outcome;
use crate::output::{json_page, printable, shorten};
use crate::words::program;

/// Cases that are asked for at once.
const PAGE: u32 = 100;

/// List the cases that are not closed
///
/// Newest first. Conditions are joined by AND. The role user sees the cases in which the caller
/// takes part or could.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  countersign access list --mine
  countersign access list --to-review
  countersign access list --status active --resource orders-db --json | jq -r '.[].person'")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct ListArgs {
    /// Cases of the caller
    #[arg(long, conflicts_with = "requester")]
    mine: bool,
    /// Cases that the caller could decide now
    #[arg(long)]
    to_review: bool,
    /// Cases of this resource
    #[arg(long, value_name = "RESOURCE", default_value = "")]
    resource: String,
    /// Cases of this person or principal
    #[arg(long, value_name = "PERSON", default_value = "")]
    requester: String,
    /// Cases in this state; may be repeated
    #[arg(long, value_name = "STATE", value_parser = states())]
    status: Vec<v1::CaseStatus>,
    /// All of them, which is usual
    #[arg(long, conflicts_with_all = ["mine", "to_review", "resource", "requester", "status"])]
    all: bool,
    /// At most so many
    #[arg(long, short = 'n', value_name = "N", default_value = "500")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    /// A JSON array
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: ConnectArgs,
}

fn states() -> impl TypedValueParser<Value = v1::CaseStatus> {
    PossibleValuesParser::new(STATUSES.map(|(name, _)| name)).try_map(|text| {
        let found = STATUSES.iter().find(|(name, _)| *name == text);
        found.map(|(_, status)| *status).ok_or("no state")
    })
}

pub(super) async fn run(args: ListArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let client = args.connect.client().await?;
    let me = if args.mine || args.to_review {
        me::principal(&args.connect, &client)?
    } else {
        String::new()
    };
    let mut request = v1::ListCasesRequest {
        log: String::new(),
        page_size: PAGE.min(args.limit),
        page_token: String::new(),
        requester: if args.mine {
            me.clone()
        } else {
            args.requester
        },
        reviewer: if args.to_review { me } else { String::new() },
        resource: args.resource,
        statuses: args.status.iter().map(|status| (*status).into()).collect(),
    };
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let mut cases = Vec::new();
    loop {
        let answer = client.cases(request.clone()).await?;
        cases.extend(answer.cases);
        request.page_token = answer.next_page_token;
        if request.page_token.is_empty() || cases.len() >= limit {
            break;
        }
    }
    cases.truncate(limit);
    if args.json {
        let all: Value = cases.iter().map(object::case).collect();
        json_page(out, &json!(all))?;
        return Ok(Outcome::Fine);
    }
    for case in &cases {
        writeln!(out, "{}", line(case))?;
    }
    tail(out, &cases)?;
    Ok(Outcome::Fine)
}

/// What to do with an empty list, or with the first of one.
fn tail(out: &mut dyn Write, cases: &[v1::Case]) -> std::io::Result<()> {
    let program = program();
    match cases.first() {
        None => writeln!(out, "No case is open that matches."),
        Some(case) => writeln!(out, "\nNext:\n  {program} access show {}", case.id),
    }
}

/// A case on one line.
fn line(case: &v1::Case) -> String {
    let what = page::wanted(case);
    let text = format!(
        "{:>8}  {:<24}  {:<36}  {}",
        case.id,
        printable(&case.person),
        printable(&what),
        printable(&case.summary)
    );
    shorten(&text, LINE).into_owned()
}

/// Characters of a line.
const LINE: usize = 160;

//! `countersign insights`: how access went.

mod bars;
mod object;
mod page;
mod report;

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use countersign_client::Client;
use countersign_ledger::clock::{Clock as _, SystemClock};
use countersign_proto::{convert, v1};

use crate::connect::ConnectArgs;
use crate::exit::Outcome;
use crate::files::{self, Access};
use crate::output::{Progress, json_page};
use crate::when::When;
use countersign_chatbot::figures::Insights;
use countersign_chatbot::figures::names::DIMENSIONS;

/// Show how access went: delays, outcomes, open issues
///
/// All figures are read from entries, of the cases that were opened in a period: how long each step
/// took, what came of the cases, which policies never match, what people said, and what waits for
/// somebody now. It takes the role admin or auditor, or a policy that permits the caller
/// read_audit.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  countersign insights
  countersign insights --since 90d --by group --by resource
  countersign insights --since 2026-01-01 --until 2026-02-01 --report january.html
  countersign insights --json | jq .activity.tally")]
pub(crate) struct InsightsArgs {
    /// Cases opened at or after this time: RFC 3339, a date, or how long ago (15m, 2d, 4w); 30 days
    /// before the end without it
    #[arg(long, value_name = "T", value_parser = When::parse)]
    since: Option<When>,
    /// Cases opened before this time, in the same forms
    #[arg(long, value_name = "T", value_parser = When::parse)]
    until: Option<When>,
    /// Tell delays apart by group, policy, resource, weekday or hour; may be repeated
    #[arg(long, value_name = "WHAT", value_parser = dimensions())]
    by: Vec<v1::Dimension>,
    /// Write a page with plots into this new file, which needs nothing else to be read
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    report: Option<PathBuf>,
    /// One JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: ConnectArgs,
}

fn dimensions() -> impl TypedValueParser<Value = v1::Dimension> {
    PossibleValuesParser::new(DIMENSIONS.map(|(name, _)| name)).try_map(|text| {
        let found = DIMENSIONS.iter().find(|(name, _)| *name == text);
        found.map(|(_, by)| *by).ok_or("no dimension")
    })
}

pub(crate) async fn run(args: InsightsArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    if let Some(file) = &args.report {
        files::must_be_free(file)?;
    }
    let client = args.connect.client().await?;
    let now = SystemClock::new().wall();
    let timestamp = |when: &When| convert::timestamp(when.resolve(now));
    let period = v1::Period {
        since: args.since.as_ref().map(timestamp),
        until: args.until.as_ref().map(timestamp),
    };
    let by = match (&args.report, args.by.is_empty()) {
        (Some(_), true) => DIMENSIONS.map(|(_, by)| by).to_vec(),
        (None, true) => vec![v1::Dimension::Group],
        (_, false) => once(args.by),
    };
    let told = ask(&client, period, &by).await?;
    if let Some(file) = &args.report {
        let checkpoint = client.checkpoint().await?;
        let text = report::html(&told, &checkpoint);
        files::write_new(file, text.as_bytes(), Access::Public)
            .with_context(|| format!("cannot write {}", file.display()))?;
        writeln!(out, "Written to {}.", file.display())?;
    } else if args.json {
        json_page(out, &object::insights(&told))?;
    } else {
        page::page(out, &told)?;
    }
    Ok(Outcome::Fine)
}

/// Each value once, in order.
fn once(by: Vec<v1::Dimension>) -> Vec<v1::Dimension> {
    let mut kept = Vec::new();
    for by in by {
        if !kept.contains(&by) {
            kept.push(by);
        }
    }
    kept
}

async fn ask(
    client: &Client,
    period: v1::Period,
    by: &[v1::Dimension],
) -> anyhow::Result<Insights> {
    let mut progress = Progress::new();
    progress.show("the ledger reads its entries: how long it took");
    let delays = client.delays(period, by, "").await?;
    progress.show("the ledger reads its entries: what came of it");
    // The same end, so that both tell of the same cases.
    let period = delays.period.unwrap_or(period);
    let activity = client.activity(period, "").await?;
    progress.show("the ledger looks at open cases");
    let open = client.open_issues("").await?;
    progress.clear();
    Ok(Insights {
        delays,
        activity,
        open,
    })
}

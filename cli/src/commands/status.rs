//! `countersign status`: the state of a running ledger, in its own words.

use std::io::Write;

use clap::Args;
use countersign_proto::v1;
use serde_json::json;

use crate::connect::ConnectArgs;
use crate::exit::Outcome;
use crate::output::{grouped, json_page, printable};

/// Show the state of a running ledger
///
/// Shows version, logs, keys, sizes and room on the disk, as the server tells them. It takes the
/// role admin or auditor.
///
/// "accepted" entries are durable; "sealed" ones are published to readers; "indexed" ones are found
/// by `log` quickly. The exit code is 1 when a log refuses new events because its disk is nearly
/// full.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example:
  countersign status --dir /var/lib/countersign/data")]
pub(crate) struct StatusArgs {
    /// One JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

pub(crate) async fn run(args: StatusArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let client = args.connect.client().await?;
    let status = client.status().await?;
    let disk_low = status.logs.iter().any(|log| log.disk_low);
    if args.json {
        let logs: Vec<_> = status.logs.iter().map(object).collect();
        json_page(out, &json!({ "version": status.version, "logs": logs }))?;
    } else {
        writeln!(out, "countersign {}", printable(&status.version))?;
        for log in &status.logs {
            page(out, log)?;
        }
    }
    Ok(if disk_low {
        Outcome::Found
    } else {
        Outcome::Fine
    })
}

fn object(log: &v1::LogStatus) -> serde_json::Value {
    json!({
        "log": log.log,
        "origin": log.origin,
        "vkey": log.vkey,
        "accepted_size": log.accepted_size,
        "sealed_size": log.sealed_size,
        "projected_size": log.projected_size,
        "disk_low": log.disk_low,
    })
}

fn page(out: &mut dyn Write, log: &v1::LogStatus) -> std::io::Result<()> {
    let disk = if log.disk_low {
        "nearly full: new events are refused; free some space"
    } else {
        "has room"
    };
    writeln!(
        out,
        "\nlog {}\n  origin    {}\n  key       {}\n  accepted  {}\n  \
         sealed    {}\n  indexed   {}\n  disk      {disk}",
        printable(&log.log),
        printable(&log.origin),
        printable(&log.vkey),
        grouped(log.accepted_size),
        grouped(log.sealed_size),
        grouped(log.projected_size),
    )
}

//! `policy replay`: past requests, judged by a policy that was not in force.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use countersign_chain::time::UnixMicros;
use countersign_client::{Client, Entry, Filter};
use countersign_ledger::clock::{Clock as _, SystemClock};
use countersign_workflow::draft::EntryFacts;
use countersign_workflow::policy::{Policy, check};
use countersign_workflow::rehearsal::{self, Difference, Otherwise, Outcome as Came, Rehearsal};
use serde_json::{Value, json};

use super::{check, files};
use crate::connect::ConnectArgs;
use crate::exit::{Outcome, Refused};
use crate::output::{Progress, counted, grouped, json_page, printable};
use crate::when::When;
use crate::words::program;

/// Entries that are asked for at once.
const PAGE: u32 = 1_000;

/// Tell what a policy would have decided otherwise
///
/// Judges past requests by a policy that is not in force, with what their entries recorded: who
/// asked, for what, who was on call, what time it was; and counts the decisions that there were
/// again. Requests that were refused then are no cases, and are not judged again. Nothing is
/// written.
///
/// The exit code is 1 when a request would have been refused, would still wait or would have been
/// granted, and 0 when none would, whatever else it would have been bound to. It takes a role that
/// reads entries: admin or auditor.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  countersign policy replay ./policy
  countersign policy replay ./policy --since 2026-01-01 --json | jq .requests")]
pub(crate) struct ReplayArgs {
    /// Files of the policy, or the folder with them
    #[arg(value_name = "FILE|DIR", required = true)]
    paths: Vec<PathBuf>,
    /// Requests at or after this time: RFC 3339, a date, or how long ago (15m, 2d, 4w)
    #[arg(long, value_name = "T", value_parser = When::parse, default_value = "90d")]
    since: When,
    /// One JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: ConnectArgs,
}

pub(super) async fn run(args: ReplayArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let bundle = files::read(&args.paths)?;
    let report = check(&bundle);
    let policy = match Policy::compile(&bundle) {
        Ok(policy) if report.problems.is_empty() => policy,
        Ok(_) | Err(_) => {
            check::tell(&mut std::io::stderr(), &report)?;
            return Err(Refused("the policy cannot be used; mend it first".into()).into());
        }
    };
    let client = args.connect.client().await?;
    let since = args.since.resolve(SystemClock::new().wall());
    let mut rehearsal = Rehearsal::new(&policy);
    read(&client, since, &mut rehearsal).await?;
    let differences = rehearsal.differences();
    let requests = u64::try_from(rehearsal.requests()).unwrap_or(u64::MAX);
    if args.json {
        let value = json!({
            "requests": requests,
            "differences": differences.iter().map(object).collect::<Value>(),
        });
        json_page(out, &value)?;
    } else {
        page(out, requests, &differences)?;
    }
    let decided = |difference: &Difference| difference.otherwise != Otherwise::Bound;
    Ok(if differences.iter().any(decided) {
        Outcome::Found
    } else {
        Outcome::Fine
    })
}

async fn read(
    client: &Client,
    since: UnixMicros,
    rehearsal: &mut Rehearsal<'_>,
) -> anyhow::Result<()> {
    let filter = Filter {
        kinds: rehearsal::KINDS.to_vec(),
        since: Some(since),
        ..Filter::default()
    };
    let mut progress = Progress::new();
    let mut entries = 0_u64;
    let mut pages = client.list(filter).page_size(PAGE);
    while let Some(page) = pages.next().await? {
        for entry in &page.entries {
            see(entry, rehearsal)?;
            entries = entries.saturating_add(1);
        }
        let requests = rehearsal.requests();
        progress.show(&format!(
            "{} entries read, {requests} requests",
            grouped(entries)
        ));
    }
    progress.clear();
    Ok(())
}

fn see(entry: &Entry, rehearsal: &mut Rehearsal<'_>) -> anyhow::Result<()> {
    let event = entry.known();
    let event = event.with_context(|| format!("entry {} cannot be read", entry.index()))?;
    let facts = EntryFacts {
        index: entry.index(),
        time: entry.time(),
        case: entry.case(),
        actor: entry.actor(),
        via: entry.via(),
    };
    rehearsal.see(&facts, &event);
    Ok(())
}

/// How it would have gone, for programs and for people.
const fn otherwise(otherwise: Otherwise) -> (&'static str, &'static str) {
    match otherwise {
        Otherwise::Refused => ("refused", "would have been refused"),
        Otherwise::Waits => ("waits", "would still wait"),
        Otherwise::Granted => ("granted", "would have been granted"),
        Otherwise::Bound => ("bound", "would have been bound otherwise"),
    }
}

const fn came(came: Came) -> &'static str {
    match came {
        Came::Granted => "granted",
        Came::Denied => "denied",
        Came::Undecided => "not decided",
    }
}

fn page(out: &mut dyn Write, requests: u64, differences: &[Difference]) -> std::io::Result<()> {
    for difference in differences {
        let how = if difference.break_glass {
            "break-glass"
        } else {
            "request"
        };
        let Difference {
            case,
            person,
            resource,
            permission,
            ..
        } = difference;
        let what = format!("{person}, {permission} on {resource}");
        writeln!(
            out,
            "{how} {case} of {}: was {}, {}",
            printable(&what),
            came(difference.outcome),
            otherwise(difference.otherwise).1,
        )?;
        for change in &difference.changes {
            writeln!(out, "    {}", printable(change))?;
        }
    }
    let number = |kind: Otherwise| {
        let of_kind = differences.iter().filter(|found| found.otherwise == kind);
        u64::try_from(of_kind.count()).unwrap_or(u64::MAX)
    };
    let (refused, waits) = (number(Otherwise::Refused), number(Otherwise::Waits));
    let (granted, bound) = (number(Otherwise::Granted), number(Otherwise::Bound));
    let same = requests.saturating_sub(refused + waits + granted + bound);
    writeln!(
        out,
        "{} judged again: {refused} would have been refused, {waits} would still wait, {granted} \
         would have been granted, {bound} would have been bound otherwise, {same} as before.",
        counted(requests, "request", "requests")
    )?;
    if let Some(first) = differences.first() {
        writeln!(out, "\nNext:\n  {} access show {}", program(), first.case)?;
    }
    Ok(())
}

fn object(difference: &Difference) -> Value {
    json!({
        "case": difference.case,
        "person": difference.person,
        "resource": difference.resource,
        "permission": difference.permission,
        "break_glass": difference.break_glass,
        "was": came(difference.outcome),
        "otherwise": otherwise(difference.otherwise).0,
        "changes": difference.changes,
    })
}

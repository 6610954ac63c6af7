//! `countersign report`: a period for auditors.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use countersign_chain::hash::digest;
use countersign_chain::time::UnixMicros;
use countersign_client::{Client, Draft, Entry, Filter, Level};
use countersign_export::report::{Act, Report, is_of_log, kinds};
use countersign_export::story::{Exception, Story, Told};
use countersign_ledger::clock::{Clock as _, SystemClock};
use countersign_proto::event::Known;
use countersign_proto::reading::summary_of;
use countersign_proto::{convert, v1};

use crate::connect::ConnectArgs;
use crate::exit::Outcome;
use crate::files::{self, Access};
use crate::output::{Progress, counted, grouped};
use crate::when::When;

/// Digits of the report's digest in an idempotency key.
const KEY_DIGITS: usize = 40;

/// Write a report of a period for auditors
///
/// Who accessed what, when, why and by whose leave; what was refused; what stands out; what was
/// done to the log itself; and with which controls of PCI DSS, SOC 2, ISO 27001, HIPAA and NIST
/// that may help. All of it is read out of verified entries. Making a report is an entry of the
/// log. It takes the role auditor or admin.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  countersign report --from 2026-01-01 --to 2026-04-01 --out q1.html
  countersign report --from 30d --json | jq .counts")]
pub(crate) struct ReportArgs {
    /// From when: RFC 3339, a date, or how long ago (15m, 2d, 4w)
    #[arg(long, value_name = "T", value_parser = When::parse)]
    from: When,
    /// Until when, in the same forms; now without it
    #[arg(long, value_name = "T", value_parser = When::parse)]
    to: Option<When>,
    /// Write a page into this new file, which needs nothing else to be read or printed
    #[arg(long, short, value_name = "FILE", required_unless_present = "json")]
    out: Option<PathBuf>,
    /// One JSON object, instead of the page
    #[arg(long, conflicts_with = "out")]
    json: bool,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// Entries of a case by their index.
type Cases = BTreeMap<u64, BTreeMap<u64, (UnixMicros, Known)>>;

pub(crate) async fn run(args: ReportArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    if let Some(file) = &args.out {
        files::must_be_free(file)?;
    }
    let now = SystemClock::new().wall();
    let since = args.from.resolve(now);
    let until = args.to.as_ref().map_or(now, |to| to.resolve(now));
    anyhow::ensure!(since < until, "--from must be before --to");
    let client = args.connect.client().await?;
    let report = read(&client, since, until).await?;
    let counts = report.counts();
    let bytes = match args.json {
        true => {
            let mut bytes = serde_json::to_vec_pretty(&report.json())?;
            bytes.push(b'\n');
            bytes
        }
        false => report.html().into_bytes(),
    };
    let Some(file) = &args.out else {
        record(&client, &report, &bytes).await?;
        out.write_all(&bytes)?;
        return Ok(Outcome::Fine);
    };
    // A report that cannot be written is none that the log need tell of, and one that the log does
    // not tell of is none.
    files::write_new(file, &bytes, Access::Public)?;
    let recorded = record(&client, &report, &bytes).await;
    let index = recorded.inspect_err(|_error| {
        std::fs::remove_file(file).ok();
    })?;
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    writeln!(
        out,
        "Wrote {}: {}, {} with access, {}.\n\
         The log says who made it in entry {index}.",
        file.display(),
        counted(number(counts.cases), "case", "cases"),
        grouped(number(counts.granted)),
        counted(
            number(counts.exceptions),
            "thing that stands out",
            "things that stand out"
        ),
    )?;
    Ok(Outcome::Fine)
}

/// Reads the period, and what came before of cases that go on in it.
async fn read(client: &Client, since: UnixMicros, until: UnixMicros) -> anyhow::Result<Report> {
    let checkpoint = client.checkpoint().await?;
    let mut progress = Progress::new();
    let mut cases = Cases::new();
    let mut others = Others::default();
    let mut seen = 0_u64;
    let filter = Filter {
        since: Some(since),
        until: Some(until),
        kinds: kinds(),
        ..Filter::default()
    };
    let mut pages = client.list(filter);
    while let Some(page) = pages.next().await? {
        for entry in &page.entries {
            take(entry, &mut cases, &mut others);
        }
        seen = seen.saturating_add(u64::try_from(page.entries.len()).unwrap_or(u64::MAX));
        progress.show(&format!("entries of the period: {}", grouped(seen)));
    }
    let before: BTreeSet<u64> = cases
        .iter()
        .filter(|(case, entries)| !entries.contains_key(case))
        .map(|(case, _)| *case)
        .collect();
    for (done, case) in before.iter().enumerate() {
        progress.show(&format!("older cases: {done} of {}", before.len()));
        let filter = Filter {
            case: *case,
            until: Some(since),
            ..Filter::default()
        };
        let mut pages = client.list(filter);
        while let Some(page) = pages.next().await? {
            let mut unused = Others::default();
            for entry in &page.entries {
                take(entry, &mut cases, &mut unused);
            }
        }
    }
    progress.clear();
    let told = cases.iter().map(|(case, entries)| {
        let told = entries.iter().map(|(index, (time, event))| Told {
            index: *index,
            time: *time,
            event,
        });
        Story::of(*case, told)
    });
    Ok(Report {
        since,
        until,
        cases: told.collect(),
        log: others.log,
        exceptions: others.exceptions,
        checkpoint,
    })
}

/// What is told besides cases.
#[derive(Debug, Default)]
struct Others {
    log: Vec<Act>,
    exceptions: Vec<Exception>,
}

fn take(entry: &Entry, cases: &mut Cases, others: &mut Others) {
    // Kinds that this version does not know tell a reader nothing.
    let Ok(event) = entry.known() else {
        return;
    };
    if is_of_log(&event) {
        others.log.push(Act {
            index: entry.index(),
            at: entry.time(),
            name: event.name(),
            actor: entry.actor().to_owned(),
            words: summary_of(Ok(&event)),
        });
    }
    if entry.case() > 0 {
        let of_case = cases.entry(entry.case()).or_default();
        of_case.insert(entry.index(), (entry.time(), event));
    } else {
        others.exceptions.extend(Exception::of(Told {
            index: entry.index(),
            time: entry.time(),
            event: &event,
        }));
    }
}

async fn record(client: &Client, report: &Report, bytes: &[u8]) -> anyhow::Result<u64> {
    let sha256 = digest(bytes);
    let event = v1::ReportCreated {
        report: "period".to_owned(),
        about: 0,
        since: Some(convert::timestamp(report.since)),
        until: Some(convert::timestamp(report.until)),
        sha256: sha256.as_bytes().to_vec().into(),
        bytes: u64::try_from(bytes.len())?,
    };
    let digits: String = sha256.to_string().chars().take(KEY_DIGITS).collect();
    let draft = Draft::new(&event).with_key(format!("report-{digits}"));
    let receipt = client.append(draft, Level::Sealed).await.context(
        "the log could not record the report; making one needs the role auditor or admin",
    )?;
    Ok(receipt.index)
}

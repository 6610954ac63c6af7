//! `countersign sink status`: how far each sink is, and what is in the way.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use countersign_chain::time::UnixMicros;
use countersign_export::sink::config::Config;
use countersign_export::sink::letters::Letters;
use countersign_export::sink::status::Status;
use countersign_proto::reading::text::rfc3339;
use serde_json::{Value, json};

use crate::exit::Outcome;
use crate::output::{counted, grouped, json_page, printable};

/// Show how far each sink is
///
/// Shows how far each sink is behind, what it has brought since its process began, what is in the
/// way, and how many entries are put aside. The ledger is not asked. The exit code is 1 when a sink
/// does not run, has trouble, or has put entries aside.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  countersign sink status /etc/countersign-sinks/sinks.toml
  countersign sink status sinks.toml --json")]
pub(crate) struct StatusArgs {
    /// Settings of the sinks, in TOML
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// One JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// One sink as it is shown.
struct Row {
    name: String,
    status: Status,
    running: bool,
    aside: usize,
}

impl Row {
    const fn is_well(&self) -> bool {
        let trouble = self.status.trouble.is_some() || self.status.failed.is_some();
        self.running && !trouble && self.aside == 0
    }
}

pub(super) fn run(args: &StatusArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let config = Config::outline(&args.file)?;
    let mut rows = Vec::new();
    for sink in &config.sink {
        let folder = config.folder(sink);
        let named = || format!("cannot read the state of sink {}", sink.name);
        let (status, running) = match Status::read(&folder) {
            // It has never run.
            Err(error) if error.kind() == io::ErrorKind::NotFound => (Status::default(), false),
            read => read.with_context(named)?,
        };
        rows.push(Row {
            name: sink.name.clone(),
            status,
            running,
            aside: Letters::new(&folder).read().with_context(named)?.len(),
        });
    }
    if args.json {
        json_page(out, &rows.iter().map(object).collect())?;
    } else {
        for row in &rows {
            line(out, row)?;
        }
    }
    let well = rows.iter().all(Row::is_well);
    Ok(if well { Outcome::Fine } else { Outcome::Found })
}

fn time(micros: u64) -> String {
    UnixMicros::new(micros).map_or_else(|_| String::new(), rfc3339)
}

fn object(row: &Row) -> Value {
    let status = &row.status;
    json!({
        "sink": row.name,
        "running": row.running,
        "pid": status.pid,
        "updated_at": time(status.updated_at),
        "next": status.next,
        "size": status.size,
        "behind_entries": status.behind(),
        "behind_seconds": status.behind_seconds,
        "delivered": status.delivered,
        "refused": status.refused,
        "retries": status.retries,
        "put_aside": row.aside,
        "trouble": status.trouble,
        "failed": status.failed,
    })
}

fn line(out: &mut dyn Write, row: &Row) -> io::Result<()> {
    let status = &row.status;
    let state = match (row.running, status.updated_at) {
        (true, _) => "runs".to_owned(),
        (false, 0) => "has never run".to_owned(),
        (false, seen) => format!("does not run, last seen {}", time(seen)),
    };
    let behind = match status.behind() {
        Some(behind) => format!("{} behind", counted(behind, "entry", "entries")),
        None => "size of the log not known yet".to_owned(),
    };
    let next = grouped(status.next);
    writeln!(out, "{:<20}  {state}; next {next}, {behind}", row.name)?;
    for (word, text) in [("FAILS", &status.trouble), ("STOPPED", &status.failed)] {
        if let Some(text) = text {
            writeln!(out, "{:<20}  {word}  {}", "", printable(text))?;
        }
    }
    if row.aside > 0 {
        let aside = u64::try_from(row.aside).unwrap_or(u64::MAX);
        let aside = counted(aside, "entry", "entries");
        let name = &row.name;
        writeln!(
            out,
            "{:<20}  {aside} put aside; countersign sink dead-letters FILE {name} lists them",
            ""
        )?;
    }
    Ok(())
}

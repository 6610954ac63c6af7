//! `countersign sink dead-letters`: what receivers refuse for good.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use countersign_export::sink::config::{Config, SinkConfig};
use countersign_export::sink::letters::Letters;
use countersign_export::sink::resend::resend;
use serde_json::Value;

use super::{clock, read};
use crate::connect::ConnectArgs;
use crate::exit::Outcome;
use crate::output::{counted, json_line, printable};

/// List what a sink has put aside, or send it again
///
/// Lists the entries that the receiver of a sink refuses for good, with what it said. With --retry,
/// each of them is read from the ledger and sent again, alone; what the receiver takes now leaves
/// the list. The sink may run meanwhile. The exit code is 1 while something is put aside.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  countersign sink dead-letters sinks.toml siem
  countersign sink dead-letters sinks.toml siem --json | jq .reason
  countersign sink dead-letters sinks.toml siem --retry")]
pub(crate) struct LettersArgs {
    /// Settings of the sinks, in TOML
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Name of the sink
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Send them again
    #[arg(long, conflicts_with = "json")]
    pub(crate) retry: bool,
    /// One JSON object a line, with the entry
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

pub(super) async fn run(args: LettersArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    if args.retry {
        return again(args, out).await;
    }
    let config = Config::outline(&args.file)?;
    let sink = find(&config, &args.name)?;
    let folder = config.folder(sink);
    let letters = Letters::new(&folder).read();
    let letters = letters.with_context(|| format!("cannot read {}", folder.display()))?;
    for letter in letters.values() {
        if args.json {
            json_line(out, &serde_json::to_value(letter)?)?;
            continue;
        }
        let word = |name: &str| letter.entry.get(name).and_then(Value::as_str);
        let (time, kind) = (word("time"), word("name"));
        writeln!(
            out,
            "{:>8}  {}  {:<19}  {}",
            letter.index,
            printable(time.unwrap_or_default()),
            printable(kind.unwrap_or_default()),
            printable(&letter.reason)
        )?;
    }
    if letters.is_empty() && !args.json {
        writeln!(out, "Nothing is put aside.")?;
    }
    Ok(if letters.is_empty() {
        Outcome::Fine
    } else {
        Outcome::Found
    })
}

fn find<'a>(config: &'a Config, name: &str) -> anyhow::Result<&'a SinkConfig> {
    config
        .sink
        .iter()
        .find(|sink| sink.name == name)
        .with_context(|| {
            let names: Vec<&str> = config.sink.iter().map(|sink| sink.name.as_str()).collect();
            format!(
                "there is no sink {name:?} in the file, which has {}",
                names.join(", ")
            )
        })
}

async fn again(args: LettersArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let config = read(&args.file)?;
    let sink = find(&config, &args.name)?;
    let client = args.connect.client().await?;
    let resent = resend(&client, &config, sink, &clock()).await?;
    for (index, why) in &resent.refused {
        writeln!(out, "{index:>8}  refused again: {}", printable(why))?;
    }
    let taken = u64::try_from(resent.delivered.len()).unwrap_or(u64::MAX);
    let taken = counted(taken, "entry", "entries");
    writeln!(out, "The receiver has taken {taken} that were put aside.")?;
    Ok(if resent.refused.is_empty() {
        Outcome::Fine
    } else {
        Outcome::Found
    })
}

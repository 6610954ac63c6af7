//! `countersign log`: lists entries, and follows the log.

use std::io::Write;

use anyhow::Context as _;
use clap::Args;
use countersign_client::{Client, Entry, Filter, Follow};
use countersign_ledger::clock::{Clock as _, SystemClock};

use super::serve::stop_signal;
use crate::connect::ConnectArgs;
use crate::exit::Outcome;
use crate::output::json_line;
use crate::render;
use crate::when::When;
use countersign_proto::reading;

/// Entries that are asked for at once.
const PAGE: u32 = 500;

/// List entries
///
/// Lists entries in order of their index. Conditions are joined by AND. Every entry is checked
/// against the log's signature before it is shown; that a list under conditions is complete, only
/// `verify` can tell.
///
/// With --json, each line is one entry as a JSON object.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  countersign log --last 20
  countersign log --since 1h --kind ExternalEvent
  countersign log --actor agent:db-prod-1 --json | jq .event.raw
  countersign log --follow")]
pub(crate) struct LogArgs {
    /// Go on with each new entry until interrupted
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// Entries of the case that this entry opened
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) case: Option<u64>,
    /// Entries by or through this principal, for example agent:db-prod-1
    #[arg(long, value_name = "A")]
    pub(crate) actor: Option<String>,
    /// Entries of this kind, by name or number; may be repeated
    #[arg(long, value_name = "K", value_parser = reading::parse_kind)]
    pub(crate) kind: Vec<u16>,
    /// Entries at or after this time: RFC 3339, a date, or how long ago (15m, 1h30m, 2d)
    #[arg(long, value_name = "T", value_parser = When::parse)]
    pub(crate) since: Option<When>,
    /// Entries before this time, in the same forms
    #[arg(long, value_name = "T", value_parser = When::parse)]
    pub(crate) until: Option<When>,
    /// Begin with the newest N entries; other conditions choose among them
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) last: Option<u64>,
    /// At most so many entries
    #[arg(long, short = 'n', value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

impl LogArgs {
    fn filter(&self) -> Filter {
        let now = SystemClock::new().wall();
        let time = |when: &Option<When>| when.as_ref().map(|when| when.resolve(now));
        Filter {
            case: self.case.unwrap_or(0),
            actor: self.actor.clone().unwrap_or_default(),
            kinds: self.kind.clone(),
            since: time(&self.since),
            until: time(&self.until),
        }
    }
}

pub(crate) async fn run(args: LogArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let client = args.connect.client().await?;
    let mut printer = Printer {
        out,
        json: args.json,
        left: args.limit.unwrap_or(u64::MAX),
    };
    let size = match args.last {
        Some(_) => client.checkpoint().await?.size(),
        None => 0,
    };
    let from = args.last.map(|last| size.saturating_sub(last));
    if args.follow {
        let stop = stop_signal()?;
        let follow = client.follow(from.unwrap_or(0), args.filter());
        tokio::select! {
            followed = print_until(follow, u64::MAX, &mut printer) => followed?,
            _ = stop => {}
        }
    } else if let Some(from) = from {
        print_until(client.follow(from, args.filter()), size, &mut printer).await?;
    } else {
        list(&client, args.filter(), &mut printer).await?;
    }
    Ok(Outcome::Fine)
}

async fn list(client: &Client, filter: Filter, printer: &mut Printer<'_>) -> anyhow::Result<()> {
    let size = u32::try_from(printer.left).unwrap_or(PAGE).min(PAGE);
    let mut pages = client.list(filter).page_size(size);
    while let Some(page) = pages.next().await? {
        printer.print(&page.entries)?;
        if printer.left == 0 {
            break;
        }
    }
    Ok(())
}

/// Prints what comes until this index is reached, or there are enough.
async fn print_until(
    mut follow: Follow,
    end: u64,
    printer: &mut Printer<'_>,
) -> anyhow::Result<()> {
    let mut next = 0;
    while printer.left > 0 && next < end {
        let part = follow
            .next()
            .await
            .context("the ledger ended the stream; start again")??;
        let before = part.entries.partition_point(|entry| entry.index() < end);
        printer.print(part.entries.get(..before).unwrap_or_default())?;
        next = part.next_index;
    }
    Ok(())
}

/// Prints entries until there are enough.
struct Printer<'a> {
    out: &'a mut dyn Write,
    json: bool,
    left: u64,
}

impl Printer<'_> {
    fn print(&mut self, entries: &[Entry]) -> std::io::Result<()> {
        for entry in entries {
            if self.left == 0 {
                break;
            }
            self.left -= 1;
            if self.json {
                json_line(self.out, &render::object(entry))?;
            } else {
                writeln!(self.out, "{}", render::line(entry))?;
            }
        }
        self.out.flush()
    }
}

//! `countersign collector`: events from standard input and files into a ledger.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use countersign_client::StreamOptions;
use countersign_collector::emit::{self, OnBadLine};
use countersign_collector::{DryRun, LedgerSink};
use tokio::io::{AsyncBufRead, BufReader};
use tokio_util::sync::CancellationToken;

use super::serve::stop_signal;
use crate::connect::ConnectArgs;
use crate::exit::Outcome;
use crate::output::{Progress, counted, grouped, printable};

/// Send events into a ledger
#[derive(Debug, Subcommand)]
pub(crate) enum CollectorCommand {
    Emit(EmitArgs),
    Tail(super::tail::TailArgs),
}

/// What to do with a line that is no event.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum BadLine {
    /// Report it and go on
    Skip,
    /// End with exit code 1, after everything before it is sealed
    Stop,
    /// Report it, and send it as it is with the reason
    Record,
}

/// Send events that come as JSON lines
///
/// Sends events that come as JSON lines, one object each, and returns when all of them are sealed.
///
/// A line says "raw" (text) or "fields" (an object of texts) or both, and may say "source",
/// "position", "observed_at" (RFC 3339), "case" (an index) and "idempotency_key". Other names are
/// errors. The exit code is 1 when a line was no event.
#[derive(Debug, Args)]
#[command(after_long_help = r#"Examples:
  echo '{"source":"deploy","raw":"release 17 is live"}' | countersign collector emit
  countersign collector emit --idempotency-prefix nightly-17 --on-bad-line record events.jsonl

With an idempotency prefix, running the same command again adds nothing."#)]
pub(crate) struct EmitArgs {
    /// File to read; "-" is the standard input
    #[arg(value_name = "FILE", default_value = "-")]
    pub(crate) file: PathBuf,
    /// What to do with a line that is no event
    #[arg(long, value_name = "WHAT", value_enum, default_value = "stop")]
    pub(crate) on_bad_line: BadLine,
    /// Names this run in the idempotency keys of lines without their own, at most 38 bytes
    #[arg(long, value_name = "P", default_value = "", hide_default_value = true)]
    pub(crate) idempotency_prefix: String,
    /// Source of lines that name none
    #[arg(long, value_name = "NAME", default_value = "stdin")]
    pub(crate) source: String,
    /// Print what would be sent instead
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

pub(crate) async fn run(command: CollectorCommand, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    match command {
        CollectorCommand::Emit(args) => emit(args, out).await,
        CollectorCommand::Tail(args) => super::tail::run(args, out).await,
    }
}

/// A token that is cancelled by SIGTERM and SIGINT.
pub(crate) fn stop_token() -> anyhow::Result<CancellationToken> {
    let token = CancellationToken::new();
    let (stop, cancelled) = (stop_signal()?, token.clone());
    tokio::spawn(async move {
        stop.await;
        cancelled.cancel();
    });
    Ok(token)
}

async fn emit(args: EmitArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let options = emit::Options {
        source: args.source.clone(),
        run: args.idempotency_prefix.clone(),
        on_bad_line: match args.on_bad_line {
            BadLine::Skip => OnBadLine::Skip,
            BadLine::Stop => OnBadLine::Stop,
            BadLine::Record => OnBadLine::Record,
        },
        ..emit::Options::default()
    };
    let input = open(&args).await?;
    let stop = stop_token()?;
    let mut progress = Progress::new();
    let stops = options.on_bad_line == OnBadLine::Stop;
    let mut report = |report: emit::Report<'_>| match report {
        // The error says it.
        emit::Report::Bad { .. } if stops => {}
        report => tell(&mut progress, &report),
    };
    let emitted = if args.dry_run {
        let sink = DryRun::new(io::stdout());
        emit::emit(input, sink, &options, stop, &mut report).await
    } else {
        let client = args.connect.client().await?;
        let sink = LedgerSink::new(&client, StreamOptions::default(), |_ack| {});
        emit::emit(input, sink, &options, stop, &mut report).await
    };
    progress.clear();
    let done = match emitted {
        Err(error @ emit::EmitError::Bad { .. }) => {
            return Err(crate::exit::Refused(error.to_string()).into());
        }
        emitted => emitted?,
    };
    if !args.dry_run {
        let sealed = counted(done.acknowledged, "event", "events");
        match done.bad {
            0 => writeln!(out, "Sealed {sealed}.")?,
            bad => {
                let bad = counted(bad, "line", "lines");
                writeln!(out, "Sealed {sealed}; no event in {bad}.")?;
            }
        }
    }
    Ok(if done.bad == 0 {
        Outcome::Fine
    } else {
        Outcome::Found
    })
}

async fn open(args: &EmitArgs) -> anyhow::Result<Box<dyn AsyncBufRead + Unpin + Send>> {
    if args.file.as_os_str() == "-" {
        return Ok(Box::new(BufReader::new(tokio::io::stdin())));
    }
    let file = tokio::fs::File::open(&args.file).await;
    let file = file.with_context(|| format!("cannot read {}", args.file.display()))?;
    Ok(Box::new(BufReader::new(file)))
}

fn tell(progress: &mut Progress, report: &emit::Report<'_>) {
    match report {
        emit::Report::Bad { line, reason } => {
            progress.clear();
            let reason = reason.to_string();
            let text = format!(
                "countersign: line {line} is no event: {}",
                printable(&reason)
            );
            // Who closed stderr does not want to read it; the summary counts the line.
            drop(writeln!(io::stderr(), "{text}"));
        }
        emit::Report::Progress(now) => progress.show(&format!(
            "{} lines read, {} events sent, {} sealed",
            grouped(now.lines),
            grouped(now.sent),
            grouped(now.acknowledged)
        )),
    }
}

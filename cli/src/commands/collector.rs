//! `countersign collector`: events into a ledger, recorded sessions, and the agent.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use countersign_client::{Ack, StreamError, random_key};
use countersign_collector::emit::{self, OnBadLine};
use countersign_collector::{DryRun, LedgerSink, SinkError};
use countersign_proto::reason::Reason;
use tokio::io::{AsyncBufRead, BufReader};
use tokio_util::sync::CancellationToken;

use super::serve::stop_signal;
use crate::connect::ConnectArgs;
use crate::exit::{Outcome, Refused};
use crate::output::{Progress, counted, grouped, printable};
use crate::redact::RedactArgs;

/// Collect events, record sessions, make access
#[derive(Debug, Subcommand)]
pub(crate) enum CollectorCommand {
    Emit(EmitArgs),
    Tail(super::tail::TailArgs),
    Run(super::record::RunArgs),
    Agent(super::agent::AgentArgs),
    Status(super::agent::SpoolArgs),
}

/// What to do with a line that is no event.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum BadLine {
    /// Report it and go on
    Skip,
    /// End with exit code 1, after everything before it is sealed
    Stop,
    /// Report it, and send its first 32 KiB as they are with the reason
    Record,
}

/// Send events that come as JSON lines
///
/// Sends events that come as JSON lines, one object each, and returns when all of them are sealed.
///
/// A line says "raw" (text) or "fields" (an object of texts) or both, and may say "source",
/// "position", "observed_at" (RFC 3339), "case" (an index) and "idempotency_key". Other names are
/// errors. Empty lines are passed over. Secrets are taken out of both, as an agent does, unless
/// --no-redact is given.
///
/// A ledger that is away or full is waited for, and that is told; after --timeout seconds without
/// an acknowledgement the exit code is 2. It is 1 when a line was no event, or when the ledger
/// refused one: then nothing from that line on was sent to stay.
#[derive(Debug, Args)]
#[command(after_long_help = r#"Examples:
  echo '{"source":"deploy","raw":"release 17 is live"}' | countersign collector emit
  countersign collector emit --idempotency-prefix nightly-17 --on-bad-line record events.jsonl

With an idempotency prefix, running the same command again adds nothing. Without one, each run has a
prefix of its own, which a run that ends early prints."#)]
pub(crate) struct EmitArgs {
    /// File to read; "-" is the standard input
    #[arg(value_name = "FILE", default_value = "-")]
    pub(crate) file: PathBuf,
    /// What to do with a line that is no event
    #[arg(long, value_name = "WHAT", value_enum, default_value = "stop")]
    pub(crate) on_bad_line: BadLine,
    /// Names this run in the idempotency keys of lines without their own, at most 38 bytes
    #[arg(long, value_name = "P")]
    pub(crate) idempotency_prefix: Option<String>,
    /// Source of lines that name none
    #[arg(long, value_name = "NAME", default_value = "stdin")]
    pub(crate) source: String,
    /// Print what would be sent instead
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) redact: RedactArgs,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

pub(crate) async fn run(command: CollectorCommand, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    match command {
        CollectorCommand::Emit(args) => emit(args, out).await,
        CollectorCommand::Tail(args) => super::tail::run(args, out).await,
        CollectorCommand::Run(args) => Box::pin(super::record::run(args)).await,
        CollectorCommand::Agent(args) => Box::pin(super::agent::run(args, out)).await,
        CollectorCommand::Status(args) => super::agent::status(&args, out),
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
    let run = match &args.idempotency_prefix {
        None => random_key().context("cannot make a name for the run")?,
        Some(prefix) => prefix.clone(),
    };
    let options = emit::Options {
        source: args.source.clone(),
        on_bad_line: match args.on_bad_line {
            BadLine::Skip => OnBadLine::Skip,
            BadLine::Stop => OnBadLine::Stop,
            BadLine::Record => OnBadLine::Record,
        },
        redactor: args.redact.redactor()?,
        ..emit::Options::new(run)
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
    let before = Arc::new(AtomicU64::new(0));
    let emitted = if args.dry_run {
        let sink = DryRun::new(io::stdout());
        emit::emit(input, sink, &options, stop, &mut report).await
    } else {
        let client = args.connect.client().await?;
        let repeated = Arc::clone(&before);
        let sink = LedgerSink::new(&client, args.connect.patient_stream(), move |ack| {
            repeated.fetch_add(repeats(ack), Ordering::Relaxed);
        });
        emit::emit(input, sink, &options, stop, &mut report).await
    };
    progress.clear();
    let done = emitted.map_err(|error| explain(error, &options.run, args.dry_run))?;
    if !args.dry_run {
        let sealed = sealed(done.acknowledged, "event", before.load(Ordering::Relaxed));
        let bad = match done.bad {
            0 => String::new(),
            bad => format!("; no event in {}", counted(bad, "line", "lines")),
        };
        writeln!(out, "{sealed}{bad}.")
            .with_context(|| format!("{sealed}{bad}, and that cannot be written to the output"))?;
    }
    Ok(if done.bad == 0 {
        Outcome::Fine
    } else {
        Outcome::Found
    })
}

/// What to do about a run that ended early.
fn explain(error: emit::EmitError, run: &str, dry_run: bool) -> anyhow::Error {
    let Some(progress) = error.progress().filter(|_| !dry_run) else {
        return error.into();
    };
    let sealed = counted(progress.acknowledged, "event is", "events are");
    let again = format!(
        "run it again from the first line with --idempotency-prefix {run}, and what is sealed is \
         not added twice"
    );
    if let emit::EmitError::Bad { .. } = error {
        return Refused(format!(
            "{error}; {sealed} sealed; correct the line, or give --on-bad-line skip or record, \
             and {again}"
        ))
        .into();
    }
    let remedy = match refusal(&error) {
        Some(Reason::IdempotencyKeyReused) => {
            "the prefix, or a key in the input, was used for another event, or for this one with \
             other rules for secrets: choose another"
                .into()
        }
        Some(_) => format!("once the reason is mended, {again}"),
        None => again,
    };
    anyhow::Error::from(error).context(format!("{sealed} sealed; {remedy}"))
}

/// Why the ledger refused an event, when it did.
fn refusal(error: &emit::EmitError) -> Option<Reason> {
    let emit::EmitError::Sink { source, .. } = error else {
        return None;
    };
    match source {
        SinkError::Stream(StreamError::Call { source, .. }) => source.reason(),
        _ => None,
    }
}

/// How many of the acknowledged entries were in the log before.
pub(super) fn repeats(ack: &Ack) -> u64 {
    if ack.run.repeated {
        u64::try_from(ack.run.count()).unwrap_or(0)
    } else {
        0
    }
}

/// "Sealed 3 lines, 2 of them earlier".
pub(super) fn sealed(count: u64, one: &str, before: u64) -> String {
    let many = format!("{one}s");
    let count = counted(count, one, &many);
    match before {
        0 => format!("Sealed {count}"),
        before => format!(
            "Sealed {count}, {} of them in an earlier run",
            grouped(before)
        ),
    }
}

async fn open(args: &EmitArgs) -> anyhow::Result<Box<dyn AsyncBufRead + Unpin + Send>> {
    if args.file.as_os_str() == "-" {
        return Ok(Box::new(BufReader::new(tokio::io::stdin())));
    }
    let file = tokio::fs::File::open(&args.file).await;
    let file = file.with_context(|| format!("cannot read {}", args.file.display()))?;
    anyhow::ensure!(
        !file.metadata().await?.is_dir(),
        "{} is a folder; give a file with one JSON object a line",
        args.file.display()
    );
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

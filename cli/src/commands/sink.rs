//! `countersign sink`: every entry to other systems, as it is sealed.

mod letters;
mod status;

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use countersign_client::{CallError, Client, Config as ClientConfig, ConnectError};
use countersign_export::sink::check::{self, Send};
use countersign_export::sink::clock::Clock;
use countersign_export::sink::config::Config;
use countersign_export::sink::serve::Standby;
use countersign_ledger::clock::{Clock as _, SystemClock};
use countersign_ledger::server::http;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::collector::stop_token;
use crate::connect::ConnectArgs;
use crate::exit::Outcome;
use crate::output::printable;

/// Pause before a ledger that does not answer is asked again; a call has waited 30 s already.
const CONNECT_PAUSE: Duration = Duration::from_secs(5);

/// Bring every entry to other systems
#[derive(Debug, Subcommand)]
pub(crate) enum SinkCommand {
    Run(RunArgs),
    Check(CheckArgs),
    Status(status::StatusArgs),
    DeadLetters(letters::LettersArgs),
}

/// Bring entries to all sinks of a file, as they are sealed
///
/// Brings every sealed entry to each sink of a file, in order and at least once, until SIGTERM or
/// SIGINT. The index of an entry is what a receiver knows a repeated one by. docs/sinks.md names
/// every setting.
///
/// A sink that fails does not stop the others: it is tried again, and the log is told when that
/// lasts. The identity has the role auditor or admin. The exit code is 1 when a sink has stopped
/// for good, for example because the log was set back.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  countersign sink run /etc/countersign-sinks/sinks.toml \\
    --server https://ledger:7443 --identity /etc/countersign-sinks/auditor
  curl http://127.0.0.1:7481/metrics")]
pub(crate) struct RunArgs {
    /// Settings of the sinks, in TOML
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

/// Check settings, secrets and receivers, without bringing anything
///
/// Reads the settings and the secrets that they name, asks the ledger whether it lets this identity
/// follow the log, and connects to each receiver: its certificate must be trusted, and a bucket
/// must be there. With --send, receivers that know a repeated index get entry 0 of the log; files
/// and objects would keep it, so they get nothing.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  countersign sink check /etc/countersign-sinks/sinks.toml
  countersign sink check sinks.toml --send")]
pub(crate) struct CheckArgs {
    /// Settings of the sinks, in TOML
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Send entry 0 to receivers that know a repeated one
    #[arg(long)]
    pub(crate) send: bool,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

pub(crate) async fn run(command: SinkCommand, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    match command {
        SinkCommand::Run(args) => bring(args, out).await,
        SinkCommand::Check(args) => look(args, out).await,
        SinkCommand::Status(args) => status::run(&args, out),
        SinkCommand::DeadLetters(args) => letters::run(args, out).await,
    }
}

/// The settings with their secrets.
fn read(file: &std::path::Path) -> anyhow::Result<Config> {
    Ok(Config::read(file, &|name| std::env::var(name).ok())?)
}

/// This machine's time.
fn clock() -> Clock {
    let clock = SystemClock::new();
    Clock::new(move || clock.wall())
}

async fn bring(args: RunArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let config = read(&args.file)?;
    let stop = stop_token()?;
    if let Some(address) = config.metrics {
        let metrics = super::serve::metrics()?;
        let listener = TcpListener::bind(address).await;
        let listener = listener.with_context(|| format!("cannot listen on {address}"))?;
        writeln!(
            out,
            "Metrics are at http://{}/metrics",
            listener.local_addr()?
        )?;
        http::serve(listener, move || metrics.render(), &stop);
    }
    let ledger = args.connect.client_config()?;
    let (standby, clock) = (Standby::take(&config)?, clock());
    let Some(client) = connect(ledger, (&standby, &clock), &stop).await? else {
        return Ok(Outcome::Fine);
    };
    let names: Vec<&str> = config.sink.iter().map(|sink| sink.name.as_str()).collect();
    writeln!(out, "Bringing entries to {}", names.join(", "))?;
    out.flush()?;
    let stopped = standby.serve(&client, &clock, &stop).await?;
    for sink in &stopped {
        let why = sink.why.to_string();
        writeln!(out, "{} has stopped: {}", sink.sink, printable(&why))?;
    }
    Ok(if stopped.is_empty() {
        Outcome::Fine
    } else {
        Outcome::Found
    })
}

/// Connects, as soon as the ledger answers; `None` when it is time to stop.
async fn connect(
    ledger: ClientConfig,
    (standby, clock): (&Standby, &Clock),
    stop: &CancellationToken,
) -> anyhow::Result<Option<Client>> {
    standby.waits("the ledger has not answered yet", clock);
    loop {
        let connected = tokio::select! {
            connected = Client::connect(ledger.clone()) => connected,
            () = stop.cancelled() => return Ok(None),
        };
        let error = match connected {
            Ok(client) => return Ok(Some(client)),
            Err(ConnectError::Call(error @ CallError::NoAnswer { .. })) => error,
            Err(error) => return Err(error.into()),
        };
        tracing::warn!(%error, "the ledger does not answer");
        standby.waits(&error.to_string(), clock);
        tokio::select! {
            () = tokio::time::sleep(CONNECT_PAUSE) => {}
            () = stop.cancelled() => return Ok(None),
        }
    }
}

async fn look(args: CheckArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let config = read(&args.file)?;
    let client = args.connect.client().await?;
    let send = if args.send {
        Send::First
    } else {
        Send::Nothing
    };
    let checked = check::check(&client, &config, &clock(), send).await?;
    let mut outcome = Outcome::Fine;
    for sink in checked {
        let (word, text) = match &sink.found {
            Ok(text) => ("ok", text),
            Err(text) => {
                outcome = Outcome::Found;
                ("FAILS", text)
            }
        };
        writeln!(out, "{word:<6}  {:<20}  {}", sink.sink, printable(text))?;
    }
    Ok(outcome)
}

//! `countersign collector agent` and `status`.

mod dry_run;
mod role;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use countersign_chain::time::UnixMicros;
use countersign_client::Config;
use countersign_collector::agent::{self, AgentConfig, AgentError, Setup};
use countersign_collector::spool::status::Status;
use countersign_collector::spool::{Owner, ShipError};
use countersign_collector::trouble::Trouble;
use serde_json::{Value, json};

use super::collector::stop_token;
use crate::connect::ConnectArgs;
use crate::exit::Outcome;
use crate::output::{counted, grouped, json_page, printable};
use crate::when::rfc3339;

/// Run inputs and provisioners as one file says
///
/// Reads what the file names, takes secrets out, keeps everything in a spool on disk until the
/// ledger has sealed it, and makes and removes the access that the log grants. The inputs take an
/// identity with the role agent, the provisioners one with the role provisioner.
///
/// A ledger that is away is waited for. SIGTERM and SIGINT end the agent in order; what is not
/// sealed within 5 s is sent by the next run, and the exit code is 1 then.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  countersign collector agent --dry-run agent.toml
  countersign collector agent --server https://ledger:7443 --identity ./agent agent.toml")]
pub(crate) struct AgentArgs {
    /// TOML file (docs/collector.md)
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Check the file, connect to what is provisioned, and say what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

/// Show how an agent and its spool are
///
/// Tells what waits in the spool, whether the ledger takes it, and what was lost. It reads the
/// folder of the spool; the ledger is not asked. The exit code is 1 when no agent runs, when
/// something was lost, when the ledger does not take what waits, when an input cannot read or
/// listen, when provisioners cannot follow the log or compare what exists, when access cannot be
/// made or removed, or when it has drifted.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example:
  countersign collector status /var/lib/countersign-agent/spool")]
pub(crate) struct SpoolArgs {
    /// Folder of the spool
    #[arg(value_name = "DIR", default_value = "/var/lib/countersign-agent/spool")]
    pub(crate) spool: PathBuf,
    /// One JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

fn read(path: &Path) -> anyhow::Result<AgentConfig> {
    let text = std::fs::read_to_string(path);
    let text = text.with_context(|| format!("cannot read {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("{} is no configuration", path.display()))
}

pub(crate) async fn run(args: AgentArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let config = read(&args.file)?;
    let named = || format!("{} cannot be used", args.file.display());
    agent::check(&config).with_context(named)?;
    if args.dry_run {
        return dry_run::run(&config, &args.connect, out)
            .await
            .with_context(named);
    }
    let ledger = args.connect.client_config()?;
    // Who closed stderr does not want to read it.
    for text in role::warnings(&config, &ledger.identity) {
        writeln!(io::stderr(), "warning: {}", printable(&text)).ok();
    }
    let provisioner = match &config.provisioner_identity {
        None => ledger.clone(),
        Some(identity) => Config {
            identity: identity.clone(),
            remember: ledger.remember.as_ref().map(|path| beside(path)),
            ..ledger.clone()
        },
    };
    let owner = Owner {
        identity: agent::identity_of(&ledger.identity)?,
        log: ledger.log.clone(),
    };
    let setup = Setup {
        config,
        owner,
        ledger,
        provisioner,
    };
    match agent::run(setup, stop_token()?).await {
        Ok(()) => Ok(Outcome::Fine),
        Err(AgentError::Ship(error @ ShipError::Unsealed { .. })) => {
            writeln!(out, "{error}")?;
            Ok(Outcome::Found)
        }
        Err(error) => Err(error.into()),
    }
}

/// Two clients of one process do not share the file of what they remember.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".provisioner");
    path.with_file_name(name)
}

pub(crate) fn status(args: &SpoolArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let dir = args.spool.display();
    let (status, running) = match Status::read(&args.spool) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => anyhow::bail!(
            "there is no spool in {dir}; give its folder, as [spool] of the agent's file names it"
        ),
        read => read.with_context(|| format!("cannot read the spool in {dir}"))?,
    };
    if args.json {
        json_page(out, &object(&status, running))?;
    } else {
        page(out, &status, running)?;
    }
    let lost = status.dropped > 0 || status.lost > 0 || status.failed.is_some();
    let stuck = status.waiting > 0 && status.trouble.is_some();
    Ok(
        if running && !lost && !stuck && status.troubles.is_empty() {
            Outcome::Fine
        } else {
            Outcome::Found
        },
    )
}

fn time(micros: u64) -> String {
    UnixMicros::new(micros).map_or_else(|_| String::new(), rfc3339)
}

fn object(status: &Status, running: bool) -> Value {
    json!({
        "running": running,
        "pid": status.pid,
        "identity": status.identity,
        "certificates": status.certificates.iter().map(|it| json!({
            "identity": it.identity,
            "ends_at": time(it.ends_at),
        })).collect::<Vec<_>>(),
        "log": status.log,
        "started_at": time(status.started_at),
        "updated_at": time(status.updated_at),
        "waiting": status.waiting,
        "sealed": status.sealed,
        "used_bytes": status.used_bytes,
        "max_bytes": status.max_bytes,
        "dropped": status.dropped,
        "lost": status.lost,
        "full": status.is_full,
        "disk_full": status.is_disk_full,
        "trouble": status.trouble,
        "failed": status.failed,
        "troubles": status.troubles.iter().map(trouble).collect::<Vec<_>>(),
        "inputs": status.inputs,
        "provisioners": status.provisioners,
    })
}

fn trouble(trouble: &Trouble) -> Value {
    json!({
        "what": trouble.what,
        "since": time(trouble.since),
        "attempts": trouble.attempts,
        "error": trouble.error,
    })
}

fn page(out: &mut dyn Write, status: &Status, running: bool) -> io::Result<()> {
    if running {
        let since = time(status.started_at);
        writeln!(out, "running      process {}, since {since}", status.pid)?;
    } else {
        writeln!(out, "not running  last seen {}", time(status.updated_at))?;
    }
    writeln!(out, "identity     {}", printable(&status.identity))?;
    for certificate in &status.certificates {
        let (identity, ends) = (&certificate.identity, time(certificate.ends_at));
        writeln!(
            out,
            "certificate  of {}, ends at {ends}",
            printable(identity)
        )?;
    }
    let waiting = counted(status.waiting, "item", "items");
    let sealed = grouped(status.sealed);
    writeln!(
        out,
        "spool        {waiting} not sealed, {sealed} sealed in this run"
    )?;
    let (used, max) = (status.used_bytes >> 20, status.max_bytes >> 20);
    let full = match (status.is_full, status.is_disk_full) {
        (_, true) => ", THE DISK IS FULL: make room on it",
        (true, false) => ", FULL",
        (false, false) => "",
    };
    writeln!(
        out,
        "disk         {} of {} MiB{full}",
        grouped(used),
        grouped(max)
    )?;
    if status.dropped > 0 {
        let dropped = counted(status.dropped, "item", "items");
        writeln!(out, "LOST         {dropped}, because the spool was full")?;
    }
    if status.lost > 0 {
        let lost = counted(status.lost, "item", "items");
        let why = "that cannot be read any more, or that the ledger refused";
        writeln!(out, "LOST         {lost} {why}: see its SpoolGap entries")?;
    }
    for input in &status.inputs {
        writeln!(out, "input        {}", printable(input))?;
    }
    for provisioner in &status.provisioners {
        writeln!(out, "provisioner  {}", printable(provisioner))?;
    }
    for trouble in &status.troubles {
        let (what, error) = (printable(&trouble.what), printable(&trouble.error));
        let (since, attempts) = (time(trouble.since), trouble.attempts);
        let attempts = match attempts {
            // It is nothing that is tried.
            0 => String::new(),
            attempts => format!(", {}", counted(attempts, "attempt", "attempts")),
        };
        writeln!(out, "FAILS        {what}, since {since}{attempts}: {error}")?;
    }
    match (&status.failed, &status.trouble) {
        (Some(why), _) => writeln!(out, "FAILED       {}", printable(why)),
        (None, Some(why)) => writeln!(out, "ledger       {}", printable(why)),
        (None, None) => writeln!(out, "ledger       takes what comes"),
    }
}

//! `countersign ledger`: makes data folders and logs, and serves them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use countersign_chain::key::VerifierKey;
use countersign_chain::origin::Origin;
use countersign_ledger::clock::SystemClock;
use countersign_ledger::limits::SEGMENT_BYTES;
use countersign_ledger::node::{self, Initialised, NodeSettings};

use super::serve::{self, ServeArgs};
use crate::config::MAIN;
use crate::connect::{LOG_KEY, key_of_dir};
use crate::exit::Outcome;
use crate::files::{self, Access};
use crate::words;

/// Make and serve a ledger
#[derive(Debug, Subcommand)]
pub(crate) enum LedgerCommand {
    Init(InitArgs),
    CreateLog(CreateLogArgs),
    Serve(ServeArgs),
}

/// Make a data folder: certificate authority, log, signing key
///
/// Makes a data folder with a certificate authority, the log `main` and its signing key, and prints
/// the verifier key.
///
/// Give the verifier key to everyone who will check the log. Keep ca/root.key offline. A data
/// folder that exists is never changed.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example:
  countersign ledger init --dir /var/lib/countersign/data --origin ledger.example.com/prod \\
    --host ledger.example.com
  countersign ledger serve --dir /var/lib/countersign/data --listen 0.0.0.0:7443")]
pub(crate) struct InitArgs {
    /// Data folder to make
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Name of the log in every signature, usually a host name and a path; it cannot be changed
    /// later
    #[arg(long, value_name = "NAME", value_parser = Origin::parse)]
    pub(crate) origin: Origin,
    /// Host name or IP address that clients use, for the server's certificate; localhost is always
    /// in it
    #[arg(long, value_name = "HOST")]
    pub(crate) host: Vec<String>,
    /// Size of the first segment file, at least 65536; give it to `serve` as well
    #[arg(long, value_name = "N", default_value_t = SEGMENT_BYTES)]
    #[arg(value_parser = serve::segment_bytes())]
    pub(crate) segment_bytes: u64,
}

/// Make another log in a data folder
///
/// Makes another log, with a signing key of its own, in a data folder. The server opens it at its
/// next start.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example:
  countersign ledger create-log --dir /var/lib/countersign/data --name payments
  systemctl restart countersign
  countersign log --dir /var/lib/countersign/data --log payments")]
pub(crate) struct CreateLogArgs {
    /// Data folder
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Name of the log: a-z, 0-9 and '-'
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,
}

/// Settings on the clocks of this machine.
pub(crate) fn settings() -> NodeSettings {
    NodeSettings::new(Arc::new(SystemClock::new()))
}

pub(crate) async fn run(command: LedgerCommand, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    match command {
        LedgerCommand::Init(args) => init(&args, out).await,
        LedgerCommand::CreateLog(args) => create_log(&args, out),
        LedgerCommand::Serve(args) => serve::run(args).await,
    }
}

/// Makes the folder and puts the verifier key beside the first administrator's identity.
pub(crate) async fn make(
    dir: &Path,
    origin: &Origin,
    hosts: &[String],
    settings: &NodeSettings,
) -> anyhow::Result<Initialised> {
    let made = node::init(dir, origin, hosts, settings).await?;
    let path = made.admin.join(LOG_KEY);
    files::write_new(&path, format!("{}\n", made.vkey).as_bytes(), Access::Public)?;
    files::sync_folder(&made.admin)?;
    Ok(made)
}

async fn init(args: &InitArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let settings = settings().with_segment_bytes(args.segment_bytes);
    let made = make(&args.dir, &args.origin, &args.host, &settings).await?;
    let dir = args.dir.display();
    writeln!(
        out,
        "Made the ledger {origin} in {dir}.

Verifier key, for everyone who checks the log:
  {vkey}

Keep secret:
  {dir}/ca/root.key             move it offline: only a new issuing certificate needs it
  {dir}/ca/issuing.key          signs certificates
  {dir}/logs/main/signing.key   signs the log
  {dir}/admin/                  identity of the first administrator

Next:
  {program} ledger serve --dir {dir}
  {program} ca issue --dir {dir} --role agent --name my-agent --out ./my-agent
  {program} verify {dir} --key '{vkey}'",
        program = words::program(),
        origin = args.origin,
        vkey = made.vkey,
    )?;
    Ok(Outcome::Fine)
}

fn create_log(args: &CreateLogArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let dir = &args.dir;
    let main: VerifierKey = key_of_dir(dir, MAIN)
        .context("make the data folder first, with `countersign ledger init`")?;
    let vkey = node::create_log(dir, &args.name, main.origin())?;
    writeln!(
        out,
        "Made the log {name} ({origin}) in {dir}. The server opens it at its next start.

Verifier key:
  {vkey}

Next:
  restart the server, then
  {program} log --dir {dir} --log {name}",
        program = words::program(),
        name = args.name,
        origin = vkey.origin(),
        dir = dir.display(),
    )?;
    Ok(Outcome::Fine)
}

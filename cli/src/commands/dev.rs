//! `countersign dev`: a ledger to play with, and the commands to play with it.

mod inbox;

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use countersign_chain::origin::Origin;
use countersign_client::random_key;
use countersign_ledger::identity::role::Role;
use countersign_ledger::log::folder::IDENTITY;
use countersign_ledger::node::LOGS;
use countersign_ledger::server::run::{ServeOptions, Server};

use super::issue::{self, Authority, Subject};
use super::ledger::{make, settings};
use super::serve::{metrics, stop_signal};
use crate::config::MAIN;
use crate::connect::{ConnectArgs, key_of_dir};
use crate::exit::Outcome;
use crate::words;

/// Usual ports; when one is taken, a free one is used.
const GRPC: u16 = 7443;
const HTTP: u16 = 7480;
const WEB: u16 = 7490;
/// Days that the identities are good for.
const DAYS: u64 = 365;

/// Run a ledger to play with on localhost
///
/// Runs a ledger and its web inbox on localhost until Ctrl-C: makes the data folder and identities
/// when they are missing, puts the starter policy into force when there is none, prints the
/// addresses, links that sign three people in, and commands that work when they are pasted. The
/// folder can be served again later.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example:
  countersign dev --dir ./play")]
pub(crate) struct DevArgs {
    /// Data folder
    #[arg(long, value_name = "DIR", default_value = "./countersign-dev")]
    pub(crate) dir: PathBuf,
}

pub(crate) async fn run(args: DevArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    if !args.dir.join(LOGS).join(MAIN).join(IDENTITY).exists() {
        make(&args.dir, &origin("dev")?, &[], &settings()).await?;
    }
    let dir = args.dir.canonicalize();
    let dir = dir.with_context(|| format!("cannot find {}", args.dir.display()))?;
    let stop = stop_signal()?;
    let server = Server::start(ServeOptions {
        dir: dir.clone(),
        listen: localhost(GRPC),
        http: Some(localhost(HTTP)),
        hosts: Vec::new(),
        node: settings(),
        metrics: Some(metrics()?),
    })
    .await?;
    identities(&dir).await?;
    inbox::policy(&dir).await?;
    let web = inbox::open(&dir, localhost(WEB)).await?;
    let (grpc, http) = (&server.endpoint().grpc, &server.endpoint().http);
    tell(out, &dir, grpc, http)?;
    inbox::tell(out, &web)?;
    inbox::beside(web, server, stop).await?;
    writeln!(
        out,
        "Stopped. The log is in {}; `countersign dev` goes on with it.",
        dir.display()
    )?;
    Ok(Outcome::Fine)
}

/// A name that no other ledger has, so that nothing remembered of another one is held against it.
pub(crate) fn origin(kind: &str) -> anyhow::Result<Origin> {
    let key = random_key().context("no randomness for a name")?;
    Ok(Origin::parse(&format!(
        "localhost/{kind}-{}",
        key.get(..8).unwrap_or(&key)
    ))?)
}

/// The address with this port on localhost, or with any free port when it is taken.
fn localhost(port: u16) -> SocketAddr {
    let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    if TcpListener::bind(wanted).is_ok() {
        wanted
    } else {
        SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
    }
}

async fn identities(dir: &Path) -> anyhow::Result<()> {
    for role in [Role::Agent, Role::Auditor, Role::Bot] {
        let out = dir.join(role.as_str());
        if out.join("cert.pem").exists() {
            continue;
        }
        let authority = Authority::open(&ConnectArgs::for_dir(dir, dir)).await?;
        let subject = Subject {
            role,
            name: "dev".to_owned(),
            valid_seconds: DAYS * 86_400,
        };
        issue::issue(&authority, &subject, &out).await?;
        authority.close().await?;
    }
    Ok(())
}

fn tell(out: &mut dyn Write, dir: &Path, grpc: &str, http: &str) -> anyhow::Result<()> {
    let vkey = key_of_dir(dir, MAIN)?;
    let alias = match words::binary_beside_path() {
        Some(binary) => format!("\n  alias countersign={}", words::quoted(&binary)),
        None => String::new(),
    };
    let quote = |path: &str| words::quoted(&dir.join(path));
    writeln!(
        out,
        "A ledger runs on this machine. Ctrl-C ends it; its log stays in {shown}.

  gRPC     {grpc}  (mutual TLS)
  metrics  {http}/metrics
  health   {http}/healthz

In another terminal, first these lines:
{alias}
  export COUNTERSIGN_SERVER={grpc}
  export COUNTERSIGN_IDENTITY={admin}
  export COUNTERSIGN_KEY={vkey}
  export COUNTERSIGN_REMEMBER={remember}

then for example:

  echo '{{\"source\":\"me\",\"raw\":\"hello\"}}' | countersign collector emit
  countersign log
  countersign show 0
  countersign proof 0
  countersign status
  countersign ca issue --role agent --name mine --out ./mine-agent
  countersign collector tail --once --identity {agent} --state ./tail.state /var/log/dpkg.log
  countersign log --follow
  countersign policy show --out ./policy
  countersign ca issue --role user --name bruno --out ./bruno
  countersign access request orders-db-staging read-only --for 30m --reason 'to look' \\
    --identity ./bruno
  countersign access list
  countersign insights
  countersign verify {data}
  countersign verify grpc://{host} --identity {auditor}
",
        shown = dir.display(),
        admin = quote("admin"),
        agent = quote("agent"),
        auditor = quote("auditor"),
        remember = quote("remembered.json"),
        vkey = format_args!("'{vkey}'"),
        data = words::quoted(dir),
        host = grpc.trim_start_matches("https://"),
    )?;
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_ledgers_to_play_with_have_one_name() {
        let (one, two) = (
            origin("dev").expect("a name"),
            origin("dev").expect("a name"),
        );
        assert_ne!(one, two);
        assert!(one.as_str().starts_with("localhost/dev-"));
    }
}

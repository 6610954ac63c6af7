//! `countersign chatbot`: where people meet the ledger.

mod manifest;
pub(crate) mod recordings;

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use countersign_chain::principal::Principal;
use countersign_chatbot::Clock;
use countersign_chatbot::bot::Bot;
use countersign_chatbot::config::Config;
use countersign_chatbot::serve::serve;
use countersign_chatbot::web::{Options, TlsFiles, Web};
use countersign_ledger::clock::{Clock as _, SystemClock};

use self::manifest::ManifestCommand;
use super::collector::stop_token;
use crate::connect::ConnectArgs;
use crate::exit::Outcome;

/// Serve people who ask, decide and look
#[derive(Debug, Subcommand)]
pub(crate) enum ChatbotCommand {
    Serve(Box<ServeArgs>),
    #[command(subcommand)]
    Manifest(ManifestCommand),
}

/// Serve the web inbox, and the bot on chat platforms
///
/// Serves pages on which people ask for access, decide, and see every entry of their cases, until
/// SIGTERM or SIGINT. The identity has the role bot; each command names the person who gave it.
///
/// With --chat it speaks on chat platforms as well: docs/slack.md and docs/teams.md say how.
///
/// With a certificate of its own it speaks TLS, and people sign in with the certificates that the
/// ledger has issued to them. Without one it listens on loopback only, and people sign in with the
/// links that --link prints.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  countersign chatbot serve --server https://ledger:7443 --identity ./bot \\
    --web 0.0.0.0:443 --host inbox.example.com --tls-cert inbox.pem --tls-key inbox.key
  countersign chatbot serve --web 127.0.0.1:7490 --link ada --link bruno")]
pub(crate) struct ServeArgs {
    /// Address of the inbox; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7490")]
    pub(crate) web: SocketAddr,
    /// Name under which browsers call it, with its port unless that is the usual one; may be
    /// repeated
    #[arg(long, value_name = "HOST")]
    pub(crate) host: Vec<String>,
    /// Certificate of the inbox with its chain, in PEM form
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Private key of that certificate, in PEM form
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Print a link that signs this user in, once, within ten minutes; on loopback only; may be
    /// repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) link: Vec<String>,
    /// Configuration of the chat platforms and of signing in, in TOML; see docs/web.md
    #[arg(long, value_name = "FILE")]
    pub(crate) chat: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

pub(crate) async fn run(command: ChatbotCommand, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    match command {
        ChatbotCommand::Serve(args) => Box::pin(serve_people(*args, out)).await,
        ChatbotCommand::Manifest(command) => manifest::run(command, out),
    }
}

async fn serve_people(args: ServeArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let config = args.connect.client_config()?;
    let tls = match (args.tls_cert, args.tls_key) {
        (Some(cert), Some(key)) => Some(TlsFiles {
            cert,
            key,
            client_root: root(&config.identity),
        }),
        _ => None,
    };
    let chat = args.chat.as_deref().map(Config::read).transpose()?;
    let chat = chat.unwrap_or_default();
    let options = Options {
        listen: args.web,
        hosts: args.host,
        url: chat.inbox_url.clone(),
        tls,
        homes: chat.homes(),
        oidc: chat.oidc.clone(),
        reader: Some(recordings::reader()),
    };
    let bot = Bot::open(args.connect.client().await?, clock()).await?;
    let web = Web::bind(Arc::clone(&bot), options).await?;
    writeln!(out, "The inbox is at {}", web.url())?;
    for name in &args.link {
        let user = Principal::parse(&format!("user:{name}"))?;
        writeln!(out, "Sign in as {name}: {}", web.invite(user)?)?;
    }
    out.flush()?;
    let stop = stop_token()?;
    let inbox = tokio::spawn(web.serve(stop.clone()));
    let served = Box::pin(serve(bot, &chat, &stop)).await;
    stop.cancel();
    inbox.await??;
    served?;
    Ok(Outcome::Fine)
}

/// The root that client certificates lead to: the one that the identity knows the ledger by.
fn root(identity: &Path) -> PathBuf {
    identity.join("ca.pem")
}

/// This machine's time.
pub(crate) fn clock() -> Clock {
    let clock = SystemClock::new();
    Clock::new(move || clock.wall())
}

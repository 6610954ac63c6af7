//! `countersign chatbot manifest`: what a chat platform wants to know about the bot.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{ArgGroup, Args, Subcommand};
use countersign_chatbot::config::Config;
use countersign_chatbot::slack::manifest::{Reach, manifest};
use countersign_chatbot::teams::manifest::Package;

use crate::exit::Outcome;

/// Make what a chat platform wants to know about the bot
#[derive(Debug, Subcommand)]
pub(crate) enum ManifestCommand {
    Slack(SlackArgs),
    Teams(TeamsArgs),
}

/// Print the manifest of the Slack app
///
/// Paste it at <https://api.slack.com/apps> under "Create New App", "From a manifest";
/// docs/slack.md has the steps before and after that.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("reach").required(true).args(["url", "socket_mode"])))]
#[command(after_long_help = "\
Examples:
  countersign chatbot manifest slack --url https://access.example.com
  countersign chatbot manifest slack --socket-mode")]
pub(crate) struct SlackArgs {
    /// Address at which Slack reaches the app, in front of its proxy, without a path
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// For an app that keeps a socket to Slack open and needs no address
    #[arg(long)]
    socket_mode: bool,
}

/// Make the app package that an administrator uploads to Teams
///
/// A ZIP file with a manifest and two icons, for the app of the section [teams] of the
/// configuration. Nothing secret is in it. Teams wants to know who runs the bot; addresses that
/// are left out are those of the inbox.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  countersign chatbot manifest teams --chat chatbot.toml --out countersign.zip
  countersign chatbot manifest teams --chat chatbot.toml --out countersign.zip \\
    --developer \"Platform team\" --website https://wiki.example.com/access")]
pub(crate) struct TeamsArgs {
    /// Configuration of the chat platforms
    #[arg(long, value_name = "FILE")]
    chat: PathBuf,
    /// File to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Name of whoever runs the bot, at most 32 characters
    #[arg(long, value_name = "NAME", default_value = "Countersign")]
    developer: String,
    /// Page about the bot; inbox_url of the configuration when it is left out
    #[arg(long, value_name = "URL")]
    website: Option<String>,
    /// Privacy statement; the page about the bot when it is left out
    #[arg(long, value_name = "URL")]
    privacy: Option<String>,
    /// Terms of use; the page about the bot when it is left out
    #[arg(long, value_name = "URL")]
    terms: Option<String>,
}

pub(super) fn run(command: ManifestCommand, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    match command {
        ManifestCommand::Slack(args) => slack(args, out),
        ManifestCommand::Teams(args) => teams(args, out),
    }
}

fn slack(args: SlackArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let reach = match args.url {
        None => Reach::Socket,
        Some(url) => {
            let rest = url
                .strip_prefix("https://")
                .map(|rest| rest.trim_end_matches('/'));
            let plain = |b: u8| b.is_ascii_alphanumeric() || b".-:".contains(&b);
            if !rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(plain)) {
                bail!("expected --url to be https:// and a host, without a path, got {url:?}");
            }
            Reach::Http(url)
        }
    };
    writeln!(out, "{:#}", manifest(&reach))?;
    Ok(Outcome::Fine)
}

fn teams(args: TeamsArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let config = Config::read(&args.chat)?;
    let file = args.chat.display();
    let inbox = config.inbox();
    let teams = config
        .teams
        .with_context(|| format!("{file} has no section [teams]"))?;
    let website = args.website.or(inbox);
    let website =
        website.with_context(|| format!("expected --website, because {file} has no inbox_url"))?;
    let package = Package {
        app_id: teams.app_id,
        developer: args.developer,
        privacy: args.privacy.unwrap_or_else(|| website.clone()),
        terms: args.terms.unwrap_or_else(|| website.clone()),
        website,
    };
    write(&args.out, &package.zip()?)?;
    writeln!(out, "Wrote {}", args.out.display())?;
    writeln!(
        out,
        "Upload it in the Teams admin centre: Teams apps, Manage apps, Upload."
    )?;
    Ok(Outcome::Fine)
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

//! `countersign collector agent --dry-run`: whether everything is prepared, and nothing is changed.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use countersign_client::{Client, Config};
use countersign_collector::agent::{AgentConfig, identity_of};
use countersign_collector::input;
use countersign_collector::provision::{self, SystemClock};
use tokio::time::timeout;

use super::role;
use crate::connect::ConnectArgs;
use crate::exit::Outcome;
use crate::output::printable;

/// How long the ledger has for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was found, each in a line.
struct Page<'a> {
    out: &'a mut dyn Write,
    is_wrong: bool,
}

impl Page<'_> {
    fn line(&mut self, text: &str) -> std::io::Result<()> {
        writeln!(self.out, "{}", printable(text))
    }

    /// Something that would not work.
    fn wrong(&mut self, text: &str) -> std::io::Result<()> {
        self.is_wrong = true;
        self.line(&format!("FAILS  {text}"))
    }
}

/// Says what would be done, and what would fail.
pub(super) async fn run(
    config: &AgentConfig,
    connect: &ConnectArgs,
    out: &mut dyn Write,
) -> anyhow::Result<Outcome> {
    let mut page = Page {
        out,
        is_wrong: false,
    };
    ledger(config, connect, &mut page).await?;
    for input in &config.input {
        let (name, source) = (input.name(), input.source());
        page.line(&format!("input {name}: {source}"))?;
        match input::prepared(input) {
            Ok(lines) => {
                for line in lines {
                    page.line(&format!("  {line}"))?;
                }
            }
            Err(error) => page.wrong(&format!("input {name}: {error}"))?,
        }
    }
    twice(config, &mut page)?;
    if !config.provision.is_empty() {
        let clock = Arc::new(SystemClock);
        for checked in provision::check(&config.provision, clock).await? {
            page.line(&format!("provisioner {}:", checked.name))?;
            for line in checked.lines {
                page.line(&format!("  {line}"))?;
            }
        }
    }
    let spool = &config.spool;
    let (dir, mib) = (spool.dir.display(), spool.max_mib);
    page.line(&format!("spool {dir}: {mib} MiB"))?;
    page.line("Nothing was changed.")?;
    Ok(if page.is_wrong {
        Outcome::Found
    } else {
        Outcome::Fine
    })
}

/// Two inputs may read one file, and each line comes twice then.
fn twice(config: &AgentConfig, page: &mut Page<'_>) -> std::io::Result<()> {
    for (at, input) in config.input.iter().enumerate() {
        let mut before = config.input[..at].iter();
        if let Some(other) = before.find(|other| other.source() == input.source()) {
            let (one, two, source) = (other.name(), input.name(), input.source());
            page.line(&format!(
                "inputs {one} and {two} both read {source}: all comes twice"
            ))?;
        }
    }
    Ok(())
}

/// Whose identities they are, and whether the ledger answers them. Without an identity or a server
/// the file is checked all the same.
async fn ledger(
    config: &AgentConfig,
    connect: &ConnectArgs,
    page: &mut Page<'_>,
) -> anyhow::Result<()> {
    let settings = connect.settings()?;
    let Some(identity) = settings.identity else {
        return Ok(page.line("no identity is named: the ledger is not asked")?);
    };
    let folders = [Some(&identity), config.provisioner_identity.as_ref()];
    let mut all = true;
    for folder in folders.into_iter().flatten() {
        if let Err(error) = identity_of(folder) {
            page.wrong(&error.to_string())?;
            all = false;
        }
    }
    for text in role::warnings(config, &identity) {
        page.wrong(&text)?;
    }
    if settings.server.is_empty() || !all {
        return Ok(());
    }
    let agent = connect.client_config()?;
    let provisioner = config.provisioner_identity.as_ref().map(|folder| Config {
        identity: folder.clone(),
        ..agent.clone()
    });
    for config in std::iter::once(agent).chain(provisioner) {
        let folder = config.identity.display().to_string();
        // What is remembered of a ledger is for the run.
        let config = Config {
            remember: None,
            ..config
        };
        match timeout(PATIENCE, Client::connect(config)).await {
            Ok(Ok(_client)) => page.line(&format!("ledger: answers {folder}"))?,
            Ok(Err(error)) => page.wrong(&format!("ledger, with {folder}: {error}"))?,
            Err(_elapsed) => page.wrong(&format!("ledger, with {folder}: no answer in 10 s"))?,
        }
    }
    Ok(())
}

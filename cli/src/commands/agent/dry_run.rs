//! `countersign collector agent --dry-run`: whether everything is prepared, and nothing is changed.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use countersign_client::{Client, Config};
use countersign_collector::agent::{AgentConfig, Certificate, certificate_of, identity_of};
use countersign_collector::input;
use countersign_collector::provision::{self, SystemClock};
use countersign_collector::session::Clock;
use countersign_collector::spool::{Owner, prepared};
use countersign_proto::reason::Reason;
use countersign_workflow::policy::{Bundle, Policy};
use tokio::time::timeout;

use super::{role, time};
use crate::config::MAIN;
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
    inputs(config, &mut page)?;
    provisioners(config, &mut page).await?;
    spool(config, connect, &mut page)?;
    page.line("Nothing was changed.")?;
    Ok(if page.is_wrong {
        Outcome::Found
    } else {
        Outcome::Fine
    })
}

fn inputs(config: &AgentConfig, page: &mut Page<'_>) -> std::io::Result<()> {
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
    twice(config, page)
}

async fn provisioners(config: &AgentConfig, page: &mut Page<'_>) -> anyhow::Result<()> {
    if config.provision.is_empty() {
        return Ok(());
    }
    for checked in provision::check(&config.provision, Arc::new(SystemClock)).await? {
        let name = &checked.name;
        page.line(&format!("provisioner {name}:"))?;
        for line in &checked.lines {
            page.line(&format!("  {line}"))?;
        }
        for wrong in &checked.wrong {
            page.wrong(&format!("provisioner {name}: {wrong}"))?;
        }
    }
    Ok(())
}

/// Whether the spool could be opened; without an identity, only whether there is a place for it.
fn spool(config: &AgentConfig, connect: &ConnectArgs, page: &mut Page<'_>) -> anyhow::Result<()> {
    let spool = &config.spool;
    let (dir, mib) = (spool.dir.display(), spool.max_mib);
    page.line(&format!("spool {dir}: {mib} MiB"))?;
    let settings = connect.settings()?;
    let identity = settings
        .identity
        .and_then(|folder| identity_of(&folder).ok());
    let log = settings.log.unwrap_or_else(|| MAIN.to_owned());
    let owner = identity.map(|identity| Owner { identity, log });
    match prepared(&spool.dir, owner.as_ref()) {
        Ok(lines) => {
            for line in lines {
                page.line(&format!("  {line}"))?;
            }
        }
        Err(error) => page.wrong(&error.to_string())?,
    }
    Ok(())
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
        match certificate_of(folder) {
            Ok(certificate) => ends(&certificate, page)?,
            Err(error) => {
                page.wrong(&error.to_string())?;
                all = false;
            }
        }
    }
    for text in role::warnings(config, &identity) {
        page.wrong(&text)?;
    }
    if settings.server.is_empty() {
        return Ok(page.line("no server is named: the ledger is not asked")?);
    }
    if !all {
        return Ok(());
    }
    let agent = connect.client_config()?;
    let provisioner = config.provisioner_identity.as_ref().map(|folder| Config {
        identity: folder.clone(),
        ..agent.clone()
    });
    let mut answering = None;
    for config in std::iter::once(agent).chain(provisioner) {
        let folder = config.identity.display().to_string();
        // What is remembered of a ledger is for the run.
        let config = Config {
            remember: None,
            ..config
        };
        match timeout(PATIENCE, Client::connect(config)).await {
            Ok(Ok(client)) => {
                page.line(&format!("ledger: answers {folder}"))?;
                answering = Some(client);
            }
            Ok(Err(error)) => page.wrong(&format!("ledger, with {folder}: {error}"))?,
            Err(_elapsed) => page.wrong(&format!("ledger, with {folder}: no answer in 10 s"))?,
        }
    }
    match answering {
        Some(client) if !config.provision.is_empty() => policy(config, &client, page).await,
        _ => Ok(()),
    }
}

/// Until when an identity can be used.
fn ends(certificate: &Certificate, page: &mut Page<'_>) -> std::io::Result<()> {
    let Certificate { identity, ends_at } = certificate;
    let ends = time(*ends_at);
    page.line(&format!(
        "identity {identity}: its certificate ends at {ends}"
    ))?;
    match certificate.trouble(Clock::system().now().get()) {
        Some(trouble) => page.wrong(&format!("{}: {}", trouble.what, trouble.error)),
        None => Ok(()),
    }
}

/// Whether the policy in force knows what is provisioned: nobody can ask for anything else.
async fn policy(config: &AgentConfig, client: &Client, page: &mut Page<'_>) -> anyhow::Result<()> {
    let files = match timeout(PATIENCE, client.policy(0)).await {
        Ok(Ok((_policy, files))) => files,
        Ok(Err(error)) if error.reason() == Some(Reason::PolicyMissing) => {
            return Ok(page.wrong("no policy is in force: nobody can be granted access")?);
        }
        Ok(Err(error)) => {
            return Ok(page.line(&format!("the policy in force is not known: {error}"))?);
        }
        Err(_elapsed) => {
            return Ok(page.line("the policy in force is not known: no answer in 10 s")?);
        }
    };
    let bundle = Bundle::new(files.into_iter().map(|file| (file.name, file.text)));
    let Some(policy) = bundle.ok().and_then(|it| Policy::compile(&it).ok()) else {
        return Ok(page.wrong("the policy in force cannot be read; run `verify` on the log")?);
    };
    for provisioner in &config.provision {
        let name = &provisioner.name;
        for (resource, permission) in provisioner.access() {
            let why = match policy.resource(&resource) {
                None => format!("no resource {resource}"),
                Some(facts) if !facts.permissions.contains(&permission) => {
                    format!("no permission {permission} on {resource}")
                }
                Some(_) => continue,
            };
            page.wrong(&format!(
                "provisioner {name}: the policy in force has {why}"
            ))?;
        }
    }
    Ok(())
}

//! One run of an agent, from its first entry to its last.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

use countersign_client::{Client, Config, ConnectError, Draft};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::{AgentConfig, certificate_of};
use crate::input::{self, InputConfig, InputError};
use crate::limits::{AGENT_RETRY, LAST_PATIENCE, MIN_SPOOL_BYTES, STATUS_EVERY, STUCK_AFTER};
use crate::outlet::{Item, Outlet as _, OutletError};
use crate::provision::{self, ProvisionError, SystemClock};
use crate::redact::{Redacting, Redactor, Rules, RulesError};
use crate::session::Clock;
use crate::spool::status::Status;
use crate::spool::{LedgerUplink, Owner, Patience, ShipError, Spool, SpoolError, ship};
use crate::trouble::{Health, Troubles};

/// What an agent needs.
#[derive(Debug)]
pub struct Setup {
    /// What it does.
    pub config: AgentConfig,
    /// Whose spool it is.
    pub owner: Owner,
    /// The ledger, for what is collected.
    pub ledger: Config,
    /// The ledger, for what is provisioned.
    pub provisioner: Config,
}

/// Why an agent ended, or did not begin.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// There is nothing to do.
    #[error("the configuration names no [[input]] and no [[provision]]; add one")]
    Nothing,
    /// The spool is too small.
    #[error("[spool]: expected `max_mib` of at least {least}, got {got}")]
    Small {
        /// The least, in MiB.
        least: u64,
        /// What is configured.
        got: u64,
    },
    /// An input is not as it must be.
    #[error(transparent)]
    Input(#[from] input::ConfigError),
    /// A rule for secrets is not as it must be.
    #[error("[redact]: {0}")]
    Redact(#[from] RulesError),
    /// A provisioner is not as it must be.
    #[error(transparent)]
    Provision(#[from] ProvisionError),
    /// The spool cannot be opened.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// Nothing can be stored any more.
    #[error("{0}; the agent ends, and what is in the spool is sent by its next run")]
    Outlet(#[from] OutletError),
    /// What is in the spool was not sent.
    #[error(transparent)]
    Ship(#[from] ShipError),
    /// The settings make no client.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A task broke off.
    #[error("a part of the agent broke off: {0}")]
    Task(String),
}

/// Checks everything that can be checked without opening anything.
///
/// # Errors
/// [`AgentError`].
pub fn check(config: &AgentConfig) -> Result<Rules, AgentError> {
    if config.input.is_empty() && config.provision.is_empty() {
        return Err(AgentError::Nothing);
    }
    let (least, got) = (MIN_SPOOL_BYTES >> 20, config.spool.max_mib);
    if got < least {
        return Err(AgentError::Small { least, got });
    }
    input::check(&config.input)?;
    Ok(Rules::new(&config.redact)?)
}

/// Runs until it is told to stop, then ends in order: inputs first, then what is in the spool, for
/// as long as 5 s.
///
/// # Errors
/// [`AgentError`]; [`AgentError::Ship`] with `Unsealed` is an end in order whose rest the next run
/// sends.
pub async fn run(setup: Setup, stop: CancellationToken) -> Result<(), AgentError> {
    let Setup {
        config,
        owner,
        ledger,
        provisioner,
    } = setup;
    let redactor = Redactor::new(check(&config)?);
    let options = config.spool.options();
    let opened = {
        let (options, owner) = (options.clone(), owner.clone());
        tokio::task::spawn_blocking(move || Spool::open(&options, &owner)).await
    };
    let (spool, recovered) = opened.map_err(|error| AgentError::Task(error.to_string()))??;
    if recovered.waiting > 0 || recovered.torn_bytes > 0 {
        let (waiting, torn_bytes) = (recovered.waiting, recovered.torn_bytes);
        tracing::info!(waiting, torn_bytes, "the spool holds items of earlier runs");
    }
    let outlet = Redacting::new(spool.clone(), redactor);
    let first = super::started("", config.input.iter().map(InputConfig::source).collect());
    outlet.put(unkeyed(first)).await?;
    let (trouble, told) = watch::channel(Some("not connected yet".to_owned()));
    let (inputs_stop, ship_stop) = (CancellationToken::new(), CancellationToken::new());
    let mut status = status_of(&config, &owner, options.max_bytes);
    let folders = [&ledger.identity, &provisioner.identity];
    status.certificates = folders
        .into_iter()
        .flat_map(|it| certificate_of(it))
        .collect();
    status.certificates.dedup();
    let troubles = Troubles::default();
    let seen = (told, troubles.clone());
    let telling = tokio::spawn(tell(spool.clone(), options.dir.clone(), status, seen));
    let mut inputs = JoinSet::new();
    for input in config.input.clone() {
        let stop = inputs_stop.clone();
        inputs.spawn(read(input, outlet.clone(), troubles.clone(), stop));
    }
    let mut providing = JoinSet::new();
    if !config.provision.is_empty() {
        let (configs, stop) = (config.provision.clone(), inputs_stop.clone());
        providing.spawn(provide(configs, provisioner, troubles, stop));
    }
    let shipping = send(spool.clone(), ledger, ship_stop.clone(), trouble);
    let mut shipping = tokio::spawn(shipping);
    let early = tokio::select! {
        () = stop.cancelled() => Ok(()),
        error = ended(&mut inputs), if !inputs.is_empty() => Err(error),
        error = ended(&mut providing), if !providing.is_empty() => Err(error),
        shipped = &mut shipping => match shipped {
            Ok(Ok(())) => Err(AgentError::Task("sending ended".to_owned())),
            Ok(Err(error)) => Err(error),
            Err(error) => Err(AgentError::Task(error.to_string())),
        },
    };
    inputs_stop.cancel();
    // One time for both: what an input waits for is what the last entry waits for.
    let patience = Instant::now() + LAST_PATIENCE;
    while inputs.join_next().await.is_some() {}
    while providing.join_next().await.is_some() {}
    let last = last(&outlet, patience).await;
    ship_stop.cancel();
    let shipped = if shipping.is_finished() {
        Ok(())
    } else {
        let shipped = shipping.await;
        shipped.unwrap_or_else(|error| Err(AgentError::Task(error.to_string())))
    };
    telling.abort();
    early.and(last).and(shipped)
}

/// Puts the last entry of the run into the spool, if it has room for it in time.
async fn last(outlet: &Redacting<Spool>, patience: Instant) -> Result<(), AgentError> {
    let last = async {
        let stopped = super::stopped("", super::Stop::Signal);
        outlet.put(unkeyed(stopped)).await?;
        outlet.durable().await
    };
    match timeout_at(patience, last).await {
        Ok(last) => Ok(last?),
        Err(_elapsed) => {
            tracing::warn!("the spool has no room for the end of the run; it ends without");
            Ok(())
        }
    }
}

fn status_of(config: &AgentConfig, owner: &Owner, max_bytes: u64) -> Status {
    let inputs = config.input.iter().map(|input| input.name().to_owned());
    let provisioners = config.provision.iter().map(|it| it.name.clone());
    Status {
        pid: std::process::id(),
        identity: owner.identity.clone(),
        log: owner.log.clone(),
        started_at: Clock::system().now().get(),
        max_bytes,
        inputs: inputs.collect(),
        provisioners: provisioners.collect(),
        ..Status::default()
    }
}

/// The outlet numbers what it keeps.
fn unkeyed(draft: Draft) -> Item {
    Item::new(Draft {
        idempotency_key: String::new(),
        ..draft
    })
}

/// Waits for a part that ended although nobody asked it to.
async fn ended(parts: &mut JoinSet<Result<(), AgentError>>) -> AgentError {
    loop {
        match parts.join_next().await {
            Some(Ok(Err(error))) => return error,
            Some(Err(error)) => return AgentError::Task(error.to_string()),
            // It has nothing more to do.
            Some(Ok(Ok(()))) => {}
            None => std::future::pending().await,
        }
    }
}

/// Runs an input, and begins again when it failed for a reason that may pass.
async fn read(
    config: InputConfig,
    outlet: Redacting<Spool>,
    troubles: Troubles,
    stop: CancellationToken,
) -> Result<(), AgentError> {
    let name = config.name();
    let health = Health::new(format!("input {name}"), troubles, Clock::system());
    loop {
        match input::run(&config, outlet.clone(), &health, stop.clone()).await {
            Ok(()) => return Ok(()),
            Err(InputError::Config(error)) => return Err(error.into()),
            Err(InputError::Outlet(error)) => return Err(error.into()),
            Err(error) => {
                tracing::error!(input = name, %error, "the input failed; it is tried again");
                health.failed(&error.to_string());
            }
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = sleep(AGENT_RETRY) => {}
        }
    }
}

/// Connects as soon as the ledger is there; none when it is told to stop before.
async fn connect(
    config: &Config,
    stop: &CancellationToken,
    mut trouble: impl FnMut(String),
) -> Result<Option<Client>, ConnectError> {
    let mut told = String::new();
    loop {
        let connected = tokio::select! {
            () = stop.cancelled() => return Ok(None),
            connected = Client::connect(config.clone()) => connected,
        };
        match connected {
            Ok(client) => return Ok(Some(client)),
            Err(error @ ConnectError::Config(_)) => return Err(error),
            Err(error) => {
                let text = error.to_string();
                if text != told {
                    tracing::warn!(%error, "no ledger; it is tried again");
                    trouble(text.clone());
                    told = text;
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(None),
            () = sleep(AGENT_RETRY) => {}
        }
    }
}

async fn provide(
    configs: Vec<provision::ProvisionConfig>,
    config: Config,
    troubles: Troubles,
    stop: CancellationToken,
) -> Result<(), AgentError> {
    let health = Health::new(provision::FOLLOWING, troubles.clone(), Clock::system());
    let away = |why: String| health.failed(&why);
    let Some(client) = connect(&config, &stop, away).await? else {
        return Ok(());
    };
    provision::run(&configs, client, Arc::new(SystemClock), troubles, stop).await?;
    Ok(())
}

async fn send(
    spool: Spool,
    config: Config,
    stop: CancellationToken,
    trouble: watch::Sender<Option<String>>,
) -> Result<(), AgentError> {
    let why = |why: String| {
        trouble.send_replace(Some(why));
    };
    let Some(client) = connect(&config, &stop, why).await? else {
        let standing = spool.standing();
        return match standing.next.saturating_sub(standing.sealed) {
            0 => Ok(()),
            waiting => Err(ShipError::Unsealed { waiting }.into()),
        };
    };
    trouble.send_replace(None);
    let uplink = LedgerUplink(client.clone());
    let patience = Patience::default();
    let shipping = ship((&spool, &patience), &uplink, stop, &trouble);
    tokio::select! {
        shipped = shipping => Ok(shipped?),
        never = ask_why(&spool, &client, &trouble) => match never {},
    }
}

/// A stream goes on by itself when the ledger is back, and does not say why it waits. So while
/// nothing that waits is sealed, the ledger is asked something else.
async fn ask_why(
    spool: &Spool,
    client: &Client,
    trouble: &watch::Sender<Option<String>>,
) -> Infallible {
    let mut before = spool.standing().sealed;
    loop {
        sleep(STUCK_AFTER).await;
        let standing = spool.standing();
        let is_stuck = standing.sealed == before && standing.next > standing.sealed;
        before = standing.sealed;
        if !is_stuck {
            continue;
        }
        let why = match timeout(STUCK_AFTER, client.checkpoint()).await {
            Ok(Ok(_checkpoint)) => continue,
            Ok(Err(error)) => error.to_string(),
            Err(_elapsed) => "the ledger does not answer".to_owned(),
        };
        if spool.standing().sealed == before {
            trouble.send_replace(Some(why));
        }
    }
}

/// Writes how the agent is, every second.
async fn tell(
    spool: Spool,
    dir: impl AsRef<Path>,
    mut status: Status,
    (trouble, troubles): (watch::Receiver<Option<String>>, Troubles),
) {
    let first = spool.standing().sealed;
    let clock = Clock::system();
    let mut ticks = interval(STATUS_EVERY);
    let mut moved = Instant::now();
    loop {
        ticks.tick().await;
        let before = status.sealed;
        status.stand(&spool.standing(), first);
        status.trouble.clone_from(&trouble.borrow());
        status.troubles = troubles.all();
        let now = clock.now().get();
        let ending = status.certificates.iter().filter_map(|it| it.trouble(now));
        status.troubles.extend(ending);
        if status.sealed > before || status.waiting == 0 {
            moved = Instant::now();
        } else if status.trouble.is_none() && moved.elapsed() >= STUCK_AFTER {
            let seconds = moved.elapsed().as_secs();
            status.trouble = Some(format!("nothing was sealed for {seconds} s"));
        }
        status.updated_at = now;
        if let Err(error) = status.write(dir.as_ref()) {
            tracing::debug!(%error, "the status of the agent cannot be written");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_without_anything_to_do_is_refused() {
        let config = AgentConfig::default();
        assert!(matches!(check(&config), Err(AgentError::Nothing)));
        let mut small = AgentConfig::default();
        small.spool.max_mib = 3;
        small.input =
            vec![toml::from_str("type = \"file\"\nname = \"f\"\npath = \"/x\"").expect("an input")];
        let refused = check(&small).expect_err("it is too small").to_string();
        assert!(refused.contains("at least 4, got 3"), "{refused}");
        let kind = unkeyed(super::super::started("r", Vec::new()));
        assert!(kind.draft.idempotency_key.is_empty());
        let known = kind.draft.event.known().expect("an event");
        assert_eq!(known.kind(), 142);
    }
}

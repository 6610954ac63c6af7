//! Provisioners: real access, made when the log grants it and removed when the grant is over.
//!
//! A provisioner follows the log, which gives sealed and verified entries only, and brings the
//! world to what they say: access for each grant that is active, and none for any other. What it
//! did is reported and becomes entries. What exists beside that is drift, and becomes an entry too.
//!
//! # Whatever happens
//!
//! - *Crash at any point*: the log is read again. Access that was made and not reported is made
//!   again, which the provisioners do without making a second one, with a new credential.
//! - *The ledger is away*: no access is made; what exists ends on time, by the agent's clock, by
//!   its own limit where it has one, and when the entry comes at the latest.
//! - *The clock is set back*: time goes on as if it was not, so that access ends early.
//! - *Removing fails*: an alarm, an entry, and another try, for ever.
//!
//! The stream is filtered by kinds of entries. That nothing was left out of it cannot be proved
//! here; a ledger that hides the end of a grant cannot hide the time until which it was given.

mod account;
mod book;
mod clock;
mod config;
mod credential;
mod deliver;
mod drift;
mod engine;
mod files;
mod hook;
mod ledger;
mod postgres;
mod process;
mod provisioner;
mod ssh;
mod text;
mod webhook;

use std::sync::Arc;

use countersign_client::Client;
use tokio_util::sync::CancellationToken;

pub use clock::{Clock, SystemClock};
pub(crate) use clock::{micros_of, rfc3339};
pub use config::{ConfigError, DeliverConfig, Interval, OnDrift, ProvisionConfig, Served};
pub use credential::{Credential, Part, Secret};
pub use hook::HookConfig;
pub use postgres::{DatabaseAccess, PostgresAccess, PostgresConfig, Privilege};
pub use provisioner::{
    Doing, Drift, Ending, Expected, Failure, Finding, Grant, Made, Proof, Provisioner, Standing,
};
pub use ssh::{Permit, SshAccess, SshConfig, WatchedKeys};
pub use webhook::WebhookConfig;

use crate::trouble::Troubles;
use engine::Engine;
use ledger::Ledger as _;

/// What follows the log for the provisioners, as the list of troubles names it.
pub const FOLLOWING: &str = "provisioners";

/// Why provisioners do not run.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// The configuration is not one.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// What a provisioner would work on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// Name of the provisioner.
    pub name: String,
    /// What it would make, and what exists already, in lines.
    pub lines: Vec<String>,
    /// What would fail, in lines.
    pub wrong: Vec<String>,
}

/// Makes and removes access until `stop` is cancelled. What exists then stays, and ends by itself
/// where that is possible. What cannot be removed is in `troubles` until it is.
///
/// # Errors
/// [`ProvisionError`] when the configuration cannot be used. Whatever fails later is tried again.
pub async fn run(
    configs: &[ProvisionConfig],
    client: Client,
    clock: Arc<dyn Clock>,
    troubles: Troubles,
    stop: CancellationToken,
) -> Result<(), ProvisionError> {
    let routes = config::routes(configs)?;
    for config in configs {
        if let Some(exposed) = config.exposed() {
            tracing::warn!(provisioner = config.name, "{exposed}");
        }
    }
    let origin = client.origin();
    let served = configs
        .iter()
        .map(|config| serve_one(config, &origin, &clock));
    let served = served.collect::<Result<Vec<_>, _>>()?;
    let engine = Engine::new(client, clock, served, routes);
    engine.telling(troubles).run(stop).await;
    Ok(())
}

/// Connects each, and says what would be made, what exists and what would fail. Nothing is changed.
///
/// # Errors
/// [`ConfigError`] when the configuration as a whole cannot be used.
pub async fn check(
    configs: &[ProvisionConfig],
    clock: Arc<dyn Clock>,
) -> Result<Vec<Checked>, ConfigError> {
    config::routes(configs)?;
    let mut all = Vec::new();
    for config in configs {
        let mut checked = Checked {
            name: config.name.clone(),
            ..Checked::default()
        };
        match serve_one(config, "", &clock) {
            Ok(served) => look(config, &served, &mut checked).await,
            Err(error) => checked.wrong.push(error.to_string()),
        }
        all.push(checked);
    }
    Ok(all)
}

/// Looks at one provisioner and its delivery.
async fn look(config: &ProvisionConfig, served: &engine::Served, checked: &mut Checked) {
    // Whatever a hook or a service makes, it may have no credential.
    let has_credential = config.postgres.is_some() || config.ssh.is_some();
    checked.lines.extend(config.exposed());
    match &served.delivery {
        Some(delivery) => {
            let failed = delivery.check().await.err();
            checked
                .wrong
                .extend(failed.map(|failure| failure.to_string()));
        }
        None if has_credential => checked.wrong.push(deliver::NO_WAY.to_owned()),
        None => {}
    }
    match served.provisioner.check().await {
        Ok(found) => {
            if !has_credential {
                let access = config.access().into_iter();
                checked.lines.extend(access.map(|(resource, permission)| {
                    format!("{permission} on {resource}: it answers, and would be asked")
                }));
            }
            checked.lines.extend(found);
        }
        Err(failure) => checked.wrong.push(failure.to_string()),
    }
}

/// The provisioner of a configuration that was checked with all others.
fn serve_one(
    config: &ProvisionConfig,
    origin: &str,
    clock: &Arc<dyn Clock>,
) -> Result<engine::Served, ConfigError> {
    let made: Result<Box<dyn Provisioner>, String> = match config {
        ProvisionConfig {
            postgres: Some(postgres),
            ..
        } => postgres::Postgres::new(&config.name, origin, postgres).map(boxed),
        ProvisionConfig { ssh: Some(ssh), .. } => ssh::Ssh::new(ssh).map(boxed),
        ProvisionConfig {
            hook: Some(hook), ..
        } => hook::Hook::new(hook).map(boxed),
        ProvisionConfig {
            webhook: Some(webhook),
            ..
        } => webhook::Webhook::new(webhook, Arc::clone(clock)).map(boxed),
        _ => return Err(ConfigError::Kind(config.name.clone())),
    };
    let provisioner = made.map_err(|why| ConfigError::Setting {
        name: config.name.clone(),
        why,
    })?;
    let every = config.inspect_every.get();
    Ok(engine::Served {
        name: config.name.clone(),
        resource: config.first_resource(),
        provisioner,
        delivery: config.deliver.as_ref().and_then(deliver::of),
        inspect_every: Some(every).filter(|every| !every.is_zero()),
        on_drift: config.on_drift,
    })
}

fn boxed<P: Provisioner + 'static>(provisioner: P) -> Box<dyn Provisioner> {
    Box::new(provisioner)
}

//! The configuration of a provisioner: one kind of access for some resources and permissions.

mod interval;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

pub use interval::Interval;

use crate::limits::{INSPECT_EVERY, MAX_PROVISIONERS};
use crate::provision::book::Routes;
use crate::provision::files;
use crate::provision::hook::HookConfig;
use crate::provision::postgres::PostgresConfig;
use crate::provision::ssh::SshConfig;
use crate::provision::webhook::WebhookConfig;

/// A provisioner. Exactly one of `postgres`, `ssh`, `hook` and `webhook` is set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProvisionConfig {
    /// Its name, in messages and in the marks that it leaves; unique, and the same for ever.
    pub name: String,
    /// How often what exists is compared with what was granted; `0s` for never. Default: `5m`.
    #[serde(default = "inspect_every")]
    pub inspect_every: Interval,
    /// What is done about differences. Default: `report`.
    #[serde(default)]
    pub on_drift: OnDrift,
    /// How credentials reach their person.
    pub deliver: Option<DeliverConfig>,
    /// Temporary roles of PostgreSQL.
    pub postgres: Option<PostgresConfig>,
    /// Certificates of OpenSSH.
    pub ssh: Option<SshConfig>,
    /// A program.
    pub hook: Option<HookConfig>,
    /// A web service.
    pub webhook: Option<WebhookConfig>,
}

fn inspect_every() -> Interval {
    Interval::of(INSPECT_EVERY)
}

/// What is done about differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnDrift {
    /// They are told.
    #[default]
    Report,
    /// They are told, and what was not granted is removed.
    Remove,
}

/// How credentials reach their person. Exactly one of `dir` and `command` is set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliverConfig {
    /// Folder with one folder for each person, with files that only the person can read.
    pub dir: Option<PathBuf>,
    /// Accounts of this machine, by person, where they are not called the same.
    #[serde(default)]
    pub accounts: BTreeMap<String, String>,
    /// Program that gets the credential as JSON on its standard input.
    pub command: Option<Vec<String>>,
    /// How long the program may take. Default: `10s`.
    #[serde(default = "short")]
    pub time_limit: Interval,
}

fn short() -> Interval {
    Interval::of(std::time::Duration::from_secs(10))
}

/// A resource and a permission there.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Served {
    /// The resource, as the policy calls it.
    pub resource: String,
    /// The permission, as the policy calls it.
    pub permission: String,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Too many provisioners, or none.
    #[error("expected 1 to {MAX_PROVISIONERS} provisioners, got {0}")]
    Count(usize),
    /// A name is no name, or is there twice.
    #[error(
        "expected a name of a-z, 0-9 and '-' that no other provisioner has, at most 32 bytes, got \
         {0:?}"
    )]
    Name(String),
    /// Not exactly one kind.
    #[error(
        "provisioner {0}: expected exactly one of postgres, ssh, hook and webhook; give one table"
    )]
    Kind(String),
    /// Not exactly one way to deliver.
    #[error("provisioner {0}: expected deliver to have exactly one of dir and command")]
    Deliver(String),
    /// Nothing is served, or it is served twice.
    #[error(
        "provisioner {name}: expected each resource and permission once among all provisioners, \
         and at least one of them, got {got}"
    )]
    Access {
        /// The provisioner.
        name: String,
        /// What was found.
        got: String,
    },
    /// Something else of the kind.
    #[error("provisioner {name}: {why}")]
    Setting {
        /// The provisioner.
        name: String,
        /// What is wrong, and what to do.
        why: String,
    },
}

impl ProvisionConfig {
    /// What is served: resources and permissions.
    #[must_use]
    pub fn access(&self) -> Vec<(String, String)> {
        let of = |resource: &String, permission: &String| (resource.clone(), permission.clone());
        if let Some(postgres) = &self.postgres {
            let access = postgres.access.iter();
            return access
                .map(|one| of(&one.resource, &one.permission))
                .collect();
        }
        if let Some(ssh) = &self.ssh {
            let access = ssh.access.iter();
            return access
                .map(|one| of(&one.resource, &one.permission))
                .collect();
        }
        let hook = self.hook.as_ref().map(|hook| &hook.access);
        let access = hook.or(self.webhook.as_ref().map(|webhook| &webhook.access));
        let access = access.into_iter().flatten();
        access
            .map(|one| of(&one.resource, &one.permission))
            .collect()
    }

    /// Files with secrets that others can read, each with what to do.
    pub(crate) fn exposed(&self) -> Option<String> {
        let password = self
            .postgres
            .as_ref()
            .and_then(|it| it.password_file.as_ref());
        let secret = self.webhook.as_ref().map(|it| &it.secret_file);
        password.or(secret).and_then(|path| files::exposed(path))
    }

    fn kinds(&self) -> usize {
        [
            self.postgres.is_some(),
            self.ssh.is_some(),
            self.hook.is_some(),
            self.webhook.is_some(),
        ]
        .into_iter()
        .filter(|is| *is)
        .count()
    }

    /// The resource that stands for what belongs to no grant.
    pub(crate) fn first_resource(&self) -> String {
        let first = self.access().into_iter().next();
        first.map(|(resource, _)| resource).unwrap_or_default()
    }
}

/// Checks what no provisioner can check alone, and says which one serves what.
pub(crate) fn routes(configs: &[ProvisionConfig]) -> Result<Routes, ConfigError> {
    if configs.is_empty() || configs.len() > MAX_PROVISIONERS {
        return Err(ConfigError::Count(configs.len()));
    }
    let mut routes = Routes::new();
    for (by, config) in configs.iter().enumerate() {
        let name = config.name.clone();
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let twice = configs[..by].iter().any(|other| other.name == name);
        if name.is_empty() || name.len() > 32 || !name.chars().all(plain) || twice {
            return Err(ConfigError::Name(name));
        }
        if config.kinds() != 1 {
            return Err(ConfigError::Kind(name));
        }
        let ways = config.deliver.as_ref();
        if ways.is_some_and(|way| way.dir.is_some() == way.command.is_some()) {
            return Err(ConfigError::Deliver(name));
        }
        let access = config.access();
        if access.is_empty() {
            let got = "none".to_owned();
            return Err(ConfigError::Access { name, got });
        }
        for one in access {
            let got = format!("{} on {} again", one.1, one.0);
            if routes.insert(one, by).is_some() {
                return Err(ConfigError::Access { name, got });
            }
        }
    }
    Ok(routes)
}

#[cfg(test)]
mod tests;

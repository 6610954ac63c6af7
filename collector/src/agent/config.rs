//! The configuration of an agent: one TOML file.

use std::path::PathBuf;

use serde::Deserialize;

use crate::input::InputConfig;
use crate::limits::SPOOL_BYTES;
use crate::provision::ProvisionConfig;
use crate::redact;
use crate::spool::{self, Full};

/// What an agent does.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AgentConfig {
    /// Where items wait for the ledger.
    pub spool: SpoolConfig,
    /// Which secrets are taken out.
    pub redact: redact::Settings,
    /// What is read.
    pub input: Vec<InputConfig>,
    /// Identity with the role provisioner, as `ca issue` writes it; without it, that of the agent.
    pub provisioner_identity: Option<PathBuf>,
    /// What access is made.
    pub provision: Vec<ProvisionConfig>,
}

/// The spool as it stands in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpoolConfig {
    /// Its folder. Default: `/var/lib/countersign-agent/spool`.
    pub dir: PathBuf,
    /// MiB that it may take on disk, from 4. Default: 1024.
    pub max_mib: u64,
    /// What happens to new items when it is full: `block`, they wait; `drop`, they are lost, which
    /// is counted and becomes an entry. Default: `block`.
    pub when_full: Full,
}

impl Default for SpoolConfig {
    fn default() -> Self {
        Self {
            dir: PathBuf::from("/var/lib/countersign-agent/spool"),
            max_mib: SPOOL_BYTES >> 20,
            when_full: Full::default(),
        }
    }
}

impl SpoolConfig {
    pub(super) fn options(&self) -> spool::Options {
        spool::Options {
            max_bytes: self.max_mib.saturating_mul(1 << 20),
            full: self.when_full,
            ..spool::Options::new(&self.dir)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_page_is_a_configuration_and_names_the_defaults() {
        let page = include_str!("../../../docs/collector.md");
        let (_, example) = page.split_once("```toml\n").expect("an example");
        let (example, _) = example.split_once("```").expect("its end");
        let config: AgentConfig = toml::from_str(example).expect("a configuration");
        assert_eq!(config.spool, SpoolConfig::default());
        assert_eq!(config.input.len(), 2);
        crate::agent::check(&config).expect("it can be used");
    }

    #[test]
    fn a_misspelt_setting_is_refused_by_its_name() {
        let wrong = toml::from_str::<AgentConfig>("[spool]\nmax_mb = 5\n");
        let error = wrong.expect_err("no such setting").to_string();
        assert!(error.contains("max_mb"), "{error}");
    }
}

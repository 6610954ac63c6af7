//! Flags about the secrets that are taken out of what is sent.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use countersign_collector::redact::{Redactor, Rules, Settings};

/// Whether secrets are taken out of events, and by which rules.
#[derive(Debug, Args)]
pub(crate) struct RedactArgs {
    /// TOML file with rules for secrets, like the table "redact" in the file of an agent
    #[arg(long, value_name = "FILE", conflicts_with = "no_redact")]
    redact: Option<PathBuf>,
    /// Take no secrets out: what is sent stays in the ledger for ever
    #[arg(long)]
    no_redact: bool,
}

impl RedactArgs {
    /// What takes secrets out; none when they are to stay.
    pub(crate) fn redactor(&self) -> anyhow::Result<Option<Redactor>> {
        if self.no_redact {
            return Ok(None);
        }
        redactor(self.redact.as_deref()).map(Some)
    }
}

/// Takes secrets out by the rules of this file, or by those of the program alone.
pub(crate) fn redactor(file: Option<&Path>) -> anyhow::Result<Redactor> {
    let Some(path) = file else {
        return Ok(Redactor::new(Rules::new(&Settings::default())?));
    };
    let text = std::fs::read_to_string(path);
    let text = text.with_context(|| format!("cannot read {}", path.display()))?;
    let unfit = || format!("the rules for secrets in {} cannot be used", path.display());
    let settings: Settings = toml::from_str(&text).with_context(unfit)?;
    Ok(Redactor::new(Rules::new(&settings).with_context(unfit)?))
}

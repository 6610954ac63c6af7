//! Inputs of the agent: what happens near production becomes items of an [`Outlet`].
//!
//! Each input has a configuration, and a name that is unique within the agent. An input that can
//! read again keeps its place under that name: after a restart it goes on exactly behind the last
//! durable item, so that a record is there once. Syslog and OTLP cannot: their modules say what
//! that means. What cannot be parsed is kept as it is, with the reason; what is known to be missing
//! becomes a `SpoolGap`.

mod clock;
pub mod csvlog;
mod error;
mod file;
mod follow;
pub mod journald;
mod jsonl;
pub mod otlp;
mod prepared;
mod push;
mod record;
mod records;
mod series;
mod settings;
pub mod syslog;
mod tls;

use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use crate::limits::MAX_INPUTS;
use crate::outlet::Outlet;
use crate::trouble::Health;
use push::Push;

pub use csvlog::CsvlogConfig;
pub use error::{ConfigError, InputError};
pub use file::FileConfig;
pub use journald::JournaldConfig;
pub use jsonl::JsonlConfig;
pub use otlp::OtlpConfig;
pub use prepared::prepared;
pub use record::{Fields, Understood};
pub use settings::LineFormat;
pub use syslog::SyslogConfig;
pub use tls::{TlsConfig, TlsError};

/// An input as it stands in a configuration file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum InputConfig {
    /// The journal of systemd.
    Journald(JournaldConfig),
    /// Syslog messages.
    Syslog(SyslogConfig),
    /// Log records of OpenTelemetry, over gRPC.
    Otlp(OtlpConfig),
    /// The CSV or JSON log of PostgreSQL.
    Csvlog(CsvlogConfig),
    /// Lines of a file.
    File(FileConfig),
    /// Events as lines of JSON in a file.
    Jsonl(JsonlConfig),
}

impl InputConfig {
    /// The name, which is that of the place too.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Journald(config) => &config.name,
            Self::Syslog(config) => &config.name,
            Self::Otlp(config) => &config.name,
            Self::Csvlog(config) => &config.name,
            Self::File(config) => &config.name,
            Self::Jsonl(config) => &config.name,
        }
    }

    /// Where its events come from, as their `source` begins.
    #[must_use]
    pub fn source(&self) -> String {
        match self {
            Self::Journald(config) => format!("journald:{}", config.name),
            Self::Syslog(config) => format!("syslog:{}", config.name),
            Self::Otlp(config) => format!("otlp:{}", config.name),
            Self::Csvlog(CsvlogConfig { path, .. })
            | Self::File(FileConfig { path, .. })
            | Self::Jsonl(JsonlConfig { path, .. }) => crate::tail::content::source(path),
        }
    }

    /// Checks what can be checked without opening or binding anything.
    ///
    /// # Errors
    /// [`ConfigError`] names the setting, what was expected and what is there.
    pub fn check(&self) -> Result<(), ConfigError> {
        settings::name(self.name())?;
        match self {
            Self::Journald(config) => config.check(),
            Self::Syslog(config) => config.check(),
            Self::Otlp(config) => config.check(),
            Self::Csvlog(config) => config.check(),
            Self::File(config) => config.check(),
            Self::Jsonl(config) => config.check(),
        }
    }
}

/// Checks the inputs of one agent, as [`InputConfig::check`] does, and that their names differ.
///
/// # Errors
/// [`ConfigError`], of the first input that has one.
pub fn check(inputs: &[InputConfig]) -> Result<(), ConfigError> {
    if inputs.len() > MAX_INPUTS {
        return Err(ConfigError::Inputs(inputs.len()));
    }
    for (at, input) in inputs.iter().enumerate() {
        input.check()?;
        if inputs[..at]
            .iter()
            .any(|other| other.name() == input.name())
        {
            return Err(ConfigError::Twice(input.name().to_owned()));
        }
    }
    Ok(())
}

/// Runs an input until `stop` is cancelled. What it has read then is handed over; for that it waits
/// 5 s at most, if the outlet is full. Whether it can read at the moment is told to `health`.
///
/// # Errors
/// [`InputError`] when it cannot begin, or the outlet takes nothing more. A source that is away is
/// waited for.
pub async fn run<O: Outlet>(
    config: &InputConfig,
    outlet: O,
    health: &Health,
    stop: CancellationToken,
) -> Result<(), InputError> {
    config.check()?;
    let push = Push::new(outlet, config.name().to_owned(), stop.clone());
    let push = push.telling(health.clone());
    let watcher = push.clone();
    let ended = match config {
        InputConfig::Journald(config) => journald::run(config, push, stop).await,
        InputConfig::Syslog(config) => syslog::run(config, push, stop).await,
        InputConfig::Otlp(config) => otlp::run(config, push, stop).await,
        InputConfig::Csvlog(config) => csvlog::run(config, push, stop).await,
        InputConfig::File(config) => file::run(config, push, stop).await,
        InputConfig::Jsonl(config) => jsonl::run(config, push, stop).await,
    };
    if watcher.gave_up() { Ok(()) } else { ended }
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

//! The log of PostgreSQL: `csvlog` of versions 13 to 17, `jsonlog` since 15, and the lines of
//! pgaudit in both.
//!
//! Columns become fields under their names in PostgreSQL's documentation, for CSV and JSON alike;
//! empty ones are left out. A message of pgaudit is read too, into fields that begin with `audit.`.

pub mod csv;
mod log_time;
mod pgaudit;
mod pgcsv;
mod pgjson;

use std::path::{Path, PathBuf};

use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use crate::input::error::{ConfigError, InputError};
use crate::input::follow::{Followed, follow};
use crate::input::push::Push;
use crate::input::records::{Ending, Records};
use crate::input::series::Series;
use crate::input::settings;
use crate::outlet::Outlet;
use crate::tail::content::{Content, source};

pub use pgcsv::{COLUMNS, read_csv};
pub use pgjson::read_json;

/// An input that follows a log of PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CsvlogConfig {
    /// Unique within the agent.
    pub name: String,
    /// The file; absolute. With one `*` in the name of the file it stands for all files that fit,
    /// which are read one after the other, as they were written.
    pub path: PathBuf,
    /// Which of both logs it is.
    #[serde(default)]
    pub format: LogFormat,
    /// Zone of `log_timezone`, an IANA name; that of the system by default. Needed only when it
    /// writes an abbreviation other than UTC or GMT.
    pub zone: Option<String>,
    /// Milliseconds between two looks when there is nothing new, 10 to 3,600,000.
    #[serde(default = "settings::interval_ms")]
    pub interval_ms: u64,
}

/// How PostgreSQL writes its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// `log_destination = 'csvlog'`.
    #[default]
    Csv,
    /// `log_destination = 'jsonlog'`.
    Json,
}

impl CsvlogConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        settings::path(&self.path)?;
        let in_folder = self.path.parent().is_some_and(settings::has_star);
        let is_series = Series::of(&self.path).is_some() && !in_folder;
        if settings::has_star(&self.path) && !is_series {
            return Err(ConfigError::Star(self.path.clone()));
        }
        settings::interval(self.interval_ms)?;
        settings::zone(self.zone.as_deref()).map(drop)
    }
}

pub(super) async fn run<O: Outlet>(
    config: &CsvlogConfig,
    push: Push<O>,
    stop: CancellationToken,
) -> Result<(), InputError> {
    let (zone, format) = (settings::zone(config.zone.as_deref())?, config.format);
    let content = move |path: &Path| -> Box<dyn Content> {
        let (source, zone) = (source(path), zone.clone());
        match format {
            LogFormat::Csv => {
                let grammar = pgcsv::Csv::new(source.clone(), zone);
                Box::new(Records::new(source, grammar, Ending::Csv))
            }
            LogFormat::Json => {
                let grammar = pgjson::Json::new(source.clone(), zone);
                Box::new(Records::new(source, grammar, Ending::Line))
            }
        }
    };
    let followed = Followed {
        input: config.name.clone(),
        path: config.path.clone(),
        interval: settings::interval(config.interval_ms)?,
        series: Series::of(&config.path),
        content: Box::new(content),
    };
    follow(followed, &push, &stop).await
}

#[cfg(test)]
mod tests;

//! Lines of a file, as `collector tail` reads them.

use std::path::PathBuf;

use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use crate::input::error::{ConfigError, InputError};
use crate::input::follow::{Followed, follow};
use crate::input::push::Push;
use crate::input::settings::{self, LineFormat};
use crate::outlet::Outlet;
use crate::parse::Format;
use crate::tail::content::{Lines, source};

/// An input that follows a file through rotation, truncation and restarts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileConfig {
    /// Unique within the agent.
    pub name: String,
    /// The file; absolute.
    pub path: PathBuf,
    /// How its lines are read; by default what the name of the file suggests.
    pub format: Option<LineFormat>,
    /// Zone of times that name none, an IANA name; that of the system by default.
    pub zone: Option<String>,
    /// Milliseconds between two looks when there is nothing new, 10 to 3,600,000.
    #[serde(default = "settings::interval_ms")]
    pub interval_ms: u64,
}

impl FileConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        settings::one_file(&self.path)?;
        settings::interval(self.interval_ms)?;
        settings::zone(self.zone.as_deref()).map(drop)
    }
}

pub(super) async fn run<O: Outlet>(
    config: &FileConfig,
    push: Push<O>,
    stop: CancellationToken,
) -> Result<(), InputError> {
    let guessed = || Format::guess(&config.path);
    let format = config.format.map_or_else(guessed, Format::from);
    let zone = settings::zone(config.zone.as_deref())?;
    let followed = Followed {
        input: config.name.clone(),
        path: config.path.clone(),
        interval: settings::interval(config.interval_ms)?,
        series: None,
        content: Box::new(move |path| Box::new(Lines::new(source(path), format, zone.clone()))),
    };
    follow(followed, &push, &stop).await
}

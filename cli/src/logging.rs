//! Where log messages go: stderr, as text or JSON.
//!
//! `COUNTERSIGN_TRACE`, else `RUST_LOG`, chooses what is told, for example `info` or
//! `countersign_ledger=debug`.

use std::io::{self, IsTerminal as _};

use anyhow::Context as _;
use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

/// Variables that hold a filter, the stronger first.
const FILTERS: [&str; 2] = ["COUNTERSIGN_TRACE", "RUST_LOG"];

/// Form of log messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum LogFormat {
    /// One readable line each.
    #[default]
    Text,
    /// One JSON object each.
    Json,
}

/// Sends messages to stderr from now on; `usual` is the filter when no variable sets one.
pub(crate) fn start(format: LogFormat, usual: &str) -> anyhow::Result<()> {
    let set = FILTERS.iter().find_map(|name| {
        let text = std::env::var(name).ok().filter(|text| !text.is_empty())?;
        Some((*name, text))
    });
    let filter = match set {
        None => EnvFilter::new(usual),
        Some((name, text)) => EnvFilter::try_new(&text)
            .with_context(|| format!("{name} is no filter: {text:?}; try info, or debug"))?,
    };
    let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let base = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    let started = match format {
        LogFormat::Text => base.with_ansi(colour).try_init(),
        LogFormat::Json => base.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("cannot start the log: {error}"))
}

//! `countersign ledger serve`: the running server, its log messages and metrics, and its end.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use countersign_ledger::limits::{MIN_SEGMENT_BYTES, SEGMENT_BYTES};
use countersign_ledger::node::Node;
use countersign_ledger::server::run::{EXIT_POISONED, ServeOptions, Server};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::signal::unix::{SignalKind, signal};

use super::ledger::settings;
use crate::exit::Outcome;
use crate::logging::LogFormat;

/// Upper bounds of the buckets of every duration, in seconds: from a write into a cache to a disk
/// in trouble.
const SECONDS: [f64; 14] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
];
/// What is left of the second after a failed write, once the callers have their answers.
const LAST_MOMENT: Duration = Duration::from_millis(800);
/// How often old samples are folded into their buckets.
const UPKEEP: Duration = Duration::from_secs(5);

/// Serve a data folder over gRPC with mutual TLS
///
/// Serves a data folder over gRPC with mutual TLS, until SIGTERM or SIGINT.
///
/// Calls under way are finished and the log is closed with an entry before it ends. Log messages go
/// to stderr; COUNTERSIGN_TRACE or RUST_LOG chooses which (usually info). Exit code 70 means that a
/// write failed: nothing is acknowledged after it, and the next start decides what is stored.
/// docs/operations.md has a systemd unit.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example:
  countersign ledger serve --dir /var/lib/countersign/data --listen 0.0.0.0:7443
  curl http://127.0.0.1:7480/metrics")]
pub(crate) struct ServeArgs {
    /// Data folder
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Address of gRPC; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7443")]
    pub(crate) listen: SocketAddr,
    /// Address of /metrics and /healthz, in plain HTTP without authentication; port 0 takes a free
    /// one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7480")]
    pub(crate) http: SocketAddr,
    /// No /metrics and no /healthz
    #[arg(long, conflicts_with = "http")]
    pub(crate) no_http: bool,
    /// Host name or IP address for the server's certificate when it is renewed; give those of
    /// `ledger init`
    #[arg(long, value_name = "HOST")]
    pub(crate) host: Vec<String>,
    /// Form of log messages
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub(crate) log_format: LogFormat,
    /// Size of new segment files, at least 65536
    #[arg(long, value_name = "N", default_value_t = SEGMENT_BYTES, value_parser = segment_bytes())]
    pub(crate) segment_bytes: u64,
}

/// A size that a segment may have.
pub(crate) fn segment_bytes() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(MIN_SEGMENT_BYTES..)
}

pub(crate) async fn run(args: ServeArgs) -> anyhow::Result<Outcome> {
    let options = ServeOptions {
        dir: args.dir,
        listen: args.listen,
        http: (!args.no_http).then_some(args.http),
        hosts: args.host,
        node: settings().with_segment_bytes(args.segment_bytes),
        metrics: Some(metrics()?),
    };
    let stop = stop_signal()?;
    let server = Server::start(options).await?;
    watch(Arc::clone(server.node()));
    server.run(stop).await?;
    Ok(Outcome::Fine)
}

/// Ends the process within a second of a failed write, also when the orderly end hangs on the disk
/// that failed.
fn watch(node: Arc<Node>) {
    drop(tokio::spawn(async move {
        node.failed().await;
        tokio::time::sleep(LAST_MOMENT).await;
        tracing::error!("a log could not be written, and the server does not end by itself");
        leave();
    }));
}

#[expect(
    clippy::exit,
    reason = "destructors may wait for a disk that does not answer"
)]
fn leave() {
    std::process::exit(i32::from(EXIT_POISONED));
}

/// Starts to collect metrics, once in a process.
pub(crate) fn metrics() -> anyhow::Result<PrometheusHandle> {
    let seconds = Matcher::Suffix("_seconds".to_owned());
    let builder = PrometheusBuilder::new().set_buckets_for_metric(seconds, &SECONDS)?;
    let handle = builder
        .install_recorder()
        .context("cannot start to collect metrics")?;
    let upkeep = handle.clone();
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(UPKEEP);
        loop {
            ticks.tick().await;
            upkeep.run_upkeep();
        }
    });
    Ok(handle)
}

/// Resolves with the reason when the process is told to stop.
pub(crate) fn stop_signal() -> anyhow::Result<impl Future<Output = String>> {
    let handler = |kind| signal(kind).context("cannot listen for signals");
    let (mut term, mut int, mut hup) = (
        handler(SignalKind::terminate())?,
        handler(SignalKind::interrupt())?,
        handler(SignalKind::hangup())?,
    );
    Ok(async move {
        tokio::select! {
            _ = term.recv() => "SIGTERM".to_owned(),
            _ = int.recv() => "SIGINT".to_owned(),
            _ = hup.recv() => "SIGHUP".to_owned(),
        }
    })
}

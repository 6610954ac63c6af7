//! The running server: a node, its two doors, and an orderly end.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::guard::GuardLayer;
use super::http;
use super::listener::{self, ConnectionLimits};
use crate::identity::clock::UnixClock;
use crate::identity::desk::DeskError;
use crate::identity::tls::{self, TlsError, TlsHandle};
use crate::limits::{
    ACCEPT_QUEUE, CONNECTION_WINDOW, DRAIN, FAREWELL, HOUSEKEEPING, MAX_HEADER_LIST,
    MAX_STREAMS_PER_CONNECTION, RENEWAL_CHECK, STREAM_WINDOW,
};
use crate::node::{Node, NodeError, NodeSettings};

/// File that tells where the running server listens.
pub const ENDPOINT: &str = "endpoint.json";

/// Exit code of a process whose writer was poisoned.
pub const EXIT_POISONED: u8 = 70;

/// What a server needs to know.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Data folder.
    pub dir: PathBuf,
    /// Address of the gRPC door; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Address of `/metrics` and `/healthz`; none without.
    pub http: Option<SocketAddr>,
    /// Host names for a renewed server certificate.
    pub hosts: Vec<String>,
    /// How the node is opened.
    pub node: NodeSettings,
    /// Where metrics are read; none without.
    pub metrics: Option<PrometheusHandle>,
}

/// Why a server did not start, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The data folder.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The server's certificate.
    #[error(transparent)]
    Renew(#[from] DeskError),
    /// TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// An address.
    #[error("cannot listen on {address}: {error}; {}", listen_hint(.error))]
    Bind {
        /// Which.
        address: SocketAddr,
        /// Why not.
        error: io::Error,
    },
    /// The endpoint file.
    #[error("cannot write {ENDPOINT}: {0}")]
    Endpoint(io::Error),
    /// The gRPC server ended by itself.
    #[error("the gRPC server ended: {0}")]
    Transport(String),
    /// A log cannot be written any more.
    #[error(
        "a log could not be written; nothing is acknowledged any more. Look at the disk, then \
         start again: recovery decides what is stored"
    )]
    Poisoned,
}

fn listen_hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another server runs there; stop it, or choose another port",
        io::ErrorKind::PermissionDenied => "choose a port above 1023",
        _ => "give an address of this machine, or 0.0.0.0 for all of them",
    }
}

/// Where a server listens, as [`ENDPOINT`] tells other commands on this machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Endpoint {
    /// URL of the gRPC door.
    pub grpc: String,
    /// URL of the HTTP door; empty without one.
    pub http: String,
    /// Process that listens.
    pub pid: u32,
}

impl Endpoint {
    /// Reads the file of a data folder; `None` when no server runs, as far as the file tells.
    #[must_use]
    pub fn read(dir: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(dir.join(ENDPOINT)).ok()?;
        serde_json::from_str(&text).ok()
    }

    fn write(&self, dir: &Path) -> io::Result<()> {
        let text = serde_json::to_string_pretty(self).map_err(io::Error::other)?;
        let next = dir.join("endpoint.json.next");
        std::fs::write(&next, text)?;
        std::fs::rename(next, dir.join(ENDPOINT))
    }
}

/// A server that accepts calls.
#[derive(Debug)]
pub struct Server {
    node: Arc<Node>,
    endpoint: Endpoint,
    stop: CancellationToken,
    grpc: tokio::task::JoinHandle<Result<(), tonic::transport::Error>>,
    /// Calls under way, but for Follow streams.
    calls: TaskTracker,
}

/// The page of metrics; gauges are read when someone looks.
fn page(node: &Arc<Node>, metrics: PrometheusHandle) -> impl Fn() -> String + Clone + use<> {
    let node = Arc::clone(node);
    move || {
        super::observe(&node);
        metrics.render()
    }
}

impl Server {
    /// Opens the node and both doors.
    ///
    /// # Errors
    /// [`ServeError`].
    pub async fn start(options: ServeOptions) -> Result<Self, ServeError> {
        let ServeOptions {
            dir,
            listen,
            http,
            hosts,
            node: settings,
            metrics,
        } = options;
        let node = Arc::new(Node::open(&dir, &settings).await?);
        node.desk().renew_server(&dir, &hosts).await?;
        let wall = Arc::clone(&settings.clock);
        let clock = UnixClock::new(move || wall.wall().seconds());
        let tls = Arc::new(TlsHandle::new(tls::load(&dir, clock.clone())?));
        let listener = bind(listen)?;
        let address = local_address(&listener, listen)?;
        let stop = CancellationToken::new();
        let http = match (http, metrics) {
            (Some(address), Some(metrics)) => {
                let listener = bind(address)?;
                let address = local_address(&listener, address)?;
                http::serve(listener, page(&node, metrics), &stop);
                Some(address)
            }
            _ => None,
        };
        let origin = node.ca().origin().clone();
        let incoming = listener::listen(
            listener,
            Arc::clone(&tls),
            origin,
            ConnectionLimits::of_this_process(),
        );
        let keeping = keep_certificates(Arc::clone(&node), stop.clone());
        let renewing = renew(Arc::clone(&node), hosts, clock.clone(), tls, stop.clone());
        drop(tokio::spawn(async move { tokio::join!(keeping, renewing) }));
        let routes = super::routes(&node, &stop, (clock.clone(), settings.clock)).await?;
        let ended = stop.clone();
        let calls = TaskTracker::new();
        let grpc = tonic::transport::Server::builder()
            .http2_keepalive_interval(Some(Duration::from_secs(30)))
            .http2_keepalive_timeout(Some(Duration::from_secs(20)))
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_concurrent_streams(MAX_STREAMS_PER_CONNECTION)
            .http2_max_header_list_size(MAX_HEADER_LIST)
            .layer(GuardLayer::new(
                Arc::clone(node.registry()),
                clock,
                calls.clone(),
            ))
            .add_routes(routes)
            .serve_with_incoming_shutdown(incoming, async move { ended.cancelled().await });
        let endpoint = Endpoint {
            grpc: format!("https://{address}"),
            http: http
                .map(|http| format!("http://{http}"))
                .unwrap_or_default(),
            pid: std::process::id(),
        };
        endpoint.write(&dir).map_err(ServeError::Endpoint)?;
        tracing::info!(grpc = %endpoint.grpc, http = %endpoint.http, "serving");
        Ok(Self {
            node,
            endpoint,
            stop,
            grpc: tokio::spawn(grpc),
            calls,
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The open data folder.
    #[must_use]
    pub const fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// Serves until `shutdown` resolves with a reason, then ends in order: no new calls, calls
    /// under way are finished within 10 s, logs are closed.
    ///
    /// # Errors
    /// [`ServeError::Poisoned`] at once when a log cannot be written any more.
    pub async fn run(mut self, shutdown: impl Future<Output = String>) -> Result<(), ServeError> {
        let reason = tokio::select! {
            reason = shutdown => reason,
            () = self.node.failed() => {
                // Waiting callers were answered by the log; a moment is enough to send that.
                self.stop.cancel();
                drop(tokio::time::timeout(Duration::from_millis(200), &mut self.grpc).await);
                return Err(ServeError::Poisoned);
            }
            ended = &mut self.grpc => {
                let why = match ended {
                    Ok(Ok(())) => "without a reason".to_owned(),
                    Ok(Err(error)) => error.to_string(),
                    Err(error) => error.to_string(),
                };
                return Err(ServeError::Transport(why));
            }
        };
        tracing::info!(reason = %reason, "stopping");
        self.stop.cancel();
        self.drain().await;
        let closed = self.node.close(&reason).await;
        if let Err(error) = std::fs::remove_file(self.node.dir().join(ENDPOINT)) {
            tracing::warn!(error = %error, "cannot remove the endpoint file");
        }
        closed.map_err(ServeError::from)
    }

    /// Waits until calls under way are finished. Followers that do not read are not waited for:
    /// they hear within a second why their stream ends, or do not hear it.
    async fn drain(&mut self) {
        self.calls.close();
        let finished = async {
            self.calls.wait().await;
            tokio::time::sleep(FAREWELL).await;
        };
        tokio::select! {
            _ended = &mut self.grpc => return,
            () = finished => {}
            () = tokio::time::sleep(DRAIN) => {
                let calls = self.calls.len();
                tracing::warn!(
                    calls,
                    "calls were still under way when the time to finish them was over"
                );
            }
        }
        self.grpc.abort();
    }
}

fn bind(address: SocketAddr) -> Result<TcpListener, ServeError> {
    let listen = || {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        // A server that starts again must not wait for connections of the one before.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(ACCEPT_QUEUE)
    };
    listen().map_err(|error| ServeError::Bind { address, error })
}

fn local_address(listener: &TcpListener, address: SocketAddr) -> Result<SocketAddr, ServeError> {
    listener
        .local_addr()
        .map_err(|error| ServeError::Bind { address, error })
}

/// Keeps the list of certificates on disk up to date for as long as the server runs.
async fn keep_certificates(node: Arc<Node>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(HOUSEKEEPING) => node.keep_certificates().await,
        }
    }
}

/// Looks after the server's certificate for as long as the server runs.
async fn renew(
    node: Arc<Node>,
    hosts: Vec<String>,
    clock: UnixClock,
    tls: Arc<TlsHandle>,
    stop: CancellationToken,
) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(RENEWAL_CHECK) => {}
        }
        match renew_once(&node, &hosts, &clock).await {
            Ok(Some(config)) => tls.replace(config),
            Ok(None) => {}
            Err(error) => tracing::error!(error = %error, "the old server certificate stays"),
        }
    }
}

async fn renew_once(
    node: &Node,
    hosts: &[String],
    clock: &UnixClock,
) -> Result<Option<rustls::ServerConfig>, ServeError> {
    let renewed = node.desk().renew_server(node.dir(), hosts).await?;
    match renewed {
        Some(_) => Ok(Some(tls::load(node.dir(), clock.clone())?)),
        None => Ok(None),
    }
}

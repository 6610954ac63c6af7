//! Accepting connections: TCP, the TLS handshake, and who is at the other end.
//!
//! [`listen`] gives a stream for `tonic::transport::Server::serve_with_incoming_shutdown`. Every
//! handshake runs in a task of its own with a time limit, so that a silent client holds up nobody.
//! A full house refuses the newest client and keeps those that are served. No error ends the loop;
//! it ends, and the port is closed, when the stream is dropped.
//!
//! A certificate that is good for TLS but names no client of this ledger gets a connection: its
//! calls are answered with `IDENTITY_INVALID`, which tells the client more than a closed socket.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use countersign_chain::origin::Origin;
use rustix::process::{Resource, getrlimit};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::Stream;
use tonic::transport::server::Connected;

use crate::identity::peer::{Peer, PeerError};
use crate::identity::tls::TlsHandle;
use crate::limits::{
    ACCEPT_PAUSE, HANDSHAKE_TIMEOUT, MAX_CONNECTIONS, MAX_HANDSHAKES, RESERVED_FILES,
};

/// How many clients are served at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Connections with a finished handshake.
    pub connections: usize,
    /// Handshakes at the same time; further clients wait in the kernel's queue.
    pub handshakes: usize,
    /// Time for one handshake.
    pub handshake_timeout: Duration,
}

impl ConnectionLimits {
    /// The limits of `ledger::limits`, lowered to what this process may open. Descriptors that the
    /// store needs are left alone: a store that cannot open a file stops the log.
    #[must_use]
    pub fn of_this_process() -> Self {
        let files = getrlimit(Resource::Nofile).current;
        let files = files
            .and_then(|files| usize::try_from(files).ok())
            .unwrap_or(usize::MAX);
        let room = files.saturating_sub(RESERVED_FILES + MAX_HANDSHAKES).max(1);
        Self {
            connections: room.min(MAX_CONNECTIONS),
            handshakes: MAX_HANDSHAKES,
            handshake_timeout: HANDSHAKE_TIMEOUT,
        }
    }
}

/// What handlers and layers find in the extensions of every request on a connection.
#[derive(Debug, Clone)]
pub struct ConnectionInfo {
    /// Who is at the other end, or why the certificate does not say.
    pub peer: Result<Arc<Peer>, PeerError>,
    /// Address at the other end.
    pub address: SocketAddr,
}

/// A connection with a finished handshake.
#[derive(Debug)]
pub struct Connection {
    stream: TlsStream<TcpStream>,
    info: ConnectionInfo,
    _seat: Seat,
}

/// Connections as they finish their handshakes.
#[derive(Debug)]
pub struct Incoming(mpsc::Receiver<Connection>);

/// Starts to accept on a bound socket, in a task of the current runtime.
#[must_use]
pub fn listen(
    listener: TcpListener,
    tls: Arc<TlsHandle>,
    origin: Origin,
    limits: ConnectionLimits,
) -> Incoming {
    // The server takes connections at once; one waiting is as good as many.
    let (sender, receiver) = mpsc::channel(1);
    let door = Arc::new(Door {
        tls,
        origin,
        timeout: limits.handshake_timeout,
        seats: Arc::new(Semaphore::new(limits.connections)),
        sender,
    });
    let handshakes = Arc::new(Semaphore::new(limits.handshakes));
    drop(tokio::spawn(accept(listener, door, handshakes)));
    Incoming(receiver)
}

struct Door {
    tls: Arc<TlsHandle>,
    origin: Origin,
    timeout: Duration,
    seats: Arc<Semaphore>,
    sender: mpsc::Sender<Connection>,
}

async fn accept(listener: TcpListener, door: Arc<Door>, handshakes: Arc<Semaphore>) {
    let next = async || {
        let slot = Arc::clone(&handshakes).acquire_owned().await;
        (slot.ok(), listener.accept().await)
    };
    loop {
        let (slot, accepted) = tokio::select! {
            () = door.sender.closed() => return,
            next = next() => next,
        };
        match accepted {
            Ok((stream, address)) => {
                drop(tokio::spawn(admit(
                    Arc::clone(&door),
                    stream,
                    address,
                    slot,
                )));
            }
            Err(error) => {
                metrics::counter!("countersign_accept_errors_total").increment(1);
                tracing::warn!(%error, "connection not accepted");
                // Mostly a lack of descriptors or memory, which the next moment may bring back.
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Why a client did not get a connection.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("no handshake within {0:?}")]
    Timeout(Duration),
    #[error("{0}")]
    Tls(io::Error),
    #[error("all connections are taken")]
    Full,
}

impl Refusal {
    const fn label(&self) -> &'static str {
        match self {
            Self::Timeout(_) => "timeout",
            Self::Tls(_) => "tls",
            Self::Full => "full",
        }
    }
}

/// Takes one client from TCP to the server. `_slot` is given back when this ends.
async fn admit(
    door: Arc<Door>,
    stream: TcpStream,
    address: SocketAddr,
    _slot: Option<OwnedSemaphorePermit>,
) {
    let shaken = tokio::select! {
        () = door.sender.closed() => return,
        shaken = shake_hands(&door, stream, address) => shaken,
    };
    match shaken {
        Ok(connection) => {
            // Fails when the server stops at this moment; the client sees a closed connection.
            drop(door.sender.send(connection).await);
        }
        Err(refusal) => {
            metrics::counter!("countersign_handshakes_failed_total", "reason" => refusal.label())
                .increment(1);
            tracing::info!(%address, error = %refusal, "handshake failed");
        }
    }
}

async fn shake_hands(
    door: &Door,
    stream: TcpStream,
    address: SocketAddr,
) -> Result<Connection, Refusal> {
    // Calls are small and answered at once: waiting for more to send would only delay them.
    stream.set_nodelay(true).map_err(Refusal::Tls)?;
    let accepting = TlsAcceptor::from(door.tls.current()).accept(stream);
    let stream = match tokio::time::timeout(door.timeout, accepting).await {
        Err(_elapsed) => return Err(Refusal::Timeout(door.timeout)),
        Ok(accepted) => accepted.map_err(Refusal::Tls)?,
    };
    let permit = Arc::clone(&door.seats)
        .try_acquire_owned()
        .map_err(|_none| Refusal::Full)?;
    let peer = stream
        .get_ref()
        .1
        .peer_certificates()
        .and_then(<[_]>::first)
        .ok_or(PeerError::Missing)
        .and_then(|certificate| Peer::parse(certificate, &door.origin))
        .map(Arc::new);
    Ok(Connection {
        stream,
        info: ConnectionInfo { peer, address },
        _seat: Seat::take(permit),
    })
}

/// One of the counted connections.
#[derive(Debug)]
struct Seat {
    _permit: OwnedSemaphorePermit,
}

impl Seat {
    fn take(permit: OwnedSemaphorePermit) -> Self {
        metrics::gauge!("countersign_connections").increment(1);
        Self { _permit: permit }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        metrics::gauge!("countersign_connections").decrement(1);
    }
}

impl Stream for Incoming {
    type Item = Result<Connection, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx).map(|connection| connection.map(Ok))
    }
}

impl Connected for Connection {
    type ConnectInfo = ConnectionInfo;

    fn connect_info(&self) -> ConnectionInfo {
        self.info.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

//! Accepting connections: TCP, the TLS handshake, and who is at the other end.
//!
//! [`listen`] gives a stream for `tonic::transport::Server::serve_with_incoming_shutdown`. Every
//! handshake runs in a task of its own with a time limit, so that a silent client holds up nobody;
//! when others wait for its place, it is given up after a moment already. A full house refuses the
//! newest client and keeps those that are served. No error ends the loop; it ends, and the port is
//! closed, when the stream is dropped.
//!
//! One principal has a part of the connections only. What it opens beyond that is served for a
//! moment, so that its calls can be answered with `TOO_MANY_CONNECTIONS`, or closed at once when
//! there are many of those too.
//!
//! A certificate that is good for TLS but names no client of this ledger gets a connection: its
//! calls are answered with `IDENTITY_INVALID`, which tells the client more than a closed socket.

use std::collections::VecDeque;
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
use tokio::task::JoinHandle;
use tokio::time::{Instant, Sleep, sleep, sleep_until};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::Stream;
use tonic::transport::server::Connected;

use crate::identity::peer::{Peer, PeerError};
use crate::identity::tls::TlsHandle;
use crate::limits::{
    ACCEPT_PAUSE, HANDSHAKE_GRACE, HANDSHAKE_TIMEOUT, MAX_CONNECTIONS, MAX_CONNECTIONS_EACH,
    MAX_HANDSHAKES, MAX_REFUSED_CONNECTIONS, REFUSED_CONNECTION, RESERVED_FILES,
};
use crate::server::seats::{Full, Seat, Seats};
use crate::server::throttle;

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
    /// Why nothing is done for this connection, when its owner has enough others.
    pub(super) crowded: Option<Full>,
}

impl ConnectionInfo {
    /// What is known of a connection that is served.
    #[must_use]
    pub const fn new(peer: Result<Arc<Peer>, PeerError>, address: SocketAddr) -> Self {
        Self {
            peer,
            address,
            crowded: None,
        }
    }
}

/// A connection with a finished handshake.
#[derive(Debug)]
pub struct Connection {
    stream: TlsStream<TcpStream>,
    info: ConnectionInfo,
    /// When a connection that is refused is closed.
    leave: Option<Pin<Box<Sleep>>>,
    _place: Place,
    _seat: Option<Seat>,
    _refused: Option<OwnedSemaphorePermit>,
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
        places: Arc::new(Semaphore::new(limits.connections)),
        seats: Seats::new(
            ("connections", "countersign_client_connections"),
            limits.connections,
            MAX_CONNECTIONS_EACH,
        ),
        refused: Arc::new(Semaphore::new(MAX_REFUSED_CONNECTIONS)),
        sender,
    });
    let handshakes = Handshakes {
        places: Arc::new(Semaphore::new(limits.handshakes)),
        oldest: VecDeque::new(),
    };
    drop(tokio::spawn(accept(listener, door, handshakes)));
    Incoming(receiver)
}

struct Door {
    tls: Arc<TlsHandle>,
    origin: Origin,
    timeout: Duration,
    places: Arc<Semaphore>,
    /// What each client has of them.
    seats: Seats,
    refused: Arc<Semaphore>,
    sender: mpsc::Sender<Connection>,
}

/// Handshakes under way, the oldest first.
struct Handshakes {
    places: Arc<Semaphore>,
    oldest: VecDeque<(Instant, JoinHandle<()>)>,
}

impl Handshakes {
    /// A place for another one. When all are taken, the oldest ends once its grace is over: clients
    /// that open connections and say nothing keep others waiting for a moment only.
    async fn place(&mut self) -> Option<OwnedSemaphorePermit> {
        loop {
            self.oldest.retain(|(_since, task)| !task.is_finished());
            if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
                return Some(place);
            }
            let free = Arc::clone(&self.places).acquire_owned();
            let Some((since, task)) = self.oldest.front() else {
                return free.await.ok();
            };
            tokio::select! {
                place = free => return place.ok(),
                () = sleep_until(*since + HANDSHAKE_GRACE) => task.abort(),
            }
            metrics::counter!("countersign_handshakes_failed_total", "reason" => "crowded")
                .increment(1);
            // Its place comes free when the task is gone; an error only says that it was ended.
            if let Some((_since, task)) = self.oldest.pop_front() {
                drop(task.await);
            }
        }
    }
}

async fn accept(listener: TcpListener, door: Arc<Door>, mut handshakes: Handshakes) {
    loop {
        let next = async {
            let place = handshakes.place().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = door.sender.closed() => return,
            next = next => next,
        };
        match accepted {
            Ok((stream, address)) => {
                let task = tokio::spawn(admit(Arc::clone(&door), stream, address, place));
                handshakes.oldest.push_back((Instant::now(), task));
            }
            Err(error) => {
                metrics::counter!("countersign_accept_errors_total").increment(1);
                tracing::warn!(%error, "connection not accepted");
                // Mostly a lack of descriptors or memory, which the next moment may bring back.
                sleep(ACCEPT_PAUSE).await;
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
    #[error("{0}, and more are being refused")]
    Crowded(Full),
}

impl Refusal {
    const fn label(&self) -> &'static str {
        match self {
            Self::Timeout(_) => "timeout",
            Self::Tls(_) => "tls",
            Self::Full => "full",
            Self::Crowded(_) => "client",
        }
    }
}

/// Takes one client from TCP to the server. `_place` is given back when this ends.
async fn admit(
    door: Arc<Door>,
    stream: TcpStream,
    address: SocketAddr,
    _place: Option<OwnedSemaphorePermit>,
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
            if let Some(unsaid) = throttle::may_tell() {
                tracing::info!(%address, error = %refusal, unsaid, "handshake failed");
            }
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
    let place = Arc::clone(&door.places)
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
    // Certificates that name no client count as one.
    let client = peer.as_ref().map_or("", |peer| peer.principal.as_str());
    let (seat, crowded, refused) = match door.seats.take(client) {
        Ok(seat) => (Some(seat), None, None),
        Err(full) => match Arc::clone(&door.refused).try_acquire_owned() {
            Ok(refused) => (None, Some(full), Some(refused)),
            Err(_none) => return Err(Refusal::Crowded(full)),
        },
    };
    let is_refused = crowded.is_some();
    Ok(Connection {
        stream,
        info: ConnectionInfo {
            peer,
            address,
            crowded,
        },
        leave: is_refused.then(|| Box::pin(sleep(REFUSED_CONNECTION))),
        _place: Place::take(place),
        _seat: seat,
        _refused: refused,
    })
}

/// One of the counted connections.
#[derive(Debug)]
struct Place {
    _permit: OwnedSemaphorePermit,
}

impl Place {
    fn take(permit: OwnedSemaphorePermit) -> Self {
        metrics::gauge!("countersign_connections").increment(1);
        Self { _permit: permit }
    }
}

impl Drop for Place {
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
        if let Some(leave) = &mut self.leave
            && leave.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
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

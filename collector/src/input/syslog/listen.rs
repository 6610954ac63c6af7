//! The doors of a syslog input: sockets, and connections of which there are not too many.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;

use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::stream::{Sender, datagrams, messages};
use super::{Door, Habits, SyslogConfig, datagram};
use crate::input::error::{ConfigError, InputError};
use crate::input::push::Push;
use crate::input::tls;
use crate::limits::{HANDSHAKE_PATIENCE, LISTEN_PAUSE};
use crate::outlet::{Outlet, OutletError};

/// Takes messages until it is stopped.
pub(in crate::input) async fn run<O: Outlet>(
    config: &SyslogConfig,
    push: Push<O>,
    stop: CancellationToken,
) -> Result<(), InputError> {
    let habits = config.habits()?;
    let hall = Hall {
        habits: Arc::new(habits),
        push,
        seats: Arc::new(Semaphore::new(config.max_connections)),
        guests: JoinSet::new(),
        stop,
    };
    match config.door()? {
        Door::Tls(address, files) => {
            let acceptor = TlsAcceptor::from(Arc::new(tls::load(&files, &[])?));
            let listener = bind(address).await?;
            hall.receive(Tls { listener, acceptor }).await
        }
        Door::Tcp(address) => {
            let listener = bind(address).await?;
            hall.receive(Tcp(listener)).await
        }
        Door::Stream(path) => {
            clear(&path)?;
            let listener = UnixListener::bind(&path).map_err(failed(path.display()))?;
            allow(&path, config.mode)?;
            tracing::info!(path = %path.display(), "syslog input listens");
            hall.receive(Unix(listener)).await
        }
        Door::Datagram(path) => {
            clear(&path)?;
            let socket = datagram::bind(&path).map_err(failed(path.display()))?;
            allow(&path, config.mode)?;
            tracing::info!(path = %path.display(), "syslog input listens");
            hall.push.health().works();
            let done = datagrams(&socket, &hall.habits, &hall.push, &hall.stop).await;
            Ok(done?)
        }
    }
}

async fn bind(address: std::net::SocketAddr) -> Result<TcpListener, InputError> {
    let listener = TcpListener::bind(address).await.map_err(failed(address))?;
    let address = listener.local_addr().map_err(failed(address))?;
    tracing::info!(%address, "syslog input listens");
    Ok(listener)
}

fn failed(what: impl ToString) -> impl FnOnce(io::Error) -> InputError {
    move |source| InputError::Listen {
        at: what.to_string(),
        source,
    }
}

/// Takes away the socket of a run that did not end well. A connection to it fails when nobody
/// listens; anything else that is there stays.
fn clear(path: &Path) -> Result<(), InputError> {
    let in_the_way = |why: &str| failed(path.display())(io::Error::other(why.to_owned()));
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.file_type().is_socket() => {}
        // It does not go away by itself.
        Ok(_) => return Err(ConfigError::Occupied(path.to_owned()).into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(path.display())(error)),
    }
    let probe = std::os::unix::net::UnixDatagram::unbound().map_err(failed(path.display()))?;
    match probe.connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(failed(path.display()))
        }
        // A stream socket with a listener refuses a datagram by its type.
        Ok(()) | Err(_) => Err(in_the_way("another program listens there")),
    }
}

fn allow(path: &Path, mode: u32) -> Result<(), InputError> {
    fs::set_permissions(path, Permissions::from_mode(mode)).map_err(failed(path.display()))
}

/// Connections, as one listener gives them.
trait Listener: Send {
    type Stream: tokio::io::AsyncRead + Unpin + Send + 'static;
    /// What is between an accepted connection and its first message.
    type Raw: Send + 'static;

    fn accept(&self) -> impl Future<Output = io::Result<(Self::Raw, Sender)>> + Send;

    /// What makes a stream of it, apart from the listener.
    fn welcome(
        &self,
        raw: Self::Raw,
        sender: Sender,
    ) -> impl Future<Output = io::Result<(Self::Stream, Sender)>> + Send + 'static;
}

struct Tcp(TcpListener);

impl Listener for Tcp {
    type Stream = tokio::net::TcpStream;
    type Raw = tokio::net::TcpStream;

    async fn accept(&self) -> io::Result<(Self::Raw, Sender)> {
        let (stream, peer) = self.0.accept().await?;
        Ok((stream, Sender::at(peer)))
    }

    fn welcome(
        &self,
        raw: Self::Raw,
        sender: Sender,
    ) -> impl Future<Output = io::Result<(Self::Stream, Sender)>> + Send + 'static {
        std::future::ready(Ok((raw, sender)))
    }
}

struct Unix(UnixListener);

impl Listener for Unix {
    type Stream = tokio::net::UnixStream;
    type Raw = tokio::net::UnixStream;

    async fn accept(&self) -> io::Result<(Self::Raw, Sender)> {
        let (stream, _) = self.0.accept().await?;
        let peer = stream.peer_cred()?;
        Ok((stream, Sender::local(peer.uid(), peer.pid())))
    }

    fn welcome(
        &self,
        raw: Self::Raw,
        sender: Sender,
    ) -> impl Future<Output = io::Result<(Self::Stream, Sender)>> + Send + 'static {
        std::future::ready(Ok((raw, sender)))
    }
}

struct Tls {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Tls {
    type Stream = tokio_rustls::server::TlsStream<tokio::net::TcpStream>;
    type Raw = tokio::net::TcpStream;

    async fn accept(&self) -> io::Result<(Self::Raw, Sender)> {
        let (stream, peer) = self.listener.accept().await?;
        Ok((stream, Sender::at(peer)))
    }

    fn welcome(
        &self,
        raw: Self::Raw,
        sender: Sender,
    ) -> impl Future<Output = io::Result<(Self::Stream, Sender)>> + Send + 'static {
        let handshake = tokio::time::timeout(HANDSHAKE_PATIENCE, self.acceptor.accept(raw));
        async move {
            let stream = handshake.await.map_err(io::Error::from)??;
            let (_, session) = stream.get_ref();
            let chain = session.peer_certificates().unwrap_or_default();
            let name = chain
                .first()
                .and_then(|certificate| tls::holder(certificate));
            Ok((stream, sender.named(name)))
        }
    }
}

/// What connections share.
struct Hall<O> {
    habits: Arc<Habits>,
    push: Push<O>,
    seats: Arc<Semaphore>,
    guests: JoinSet<Result<(), OutletError>>,
    stop: CancellationToken,
}

impl<O: Outlet> Hall<O> {
    /// Takes connections until the input is stopped, or the outlet takes nothing more.
    async fn receive<L: Listener>(mut self, listener: L) -> Result<(), InputError> {
        let mut is_crowded = false;
        self.push.health().works();
        loop {
            let accepted = tokio::select! {
                () = self.stop.cancelled() => break,
                Some(left) = self.guests.join_next() => {
                    left.map_err(|error| InputError::Task(error.to_string()))??;
                    continue;
                }
                accepted = listener.accept() => accepted,
            };
            let (raw, sender) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of descriptors, or the sender is gone already.
                    tracing::warn!(%error, "cannot take a syslog connection");
                    tokio::time::sleep(LISTEN_PAUSE).await;
                    continue;
                }
            };
            let Ok(seat) = Arc::clone(&self.seats).try_acquire_owned() else {
                if !is_crowded {
                    tracing::warn!(%sender, "too many syslog connections: closing new ones");
                }
                is_crowded = true;
                continue;
            };
            is_crowded = false;
            let welcome = listener.welcome(raw, sender.clone());
            let (habits, push) = (Arc::clone(&self.habits), self.push.clone());
            let stop = self.stop.clone();
            self.guests.spawn(async move {
                let _seat = seat;
                let welcomed = tokio::select! {
                    () = stop.cancelled() => return Ok(()),
                    welcomed = welcome => welcomed,
                };
                match welcomed {
                    Ok((stream, sender)) => messages(stream, sender, &habits, &push, &stop).await,
                    Err(error) => {
                        tracing::warn!(%sender, %error, "a syslog connection failed at once");
                        Ok(())
                    }
                }
            });
        }
        while let Some(left) = self.guests.join_next().await {
            left.map_err(|error| InputError::Task(error.to_string()))??;
        }
        Ok(())
    }
}

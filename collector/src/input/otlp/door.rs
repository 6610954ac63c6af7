//! Connections of OTLP senders: not too many, and none that holds up others by its handshake.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::{Connected, TcpConnectInfo};

use crate::input::tls;
use crate::limits::{HANDSHAKE_PATIENCE, LISTEN_PAUSE};

/// Connections that wait for the server to take them.
const WAITING: usize = 4;

/// Who is at the other end.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    pub(super) tcp: TcpConnectInfo,
    /// Name in the certificate, which was verified.
    pub(super) certificate: Option<String>,
}

/// A connection and its seat.
#[derive(Debug)]
pub(super) struct Connection {
    stream: Stream,
    peer: Peer,
    _seat: OwnedSemaphorePermit,
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Takes connections until `ended`.
pub(super) fn connections(
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    seats: usize,
    ended: CancellationToken,
) -> ReceiverStream<io::Result<Connection>> {
    let (sender, receiver) = mpsc::channel(WAITING);
    let seats = Arc::new(Semaphore::new(seats));
    tokio::spawn(async move {
        loop {
            let accepted = tokio::select! {
                () = ended.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "cannot take an OTLP connection");
                    tokio::time::sleep(LISTEN_PAUSE).await;
                    continue;
                }
            };
            let Ok(seat) = Arc::clone(&seats).try_acquire_owned() else {
                tracing::warn!("too many OTLP connections: closing a new one");
                continue;
            };
            let (acceptor, sender) = (acceptor.clone(), sender.clone());
            tokio::spawn(async move {
                match tokio::time::timeout(HANDSHAKE_PATIENCE, welcome(stream, acceptor)).await {
                    // The receiver is gone only when the server has ended.
                    Ok(Ok((stream, peer))) => drop(
                        sender
                            .send(Ok(Connection {
                                stream,
                                peer,
                                _seat: seat,
                            }))
                            .await,
                    ),
                    Ok(Err(error)) => {
                        tracing::warn!(%peer, %error, "an OTLP connection failed at once");
                    }
                    Err(_elapsed) => tracing::warn!(%peer, "an OTLP connection did not finish TLS"),
                }
            });
        }
    });
    ReceiverStream::new(receiver)
}

async fn welcome(stream: TcpStream, acceptor: Option<TlsAcceptor>) -> io::Result<(Stream, Peer)> {
    stream.set_nodelay(true)?;
    let tcp = stream.connect_info();
    let Some(acceptor) = acceptor else {
        let certificate = None;
        return Ok((Stream::Plain(stream), Peer { tcp, certificate }));
    };
    let stream = acceptor.accept(stream).await?;
    let (_, session) = stream.get_ref();
    let chain = session.peer_certificates().unwrap_or_default();
    let certificate = chain
        .first()
        .and_then(|certificate| tls::holder(certificate));
    Ok((Stream::Tls(Box::new(stream)), Peer { tcp, certificate }))
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

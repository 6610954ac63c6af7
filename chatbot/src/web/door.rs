//! Connections from browsers, with and without TLS.
//!
//! Few at a time, each for a moment. A handshake runs beside the others, so that one that hangs
//! holds up nobody.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Sleep, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::limits::{WEB_ACCEPT_PAUSE, WEB_CONNECTIONS, WEB_HANDSHAKE, WEB_VISIT};

/// Who is at the other end of a connection.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The certificate that the handshake has verified, in DER form.
    pub(super) certificate: Option<Arc<[u8]>>,
    /// Where it comes from.
    pub(super) address: SocketAddr,
}

impl Connected<IncomingStream<'_, Door>> for Caller {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        stream.remote_addr().clone()
    }
}

/// Where connections come in.
#[derive(Debug)]
pub(crate) struct Door {
    address: SocketAddr,
    ready: mpsc::Receiver<(Visit, Caller)>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Door {
    pub(crate) fn open(listener: TcpListener, tls: Option<TlsAcceptor>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (sender, ready) = mpsc::channel(1);
        let accepting = tokio::spawn(accept(listener, tls, sender));
        Ok(Self {
            address,
            ready,
            accepting,
        })
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Listener for Door {
    type Io = Visit;
    type Addr = Caller;

    async fn accept(&mut self) -> (Visit, Caller) {
        match self.ready.recv().await {
            Some(visit) => visit,
            // The task that accepts does not end before the door.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Caller> {
        Ok(Caller {
            certificate: None,
            address: self.address,
        })
    }
}

async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    ready: mpsc::Sender<(Visit, Caller)>,
) {
    let places = Arc::new(Semaphore::new(WEB_CONNECTIONS));
    loop {
        // Fails when the semaphore is closed, which nobody does.
        let place = Arc::clone(&places).acquire_owned().await.ok();
        match listener.accept().await {
            Ok((stream, address)) => {
                let (tls, ready) = (tls.clone(), ready.clone());
                drop(tokio::spawn(async move {
                    match greet(stream, address, tls, place).await {
                        Ok(visit) => drop(ready.send(visit).await),
                        Err(error) => tracing::debug!(%address, %error, "no handshake"),
                    }
                }));
            }
            Err(error) => {
                tracing::warn!(%error, "connection not accepted");
                sleep(WEB_ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn greet(
    stream: TcpStream,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    place: Option<OwnedSemaphorePermit>,
) -> io::Result<(Visit, Caller)> {
    let (stream, certificate) = match tls {
        None => (Stream::Plain(stream), None),
        Some(tls) => {
            let stream = timeout(WEB_HANDSHAKE, tls.accept(stream)).await;
            let stream = stream.map_err(|_elapsed| io::Error::from(io::ErrorKind::TimedOut))??;
            let (_, session) = stream.get_ref();
            let chain = session.peer_certificates().unwrap_or_default();
            let certificate = chain.first().map(|der| Arc::from(der.as_ref()));
            (Stream::Tls(Box::new(stream)), certificate)
        }
    };
    let visit = Visit {
        stream,
        end: Box::pin(sleep(WEB_VISIT)),
        _place: place,
    };
    let caller = Caller {
        certificate,
        address,
    };
    Ok((visit, caller))
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A connection that ends by itself.
#[derive(Debug)]
pub(crate) struct Visit {
    stream: Stream,
    end: Pin<Box<Sleep>>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Visit {
    /// Whether the time of the visit is over.
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        self.end.as_mut().poll(cx).is_ready()
    }
}

impl AsyncRead for Visit {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_over(cx) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Visit {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_over(cx) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}

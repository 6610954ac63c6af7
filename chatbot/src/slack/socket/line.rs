//! One socket, from its opening to its end.

use std::io;
use std::sync::Arc;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::Url;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval, sleep_until, timeout};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Bytes, Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use tokio_util::sync::CancellationToken;

use super::News;
use super::frame::{Envelope, Frame, Reason};
use crate::limits::{
    SLACK_CLICKS, SOCKET_DRAIN, SOCKET_FRAME, SOCKET_OPEN, SOCKET_PING, SOCKET_SILENCE,
};
use crate::slack::api::is_loopback;
use crate::slack::desk::{Ack, Desk, Proof};

/// What proves an envelope, as evidence names it.
const VERIFIED_BY: &str = "slack-socket-mode";

/// Why a socket was not opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineError {
    #[error("Slack gave no address for a socket: expected wss")]
    Address,
    #[error("cannot connect: {0}")]
    Io(#[from] io::Error),
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    // The error has 100 bytes and more; it is told and never looked into.
    #[error("no WebSocket: {0}")]
    Socket(String),
    #[error("no answer within {} s", SOCKET_OPEN.as_secs())]
    Slow,
    #[error("it ended before it was greeted")]
    Silent,
    #[error("Socket Mode is turned off")]
    LinkDisabled,
}

/// Bytes both ways, with TLS but on loopback.
trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

type Socket = WebSocketStream<Box<dyn Wire>>;

/// A socket that was greeted.
pub(super) struct Line(Socket);

impl Line {
    pub(super) async fn open(url: &str) -> Result<Self, LineError> {
        let opened = timeout(SOCKET_OPEN, Self::connect(url)).await;
        opened.unwrap_or(Err(LineError::Slow))
    }

    async fn connect(url: &str) -> Result<Self, LineError> {
        let url = Url::parse(url).map_err(|_error| LineError::Address)?;
        let secure = url.scheme() == "wss";
        if !(secure || url.scheme() == "ws" && is_loopback(&url)) {
            return Err(LineError::Address);
        }
        let host = url.host_str().ok_or(LineError::Address)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = url.port_or_known_default().ok_or(LineError::Address)?;
        let stream = TcpStream::connect((host, port)).await?;
        stream.set_nodelay(true)?;
        let wire: Box<dyn Wire> = match secure {
            false => Box::new(stream),
            true => {
                let name = ServerName::try_from(host.to_owned());
                let name = name.map_err(|_error| LineError::Address)?;
                Box::new(tls()?.connect(name, stream).await?)
            }
        };
        let config = WebSocketConfig::default()
            .max_message_size(Some(SOCKET_FRAME))
            .max_frame_size(Some(SOCKET_FRAME));
        let socket = client_async_with_config(url.as_str(), wire, Some(config)).await;
        let (mut socket, _) = socket.map_err(|error| LineError::Socket(error.to_string()))?;
        while let Some(Ok(message)) = socket.next().await {
            let Message::Text(text) = message else {
                continue;
            };
            match Frame::parse(&text) {
                Ok(Frame::Hello) => return Ok(Self(socket)),
                Ok(Frame::Disconnect(Reason::LinkDisabled)) => return Err(LineError::LinkDisabled),
                Ok(Frame::Disconnect(Reason::Refresh)) => break,
                Ok(Frame::Envelope(_) | Frame::Other) | Err(_) => {}
            }
        }
        Err(LineError::Silent)
    }

    /// Takes what comes until the socket ends or `stop` is cancelled.
    pub(super) async fn serve(
        self,
        desk: Arc<Desk>,
        news: mpsc::Sender<News>,
        stop: CancellationToken,
    ) {
        let (sink, stream) = self.0.split();
        let (acks, waiting) = mpsc::channel(SLACK_CLICKS);
        let writing = tokio::spawn(write(sink, waiting));
        let reading = read(stream, &desk, &acks, &news);
        stop.run_until_cancelled(reading).await;
        drop(acks);
        // What was acknowledged last is still written.
        drop(timeout(SOCKET_PING, writing).await);
        // Whoever opens the next one may have heard before, and listens no more.
        drop(news.send(News::Over).await);
    }
}

fn tls() -> Result<TlsConnector, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

async fn read(
    mut stream: SplitStream<Socket>,
    desk: &Arc<Desk>,
    acks: &mpsc::Sender<String>,
    news: &mpsc::Sender<News>,
) {
    let mut drained: Option<Instant> = None;
    loop {
        let silence = Instant::now() + SOCKET_SILENCE;
        let until = drained.map_or(silence, |drained| drained.min(silence));
        let message = tokio::select! {
            message = stream.next() => message,
            () = sleep_until(until) => return,
        };
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Close(_)) | Err(_)) | None => return,
            // Pings are answered by the library, and pongs are what we wait for.
            Some(Ok(_)) => continue,
        };
        match Frame::parse(&text) {
            Ok(Frame::Hello | Frame::Other) => {}
            Ok(Frame::Disconnect(Reason::LinkDisabled)) => {
                drop(news.send(News::LinkDisabled).await);
                return;
            }
            Ok(Frame::Disconnect(Reason::Refresh)) => {
                drained = drained.or(Some(Instant::now() + SOCKET_DRAIN));
                drop(news.send(News::Leaving).await);
            }
            Ok(Frame::Envelope(envelope)) => {
                let proof = Proof::of(text.as_bytes(), None, VERIFIED_BY);
                take(Arc::clone(desk), envelope, proof, acks.clone());
            }
            Err(error) => tracing::warn!(%error, "a frame of Slack is not understood"),
        }
    }
}

/// Takes what somebody did, beside the others, and acknowledges it in time.
fn take(desk: Arc<Desk>, envelope: Envelope, proof: Proof, acks: mpsc::Sender<String>) {
    drop(tokio::spawn(async move {
        let ack = match envelope.inbound() {
            Ok(inbound) => desk.take(inbound, proof).await,
            Err(error) => {
                tracing::warn!(%error, "an envelope of Slack is not understood");
                Ack::Empty
            }
        };
        if let Some(text) = envelope.acknowledged(&ack) {
            // A socket that has ended takes none, and Slack sends it again through the next one.
            drop(acks.send(text).await);
        }
    }));
}

async fn write(mut sink: SplitSink<Socket, Message>, mut acks: mpsc::Receiver<String>) {
    let mut pings = interval(SOCKET_PING);
    loop {
        let message = tokio::select! {
            ack = acks.recv() => match ack {
                Some(text) => Message::Text(Utf8Bytes::from(text)),
                None => break,
            },
            _ = pings.tick() => Message::Ping(Bytes::new()),
        };
        if sink.send(message).await.is_err() {
            return;
        }
    }
    drop(sink.close().await);
}

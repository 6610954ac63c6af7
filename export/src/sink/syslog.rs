//! A syslog server: RFC 5424 lines, counted in octets as RFC 5425 has it, over TLS, or without it
//! where they do not leave this machine.
//!
//! Syslog has no acknowledgement. What comes closest is the orderly end of a connection: a server
//! that ends its side has read everything before. So each batch has a connection of its own, unless
//! the configuration says that what was written counts as taken.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use super::config::kinds::{Confirm, SyslogConfig, Transport};
use super::http::is_loopback;
use super::parcel::Parcel;
use super::{Outcome, Sink, tls};

/// Bytes both ways.
trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// Writes lines to a syslog server.
pub(super) struct Syslog {
    to: To,
    confirm: Confirm,
    timeout: Duration,
    /// The connection, where it is kept.
    kept: Option<Box<dyn Wire>>,
}

/// Where the server is.
enum To {
    Tls(String, ServerName<'static>, Arc<ClientConfig>),
    Tcp(String),
    Unix(PathBuf),
}

impl std::fmt::Debug for Syslog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Syslog").finish_non_exhaustive()
    }
}

impl Syslog {
    pub(super) fn new(config: &SyslogConfig) -> Result<Self, String> {
        Ok(Self {
            to: To::new(config)?,
            confirm: config.confirm,
            timeout: config.timeout.get(),
            kept: None,
        })
    }

    async fn send(&mut self, parcels: &[Parcel]) -> io::Result<()> {
        let bytes = counted(parcels);
        let mut wire = match self.kept.take() {
            Some(wire) => wire,
            None => self.to.connect().await?,
        };
        wire.write_all(&bytes).await?;
        wire.flush().await?;
        match self.confirm {
            Confirm::Close => ended(wire).await,
            Confirm::None => {
                still_open(&mut wire)?;
                self.kept = Some(wire);
                Ok(())
            }
        }
    }
}

impl Sink for Syslog {
    async fn deliver(&mut self, parcels: &[Parcel]) -> Outcome {
        let (limit, confirm) = (self.timeout, self.confirm);
        match tokio::time::timeout(limit, self.send(parcels)).await {
            Ok(Ok(())) => Outcome::done(),
            Ok(Err(error)) => Outcome::later(error.to_string()),
            Err(_) if confirm == Confirm::Close => Outcome::later(format!(
                "the server has not ended the connection within {} s after the last line; if it \
                 never does, choose confirm = \"none\"",
                limit.as_secs()
            )),
            Err(_) => Outcome::later(format!("no connection within {} s", limit.as_secs())),
        }
    }

    async fn probe(&mut self) -> Result<String, String> {
        let connected = tokio::time::timeout(self.timeout, self.to.connect()).await;
        match connected {
            Ok(Ok(_)) => Ok(format!("{} takes connections", self.to.name())),
            Ok(Err(error)) => Err(format!("cannot connect to {}: {error}", self.to.name())),
            Err(_) => Err(format!("no connection to {} in time", self.to.name())),
        }
    }
}

impl To {
    fn new(config: &SyslogConfig) -> Result<Self, String> {
        let address = || {
            let address = config.address.clone();
            address.ok_or("expected syslog.address, as in \"logs.example.com:6514\"".to_owned())
        };
        let host = |address: &str| {
            let split = address.rsplit_once(':');
            let (host, _) = split
                .filter(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
                .ok_or_else(|| {
                    format!("expected host and port in syslog.address, got {address:?}")
                })?;
            Ok::<_, String>(host.trim_matches(['[', ']']).to_owned())
        };
        match config.transport {
            Transport::Unix => {
                let path = config.path.clone();
                path.map(Self::Unix)
                    .ok_or("expected syslog.path, as in \"/dev/log\"".to_owned())
            }
            Transport::Tcp => {
                let address = address()?;
                if !is_loopback(&host(&address)?) {
                    return Err(format!(
                        "expected a loopback address for transport = \"tcp\", got {address:?}; \
                         entries leave this machine over tls only"
                    ));
                }
                Ok(Self::Tcp(address))
            }
            Transport::Tls => {
                let address = address()?;
                let name = match &config.server_name {
                    Some(name) => name.clone(),
                    None => host(&address)?,
                };
                let server = ServerName::try_from(name.clone());
                let server = server
                    .map_err(|_error| format!("expected a name of a server, got {name:?}"))?;
                Ok(Self::Tls(address, server, tls::client(&config.tls)?))
            }
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Tls(address, ..) | Self::Tcp(address) => address.clone(),
            Self::Unix(path) => path.display().to_string(),
        }
    }

    async fn connect(&self) -> io::Result<Box<dyn Wire>> {
        match self {
            Self::Unix(path) => Ok(Box::new(UnixStream::connect(path).await?)),
            Self::Tcp(address) => Ok(Box::new(TcpStream::connect(address).await?)),
            Self::Tls(address, server, config) => {
                let stream = TcpStream::connect(address).await?;
                let connector = TlsConnector::from(Arc::clone(config));
                Ok(Box::new(connector.connect(server.clone(), stream).await?))
            }
        }
    }
}

/// Lines with their number of octets before them.
fn counted(parcels: &[Parcel]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for parcel in parcels {
        let text = parcel.text();
        bytes.extend_from_slice(format!("{} ", text.len()).as_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

/// Ends our side, and waits until the server has ended its.
async fn ended(mut wire: Box<dyn Wire>) -> io::Result<()> {
    wire.shutdown().await?;
    let mut answer = [0; 512];
    // A server of syslog says nothing; whatever it says is passed over until it ends.
    loop {
        match wire.read(&mut answer).await {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            // It ended without the last word of TLS, after ours had reached it.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// Fails when the server has ended a connection that is to be kept.
fn still_open(wire: &mut Box<dyn Wire>) -> io::Result<()> {
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};
    let mut answer = [0; 512];
    let mut buffer = tokio::io::ReadBuf::new(&mut answer);
    let mut cx = Context::from_waker(Waker::noop());
    match Pin::new(wire.as_mut()).poll_read(&mut cx, &mut buffer) {
        Poll::Pending => Ok(()),
        Poll::Ready(Ok(())) if !buffer.filled().is_empty() => Ok(()),
        Poll::Ready(Ok(())) => Err(io::ErrorKind::ConnectionReset.into()),
        Poll::Ready(Err(error)) => Err(error),
    }
}

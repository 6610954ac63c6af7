//! Attackers with valid certificates: how they connect, what they are answered, how they end.

use std::any::Any;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use countersign_proto::reason::reason_of;
use countersign_proto::v1::log_service_client::LogServiceClient;
use countersign_tests::pems::Pems;
use h2::client::SendRequest;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

/// Longest wait for anything that an attack needs to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// TLS with an identity, without gRPC.
fn connector(who: &Pems) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(who.ca.as_bytes()) {
        roots.add(root.expect("a root")).expect("a root");
    }
    let chain = CertificateDer::pem_slice_iter(who.cert.as_bytes());
    let chain = chain.collect::<Result<_, _>>().expect("a chain");
    let key = PrivateKeyDer::from_pem_slice(who.key.as_bytes()).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("TLS 1.3")
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key);
    let mut config = config.expect("an identity");
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsConnector::from(Arc::new(config))
}

/// A server that is attacked, and who attacks it.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) url: String,
    pub(crate) agent: Arc<Pems>,
    pub(crate) auditor: Arc<Pems>,
}

impl Target {
    fn address(&self) -> SocketAddr {
        let text = self.url.strip_prefix("https://").expect("TLS");
        text.parse().expect("an address")
    }

    /// A TCP connection that says nothing.
    pub(crate) async fn tcp(&self) -> Option<TcpStream> {
        TcpStream::connect(self.address()).await.ok()
    }

    /// A TLS connection that says no more.
    pub(crate) async fn tls(&self, who: &Pems) -> Option<TlsStream<TcpStream>> {
        let stream = self.tcp().await?;
        let name = ServerName::try_from("localhost").expect("a name");
        connector(who).connect(name, stream).await.ok()
    }

    /// A gRPC connection.
    pub(crate) async fn channel(&self, who: &Pems) -> Option<Channel> {
        let endpoint = Endpoint::from_shared(self.url.clone()).expect("an address");
        let endpoint = endpoint.tls_config(who.tls()).expect("an identity");
        endpoint.connect().await.ok()
    }

    /// The log service over a connection of its own.
    pub(crate) async fn log(&self, who: &Pems) -> LogServiceClient<Channel> {
        let channel = self.channel(who).await;
        LogServiceClient::new(channel.expect("an attacker is let in like anyone"))
    }

    /// An HTTP/2 connection that takes so many bytes of each answer, and what keeps it going.
    pub(crate) async fn http2(
        &self,
        who: &Pems,
        window: u32,
    ) -> Option<(Http2, impl Future<Output = ()> + Send + use<>)> {
        let stream = self.tls(who).await?;
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(window);
        let (send, connection) = builder.handshake::<_, Bytes>(stream).await.ok()?;
        Some((send, async move { drop(connection.await) }))
    }
}

/// Sends requests as bytes.
pub(crate) type Http2 = SendRequest<Bytes>;

/// What attackers were answered, by reason.
#[derive(Clone)]
pub(crate) struct Tally(Arc<watch::Sender<BTreeMap<String, u64>>>);

impl Tally {
    fn new() -> Self {
        Self(Arc::new(watch::Sender::new(BTreeMap::new())))
    }

    pub(crate) fn count(&self, what: &str) {
        self.0
            .send_modify(|tally| *tally.entry(what.to_owned()).or_default() += 1);
    }

    /// Counts an answer; gives what is no refusal.
    pub(crate) fn answer<T>(&self, answer: Result<T, Status>) -> Option<T> {
        match answer {
            Ok(answer) => {
                self.count("ok");
                Some(answer)
            }
            Err(status) => {
                self.count(&label(&status));
                None
            }
        }
    }

    /// Waits until so many answers came.
    pub(crate) async fn reaches(&self, count: u64) {
        let mut watch = self.0.subscribe();
        let reached = watch.wait_for(|tally| tally.values().sum::<u64>() >= count);
        let reached = tokio::time::timeout(PATIENCE, reached).await.is_ok();
        assert!(reached, "not {count} answers: {:?}", self.read());
    }

    pub(crate) fn read(&self) -> BTreeMap<String, u64> {
        self.0.borrow().clone()
    }
}

/// The reason of a refusal; without one, whose it is.
fn label(status: &Status) -> String {
    use std::error::Error as _;
    match reason_of(status) {
        Some(reason) => reason.to_string(),
        // The connection, or the client's own library.
        None if status.source().is_some() => "connection lost".to_owned(),
        None => format!("? {:?}: {}", status.code(), status.message()),
    }
}

/// An attack under way.
pub(crate) struct Attack {
    pub(crate) tally: Tally,
    tasks: JoinSet<()>,
    held: Vec<Box<dyn Any + Send>>,
}

impl Attack {
    pub(crate) fn new() -> Self {
        Self {
            tally: Tally::new(),
            tasks: JoinSet::new(),
            held: Vec::new(),
        }
    }

    /// Runs until the attack ends.
    pub(crate) fn run(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Keeps something until the attack ends.
    pub(crate) fn hold(&mut self, what: impl Any + Send) {
        self.held.push(Box::new(what));
    }

    /// Opens an HTTP/2 connection that lives as long as the attack.
    pub(crate) async fn http2(&mut self, target: &Target, who: &Pems, window: u32) -> Http2 {
        let opened = target.http2(who, window).await;
        let (http2, driver) = opened.expect("an attacker is let in like anyone");
        self.run(driver);
        http2
    }

    /// Ends it, and says what it was answered.
    pub(crate) async fn end(mut self) -> BTreeMap<String, u64> {
        self.held.clear();
        self.tasks.shutdown().await;
        self.tally.read()
    }
}

/// A call with a deadline.
pub(crate) fn request<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(PATIENCE);
    request
}

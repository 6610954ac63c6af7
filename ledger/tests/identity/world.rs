//! A CA in a temporary folder, clients with its certificates, and a listener to connect to.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use countersign_chain::origin::Origin;
use countersign_chain::time::UnixMicros;
use countersign_ledger::identity::ca::{self, Ca, InitReport};
use countersign_ledger::identity::clock::UnixClock;
use countersign_ledger::identity::csr;
use countersign_ledger::identity::peer::{Peer, PeerError};
use countersign_ledger::identity::role::Role;
use countersign_ledger::identity::tls::{self, TlsHandle};
use countersign_ledger::server::listener::{Connection, ConnectionLimits, Incoming, listen};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyPair, SanType};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_stream::StreamExt as _;
use tonic::transport::server::Connected as _;

/// The time at which everything is issued: 2026-01-01T00:00:00Z.
pub(crate) const NOW: u64 = 1_767_225_600;

pub(crate) fn at(seconds: u64) -> UnixMicros {
    UnixMicros::new(seconds * 1_000_000).expect("a time")
}

pub(crate) fn origin() -> Origin {
    Origin::parse("ledger.example.com/prod").expect("an origin")
}

pub(crate) fn limits(connections: usize, handshakes: usize, timeout: Duration) -> ConnectionLimits {
    ConnectionLimits {
        connections,
        handshakes,
        handshake_timeout: timeout,
    }
}

/// Fails a test that would wait for ever.
pub(crate) async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), future)
        .await
        .expect("30 s were enough")
}

pub(crate) fn first_certificate(pem: &str) -> Vec<u8> {
    CertificateDer::from_pem_slice(pem.as_bytes())
        .expect("a certificate")
        .to_vec()
}

/// The files of one CA.
pub(crate) struct World {
    folder: TempDir,
    pub(crate) report: InitReport,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::new_at(NOW)
    }

    pub(crate) fn new_at(now: u64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let hosts = ["ledger.example.com", "192.0.2.7", "LOCALHOST"].map(String::from);
        let report = ca::init(folder.path(), &origin(), &hosts, at(now)).expect("a CA can be made");
        Self { folder, report }
    }

    pub(crate) fn dir(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("the file is there")
    }

    pub(crate) fn certificate(&self, name: &str) -> Vec<u8> {
        first_certificate(&self.text(name))
    }

    /// A client with a certificate that the CA issued now.
    pub(crate) fn issue(&self, role: Role, name: &str) -> Client {
        self.issue_at(role, name, NOW)
    }

    pub(crate) fn issue_at(&self, role: Role, name: &str, now: u64) -> Client {
        let ca = Ca::load(self.dir()).expect("the CA loads");
        let (key_pem, request) = csr::new_key_and_csr().expect("a key");
        let issued = ca
            .issue(&request, role, name, ca::validity(0), at(now))
            .expect("it is issued");
        Client {
            chain_pem: issued.chain_pem,
            key_pem: key_pem.to_string(),
        }
    }

    /// A client whose certificate the issuing key signed, with names that the CA would not give.
    pub(crate) fn forge(&self, uris: &[&str]) -> Client {
        let key = KeyPair::from_pem(&self.text("ca/issuing.key")).expect("the key");
        let issuing_pem = self.text("ca/issuing.pem");
        let issuer = Issuer::from_ca_cert_pem(&issuing_pem, key).expect("the CA");
        let own = KeyPair::generate().expect("a key");
        let made = client_params(uris)
            .signed_by(&own, &issuer)
            .expect("signed");
        Client {
            chain_pem: made.pem() + &issuing_pem,
            key_pem: own.serialize_pem(),
        }
    }

    /// The server's own certificate, used by a client.
    pub(crate) fn server_certificate_as_client(&self) -> Client {
        Client {
            chain_pem: self.text("tls/server.pem"),
            key_pem: self.text("tls/server.key"),
        }
    }

    pub(crate) fn config(&self, now: u64) -> ServerConfig {
        tls::load(self.dir(), UnixClock::new(move || now)).expect("TLS can be set up")
    }

    pub(crate) async fn serve(&self, now: u64) -> Server {
        self.serve_with(now, limits(8, 8, Duration::from_secs(10)))
            .await
    }

    pub(crate) async fn serve_with(&self, now: u64, limits: ConnectionLimits) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("it has an address");
        let tls = Arc::new(TlsHandle::new(self.config(now)));
        let incoming = listen(listener, Arc::clone(&tls), origin(), limits);
        Server {
            address,
            tls,
            incoming,
        }
    }
}

fn client_params(uris: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.subject_alt_names = uris
        .iter()
        .map(|uri| SanType::URI((*uri).try_into().expect("ASCII")))
        .collect();
    params
}

/// A certificate and its key.
pub(crate) struct Client {
    pub(crate) chain_pem: String,
    pub(crate) key_pem: String,
}

impl Client {
    pub(crate) fn self_signed(uri: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let made = client_params(&[uri]).self_signed(&key).expect("signed");
        Self {
            chain_pem: made.pem(),
            key_pem: key.serialize_pem(),
        }
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        first_certificate(&self.chain_pem)
    }

    pub(crate) fn serial(&self) -> String {
        Peer::parse(&self.der(), &origin())
            .expect("it names a client")
            .serial
    }

    fn config(
        client: Option<&Self>,
        root_pem: &str,
        versions: &[&'static SupportedProtocolVersion],
    ) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots
            .add(first_certificate(root_pem).into())
            .expect("a root");
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder =
            ClientConfig::builder_with_details(provider, Arc::new(UnixClock::new(|| NOW)))
                .with_protocol_versions(versions)
                .expect("versions")
                .with_root_certificates(roots);
        let mut config = match client {
            None => builder.with_no_client_auth(),
            Some(client) => {
                let chain = CertificateDer::pem_slice_iter(client.chain_pem.as_bytes());
                let chain = chain.collect::<Result<_, _>>().expect("certificates");
                let key = PrivateKeyDer::from_pem_slice(client.key_pem.as_bytes()).expect("a key");
                builder.with_client_auth_cert(chain, key).expect("they fit")
            }
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        config
    }
}

/// A listener under test.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) tls: Arc<TlsHandle>,
    pub(crate) incoming: Incoming,
}

/// What the server got to see.
pub(crate) struct Seen {
    pub(crate) peer: Result<Arc<Peer>, PeerError>,
    pub(crate) connection: Connection,
}

impl Server {
    /// The next connection that the server would serve.
    pub(crate) async fn next(&mut self) -> Seen {
        let connection = in_time(self.incoming.next()).await.expect("the loop runs");
        let Ok(connection) = connection;
        Seen {
            peer: connection.connect_info().peer,
            connection,
        }
    }

    pub(crate) async fn dial(&self) -> TcpStream {
        TcpStream::connect(self.address)
            .await
            .expect("the port is open")
    }

    /// A handshake as the client sees it. In TLS 1.3 the client is done before the server has
    /// judged its certificate.
    pub(crate) async fn connect(
        &self,
        world: &World,
        client: Option<&Client>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> io::Result<ClientStream> {
        let config = Client::config(client, &world.text("ca/root.pem"), versions);
        let name = ServerName::try_from("localhost").expect("a name");
        let stream = self.dial().await;
        let handshake = TlsConnector::from(Arc::new(config)).connect(name, stream);
        in_time(handshake).await.map(ClientStream)
    }

    /// A handshake as both see it: the server takes the connection, or the client is told no.
    pub(crate) async fn connect_and_read(
        &mut self,
        world: &World,
        client: Option<&Client>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> io::Result<Seen> {
        let mut stream = self.connect(world, client, versions).await?.0;
        let mut byte = [0];
        tokio::select! {
            seen = self.next() => Ok(seen),
            read = stream.read_exact(&mut byte) => {
                Err(read.expect_err("the server sends nothing by itself"))
            }
        }
    }

    /// Drops the stream of connections, as a stopping server does.
    pub(crate) fn stop(self) -> SocketAddr {
        self.address
    }
}

/// The client's end.
pub(crate) struct ClientStream(TlsStream<TcpStream>);

impl ClientStream {
    pub(crate) fn protocol(&self) -> Option<&[u8]> {
        self.0.get_ref().1.alpn_protocol()
    }

    pub(crate) fn server_certificate(&self) -> Vec<u8> {
        let chain = self
            .0
            .get_ref()
            .1
            .peer_certificates()
            .expect("the server has shown it");
        chain.first().expect("one certificate").to_vec()
    }

    /// Sends bytes to the server's end and back, which ends the connection.
    pub(crate) async fn echo(&mut self, mut seen: Seen, bytes: &[u8]) {
        self.0.write_all(bytes).await.expect("sent");
        let mut there = vec![0; bytes.len()];
        seen.connection
            .read_exact(&mut there)
            .await
            .expect("received");
        assert_eq!(there, bytes);
        seen.connection.write_all(&there).await.expect("sent back");
        seen.connection.shutdown().await.expect("closed");
        assert_eq!(read_to_end(&mut self.0).await, bytes);
    }
}

pub(crate) async fn read_to_end(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> Vec<u8> {
    let mut bytes = Vec::new();
    in_time(stream.read_to_end(&mut bytes))
        .await
        .expect("it ends");
    bytes
}

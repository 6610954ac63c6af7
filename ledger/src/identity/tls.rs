//! The server's side of TLS: version 1.3 only, client certificate required, HTTP/2 only.
//!
//! The handshake refuses certificates of another root, without `clientAuth`, or outside their
//! validity, with an alert. A certificate that expires while its connection lives, or is revoked,
//! is refused by `server::guard` at the next call. Sessions are never resumed, so every connection
//! proves that its client still holds its key and that the certificate is valid today.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use parking_lot::RwLock;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use zeroize::Zeroizing;

use crate::identity::clock::UnixClock;
use crate::identity::files::{self, FileError};

/// Why TLS could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is missing or unreadable.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file holds something else.
    #[error("{file} is not in PEM form: {error}; {}", remedy(.file))]
    Pem {
        /// Which, below the data folder.
        file: &'static str,
        /// What the parser says.
        error: rustls::pki_types::pem::Error,
    },
    /// The root is of no use to verify clients.
    #[error("ca/root.pem cannot verify clients: {0}")]
    Root(#[from] VerifierBuilderError),
    /// Certificate and key do not fit, or a certificate does not parse.
    #[error(
        "cannot set up TLS from ca/root.pem, tls/server.pem and tls/server.key: {0}; move tls/ \
         away: the next start makes it anew"
    )]
    Config(#[from] rustls::Error),
}

/// What to do about a file that is not what it must be.
fn remedy(file: &str) -> &'static str {
    if file.starts_with("tls/") {
        "move tls/ away: the next start makes it anew"
    } else {
        "restore it from a backup of the data folder"
    }
}

/// Reads the configuration from the files that `identity::ca` writes.
///
/// # Errors
/// [`TlsError`] names the file and what is wrong with it.
pub fn load(dir: &Path, clock: UnixClock) -> Result<ServerConfig, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(dir, "ca/root.pem")? {
        roots.add(certificate)?;
    }
    let chain = certificates(dir, "tls/server.pem")?;
    let key = Zeroizing::new(files::read(&dir.join("tls/server.key"))?);
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|error| TlsError::Pem {
        file: "tls/server.key",
        error,
    })?;

    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()?;
    let mut config = ServerConfig::builder_with_details(provider, Arc::new(clock))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    Ok(config)
}

fn certificates(dir: &Path, file: &'static str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = files::read(&dir.join(file))?;
    CertificateDer::pem_slice_iter(text.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| TlsError::Pem { file, error })
}

/// The configuration in force; new connections take the newest.
pub struct TlsHandle(RwLock<Arc<ServerConfig>>);

impl TlsHandle {
    /// Starts with a configuration.
    #[must_use]
    pub fn new(config: ServerConfig) -> Self {
        Self(RwLock::new(Arc::new(config)))
    }

    /// The configuration for the next connection.
    #[must_use]
    pub fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.read())
    }

    /// Takes over a renewed certificate. Open connections keep the old one.
    pub fn replace(&self, config: ServerConfig) {
        *self.0.write() = Arc::new(config);
    }
}

impl fmt::Debug for TlsHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsHandle")
    }
}

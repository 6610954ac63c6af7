//! TLS towards browsers: a certificate of the operator's, and client certificates for those who
//! have one.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};

/// Files of TLS, each in PEM form.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The inbox's own certificate, with its chain.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Root of the ledger's authority, which client certificates must lead to.
    pub client_root: PathBuf,
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file holds something else.
    #[error("{} is not in PEM form: {why}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        why: String,
    },
    /// The root is of no use.
    #[error("the root of the ledger's authority cannot verify clients: {0}")]
    Root(#[from] VerifierBuilderError),
    /// Certificate and key do not fit.
    #[error("certificate and key of the inbox cannot be used: {0}")]
    Config(#[from] rustls::Error),
}

/// The configuration that these files make. Connections without a client certificate are taken;
/// sessions are never resumed, so a certificate is looked at with each connection.
pub(super) fn load(files: &TlsFiles) -> Result<ServerConfig, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&files.client_root)? {
        roots.add(certificate)?;
    }
    let chain = certificates(&files.cert)?;
    let key = PrivateKeyDer::from_pem_slice(&read(&files.key)?);
    let key = key.map_err(|error| pem(&files.key, &error))?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .allow_unauthenticated()
            .build()?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::File {
        path: path.to_owned(),
        source,
    })
}

fn pem(path: &Path, error: &rustls::pki_types::pem::Error) -> TlsError {
    TlsError::Pem {
        path: path.to_owned(),
        why: error.to_string(),
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = read(path)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let all = all.map_err(|error| pem(path, &error))?;
    if all.is_empty() {
        return Err(TlsError::Pem {
            path: path.to_owned(),
            why: "it holds no certificate".to_owned(),
        });
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_of_no_use_are_named() {
        let files = |name: &str| TlsFiles {
            cert: name.into(),
            key: name.into(),
            client_root: name.into(),
        };
        let error = load(&files("/no/such/file.pem")).unwrap_err();
        assert!(error.to_string().contains("/no/such/file.pem"), "{error}");
        let error = load(&files(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))).unwrap_err();
        assert!(error.to_string().contains("no certificate"), "{error}");
    }
}

//! TLS of the inputs that listen: RFC 5425 for syslog, and OTLP.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use serde::Deserialize;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use zeroize::Zeroizing;

use crate::limits::MAX_PEM_FILE;

/// Files with what a listening input shows and asks for, each in PEM form.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// Certificate and its chain.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Authorities of which one must have issued the sender's certificate. Without it senders need
    /// none: then nothing says who they are.
    pub client_ca: Option<PathBuf>,
}

/// Why TLS could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is missing or unreadable.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file holds something else.
    #[error("expected {expected} in PEM form in {}: {why}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What should be there.
        expected: &'static str,
        /// What the parser says.
        why: String,
    },
    /// The authorities are of no use.
    #[error("cannot verify senders: {0}")]
    Authorities(#[from] VerifierBuilderError),
    /// Certificate and key do not fit, or a certificate does not parse.
    #[error("cannot use these certificates and this key: {0}")]
    Config(#[from] rustls::Error),
}

/// Reads the files.
pub(crate) fn load(config: &TlsConfig, protocols: &[&[u8]]) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    // RFC 9662 keeps TLS 1.2 for syslog: senders of some years ago have nothing newer.
    let versions = [&rustls::version::TLS13, &rustls::version::TLS12];
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions)?;
    let builder = match &config.client_ca {
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(path)? {
                roots.add(certificate)?;
            }
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build()?;
            builder.with_client_cert_verifier(verifier)
        }
        None => builder.with_no_client_auth(),
    };
    let bytes = Zeroizing::new(read(&config.key)?);
    let key = PrivateKeyDer::from_pem_slice(&bytes).map_err(|why| TlsError::Pem {
        path: config.key.clone(),
        expected: "a private key",
        why: why.to_string(),
    })?;
    let mut made = builder.with_single_cert(certificates(&config.certificate)?, key)?;
    made.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Ok(made)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |why: String| TlsError::Pem {
        path: path.to_path_buf(),
        expected: "certificates",
        why,
    };
    let bytes = read(path)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let all = all.map_err(|error| wrong(error.to_string()))?;
    if all.is_empty() {
        return Err(wrong("there are none".to_owned()));
    }
    Ok(all)
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let failed = |source| TlsError::Read {
        path: path.to_path_buf(),
        source,
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    let read = file.take(MAX_PEM_FILE + 1).read_to_end(&mut bytes);
    read.map_err(failed)?;
    if u64::try_from(bytes.len()).is_ok_and(|len| len > MAX_PEM_FILE) {
        let why = format!("it is larger than {MAX_PEM_FILE} bytes");
        return Err(failed(io::Error::other(why)));
    }
    Ok(bytes)
}

/// What a verified certificate calls its holder: the first name among its alternative names, else
/// its common name, else its whole subject.
pub(crate) fn holder(certificate: &[u8]) -> Option<String> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let names = parsed.subject_alternative_name().ok().flatten();
    let names = names
        .into_iter()
        .flat_map(|names| &names.value.general_names);
    let mut names = names.filter_map(|name| match name {
        GeneralName::DNSName(name) | GeneralName::URI(name) | GeneralName::RFC822Name(name) => {
            Some((*name).to_owned())
        }
        _ => None,
    });
    let subject = parsed.subject();
    let mut common = subject.iter_common_name();
    let common = || {
        common
            .next()
            .and_then(|name| name.as_str().ok())
            .map(str::to_owned)
    };
    names
        .next()
        .or_else(common)
        .or_else(|| Some(subject.to_string()))
}

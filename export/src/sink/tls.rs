//! TLS towards receivers: rustls on aws-lc-rs, with the system's roots or those of a file.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::config::kinds::TlsConfig;
use super::config::secret::read;

/// The configuration of connections to a receiver.
pub(super) fn client(config: &TlsConfig) -> Result<Arc<ClientConfig>, String> {
    let failed = |error: rustls::Error| format!("TLS cannot be set up: {error}");
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(failed)?;
    let builder = match &config.root_cert {
        None => builder.with_platform_verifier().map_err(failed)?,
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(path)? {
                let added = roots.add(certificate);
                added.map_err(|error| format!("{}: {error}", path.display()))?;
            }
            builder.with_root_certificates(roots)
        }
    };
    let client = match (&config.cert, &config.key) {
        (Some(cert), Some(key)) => builder
            .with_client_auth_cert(certificates(cert)?, private_key(key)?)
            .map_err(failed)?,
        _ => builder.with_no_client_auth(),
    };
    Ok(Arc::new(client))
}

/// Whether a receiver takes a connection, and its certificate is one that counts.
pub(super) async fn reach(url: &Url, port: u16, config: &TlsConfig) -> Result<String, String> {
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if url.scheme() != "https" {
        return plain(host, port, async |_stream| Ok(())).await;
    }
    let name = ServerName::try_from(host.to_owned());
    let name = name.map_err(|_error| format!("expected a name of a server, got {host:?}"))?;
    let connector = TlsConnector::from(client(config)?);
    let shaken = async |stream| connector.connect(name, stream).await.map(drop);
    let seen = plain(host, port, shaken).await?;
    Ok(format!("{seen}, and its certificate is trusted"))
}

/// Connects, and does something with the connection.
async fn plain(
    host: &str,
    port: u16,
    then: impl AsyncFnOnce(TcpStream) -> io::Result<()>,
) -> Result<String, String> {
    const PATIENCE: Duration = Duration::from_secs(10);
    let connected = async { then(TcpStream::connect((host, port)).await?).await };
    match tokio::time::timeout(PATIENCE, connected).await {
        Ok(Ok(())) => Ok(format!("{host} takes connections on port {port}")),
        Ok(Err(error)) => Err(format!("cannot connect to {host} port {port}: {error}")),
        Err(_) => Err(format!(
            "no connection to {host} port {port} within {} s",
            PATIENCE.as_secs()
        )),
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = read(path)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    let all = all.map_err(|error| format!("{} is not in PEM form: {error}", path.display()))?;
    if all.is_empty() {
        return Err(format!(
            "{} holds no certificate, expected at least one in PEM form",
            path.display()
        ));
    }
    Ok(all)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let text = read(path)?;
    PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|error| {
        format!(
            "{} holds no private key in PEM form: {error}",
            path.display()
        )
    })
}

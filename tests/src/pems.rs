//! Identities in PEM form, for connections that no client of ours makes.

use std::path::Path;

use tonic::transport::{Certificate, ClientTlsConfig, Identity};

/// A certificate with its key and the root, each in PEM form.
#[derive(Debug, Clone)]
pub struct Pems {
    /// The certificate and its chain.
    pub cert: String,
    /// Its key.
    pub key: String,
    /// The root of the ledger.
    pub ca: String,
}

impl Pems {
    /// Reads an identity folder.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn read(folder: &Path) -> Self {
        let read = |name: &str| {
            let text = std::fs::read_to_string(folder.join(name));
            text.expect("an identity folder")
        };
        Self {
            cert: read("cert.pem"),
            key: read("key.pem"),
            ca: read("ca.pem"),
        }
    }

    /// Settings of TLS for tonic.
    #[must_use]
    pub fn tls(&self) -> ClientTlsConfig {
        ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(&self.ca))
            .identity(Identity::from_pem(&self.cert, &self.key))
    }
}

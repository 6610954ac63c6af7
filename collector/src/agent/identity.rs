//! Who a client is, as its certificate says.

use std::path::{Path, PathBuf};

use x509_parser::extensions::GeneralName;
use x509_parser::pem::parse_x509_pem;

/// Why a folder tells of no client.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot read who {} belongs to: {why}; `countersign ca issue` makes an identity",
    .path.display()
)]
pub struct IdentityError {
    path: PathBuf,
    why: String,
}

/// The URI in the certificate of an identity, for example `spiffe://example.com/agent/db-1`. The
/// ledger need not be there.
///
/// # Errors
/// [`IdentityError`] when there is no certificate, or none with one URI.
pub fn identity_of(folder: &Path) -> Result<String, IdentityError> {
    let path = folder.join("cert.pem");
    let read = || {
        let pem = std::fs::read(&path).map_err(|error| error.to_string())?;
        let (_, pem) = parse_x509_pem(&pem).map_err(|error| error.to_string())?;
        let certificate = pem.parse_x509().map_err(|error| error.to_string())?;
        let names = certificate.subject_alternative_name();
        let names = names.map_err(|error| error.to_string())?;
        let names = names.map_or(&[][..], |extension| &extension.value.general_names);
        let mut uris = names.iter().filter_map(|name| match name {
            GeneralName::URI(uri) => Some((*uri).to_owned()),
            _ => None,
        });
        match (uris.next(), uris.next()) {
            (Some(uri), None) => Ok(uri),
            _ => Err("expected a certificate with one URI".to_owned()),
        }
    };
    read().map_err(|why: String| IdentityError {
        path: path.clone(),
        why,
    })
}

//! Who a client is, as its certificate says.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use x509_parser::extensions::GeneralName;
use x509_parser::pem::parse_x509_pem;

use crate::limits::CERTIFICATE_WARNING;
use crate::provision::{micros_of, rfc3339};
use crate::trouble::Trouble;

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

/// The certificate of an identity.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Certificate {
    /// The URI in it, for example `spiffe://example.com/agent/db-1`.
    pub identity: String,
    /// When it ends, in microseconds since 1970.
    pub ends_at: u64,
}

impl Certificate {
    /// What is wrong with it at this time, in microseconds since 1970: it ends soon, or has ended.
    #[must_use]
    pub fn trouble(&self, now: u64) -> Option<Trouble> {
        let week = micros_of(CERTIFICATE_WARNING);
        let since = self.ends_at.saturating_sub(week);
        let ends = if now >= self.ends_at { "ended" } else { "ends" };
        (now >= since).then(|| Trouble {
            what: format!("certificate of {}", self.identity),
            since,
            attempts: 0,
            error: format!(
                "it {ends} at {}; issue a new one with `countersign ca issue`, put it in the place \
                 of this one, and start the agent anew",
                rfc3339(self.ends_at)
            ),
        })
    }
}

/// The URI in the certificate of an identity, for example `spiffe://example.com/agent/db-1`. The
/// ledger need not be there.
///
/// # Errors
/// [`IdentityError`] when there is no certificate, or none with one URI.
pub fn identity_of(folder: &Path) -> Result<String, IdentityError> {
    certificate_of(folder).map(|certificate| certificate.identity)
}

/// The certificate of an identity. The ledger need not be there.
///
/// # Errors
/// [`IdentityError`] when there is no certificate, or none with one URI.
pub fn certificate_of(folder: &Path) -> Result<Certificate, IdentityError> {
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
            (Some(identity), None) => Ok(Certificate {
                identity,
                ends_at: u64::try_from(certificate.validity().not_after.timestamp())
                    .map_or(0, |seconds| seconds.saturating_mul(1_000_000)),
            }),
            _ => Err("expected a certificate with one URI".to_owned()),
        }
    };
    read().map_err(|why: String| IdentityError {
        path: path.clone(),
        why,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_trouble_for_a_week_before_its_end_and_after_it() {
        const DAY: u64 = 86_400_000_000;
        let certificate = Certificate {
            identity: "spiffe://example.com/agent/db-1".to_owned(),
            ends_at: 30 * DAY,
        };
        assert_eq!(certificate.trouble(23 * DAY - 1), None);
        let soon = certificate.trouble(23 * DAY).expect("soon");
        assert_eq!(soon.what, "certificate of spiffe://example.com/agent/db-1");
        assert!(
            soon.error.starts_with("it ends at 1970-01-31T00:00:00Z"),
            "{}",
            soon.error
        );
        let over = certificate.trouble(30 * DAY).expect("over");
        assert!(over.error.starts_with("it ended at"), "{}", over.error);
    }
}

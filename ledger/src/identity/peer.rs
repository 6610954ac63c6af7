//! The client at the other end of a connection, as its certificate names it.

use countersign_chain::origin::Origin;
use countersign_chain::principal::Principal;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

use crate::identity::role::Role;
use crate::identity::uri::{self, UriError};

/// An authenticated client. The handshake has verified the certificate that this was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Who acts, for example `agent:db-prod-1`.
    pub principal: Principal,
    /// Its role.
    pub role: Role,
    /// Serial number of its certificate, lower-case hexadecimal.
    pub serial: String,
    /// Last second of the certificate's validity, Unix time.
    pub not_after: u64,
}

/// Why a certificate names no client of this ledger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeerError {
    /// There was none.
    #[error("no client certificate")]
    Missing,
    /// It does not parse.
    #[error("certificate does not parse: {0}")]
    Unreadable(String),
    /// It has no URI, or more than one.
    #[error("certificate has {0} URI names; expected exactly one")]
    UriCount(usize),
    /// Its URI is not ours.
    #[error(transparent)]
    Uri(#[from] UriError),
    /// It ends before 1970.
    #[error("certificate is valid until {0} in Unix time; expected a time after 1970")]
    Validity(i64),
}

impl Peer {
    /// Reads the identity from a certificate in DER form. Signatures and dates are not checked.
    ///
    /// # Errors
    /// [`PeerError`] says why the certificate names no client of the log `origin`.
    pub fn parse(der: &[u8], origin: &Origin) -> Result<Self, PeerError> {
        let unreadable = |error: &dyn std::fmt::Display| PeerError::Unreadable(error.to_string());
        let (_, certificate) = parse_x509_certificate(der).map_err(|error| unreadable(&error))?;
        let names = certificate
            .subject_alternative_name()
            .map_err(|error| unreadable(&error))?;
        let names = names.map_or(&[][..], |extension| &extension.value.general_names);
        let uris: Vec<&str> = names
            .iter()
            .filter_map(|name| {
                if let GeneralName::URI(uri) = name {
                    Some(*uri)
                } else {
                    None
                }
            })
            .collect();
        let &[uri] = uris.as_slice() else {
            return Err(PeerError::UriCount(uris.len()));
        };
        let (role, principal) = uri::parse_client(uri, origin)?;
        let not_after = certificate.validity().not_after.timestamp();
        Ok(Self {
            principal,
            role,
            serial: serial_text(certificate.raw_serial()),
            not_after: u64::try_from(not_after)
                .map_err(|_negative| PeerError::Validity(not_after))?,
        })
    }

    /// Whether the certificate's last second is over.
    #[must_use]
    pub const fn is_expired(&self, now_seconds: u64) -> bool {
        now_seconds > self.not_after
    }
}

/// A serial number as lower-case hexadecimal, two digits a byte, without the sign byte of DER.
pub(crate) fn serial_text(bytes: &[u8]) -> String {
    let digits = bytes.iter().skip_while(|byte| **byte == 0);
    digits.map(|byte| format!("{byte:02x}")).collect()
}

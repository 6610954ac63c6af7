//! The ledger's own certificate authority.
//!
//! A root signs one issuing certificate, the issuing certificate signs servers and clients. Both
//! are made by [`init`]:
//!
//! ```text
//! ca/root.pem  ca/root.key          the root; its key may (and should) be moved to a place offline
//! ca/issuing.pem  ca/issuing.key    signs what follows; needed by `IssueCertificate`
//! tls/server.pem  tls/server.key    chain and key of the server
//! admin/cert.pem  admin/key.pem  admin/ca.pem   chain, key and root for the first administrator
//! ```
//!
//! Keys are ECDSA on P-256 (why: [`crate::identity::csr`]), in files of mode 0600. The log's
//! signing key is another one and lies elsewhere: whoever holds the issuing key can make
//! identities, not entries. The root's key is only needed for a new issuing certificate.
//!
//! The CA's own certificates name the log's origin in a URI SAN, so the folder says by itself which
//! trust domain it serves.

mod params;
mod setup;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use countersign_chain::origin::Origin;
use countersign_chain::principal::{Principal, PrincipalError};
use countersign_chain::time::UnixMicros;
use countersign_proto::convert;
use countersign_proto::v1::CertificateIssued;
use rcgen::{CertificateParams, Issuer, KeyPair, PublicKeyData};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;
use zeroize::Zeroizing;

pub use setup::{
    FIRST_ADMIN, InitError, InitReport, RenewError, init, install_server, server_is_due,
    sign_server,
};

use crate::identity::csr::{self, CsrError};
use crate::identity::files::{self, FileError};
use crate::identity::role::Role;
use crate::identity::uri;
use crate::limits::{DEFAULT_VALIDITY, MAX_VALIDITY};

/// Why a CA could not be loaded from its folder.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file is missing or unreadable.
    #[error(transparent)]
    File(#[from] FileError),
    /// The issuing certificate does not parse.
    #[error("ca/issuing.pem is no certificate: {0}; restore it from a backup of the data folder")]
    Certificate(String),
    /// The issuing certificate is not one of ours.
    #[error("ca/issuing.pem names no origin in a URI name; expected spiffe://<origin>")]
    Origin,
    /// The issuing key does not parse.
    #[error(
        "ca/issuing.key is no private key in PEM form: {0}; restore it from a backup of the data \
         folder"
    )]
    Key(rcgen::Error),
    /// Certificate and key belong to different pairs.
    #[error("ca/issuing.key is not the key of ca/issuing.pem; restore both from one backup")]
    Mismatch,
}

/// Why a certificate was not issued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// The request is no good.
    #[error(transparent)]
    Csr(#[from] CsrError),
    /// The name is not fit for a principal.
    #[error(transparent)]
    Name(#[from] PrincipalError),
    /// The validity is none, or too long.
    #[error("validity is {got} s; expected 1 to {} s (397 days)", MAX_VALIDITY.as_secs())]
    Validity {
        /// What was asked for, in seconds.
        got: u64,
    },
    /// The issuing certificate has run out.
    #[error("the issuing certificate ended at {not_after} in Unix time; the root can sign another")]
    IssuerExpired {
        /// Its last second of validity.
        not_after: u64,
    },
    /// A host name cannot stand in a certificate.
    #[error("host {0:?} is neither a DNS name nor an IP address")]
    Host(String),
    /// The certificate could not be encoded or signed.
    #[error("cannot sign the certificate: {0}")]
    Sign(#[from] rcgen::Error),
    /// The system gave no randomness.
    #[error("no randomness for a serial number: {0}")]
    Random(String),
}

/// A certificate that was issued, with what the log records of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedCertificate {
    /// Certificate and issuing certificate, PEM.
    pub chain_pem: String,
    /// Root certificate, PEM.
    pub root_pem: String,
    /// Who it names; the ledger itself for a server certificate.
    pub principal: Principal,
    /// Serial number, 32 digits of lower-case hexadecimal.
    pub serial: String,
    /// SHA-256 of the DER bytes.
    pub sha256: [u8; 32],
    /// First second of validity, Unix time.
    pub not_before: u64,
    /// Last second of validity, Unix time.
    pub not_after: u64,
}

impl IssuedCertificate {
    /// The event that records the issue.
    #[must_use]
    pub fn event(&self) -> CertificateIssued {
        let time = |seconds: u64| {
            UnixMicros::new(seconds.saturating_mul(1_000_000))
                .ok()
                .map(convert::timestamp)
        };
        CertificateIssued {
            principal: self.principal.as_str().into(),
            serial: self.serial.clone(),
            sha256: self.sha256.to_vec().into(),
            not_before: time(self.not_before),
            not_after: time(self.not_after),
        }
    }
}

/// A loaded issuing CA.
pub struct Ca {
    origin: Origin,
    issuer: Issuer<'static, KeyPair>,
    issuing_pem: String,
    root_pem: String,
    not_after: u64,
}

/// Validity that a request asks for: 0 seconds stand for [`DEFAULT_VALIDITY`].
#[must_use]
pub const fn validity(seconds: u64) -> Duration {
    if seconds == 0 {
        DEFAULT_VALIDITY
    } else {
        Duration::from_secs(seconds)
    }
}

impl Ca {
    /// Loads the issuing CA from `ca/` in `dir`. The root's key is not needed.
    ///
    /// # Errors
    /// [`LoadError`] names the file and what is wrong with it.
    pub fn load(dir: &Path) -> Result<Self, LoadError> {
        let folder = dir.join("ca");
        let issuing_pem = files::read(&folder.join("issuing.pem"))?;
        let root_pem = files::read(&folder.join("root.pem"))?;
        let key = Zeroizing::new(files::read(&folder.join("issuing.key"))?);
        let key = KeyPair::from_pem(&key).map_err(LoadError::Key)?;

        let der = CertificateDer::from_pem_slice(issuing_pem.as_bytes())
            .map_err(|error| LoadError::Certificate(error.to_string()))?;
        let (origin, not_after) = read_issuing(&der, &key)?;
        let issuer = Issuer::from_ca_cert_der(&der, key)
            .map_err(|error| LoadError::Certificate(error.to_string()))?;
        Ok(Self {
            origin,
            issuer,
            issuing_pem,
            root_pem,
            not_after,
        })
    }

    /// The trust domain.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Issues a client certificate for the public key of a request. Nothing else in the request
    /// counts. The certificate never outlives the issuing one.
    ///
    /// # Errors
    /// [`IssueError`]; nothing is issued then.
    pub fn issue(
        &self,
        csr_pem: &str,
        role: Role,
        name: &str,
        validity: Duration,
        now: UnixMicros,
    ) -> Result<IssuedCertificate, IssueError> {
        let principal = Principal::parse(&format!("{role}:{name}"))?;
        let key = csr::public_key(csr_pem)?;
        let params = params::client(&uri::client(&self.origin, role, name), role)?;
        self.sign(params, &key, principal, (validity, now))
    }

    /// Issues a server certificate for these hosts.
    fn issue_server(
        &self,
        key: &KeyPair,
        hosts: &[String],
        now: UnixMicros,
    ) -> Result<IssuedCertificate, IssueError> {
        self.sign(
            params::server(hosts)?,
            key,
            Principal::ledger(),
            (MAX_VALIDITY, now),
        )
    }

    fn sign(
        &self,
        mut params: CertificateParams,
        key: &impl PublicKeyData,
        principal: Principal,
        (validity, now): (Duration, UnixMicros),
    ) -> Result<IssuedCertificate, IssueError> {
        if validity.as_secs() == 0 || validity > MAX_VALIDITY {
            return Err(IssueError::Validity {
                got: validity.as_secs(),
            });
        }
        if now.seconds() >= self.not_after {
            return Err(IssueError::IssuerExpired {
                not_after: self.not_after,
            });
        }
        let (not_before, end) = params::period(now, validity);
        let not_after = end.min(self.not_after);
        let serial = params::stamp(&mut params, not_before, not_after)?;
        let certificate = params.signed_by(key, &self.issuer)?;
        Ok(IssuedCertificate {
            chain_pem: format!("{}{}", certificate.pem(), self.issuing_pem),
            root_pem: self.root_pem.clone(),
            principal,
            serial,
            sha256: csr::fingerprint(certificate.der()),
            not_before,
            not_after,
        })
    }
}

impl fmt::Debug for Ca {
    /// Leaves the key out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ca")
            .field("origin", &self.origin)
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

/// Origin and end of the issuing certificate, after a look whether the key is its key.
fn read_issuing(der: &[u8], key: &KeyPair) -> Result<(Origin, u64), LoadError> {
    let bad = |error: &dyn fmt::Display| LoadError::Certificate(error.to_string());
    let (_, certificate) = parse_x509_certificate(der).map_err(|error| bad(&error))?;
    if certificate.public_key().raw != key.subject_public_key_info() {
        return Err(LoadError::Mismatch);
    }
    let names = certificate
        .subject_alternative_name()
        .map_err(|error| bad(&error))?;
    let uri = names.and_then(|names| match names.value.general_names.as_slice() {
        [GeneralName::URI(uri)] => Some(*uri),
        _ => None,
    });
    let origin = uri
        .and_then(uri::parse_authority)
        .ok_or(LoadError::Origin)?;
    let not_after = certificate.validity().not_after.timestamp();
    let not_after = u64::try_from(not_after).map_err(|error| bad(&error))?;
    Ok((origin, not_after))
}

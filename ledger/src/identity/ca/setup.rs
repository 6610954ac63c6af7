//! Making a CA, the server's certificate and the first administrator; renewing the server's.

use std::path::{Path, PathBuf};

use countersign_chain::origin::Origin;
use countersign_chain::time::UnixMicros;
use rcgen::{CertifiedIssuer, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use x509_parser::parse_x509_certificate;
use zeroize::Zeroizing;

use crate::identity::ca::{Ca, IssueError, IssuedCertificate, LoadError, params};
use crate::identity::csr;
use crate::identity::files::{self, Access, FileError};
use crate::identity::role::Role;
use crate::limits::{ISSUING_VALIDITY, MAX_VALIDITY, ROOT_VALIDITY};

/// Name of the first administrator: the principal is `admin:operator`.
pub const FIRST_ADMIN: &str = "operator";

/// Why a CA was not made.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// A file exists, or cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A certificate could not be made.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// What was written does not load.
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// Why the server's certificate was not renewed.
#[derive(Debug, thiserror::Error)]
pub enum RenewError {
    /// A file is missing, unreadable or cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The CA does not load.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The server's key does not parse.
    #[error(
        "tls/server.key is no private key in PEM form: {0}; move tls/ away: the next start makes \
         it anew"
    )]
    Key(rcgen::Error),
    /// The server's certificate does not parse.
    #[error("tls/server.pem is no certificate: {0}")]
    Certificate(String),
    /// The new certificate could not be made.
    #[error(transparent)]
    Issue(#[from] IssueError),
}

/// What [`init`] issued, for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitReport {
    /// The server's certificate.
    pub server: IssuedCertificate,
    /// The first administrator's certificate.
    pub admin: IssuedCertificate,
}

/// Makes root, issuing CA, server certificate and first administrator in `dir`.
///
/// The server's certificate names `hosts`, and always `localhost`, `127.0.0.1` and `::1`. Server
/// and first administrator get the longest validity, so that an installation that nobody looks
/// after does not lock its operator out within a month.
///
/// # Errors
/// [`InitError`]. Nothing is written when any of the files exists. After any other error the
/// folders `ca`, `tls` and `admin` may be incomplete: remove them and start again.
pub fn init(
    dir: &Path,
    origin: &Origin,
    hosts: &[String],
    now: UnixMicros,
) -> Result<InitReport, InitError> {
    let names = [
        "ca/root.pem",
        "ca/root.key",
        "ca/issuing.pem",
        "ca/issuing.key",
        "tls/server.pem",
        "tls/server.key",
        "admin/cert.pem",
        "admin/key.pem",
        "admin/ca.pem",
    ];
    for name in names {
        files::must_be_free(&dir.join(name))?;
    }
    for folder in ["ca", "tls", "admin"] {
        files::make_folder(&dir.join(folder))?;
    }
    make_authorities(dir, origin, now)?;

    let ca = Ca::load(dir)?;
    let server_key = new_key()?;
    let server = ca.issue_server(&server_key, hosts, now)?;
    let (admin_key, csr) = csr::new_key_and_csr().map_err(IssueError::from)?;
    let admin = ca.issue(&csr, Role::Admin, FIRST_ADMIN, MAX_VALIDITY, now)?;

    files::write_new(
        &dir.join("tls/server.key"),
        &key_text(&server_key),
        Access::Owner,
    )?;
    files::write_new(
        &dir.join("tls/server.pem"),
        &server.chain_pem,
        Access::Public,
    )?;
    files::write_new(&dir.join("admin/key.pem"), &admin_key, Access::Owner)?;
    files::write_new(
        &dir.join("admin/cert.pem"),
        &admin.chain_pem,
        Access::Public,
    )?;
    files::write_new(&dir.join("admin/ca.pem"), &admin.root_pem, Access::Public)?;
    for folder in ["ca", "tls", "admin", "."] {
        files::sync_folder(&dir.join(folder))?;
    }
    Ok(InitReport { server, admin })
}

/// Writes root and issuing CA.
fn make_authorities(dir: &Path, origin: &Origin, now: UnixMicros) -> Result<(), InitError> {
    let mut root_params = params::authority(origin, "Countersign root", 1)?;
    let (not_before, not_after) = params::period(now, ROOT_VALIDITY);
    params::stamp(&mut root_params, not_before, not_after)?;
    let root = CertifiedIssuer::self_signed(root_params, new_key()?).map_err(IssueError::from)?;

    let mut issuing_params = params::authority(origin, "Countersign issuing CA", 0)?;
    let (not_before, not_after) = params::period(now, ISSUING_VALIDITY);
    params::stamp(&mut issuing_params, not_before, not_after)?;
    let issuing_key = new_key()?;
    let issuing = issuing_params
        .signed_by(&issuing_key, &root)
        .map_err(IssueError::from)?;

    let folder = dir.join("ca");
    files::write_new(
        &folder.join("root.key"),
        &key_text(root.key()),
        Access::Owner,
    )?;
    files::write_new(&folder.join("root.pem"), &root.pem(), Access::Public)?;
    files::write_new(
        &folder.join("issuing.key"),
        &key_text(&issuing_key),
        Access::Owner,
    )?;
    files::write_new(&folder.join("issuing.pem"), &issuing.pem(), Access::Public)?;
    Ok(())
}

/// A new server certificate for the same key; [`install_server`] puts it in its place.
///
/// The key stays: the certificate is one file, replaced in one step, so that a crash leaves a pair
/// that fits. Without `tls/server.key` a new key is made first; to change the key, move the old one
/// away.
///
/// # Errors
/// [`RenewError`].
pub fn sign_server(
    dir: &Path,
    hosts: &[String],
    now: UnixMicros,
) -> Result<IssuedCertificate, RenewError> {
    let ca = Ca::load(dir)?;
    let key_path = dir.join("tls/server.key");
    let key = match files::read(&key_path) {
        Ok(text) => KeyPair::from_pem(&Zeroizing::new(text)).map_err(RenewError::Key)?,
        Err(FileError::Missing(_)) => {
            files::make_folder(&dir.join("tls"))?;
            let key = new_key()?;
            files::write_new(&key_path, &key_text(&key), Access::Owner)?;
            key
        }
        Err(error) => return Err(error.into()),
    };
    // If we stop here, a new key has no certificate yet: the next renewal gives it one.
    Ok(ca.issue_server(&key, hosts, now)?)
}

/// Puts a server certificate in the place of `tls/server.pem`.
///
/// # Errors
/// [`RenewError`]; the old certificate is still in place then.
pub fn install_server(dir: &Path, issued: &IssuedCertificate) -> Result<(), RenewError> {
    Ok(files::replace(
        &server_path(dir),
        &issued.chain_pem,
        Access::Public,
    )?)
}

/// Whether less than a third of the server certificate's life is left, or there is none.
///
/// # Errors
/// [`RenewError`] when the certificate cannot be read.
pub fn server_is_due(dir: &Path, now: UnixMicros) -> Result<bool, RenewError> {
    let text = match files::read(&server_path(dir)) {
        Err(FileError::Missing(_)) => return Ok(true),
        read => read?,
    };
    let bad = |error: &dyn std::fmt::Display| RenewError::Certificate(error.to_string());
    let der = CertificateDer::from_pem_slice(text.as_bytes()).map_err(|error| bad(&error))?;
    let (_, certificate) = parse_x509_certificate(&der).map_err(|error| bad(&error))?;
    let validity = certificate.validity();
    let (start, end) = (
        validity.not_before.timestamp(),
        validity.not_after.timestamp(),
    );
    let left = i128::from(end) - i128::from(now.seconds());
    Ok(left * 3 < i128::from(end) - i128::from(start))
}

fn server_path(dir: &Path) -> PathBuf {
    dir.join("tls/server.pem")
}

fn new_key() -> Result<KeyPair, IssueError> {
    Ok(KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?)
}

fn key_text(key: &KeyPair) -> Zeroizing<String> {
    Zeroizing::new(key.serialize_pem())
}

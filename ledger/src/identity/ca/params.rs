//! What stands in each sort of certificate (RFC 5280).

use std::net::IpAddr;
use std::time::Duration;

use countersign_chain::origin::Origin;
use countersign_chain::time::UnixMicros;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyUsagePurpose, SanType, SerialNumber, date_time_ymd,
};
use rustls::pki_types::DnsName;

use crate::identity::ca::IssueError;
use crate::identity::peer::serial_text;
use crate::identity::role::Role;
use crate::identity::uri;
use crate::limits::{CLOCK_SKEW, MAX_CERTIFICATE_TIME};

/// Hosts that every server certificate names.
const LOCAL: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// A CA certificate below which there may be `below` more.
pub(super) fn authority(origin: &Origin, name: &str, below: u8) -> Result<Params, IssueError> {
    let mut params = plain(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(below));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.subject_alt_names = vec![SanType::URI(uri::authority(origin).try_into()?)];
    Ok(params)
}

/// The certificate of a client.
pub(super) fn client(uri: &str, role: Role) -> Result<Params, IssueError> {
    let mut params = plain(&format!("Countersign {role}"));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.subject_alt_names = vec![SanType::URI(uri.try_into()?)];
    Ok(params)
}

/// The certificate of a server, for these hosts and this machine.
pub(super) fn server(hosts: &[String]) -> Result<Params, IssueError> {
    let mut params = plain("Countersign ledger");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    for host in LOCAL.into_iter().chain(hosts.iter().map(String::as_str)) {
        let name = host_name(host)?;
        if !params.subject_alt_names.contains(&name) {
            params.subject_alt_names.push(name);
        }
    }
    Ok(params)
}

type Params = CertificateParams;

fn plain(name: &str) -> Params {
    let mut params = Params::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.use_authority_key_identifier_extension = true;
    params.is_ca = IsCa::ExplicitNoCa;
    params
}

fn host_name(host: &str) -> Result<SanType, IssueError> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(SanType::IpAddress(address));
    }
    let name = DnsName::try_from(host).map_err(|_syntax| IssueError::Host(host.into()))?;
    Ok(SanType::DnsName(
        name.to_lowercase_owned().as_ref().try_into()?,
    ))
}

/// First and last second of a validity that starts now. It starts a little earlier, for peers whose
/// clocks are behind.
pub(super) fn period(now: UnixMicros, validity: Duration) -> (u64, u64) {
    let not_before = now.seconds().saturating_sub(CLOCK_SKEW.as_secs());
    (not_before, now.seconds().saturating_add(validity.as_secs()))
}

/// Puts a fresh serial number and the validity into a certificate; returns the serial as text.
pub(super) fn stamp(
    params: &mut Params,
    not_before: u64,
    not_after: u64,
) -> Result<String, IssueError> {
    let mut serial = [0; 16];
    getrandom::fill(&mut serial).map_err(|error| IssueError::Random(error.to_string()))?;
    // Never shorter than 16 bytes, so that the text always has 32 digits.
    serial[0] = serial[0].max(1);
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params.not_before = date_time_ymd(1970, 1, 1) + since_epoch(not_before);
    params.not_after = date_time_ymd(1970, 1, 1) + since_epoch(not_after);
    Ok(serial_text(&serial))
}

/// RFC 5280, section 4.1.2.5: a certificate cannot say more than the last second of 9999.
fn since_epoch(seconds: u64) -> Duration {
    Duration::from_secs(seconds.min(MAX_CERTIFICATE_TIME))
}

//! Certificates that the ledger would not make, signed by whom the test likes.

use countersign_tests::folder::{DataFolder, ORIGIN};
use countersign_tests::pems::Pems;
use rcgen::{
    CertificateParams, DistinguishedName, ExtendedKeyUsagePurpose, Issuer, KeyPair,
    KeyUsagePurpose, SanType, date_time_ymd,
};

/// A URI as this ledger would write it.
pub(crate) fn uri(rest: &str) -> String {
    format!("spiffe://{ORIGIN}/{rest}")
}

fn params(uris: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let name = |uri: &&str| SanType::URI((*uri).try_into().expect("ASCII"));
    params.subject_alt_names = uris.iter().map(name).collect();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2090, 1, 1);
    params
}

fn read(data: &DataFolder, name: &str) -> String {
    let text = std::fs::read_to_string(data.path().join("ca").join(name));
    text.expect("a data folder has a CA")
}

fn sign(data: &DataFolder, params: &CertificateParams) -> Pems {
    let issuing = read(data, "issuing.pem");
    let key = KeyPair::from_pem(&read(data, "issuing.key")).expect("a key");
    let issuer = Issuer::from_ca_cert_pem(&issuing, key).expect("a CA");
    let key = KeyPair::generate().expect("randomness");
    let cert = params.signed_by(&key, &issuer).expect("a certificate");
    Pems {
        cert: format!("{}{issuing}", cert.pem()),
        key: key.serialize_pem(),
        ca: read(data, "root.pem"),
    }
}

/// A client certificate of the ledger's own CA with these URI names.
pub(crate) fn with_uris(data: &DataFolder, uris: &[&str]) -> Pems {
    sign(data, &params(uris))
}

/// One whose time is over, or has not come.
pub(crate) fn between(data: &DataFolder, years: (i32, i32)) -> Pems {
    let uri = uri("agent/load");
    let mut params = params(&[&uri]);
    params.not_before = date_time_ymd(years.0, 1, 1);
    params.not_after = date_time_ymd(years.1, 1, 1);
    sign(data, &params)
}

/// One for servers.
pub(crate) fn for_servers(data: &DataFolder) -> Pems {
    let uri = uri("agent/load");
    let mut params = params(&[&uri]);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    sign(data, &params)
}

/// One that its owner has signed.
pub(crate) fn self_signed(data: &DataFolder) -> Pems {
    let key = KeyPair::generate().expect("randomness");
    let uri = uri("admin/operator");
    let cert = params(&[&uri]).self_signed(&key).expect("a certificate");
    Pems {
        cert: cert.pem(),
        key: key.serialize_pem(),
        ca: read(data, "root.pem"),
    }
}

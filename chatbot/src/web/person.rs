//! The user in a client certificate: one URI name, `spiffe://<origin>/user/<name>`.
//!
//! The handshake has verified the certificate against the ledger's authority. The origin is the
//! trust domain; the name is percent-encoded, in exactly one spelling.

use countersign_chain::origin::Origin;
use countersign_chain::principal::Principal;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

const ROLE: &str = "user";

/// A user with a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) user: Principal,
    /// Serial number of the certificate, lower-case hexadecimal, as the log has it.
    pub(super) serial: String,
    /// Its last second, Unix time.
    pub(super) not_after: u64,
}

/// The user whom a certificate names; `None` when it names something else.
pub(super) fn of_certificate(der: &[u8], origin: &Origin) -> Option<Holder> {
    let (_, certificate) = parse_x509_certificate(der).ok()?;
    let names = certificate.subject_alternative_name().ok()??;
    let mut uris = names.value.general_names.iter().filter_map(|name| {
        if let GeneralName::URI(uri) = name {
            Some(*uri)
        } else {
            None
        }
    });
    let (Some(uri), None) = (uris.next(), uris.next()) else {
        return None;
    };
    let serial = certificate
        .raw_serial()
        .iter()
        .skip_while(|byte| **byte == 0);
    Some(Holder {
        user: of_uri(uri, origin)?,
        serial: serial.map(|byte| format!("{byte:02x}")).collect(),
        not_after: u64::try_from(certificate.validity().not_after.timestamp()).ok()?,
    })
}

/// The user of a URI.
fn of_uri(uri: &str, origin: &Origin) -> Option<Principal> {
    let rest = uri.strip_prefix("spiffe://")?;
    let plain = |byte: u8| is_unreserved(byte) || b"!$&'()*,;=:@/[]".contains(&byte);
    let rest = rest.strip_prefix(&encode(origin.as_str(), plain))?;
    let name = rest
        .strip_prefix('/')?
        .strip_prefix(ROLE)?
        .strip_prefix('/')?;
    let decoded = decode(name).filter(|text| encode(text, is_unreserved) == name)?;
    Principal::parse(&format!("{ROLE}:{decoded}")).ok()
}

fn encode(text: &str, plain: impl Fn(u8) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if plain(byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn decode(text: &str) -> Option<String> {
    let digit = |byte: u8| u8::try_from(char::from(byte).to_digit(16)?).ok();
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => digit(bytes.next()?)? << 4 | digit(bytes.next()?)?,
            _ => byte,
        });
    }
    String::from_utf8(out).ok()
}

/// RFC 3986, section 2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
mod tests {
    use rcgen::string::Ia5String;
    use rcgen::{CertificateParams, KeyPair, SanType};

    use super::*;

    fn origin() -> Origin {
        Origin::parse("ledger.example.com/prod").unwrap()
    }

    fn certificate(uris: &[&str]) -> Vec<u8> {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        let uri = |uri: &&str| SanType::URI(Ia5String::try_from(*uri).unwrap());
        params.subject_alt_names = uris.iter().map(uri).collect();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn a_certificate_of_a_user_names_the_user() {
        let ada = "spiffe://ledger.example.com/prod/user/ada%40example.com";
        let der = certificate(&[ada]);
        let holder = of_certificate(&der, &origin()).unwrap();
        assert_eq!(holder.user.as_str(), "user:ada@example.com");
        assert!(holder.serial.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let other = Origin::parse("ledger.example.com").unwrap();
        assert_eq!(of_certificate(&der, &other), None);
        assert_eq!(of_certificate(&certificate(&[ada, ada]), &origin()), None);
        assert_eq!(of_certificate(&certificate(&[]), &origin()), None);
        assert_eq!(of_certificate(&der[..der.len() / 2], &origin()), None);
    }

    #[test]
    fn other_roles_domains_and_spellings_are_nobody() {
        let domain = "spiffe://ledger.example.com/prod";
        for rest in [
            "/bot/slack",
            "/admin/root",
            "/users/ada",
            "user/ada",
            "/user/",
            "/user/%61da",
            "/user/ada%2fb",
            "/user/a%4",
            "/user/%FF",
            "/user/a b",
            "/user/a/b",
        ] {
            assert_eq!(
                of_uri(&format!("{domain}{rest}"), &origin()),
                None,
                "{rest}"
            );
        }
        assert_eq!(
            of_uri("https://ledger.example.com/prod/user/ada", &origin()),
            None
        );
        assert!(of_uri(&format!("{domain}/user/ada"), &origin()).is_some());
    }
}

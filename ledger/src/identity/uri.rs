//! The URI SAN that carries an identity: `spiffe://<origin>/<role>/<name>`.
//!
//! The origin is the trust domain, so a certificate of one ledger means nothing to another. The
//! name is percent-encoded (RFC 3986, section 2.1): every byte but unreserved characters, with
//! upper-case digits. The origin keeps what RFC 3986 allows in an authority and a path; an origin
//! without other characters stands as it is. There is exactly one spelling of each identity, and
//! any other is refused, so that two texts never mean the same principal.

use countersign_chain::origin::Origin;
use countersign_chain::principal::{Principal, PrincipalError};

use crate::identity::role::{Role, RoleError};

const SCHEME: &str = "spiffe://";
const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Why a URI is no identity of this ledger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// Another scheme or trust domain.
    #[error("{uri:?} is not of this ledger; expected {SCHEME}{origin}/<role>/<name>")]
    Foreign {
        /// What was found.
        uri: String,
        /// The ledger's origin.
        origin: String,
    },
    /// The role is not known.
    #[error(transparent)]
    Role(#[from] RoleError),
    /// The name is not in its one spelling.
    #[error("name {0:?} is not percent-encoded as RFC 3986 has it")]
    Encoding(String),
    /// The name is not fit for a principal.
    #[error(transparent)]
    Name(#[from] PrincipalError),
}

/// URI of a client.
#[must_use]
pub fn client(origin: &Origin, role: Role, name: &str) -> String {
    format!(
        "{}/{role}/{}",
        authority(origin),
        encode(name, is_unreserved)
    )
}

/// URI of the trust domain itself, in the CA's own certificates.
#[must_use]
pub fn authority(origin: &Origin) -> String {
    format!("{SCHEME}{}", encode(origin.as_str(), is_plain_in_origin))
}

/// Reads the URI of a client of this origin.
///
/// # Errors
/// [`UriError`] says what is wrong with it.
pub fn parse_client(uri: &str, origin: &Origin) -> Result<(Role, Principal), UriError> {
    let foreign = || UriError::Foreign {
        uri: uri.into(),
        origin: origin.as_str().into(),
    };
    let path = uri
        .strip_prefix(&authority(origin))
        .and_then(|rest| rest.strip_prefix('/'));
    let (role, encoded) = path
        .and_then(|path| path.split_once('/'))
        .ok_or_else(foreign)?;
    let role = Role::parse(role)?;
    let name = decode(encoded)
        .filter(|name| encode(name, is_unreserved) == encoded)
        .ok_or_else(|| UriError::Encoding(encoded.into()))?;
    Ok((role, Principal::parse(&format!("{role}:{name}"))?))
}

/// Reads the URI of a trust domain.
#[must_use]
pub fn parse_authority(uri: &str) -> Option<Origin> {
    let origin = Origin::parse(&decode(uri.strip_prefix(SCHEME)?)?).ok()?;
    (authority(&origin) == uri).then_some(origin)
}

fn encode(text: &str, plain: fn(u8) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if plain(byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 0x0f)]));
        }
    }
    out
}

fn decode(text: &str) -> Option<String> {
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

fn digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

/// RFC 3986, section 2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Unreserved characters, sub-delims, and what else an authority and a path may hold.
fn is_plain_in_origin(byte: u8) -> bool {
    is_unreserved(byte) || b"!$&'()*,;=:@/[]".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn origin() -> Origin {
        Origin::parse("ledger.example.com/prod").expect("an origin")
    }

    #[test]
    fn names_are_percent_encoded() {
        let uri = client(&origin(), Role::User, "ada@example.com");
        assert_eq!(
            uri,
            "spiffe://ledger.example.com/prod/user/ada%40example.com"
        );
        let (role, principal) = parse_client(&uri, &origin()).expect("our own URI");
        assert_eq!(role, Role::User);
        assert_eq!(principal.as_str(), "user:ada@example.com");
    }

    #[test]
    fn there_is_one_spelling() {
        for name in [
            "ada@example.com",
            "%61da",
            "ada%2fb",
            "a%",
            "a%4",
            "a%zz",
            "%FF",
            "a/b",
            "a+b",
        ] {
            let uri = format!("spiffe://ledger.example.com/prod/user/{name}");
            assert_eq!(
                parse_client(&uri, &origin()),
                Err(UriError::Encoding(name.into()))
            );
        }
    }

    #[test]
    fn other_trust_domains_are_foreign() {
        for uri in [
            "spiffe://ledger.example.com/user/ada",
            "spiffe://ledger.example.com/prod2/user/ada",
            "spiffe://ledger.example.com/produser/ada",
            "SPIFFE://ledger.example.com/prod/user/ada",
            "https://ledger.example.com/prod/user/ada",
            "spiffe://ledger.example.com/prod/user",
            "spiffe://ledger.example.com/prod",
            "",
        ] {
            let error = parse_client(uri, &origin()).expect_err(uri);
            assert!(
                matches!(error, UriError::Foreign { .. } | UriError::Role(_)),
                "{uri}: {error}"
            );
        }
    }

    #[test]
    fn roles_and_names_are_checked() {
        let parse =
            |rest: &str| parse_client(&format!("{}/{rest}", authority(&origin())), &origin());
        assert!(matches!(parse("root/ada"), Err(UriError::Role(_))));
        assert!(matches!(parse("ledger/ada"), Err(UriError::Role(_))));
        assert!(matches!(parse("user/"), Err(UriError::Name(_))));
        assert!(matches!(parse("user/ada%20b"), Err(UriError::Name(_))));
        assert!(matches!(parse("user/ada%0Ab"), Err(UriError::Name(_))));
        assert!(matches!(
            parse(&format!("user/{}", "a".repeat(251))),
            Err(UriError::Name(_))
        ));
        assert!(parse(&format!("user/{}", "a".repeat(250))).is_ok());
    }

    proptest! {
        #[test]
        fn identities_come_back(
            origin in "[!-*,-~]{1,40}",
            name in "[^\\p{Cc}\\p{White_Space}]{1,40}",
            role in 0..7usize,
        ) {
            let origin = Origin::parse(&origin).expect("an origin");
            let uri = client(&origin, Role::ALL[role], &name);
            prop_assert!(uri.bytes().all(|byte| byte.is_ascii_graphic()));
            let (role, principal) = parse_client(&uri, &origin).expect("our own URI");
            prop_assert_eq!(principal.role(), role.as_str());
            prop_assert_eq!(principal.name(), name);
            prop_assert_eq!(parse_authority(&authority(&origin)), Some(origin));
        }

        #[test]
        fn accepted_uris_are_canonical(uri in "spiffe://a/user/[a-zA-Z0-9%@._~-]{0,12}") {
            let origin = Origin::parse("a").expect("an origin");
            if let Ok((role, principal)) = parse_client(&uri, &origin) {
                prop_assert_eq!(client(&origin, role, principal.name()), uri);
            }
        }
    }
}

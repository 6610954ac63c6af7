//! What an ID token says, when it is one.

use countersign_chain::principal::Principal;
use jsonwebtoken::jwk::{JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value};

use crate::limits::{OIDC_SKEW, OIDC_TOKEN};

/// Signatures that are taken: those with a public key.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// Why a token says nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    /// Its key is none that the provider shows; it may have a new one.
    #[error("the token is signed with a key that the provider does not show")]
    Key,
    /// Damaged, forged, of another provider, for another client, or over.
    #[error("the token cannot be trusted: {0}")]
    Bad(String),
    /// It names nobody.
    #[error("the token names nobody: {0}")]
    Nobody(String),
}

/// What is expected of a token.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client: &'a str,
    pub(super) nonce: &'a str,
    pub(super) claim: &'a str,
}

/// The user whom a token names.
pub(super) fn user(
    token: &str,
    keys: &JwkSet,
    expected: Expected<'_>,
) -> Result<Principal, TokenError> {
    let bad = |why: &dyn std::fmt::Display| TokenError::Bad(why.to_string());
    if token.len() > OIDC_TOKEN {
        return Err(bad(&format!("it has more than {OIDC_TOKEN} bytes")));
    }
    let header = decode_header(token).map_err(|error| bad(&error))?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(bad(&format!("it is signed with {:?}", header.alg)));
    }
    let key = match (&header.kid, keys.keys.as_slice()) {
        (Some(kid), _) => keys.find(kid),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    let key = key.ok_or(TokenError::Key)?;
    if key.common.public_key_use == Some(PublicKeyUse::Encryption) {
        return Err(bad(&"its key is for other things"));
    }
    let mut rules = Validation::new(header.alg);
    rules.leeway = OIDC_SKEW;
    rules.validate_nbf = true;
    rules.set_issuer(&[expected.issuer]);
    rules.set_audience(&[expected.client]);
    rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    let key = DecodingKey::from_jwk(key).map_err(|error| bad(&error))?;
    let told = decode::<Map<String, Value>>(token, &key, &rules).map_err(|error| bad(&error))?;
    meant(&told.claims, expected)?;
    named(&told.claims, expected.claim)
}

/// Whether a token was made for this client, and in answer to this browser.
fn meant(claims: &Map<String, Value>, expected: Expected<'_>) -> Result<(), TokenError> {
    let bad = |why: &str| Err(TokenError::Bad(why.to_owned()));
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let several = claims["aud"].as_array().is_some_and(|all| all.len() > 1);
    match claims.get("azp") {
        None if several => return bad("it is for several clients"),
        None => {}
        Some(azp) if azp.as_str() == Some(expected.client) => {}
        Some(_) => return bad("it was made for another client"),
    }
    let nonce = text("nonce").unwrap_or_default();
    if nonce.is_empty() || !crate::web::same(nonce, expected.nonce) {
        return bad("it answers another question");
    }
    Ok(())
}

/// The user that the claim names.
fn named(claims: &Map<String, Value>, claim: &str) -> Result<Principal, TokenError> {
    let nobody = |why: String| TokenError::Nobody(why);
    let value = claims.get(claim).and_then(Value::as_str);
    let value = value.filter(|value| !value.is_empty());
    let value = value.ok_or_else(|| nobody(format!("it has no claim {claim:?} with a text")))?;
    if claim == "email" && claims.get("email_verified") != Some(&Value::Bool(true)) {
        return Err(nobody(
            "the provider has not verified the address".to_owned(),
        ));
    }
    let user = Principal::parse(&format!("user:{value}"));
    user.map_err(|error| nobody(error.to_string()))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use jsonwebtoken::jwk::Jwk;
    use jsonwebtoken::{EncodingKey, Header, encode, get_current_timestamp};
    use serde_json::json;

    use super::*;

    const EXPECTED: Expected<'static> = Expected {
        issuer: "https://login.example.com",
        client: "inbox",
        nonce: "n0nce",
        claim: "email",
    };

    struct Signer {
        key: EncodingKey,
        shown: JwkSet,
    }

    fn signer() -> Signer {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let key = EncodingKey::from_ec_der(&pair.serialize_der());
        let mut shown = Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap();
        shown.common.key_id = Some("k1".to_owned());
        Signer {
            key,
            shown: JwkSet { keys: vec![shown] },
        }
    }

    fn claims() -> Value {
        let now = get_current_timestamp();
        json!({
            "iss": "https://login.example.com", "aud": "inbox", "sub": "1", "nonce": "n0nce",
            "iat": now, "exp": now + 300, "email": "ada@example.com", "email_verified": true,
        })
    }

    fn sign(signer: &Signer, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some("k1".to_owned());
        encode(&header, claims, &signer.key).unwrap()
    }

    /// The claims with these in place of theirs; null takes one away.
    fn with(changes: &Value) -> Value {
        let mut all = claims();
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => all.as_object_mut().unwrap().remove(name),
                value => all
                    .as_object_mut()
                    .unwrap()
                    .insert(name.clone(), value.clone()),
            };
        }
        all
    }

    #[test]
    fn a_good_token_names_its_user() {
        let signer = signer();
        let who = |changes: Value, claim: &'static str| {
            let expected = Expected { claim, ..EXPECTED };
            let user = user(&sign(&signer, &with(&changes)), &signer.shown, expected);
            user.map(|user| user.to_string())
        };
        assert_eq!(who(json!({}), "email").unwrap(), "user:ada@example.com");
        let several = json!({"aud": ["inbox", "x"], "azp": "inbox"});
        assert!(who(several, "email").is_ok());
        let name = json!({"preferred_username": "ada", "email_verified": null});
        assert_eq!(who(name, "preferred_username").unwrap(), "user:ada");
    }

    #[test]
    fn a_token_that_says_something_else_names_nobody() {
        let signer = signer();
        let now = get_current_timestamp();
        let table = [
            json!({"iss": "https://login.example.com/"}),
            json!({"iss": "https://evil.example"}),
            json!({"iss": null}),
            json!({"aud": "another"}),
            json!({"aud": null}),
            json!({"aud": ["inbox", "another"]}),
            json!({"azp": "another"}),
            json!({"sub": null}),
            json!({"nonce": "another"}),
            json!({"nonce": null}),
            json!({"nonce": ""}),
            json!({"exp": now - 120}),
            json!({"exp": null}),
            json!({"nbf": now + 300}),
            json!({"email": null}),
            json!({"email": ""}),
            json!({"email": 7}),
            json!({"email": "ada\u{0}@example.com"}),
            json!({"email_verified": null}),
            json!({"email_verified": false}),
            json!({"email_verified": "true"}),
        ];
        for changes in &table {
            let token = sign(&signer, &with(changes));
            let told = user(&token, &signer.shown, EXPECTED);
            assert!(told.is_err(), "{changes}: {told:?}");
        }
    }

    #[test]
    fn a_forged_token_names_nobody() {
        let other = signer();
        let signer = signer();
        let good = sign(&signer, &claims());
        assert!(user(&good, &other.shown, EXPECTED).is_err(), "another key");
        let parts: Vec<&str> = good.split('.').collect();
        let raw = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let evil = raw(&with(&json!({"email": "eve@example.com"})).to_string());
        let none = raw("{\"alg\":\"none\",\"kid\":\"k1\"}");
        let mut table = vec![
            format!("{}.{evil}.{}", parts[0], parts[2]),
            format!("{none}.{}.", parts[1]),
            format!("{none}.{}.{}", parts[1], parts[2]),
            format!("{}.{}.", parts[0], parts[1]),
            String::new(),
            "a.b.c".to_owned(),
            "x".repeat(OIDC_TOKEN + 1),
        ];
        // The public key as the secret of a symmetric signature.
        let public = serde_json::to_string(&signer.shown.keys[0]).unwrap();
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some("k1".to_owned());
        let key = EncodingKey::from_secret(public.as_bytes());
        table.push(encode(&header, &claims(), &key).unwrap());
        for token in &table {
            let told = user(token, &signer.shown, EXPECTED);
            assert!(told.is_err(), "{token}: {told:?}");
        }
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some("k2".to_owned());
        let unknown = encode(&header, &claims(), &signer.key).unwrap();
        let told = user(&unknown, &signer.shown, EXPECTED);
        assert!(matches!(told, Err(TokenError::Key)), "{told:?}");
    }
}

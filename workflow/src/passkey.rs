//! Passkeys: a decision that its maker has signed, with a key that no bot holds.
//!
//! A permit with `@step_up("passkey")` wants more than the word of a bot: the person signs the
//! decision itself with a passkey that the policy's directory names (W3C Web Authentication Level
//! 3, section 7.2, with ES256). The signature stands in the entry, so that whoever verifies the log
//! verifies it again. A bot that was taken over can lie to people; it cannot approve without one of
//! them touching a key, and not for anything but what was signed.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_chain::time::UnixMicros;
use countersign_proto::v1;
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::limits::{MAX_CREDENTIAL, MAX_RP};

/// Separates what is signed from all else that a passkey signs.
const DOMAIN: &str = "countersign.decision.v1";

/// RP id hash, flags and counter; what may follow are extensions.
const AUTHENTICATOR_DATA: usize = 37;
/// Somebody was there.
const USER_PRESENT: u8 = 1;
/// And has shown who: by PIN, finger or face.
const USER_VERIFIED: u8 = 4;

/// A passkey of a person, as the directory writes it: `rp:credential:key`. The first is the domain
/// that it was made for, the others are base64url without padding: the id of the credential, and
/// the P-256 public key as a SEC 1 point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passkey {
    rp: String,
    credential: Vec<u8>,
    key: VerifyingKey,
}

/// Why a text is no passkey.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasskeyTextError {
    /// Not three parts.
    #[error("expected domain:credential:key, as the inbox shows it when a passkey is made")]
    Parts,
    /// Not a domain.
    #[error("expected a domain of lower-case letters, digits, dots and hyphens, got {0:?}")]
    Domain(String),
    /// Not the id of a credential.
    #[error("expected the id of a credential, 1 to {MAX_CREDENTIAL} bytes in base64url")]
    Credential,
    /// Not a public key.
    #[error("expected a P-256 public key, a SEC 1 point in base64url")]
    Key,
}

impl Passkey {
    /// Reads what the directory says.
    ///
    /// # Errors
    /// [`PasskeyTextError`] says which part is wrong.
    pub fn parse(text: &str) -> Result<Self, PasskeyTextError> {
        let mut parts = text.split(':');
        let all = (parts.next(), parts.next(), parts.next(), parts.next());
        let (Some(rp), Some(credential), Some(key), None) = all else {
            return Err(PasskeyTextError::Parts);
        };
        if !is_domain(rp) {
            return Err(PasskeyTextError::Domain(rp.to_owned()));
        }
        let credential = URL_SAFE_NO_PAD.decode(credential).ok();
        let credential = credential.filter(|id| (1..=MAX_CREDENTIAL).contains(&id.len()));
        let point = URL_SAFE_NO_PAD.decode(key).ok();
        let key = point.and_then(|point| VerifyingKey::from_sec1_bytes(&point).ok());
        Ok(Self {
            rp: rp.to_owned(),
            credential: credential.ok_or(PasskeyTextError::Credential)?,
            key: key.ok_or(PasskeyTextError::Key)?,
        })
    }

    /// A passkey that a browser has just made: its id, and its public key as `getPublicKey()` gives
    /// it, a DER `SubjectPublicKeyInfo` of P-256.
    #[must_use]
    pub fn made(rp: &str, credential: &[u8], spki: &[u8]) -> Option<Self> {
        let point = spki.strip_prefix(&SPKI_P256)?;
        let fits = is_domain(rp) && (1..=MAX_CREDENTIAL).contains(&credential.len());
        let key = VerifyingKey::from_sec1_bytes(point).ok().filter(|_| fits)?;
        Some(Self {
            rp: rp.to_owned(),
            credential: credential.to_vec(),
            key,
        })
    }

    /// The domain.
    #[must_use]
    pub fn rp(&self) -> &str {
        &self.rp
    }

    /// Id of the credential.
    #[must_use]
    pub fn credential(&self) -> &[u8] {
        &self.credential
    }
}

/// As the directory writes it.
impl fmt::Display for Passkey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let credential = URL_SAFE_NO_PAD.encode(&self.credential);
        let key = URL_SAFE_NO_PAD.encode(self.key.to_sec1_point(true).as_bytes());
        write!(out, "{}:{credential}:{key}", self.rp)
    }
}

/// What every `SubjectPublicKeyInfo` of an uncompressed P-256 point begins with: RFC 5480.
const SPKI_P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !label.is_empty() && label.bytes().all(plain)
    };
    text.len() <= MAX_RP && text.split('.').all(label)
}

/// A decision as it is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision<'a> {
    /// Number of the case.
    pub case: u64,
    /// When it was opened: no two logs have the same case at the same microsecond.
    pub opened: UnixMicros,
    /// Whose access it is.
    pub requester: &'a str,
    /// On what.
    pub resource: &'a str,
    /// What.
    pub permission: &'a str,
    /// The request or the extension that is decided on.
    pub request: u64,
    /// Whether it is approved now, or was right afterwards.
    pub verdict: Verdict,
    /// Who decides.
    pub reviewer: &'a str,
    /// Why, to the byte.
    pub reason: &'a str,
}

/// What is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A request or an extension is approved.
    Approve,
    /// A break-glass access was right.
    Justified,
}

impl Decision<'_> {
    /// What the passkey is asked to sign: SHA-256 of a JSON array of `"countersign.decision.v1"`
    /// and the fields in order, without white space and with numbers as strings of digits.
    #[must_use]
    pub fn challenge(&self) -> [u8; 32] {
        let text = json!([
            DOMAIN,
            self.case.to_string(),
            self.opened.get().to_string(),
            self.requester,
            self.resource,
            self.permission,
            self.request.to_string(),
            match self.verdict {
                Verdict::Approve => "approve",
                Verdict::Justified => "justified",
            },
            self.reviewer,
            self.reason,
        ]);
        Sha256::digest(text.to_string()).into()
    }
}

/// Why an assertion proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// Another key.
    #[error("it is of a passkey that the directory does not have for this person")]
    Credential,
    /// What the browser says cannot be read.
    #[error("its client data is not what a browser makes")]
    ClientData,
    /// It is no answer to a question for a signature.
    #[error("it was made for something else than signing in or deciding")]
    Type,
    /// It is of another decision.
    #[error("it signs another decision")]
    Challenge,
    /// It was made on another site.
    #[error("it was made on another site than the passkey is for")]
    Origin,
    /// What the authenticator says cannot be read, or is about another domain.
    #[error("its authenticator data is of another domain, or cut off")]
    Domain,
    /// Nobody was there.
    #[error("nobody was present, or nobody showed who they are by PIN, finger or face")]
    User,
    /// The signature is wrong.
    #[error("its signature is wrong")]
    Signature,
}

/// Checks that one of these passkeys has signed this challenge.
///
/// # Errors
/// [`AssertionError`] names the first thing that is wrong.
pub fn check(
    assertion: &v1::PasskeyAssertion,
    passkeys: &[Passkey],
    challenge: &[u8; 32],
) -> Result<(), AssertionError> {
    let mut known = passkeys.iter();
    let passkey = known.find(|passkey| passkey.credential == assertion.credential.as_ref());
    let passkey = passkey.ok_or(AssertionError::Credential)?;
    client_data(&assertion.client_data_json, &passkey.rp, challenge)?;
    let data = assertion.authenticator_data.as_ref();
    let head = data.get(..AUTHENTICATOR_DATA);
    let Some((domain, [flags, _counter @ ..])) = head.and_then(|head| head.split_at_checked(32))
    else {
        return Err(AssertionError::Domain);
    };
    if domain != Sha256::digest(&passkey.rp).as_slice() {
        return Err(AssertionError::Domain);
    }
    let wanted = USER_PRESENT | USER_VERIFIED;
    if flags & wanted != wanted {
        return Err(AssertionError::User);
    }
    let signature = Signature::from_der(&assertion.signature);
    let signature = signature.map_err(|_malformed| AssertionError::Signature)?;
    let mut signed = data.to_vec();
    signed.extend_from_slice(&Sha256::digest(&assertion.client_data_json));
    let verified = passkey.key.verify(&signed, &signature);
    verified.map_err(|_wrong| AssertionError::Signature)
}

fn client_data(json: &[u8], rp: &str, challenge: &[u8; 32]) -> Result<(), AssertionError> {
    let data: Value =
        serde_json::from_slice(json).map_err(|_malformed| AssertionError::ClientData)?;
    let of = |name: &str| data.get(name).unwrap_or(&Value::Null);
    if of("type") != "webauthn.get" {
        return Err(AssertionError::Type);
    }
    if *of("challenge") != URL_SAFE_NO_PAD.encode(challenge) {
        return Err(AssertionError::Challenge);
    }
    let framed = !matches!(of("crossOrigin"), Value::Null | Value::Bool(false));
    let origin = of("origin").as_str().unwrap_or_default();
    if framed || !of("topOrigin").is_null() || !is_origin_of(origin, rp) {
        return Err(AssertionError::Origin);
    }
    Ok(())
}

/// Whether a page of this origin may use passkeys of this domain: over HTTPS, or on this machine.
fn is_origin_of(origin: &str, rp: &str) -> bool {
    let host = |rest: &str| rest.split(':').next().unwrap_or_default().to_owned();
    if let Some(rest) = origin.strip_prefix("https://") {
        let host = host(rest);
        let above = host.strip_suffix(rp).and_then(|sub| sub.strip_suffix('.'));
        return host == rp || above.is_some_and(|sub| !sub.is_empty());
    }
    let local = origin.strip_prefix("http://").map(host);
    rp == "localhost" && local.is_some_and(|host| host == "localhost")
}

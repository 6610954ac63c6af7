//! Keys of the log: C2SP vkeys, signing keys as text, strict Ed25519 (docs/format.md, section 5).

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::Signer as _;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::origin::Origin;

/// Type byte of plain Ed25519 in C2SP signed-note.
const ED25519: u8 = 0x01;
const SECRET_PREFIX: &str = "PRIVATE+KEY+";

/// First four bytes of SHA-256(name | 0x0A | type | key).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; 4]);

impl KeyId {
    /// Takes the bytes from a signature line.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 4] {
        &self.0
    }

    fn of(origin: &Origin, public: &[u8; 32]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(origin.as_str());
        hasher.update([b'\n', ED25519]);
        hasher.update(public);
        let [a, b, c, d, ..] = <[u8; 32]>::from(hasher.finalize());
        Self([a, b, c, d])
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Why a text is no key, or a signature does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not `name+id+base64`.
    #[error("not a key: {0}; expected <origin>+<8 hex digits>+<base64>")]
    BadForm(&'static str),
    /// The id is not that of the key.
    #[error("key id is {got}; expected {expected}")]
    BadKeyId {
        /// Recomputed.
        expected: KeyId,
        /// As written.
        got: String,
    },
    /// Not a point, or of small order.
    #[error("public key is no valid Ed25519 point, or is of small order")]
    Weak,
    /// The signature is wrong.
    #[error("signature does not hold under key {0}")]
    BadSignature(KeyId),
}

impl KeyError {
    /// Stable code, as in docs/format.md.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BadForm(_) => "bad-vkey",
            Self::BadKeyId { .. } => "bad-key-id",
            Self::Weak => "weak-key",
            Self::BadSignature(_) => "bad-signature",
        }
    }
}

/// Splits `name+id+base64`; the name has no plus, base64 may have.
fn split(text: &str) -> Result<(Origin, &str, Zeroizing<Vec<u8>>), KeyError> {
    let (name, rest) = text
        .split_once('+')
        .ok_or(KeyError::BadForm("no plus sign"))?;
    let (id, data) = rest
        .split_once('+')
        .ok_or(KeyError::BadForm("only one plus sign"))?;
    let origin = Origin::parse(name).map_err(|_why| KeyError::BadForm("name is no origin"))?;
    let hex = id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if id.len() != 8 || !hex {
        return Err(KeyError::BadForm("key id is not 8 lower-case hex digits"));
    }
    let data = STANDARD
        .decode(data)
        .map_err(|_why| KeyError::BadForm("key is not canonical padded base64"))?;
    Ok((origin, id, Zeroizing::new(data)))
}

/// The 32 bytes behind the type byte.
fn ed25519_bytes(data: &[u8]) -> Result<&[u8; 32], KeyError> {
    match data.split_first() {
        Some((&ED25519, key)) => key
            .try_into()
            .map_err(|_why| KeyError::BadForm("key does not have 32 bytes")),
        _ => Err(KeyError::BadForm("key type is not Ed25519 (0x01)")),
    }
}

/// Whether y is below p = 2^255 - 19, so that the point has this one encoding. (A point of two
/// signs has x = 0 and is of small order.)
fn is_canonical(bytes: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = bytes;
    *low < 0xed || *high & 0x7f != 0x7f || middle.iter().any(|byte| *byte != 0xff)
}

/// Public key of a log. It is a valid point and not of small order.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    origin: Origin,
    id: KeyId,
    key: ed25519_dalek::VerifyingKey,
}

impl VerifierKey {
    /// Reads a vkey.
    ///
    /// # Errors
    /// [`KeyError`] for a wrong form, a wrong id, or a weak key.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let (origin, id, data) = split(text)?;
        let bytes = ed25519_bytes(&data)?;
        let expected = KeyId::of(&origin, bytes);
        if expected.to_string() != id {
            return Err(KeyError::BadKeyId {
                expected,
                got: id.to_owned(),
            });
        }
        let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_why| KeyError::Weak)?;
        if key.is_weak() || !is_canonical(bytes) {
            return Err(KeyError::Weak);
        }
        Ok(Self {
            origin,
            id: expected,
            key,
        })
    }

    /// Name of the log that signs with it.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Key id of its signature lines.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// Checks a signature by the one rule of docs/format.md, section 5.
    ///
    /// # Errors
    /// [`KeyError::BadSignature`].
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> Result<(), KeyError> {
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        self.key
            .verify_strict(message, &signature)
            .map_err(|_why| KeyError::BadSignature(self.id))
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut data = vec![ED25519];
        data.extend_from_slice(self.key.as_bytes());
        write!(f, "{}+{}+{}", self.origin, self.id, STANDARD.encode(data))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}

/// Secret key of a log. It leaves memory when it is dropped.
pub struct SigningKey {
    public: VerifierKey,
    secret: ed25519_dalek::SigningKey,
}

impl SigningKey {
    /// Makes the key of `origin` from 32 random bytes.
    ///
    /// # Errors
    /// [`KeyError::Weak`] for a seed that gives a key of small order; random seeds do not.
    pub fn from_seed(origin: Origin, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let secret = ed25519_dalek::SigningKey::from_bytes(seed);
        let key = secret.verifying_key();
        if key.is_weak() {
            return Err(KeyError::Weak);
        }
        let id = KeyId::of(&origin, key.as_bytes());
        Ok(Self {
            public: VerifierKey { origin, id, key },
            secret,
        })
    }

    /// Reads what [`SigningKey::to_text`] wrote; the form of golang.org/x/mod/sumdb/note.
    ///
    /// # Errors
    /// [`KeyError`] for a wrong form or id.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let rest = text
            .trim_end()
            .strip_prefix(SECRET_PREFIX)
            .ok_or(KeyError::BadForm("does not start with PRIVATE+KEY+"))?;
        let (origin, id, data) = split(rest)?;
        let key = Self::from_seed(origin, ed25519_bytes(&data)?)?;
        if key.public.id.to_string() != id {
            return Err(KeyError::BadKeyId {
                expected: key.public.id,
                got: id.to_owned(),
            });
        }
        Ok(key)
    }

    /// Writes the secret key as text; the caller keeps it from other eyes.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut data = Zeroizing::new(vec![ED25519]);
        data.extend_from_slice(self.secret.as_bytes());
        let data = Zeroizing::new(STANDARD.encode(data.as_slice()));
        let VerifierKey { origin, id, .. } = &self.public;
        Zeroizing::new(format!("{SECRET_PREFIX}{origin}+{id}+{}\n", data.as_str()))
    }

    /// The public half.
    #[must_use]
    pub const fn verifier(&self) -> &VerifierKey {
        &self.public
    }

    /// Signs as RFC 8032 says.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.secret.sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_c2sp_signed_note_is_read_and_written() {
        let vkey = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
        let key = VerifierKey::parse(vkey).expect("the published example");
        assert_eq!(key.to_string(), vkey);
        assert!(VerifierKey::parse(&vkey.replace("530d", "530e")).is_err());
    }

    #[test]
    fn every_y_from_p_on_has_another_encoding() {
        let with = |low: u8, at: usize, byte: u8| {
            let mut bytes = [0xff; 32];
            (bytes[0], bytes[31]) = (low, 0x7f);
            bytes[at] = byte;
            bytes
        };
        // p is ed ff .. ff 7f. The sign of x stands in the highest bit.
        for (bytes, canonical) in [
            (with(0xec, 0, 0xec), true),
            (with(0xec, 31, 0xff), true),
            (with(0xed, 0, 0xed), false),
            (with(0xee, 0, 0xee), false),
            (with(0xff, 0, 0xff), false),
            (with(0xed, 31, 0xff), false),
            (with(0xff, 31, 0xff), false),
            (with(0xed, 1, 0xfe), true),
            (with(0xff, 16, 0x7f), true),
            (with(0xff, 30, 0x00), true),
            (with(0xff, 31, 0x7e), true),
            (with(0xff, 31, 0xfe), true),
            (with(0x00, 31, 0x00), true),
        ] {
            assert_eq!(is_canonical(&bytes), canonical, "{bytes:02x?}");
        }
    }

    #[test]
    fn debug_output_names_a_key_and_keeps_its_secret() {
        let origin = Origin::parse("example.com/foo").expect("an origin");
        let key = SigningKey::from_seed(origin, &[0x41; 32]).expect("a sound key");
        let shown = format!("{key:?} {:?}", key.verifier());
        assert!(shown.contains(&key.verifier().to_string()), "{shown}");
        assert!(
            !shown.contains("4141") && !shown.contains("65, 65"),
            "{shown}"
        );
        assert!(!shown.contains(&STANDARD.encode([0x41; 32])), "{shown}");
    }

    #[test]
    fn a_signing_key_survives_its_text_and_signs() {
        let origin = Origin::parse("example.com/log").expect("fine");
        let key = SigningKey::from_seed(origin, &[7; 32]).expect("fine");
        let again = SigningKey::parse(&key.to_text()).expect("own text");
        assert_eq!(key.verifier(), again.verifier());
        let signature = key.sign(b"message");
        assert_eq!(again.verifier().verify(b"message", &signature), Ok(()));
        assert!(again.verifier().verify(b"massage", &signature).is_err());
        assert!(!format!("{key:?}").contains("PRIVATE"));
    }
}

//! What opens the door: handed to the person once, and never shown, logged or kept.

use std::fmt;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// Bytes that leave memory with their owner, and that no debug output shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes over.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes. Do not copy them where they stay.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// One file of a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Last part of the file's name, for example `key-cert.pub`.
    pub name: String,
    /// Its content.
    pub content: Secret,
}

/// What a person gets, as one or several files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The files, in order.
    pub parts: Vec<Part>,
    /// SHA-256 of what proves the right to enter: a password, a certificate.
    pub sha256: [u8; 32],
}

impl Credential {
    /// A credential of these files, of which `proof` is what proves the right to enter.
    #[must_use]
    pub fn new(parts: Vec<Part>, proof: &[u8]) -> Self {
        Self {
            parts,
            sha256: Sha256::digest(proof).into(),
        }
    }

    /// What is kept of it: the digest.
    pub(crate) fn without_content(self) -> Self {
        Self {
            parts: Vec::new(),
            sha256: self.sha256,
        }
    }

    /// A credential of one file.
    #[must_use]
    pub fn of(name: &str, content: Secret) -> Self {
        let sha256 = Sha256::digest(content.expose()).into();
        let part = Part {
            name: name.to_owned(),
            content,
        };
        Self {
            parts: vec![part],
            sha256,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_shows_no_secret() {
        let credential = Credential::of("password", Secret::new(b"opensesame".to_vec()));
        let part = credential.parts[0].clone();
        let shown = format!("{credential:?} {credential:#?} {part:?} {:?}", part.content);
        assert!(!shown.contains("opensesame"), "{shown}");
        // Nor its bytes as numbers.
        assert!(!shown.contains("111, 112, 101"), "{shown}");
        assert!(
            shown.contains("password"),
            "the name of the file is no secret"
        );
        let again = Credential::new(Vec::new(), b"opensesame");
        assert_eq!(again.sha256, credential.sha256);
    }
}

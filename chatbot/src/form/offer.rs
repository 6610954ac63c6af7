//! What a person may ask for.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::card::name::Name;
use crate::card::span::Span;

/// One permission on one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The resource.
    pub resource: Name,
    /// The permission on it.
    pub permission: Name,
    /// The longest access.
    pub longest: Span,
}

impl Offer {
    /// What stands for the offer in a form: 32 hexadecimal digits of the SHA-256 of both names. It
    /// stays the same while other offers come and go between a form's drawing and its answer.
    #[must_use]
    pub fn value(&self) -> String {
        let mut hash = Sha256::new();
        for name in [&self.resource, &self.permission] {
            hash.update(name.as_str().len().to_be_bytes());
            hash.update(name.as_str());
        }
        let mut digits = String::new();
        for byte in hash.finalize().iter().take(16) {
            if write!(digits, "{byte:02x}").is_err() {
                break;
            }
        }
        digits
    }
}

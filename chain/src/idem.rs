//! The caller's idempotency key.

use crate::limits::MAX_IDEM;
use crate::record::RecordError;

/// 0 to 64 bytes that the caller chose; empty means that the entry has no key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct IdempotencyKey(Box<[u8]>);

impl IdempotencyKey {
    /// Checks the length.
    ///
    /// # Errors
    /// [`RecordError::BadIdem`] above 64 bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, RecordError> {
        if bytes.len() > MAX_IDEM {
            return Err(RecordError::BadIdem(bytes.len()));
        }
        Ok(Self(bytes.into()))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_bytes_that_it_was_made_of_up_to_64() {
        let longest: Vec<u8> = (1..=64).collect();
        for bytes in [&longest[..], b"key", b"\0", b""] {
            let key = IdempotencyKey::parse(bytes).expect("not too long");
            assert_eq!(key.as_bytes(), bytes);
            assert_eq!(key.is_empty(), bytes.is_empty());
        }
        for bytes in [65, 66, 1_000] {
            let refused = IdempotencyKey::parse(&vec![1; bytes]);
            assert_eq!(refused, Err(RecordError::BadIdem(bytes)));
        }
    }
}

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

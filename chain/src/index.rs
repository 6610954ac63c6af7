//! The position of an entry in its log, which is also its id.

use std::fmt;

use crate::limits::MAX_U63;
use crate::record::RecordError;

/// Position of an entry, from 0, below 2^63.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Index(u64);

impl Index {
    /// The first entry.
    pub const FIRST: Self = Self(0);

    /// Checks the bound.
    ///
    /// # Errors
    /// [`RecordError::BadIndex`] at 2^63 and above.
    pub const fn new(value: u64) -> Result<Self, RecordError> {
        if value > MAX_U63 {
            Err(RecordError::BadIndex(value))
        } else {
            Ok(Self(value))
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_shown_as_its_number() {
        let shown = Index::new(142).map(|number| format!("{number} {number:>5}"));
        assert_eq!(shown, Ok("142   142".to_owned()));
    }
}

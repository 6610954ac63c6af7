//! The kind of an entry: the field number of its event.

use std::fmt;

use crate::limits::KINDS;
use crate::record::RecordError;

/// Field number of the event in `countersign.v1.Event`, 1 to 159. What a kind means is the proto
/// crate's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(u16);

impl Kind {
    /// Kind of entry 0.
    pub const LOG_OPENED: Self = Self(1);

    /// Checks the range.
    ///
    /// # Errors
    /// [`RecordError::BadKind`] outside 1 to 159.
    pub fn new(value: u16) -> Result<Self, RecordError> {
        if KINDS.contains(&value) {
            Ok(Self(value))
        } else {
            Err(RecordError::BadKind(value))
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_shown_as_its_number() {
        let shown = Kind::new(142).map(|number| format!("{number} {number:>5}"));
        assert_eq!(shown, Ok("142   142".to_owned()));
    }
}

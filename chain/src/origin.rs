//! The name of a log.

use std::fmt;

use crate::limits::MAX_ORIGIN;

/// Why a text is no origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// Length.
    #[error("origin has {0} bytes; expected 1 to {MAX_ORIGIN}")]
    BadLength(usize),
    /// Character.
    #[error(
        "origin holds {0:?}; expected printable ASCII without '+', such as ledger.example.com/prod"
    )]
    BadCharacter(char),
}

/// Name of a log: 1 to 255 bytes of printable ASCII without `+` (docs/format.md, section 4).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(Box<str>);

impl Origin {
    /// Reads and checks an origin.
    ///
    /// # Errors
    /// [`OriginError`] says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        if text.is_empty() || text.len() > MAX_ORIGIN {
            return Err(OriginError::BadLength(text.len()));
        }
        match text.chars().find(|c| !c.is_ascii_graphic() || *c == '+') {
            Some(c) => Err(OriginError::BadCharacter(c)),
            None => Ok(Self(text.into())),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

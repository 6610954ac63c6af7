//! Who acts: an authenticated principal such as `user:ada@example.com`, `agent:db-prod-1` or
//! `ledger`.

use std::fmt;

use crate::limits::{MAX_PRINCIPAL, MAX_ROLE};

/// Why a text is no principal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrincipalError {
    /// Empty.
    #[error("principal is empty; expected role:name, for example user:ada@example.com")]
    Empty,
    /// Too long.
    #[error("principal has {0} bytes; expected at most {MAX_PRINCIPAL}")]
    TooLong(usize),
    /// No colon.
    #[error("principal has no colon; expected role:name, for example user:ada@example.com")]
    NoColon,
    /// Role part.
    #[error("role {0:?} is \"ledger\", or not 1 to {MAX_ROLE} of a-z and '-' after a letter")]
    BadRole(String),
    /// Name part.
    #[error("name {0:?} is empty, or holds a control character or white space")]
    BadName(String),
}

/// A principal that was checked (docs/format.md, section 2).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Principal(Box<str>);

impl Principal {
    /// Reads and checks a principal.
    ///
    /// # Errors
    /// [`PrincipalError`] says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, PrincipalError> {
        check(text).map(|()| Self(text.into()))
    }

    /// The ledger itself.
    #[must_use]
    pub fn ledger() -> Self {
        Self("ledger".into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the colon; `ledger` for the ledger.
    #[must_use]
    pub fn role(&self) -> &str {
        self.0.split_once(':').map_or(&self.0, |(role, _)| role)
    }

    /// What stands after the colon; empty for the ledger.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, name)| name)
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Checks a principal without keeping it.
///
/// # Errors
/// As [`Principal::parse`].
pub fn check(text: &str) -> Result<(), PrincipalError> {
    if text.is_empty() {
        return Err(PrincipalError::Empty);
    }
    if text.len() > MAX_PRINCIPAL {
        return Err(PrincipalError::TooLong(text.len()));
    }
    if text == "ledger" {
        return Ok(());
    }
    let (role, name) = text.split_once(':').ok_or(PrincipalError::NoColon)?;
    let starts_with_letter = role
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_lowercase());
    let plain = role
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    // The ledger has no name: nobody else may look like it.
    if !starts_with_letter || !plain || role.len() > MAX_ROLE || role == "ledger" {
        return Err(PrincipalError::BadRole(role.into()));
    }
    if name.is_empty() || name.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(PrincipalError::BadName(name.into()));
    }
    Ok(())
}

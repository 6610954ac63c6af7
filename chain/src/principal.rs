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
    if is_usual(text.as_bytes()) {
        Ok(())
    } else {
        check_any(text)
    }
}

fn check_any(text: &str) -> Result<(), PrincipalError> {
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

/// Whether this is a principal whose name is visible ASCII, as almost every one is: a log is full
/// of them. It says nothing about any other text.
fn is_usual(text: &[u8]) -> bool {
    let is_role = |byte: &u8| byte.is_ascii_lowercase() || *byte == b'-';
    let len = text.iter().take_while(|byte| is_role(byte)).count();
    let (role, rest) = text.split_at_checked(len).unwrap_or_default();
    let Some((b':', name)) = rest.split_first() else {
        return false;
    };
    text.len() <= MAX_PRINCIPAL
        && len <= MAX_ROLE
        && role.first().is_some_and(u8::is_ascii_lowercase)
        && role != b"ledger"
        && !name.is_empty()
        && name.iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_way_says_what_the_long_way_says() {
        let long = |len: usize| format!("a:{}", "n".repeat(len - 2));
        let role = |len: usize| format!("{}:n", "r".repeat(len));
        let mut texts = vec![long(255), long(256), role(31), role(32), String::new()];
        for text in ["a:b", "agent:db-1", "ledger:x", "ledger", "-a:b", "a-:b:c"] {
            for at in 0..=text.len() {
                let (start, end) = text.split_at(at);
                for c in (0..=0xA1)
                    .chain([0x2000, 0x3000])
                    .filter_map(char::from_u32)
                {
                    texts.push(format!("{start}{c}{end}"));
                }
                texts.push(end.to_owned());
            }
        }
        for text in texts {
            let holds = check_any(&text).is_ok();
            let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
            let usual = holds && visible && text != "ledger";
            assert_eq!(is_usual(text.as_bytes()), usual, "{text:?}");
        }
    }

    #[test]
    fn a_principal_is_shown_as_it_was_written() {
        for text in ["user:ada@example.com", "ledger"] {
            let principal = Principal::parse(text).expect("a principal");
            assert_eq!(principal.to_string(), text);
        }
    }
}

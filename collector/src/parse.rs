//! What is known about a line: fields and time, for formats that are simple enough to be sure
//! about.

mod dpkg;
mod key_value;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// How the lines of a file are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Not at all: the event carries the line and nothing else.
    #[default]
    Raw,
    /// The log of Debian's package manager, `/var/log/dpkg.log`.
    Dpkg,
    /// Words of the form `key=value` or `key="some value"`.
    KeyValue,
}

impl Format {
    /// The format that a file's name suggests.
    #[must_use]
    pub fn guess(path: &Path) -> Self {
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        if name == "dpkg.log" || name.starts_with("dpkg.log.") {
            Self::Dpkg
        } else {
            Self::Raw
        }
    }
}

/// What a line says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parsed {
    /// Fields by name.
    pub fields: BTreeMap<String, String>,
    /// When it happened according to the line.
    pub observed_at: Option<Timestamp>,
}

/// Why a line is not of its format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Not text.
    #[error("expected UTF-8, got other bytes")]
    NotUtf8,
    /// No date and time at the beginning.
    #[error("expected a line that starts with YYYY-MM-DD HH:MM:SS, got another one")]
    NoTime,
    /// Not an action of dpkg, or not its words.
    #[error("expected an action of dpkg and its words, got others")]
    NoAction,
    /// No pair.
    #[error("expected words of the form key=value, got none")]
    NoPair,
    /// A quoted value does not end.
    #[error("expected a closing quote, got the end of the line")]
    OpenQuote,
}

/// Reads a line without its line end. Times without an offset are taken to be of `zone`.
///
/// # Errors
/// [`ParseError`] when the line is not of the format.
pub fn parse(format: Format, line: &[u8], zone: &TimeZone) -> Result<Parsed, ParseError> {
    if format == Format::Raw {
        return Ok(Parsed::default());
    }
    let Ok(text) = std::str::from_utf8(line) else {
        return Err(ParseError::NotUtf8);
    };
    match format {
        Format::Raw => Ok(Parsed::default()),
        Format::Dpkg => dpkg::parse(text.trim_end(), zone),
        Format::KeyValue => key_value::parse(text.trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_suggest_formats() {
        for (path, format) in [
            ("/var/log/dpkg.log", Format::Dpkg),
            ("/var/log/dpkg.log.1", Format::Dpkg),
            ("/var/log/dpkg.logs", Format::Raw),
            ("/var/log/auth.log", Format::Raw),
            ("/", Format::Raw),
        ] {
            assert_eq!(Format::guess(Path::new(path)), format, "{path}");
        }
    }

    #[test]
    fn raw_lines_are_left_alone() {
        assert_eq!(
            parse(Format::Raw, b"\xff", &TimeZone::UTC),
            Ok(Parsed::default())
        );
        let refused = parse(Format::Dpkg, b"\xff", &TimeZone::UTC);
        assert_eq!(refused, Err(ParseError::NotUtf8));
    }
}

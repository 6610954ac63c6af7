//! One syslog message: RFC 5424, and what programs send that follow RFC 3164.
//!
//! Both begin with a priority in angle brackets. Behind it RFC 5424 has a version, which RFC 3164
//! has not. What does not keep the rules is understood as far as it goes, and says so.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{rfc3164, rfc5424};
use crate::input::record::{Fields, Understood};

/// RFC 5424, section 6.2.1, table 1, by the usual short names.
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4",
    "local5", "local6", "local7",
];
/// RFC 5424, section 6.2.1, table 2.
const SEVERITIES: [&str; 8] = [
    "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug",
];

/// When a message came, and in which zone its sender's clock is when it does not say.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// When it was received: RFC 3164 leaves the year out.
    pub received: Timestamp,
    /// Zone of times that name none.
    pub zone: &'a TimeZone,
}

/// What is wrong with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// It does not begin with a priority.
    #[error("expected a priority in angle brackets, as in <34>, at the beginning")]
    NoPriority,
    /// The priority is none.
    #[error("expected a priority of 0 to 191 without leading zeros, got {0}")]
    Priority(u16),
    /// A version that does not exist.
    #[error("expected version 1, got {0}")]
    Version(u16),
    /// A part of the header is missing.
    #[error("expected {0} and a space, got the end of the message or something else")]
    Header(&'static str),
    /// A part of the header is too long, empty, or has other characters than visible ASCII.
    #[error("expected {name} of 1 to {max} visible ASCII characters or -, got {got}")]
    Name {
        /// Which.
        name: &'static str,
        /// Longest.
        max: usize,
        /// Its bytes.
        got: usize,
    },
    /// The time is not of RFC 3339 as RFC 5424 narrows it.
    #[error("expected a time like 2003-10-11T22:14:15.003Z or -")]
    Time,
    /// Structured data does not keep the rules.
    #[error("expected {0} in the structured data")]
    Data(&'static str),
    /// Something stands where the message should.
    #[error("expected a space before the message, got something else")]
    NoSpace,
    /// The byte order mark promises text.
    #[error("expected UTF-8 behind the byte order mark, got other bytes")]
    NotUtf8,
    /// A message of no form has bytes that are no text.
    #[error("expected UTF-8 in the message, got other bytes")]
    NotText,
}

/// Reads a message without its framing. Never refuses: what is wrong is in `malformed`.
#[must_use]
pub fn parse(message: &[u8], arrival: Arrival<'_>) -> Understood {
    let mut understood = Understood::default();
    parse_into(message, arrival, &mut understood);
    understood
}

/// As [`parse`], beside what is known already.
pub(super) fn parse_into(message: &[u8], arrival: Arrival<'_>, understood: &mut Understood) {
    if let Err(error) = read(message, arrival, understood) {
        understood.complain(&error.to_string());
    }
}

fn read(
    message: &[u8],
    arrival: Arrival<'_>,
    understood: &mut Understood,
) -> Result<(), MessageError> {
    let (priority, rest) = priority(message)?;
    let facility = FACILITIES.get(usize::from(priority / 8));
    let severity = SEVERITIES.get(usize::from(priority % 8));
    let fields = &mut understood.fields;
    fields.put_some("facility", facility);
    fields.put_some("severity", severity);
    match version(rest)? {
        Some(rest) => {
            fields.put("format", "rfc5424");
            rfc5424::read(rest, understood)
        }
        None => {
            fields.put("format", "rfc3164");
            rfc3164::read(rest, arrival, understood)
        }
    }
}

fn priority(message: &[u8]) -> Result<(u16, &[u8]), MessageError> {
    let rest = message.strip_prefix(b"<").ok_or(MessageError::NoPriority)?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = rest.split_at(digits);
    let rest = rest.strip_prefix(b">").ok_or(MessageError::NoPriority)?;
    let value = small(number).ok_or(MessageError::NoPriority)?;
    let has_zeros = number.len() > 1 && number.starts_with(b"0");
    if value > 191 || has_zeros {
        return Err(MessageError::Priority(value));
    }
    Ok((value, rest))
}

/// What is behind `VERSION SP`; `None` when there is no version.
fn version(rest: &[u8]) -> Result<Option<&[u8]>, MessageError> {
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = rest.split_at(digits);
    match (small(number), rest.strip_prefix(b" ")) {
        (Some(1), Some(rest)) => Ok(Some(rest)),
        // A time of ISO 8601 begins with four digits and has no space behind them.
        (Some(other), Some(_)) => Err(MessageError::Version(other)),
        (Some(_), None) | (None, _) => Ok(None),
    }
}

/// A number of one to three digits.
fn small(digits: &[u8]) -> Option<u16> {
    if digits.is_empty() || digits.len() > 3 {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The message itself, as a field. Bytes that are no UTF-8 are replaced, and the line end that
/// rsyslog counts with the octets of a frame is left out; `raw` has both.
pub(super) fn put_message(fields: &mut Fields, message: &[u8]) {
    let message = message.strip_suffix(b"\n").unwrap_or(message);
    fields.put_text("message", &String::from_utf8_lossy(message));
}

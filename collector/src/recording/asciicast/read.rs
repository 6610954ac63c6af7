//! Lines of an asciicast file, from wherever.

use std::borrow::Cow;

use serde::Deserialize;

use crate::limits::{MAX_CAST_LINE, MAX_CAST_TIME};
use crate::recording::asciicast::{Code, Event, Header};

/// Why a line is none of an asciicast file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Longer than any recorder writes.
    #[error("expected at most {MAX_CAST_LINE} bytes, got {0}")]
    Long(usize),
    /// Not UTF-8.
    #[error("expected UTF-8, got something else at byte {0}")]
    NotUtf8(usize),
    /// Not the JSON of a header.
    #[error("expected the header of an asciicast file: {0}")]
    Header(String),
    /// Another version.
    #[error("expected asciicast version 2, got {0}")]
    Version(u64),
    /// No size that a window has.
    #[error("expected a window of 1 to 65535 columns and rows, got {width}x{height}")]
    Window {
        /// Columns.
        width: u64,
        /// Rows.
        height: u64,
    },
    /// Not the JSON of an event.
    #[error("expected [time, code, data]: {0}")]
    Event(String),
    /// No time within a session.
    #[error("expected a time from 0 s to a year, got {0}")]
    Time(String),
}

#[derive(Deserialize)]
struct WireHeader<'a> {
    version: u64,
    width: u64,
    height: u64,
    #[serde(default)]
    timestamp: Option<u64>,
    #[serde(default, borrow)]
    env: Option<WireEnv<'a>>,
}

#[derive(Deserialize)]
struct WireEnv<'a> {
    #[serde(default, borrow, rename = "TERM")]
    term: Option<Cow<'a, str>>,
    #[serde(default, borrow, rename = "SHELL")]
    shell: Option<Cow<'a, str>>,
}

/// Reads the first line, with or without its `\n`.
///
/// # Errors
/// [`LineError`].
pub fn header(line: &[u8]) -> Result<Header, LineError> {
    let text = text(line)?;
    let wire: WireHeader<'_> =
        serde_json::from_str(text).map_err(|error| LineError::Header(error.to_string()))?;
    if wire.version != 2 {
        return Err(LineError::Version(wire.version));
    }
    let side = |side: u64| u16::try_from(side).ok().filter(|side| *side > 0);
    let (Some(width), Some(height)) = (side(wire.width), side(wire.height)) else {
        let (width, height) = (wire.width, wire.height);
        return Err(LineError::Window { width, height });
    };
    let (term, shell) = wire.env.map_or((None, None), |env| (env.term, env.shell));
    let owned = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned).unwrap_or_default();
    Ok(Header {
        width,
        height,
        timestamp: wire.timestamp.unwrap_or(0),
        term: owned(term),
        shell: owned(shell),
    })
}

/// Reads any other line, with or without its `\n`.
///
/// # Errors
/// [`LineError`].
pub fn event(line: &[u8]) -> Result<Event, LineError> {
    let text = text(line)?;
    let (seconds, code, data): (f64, Cow<'_, str>, String) =
        serde_json::from_str(text).map_err(|error| LineError::Event(error.to_string()))?;
    let code = match code.as_ref() {
        "o" => Code::Output,
        "i" => Code::Input,
        "r" => Code::Resize,
        "m" => Code::Marker,
        _ => Code::Other,
    };
    let at = micros(seconds).ok_or_else(|| LineError::Time(seconds.to_string()))?;
    Ok(Event { at, code, data })
}

fn text(line: &[u8]) -> Result<&str, LineError> {
    if line.len() > MAX_CAST_LINE {
        return Err(LineError::Long(line.len()));
    }
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    str::from_utf8(line).map_err(|error| LineError::NotUtf8(error.valid_up_to()))
}

fn micros(seconds: f64) -> Option<u64> {
    let time = std::time::Duration::try_from_secs_f64(seconds).ok()?;
    // Six digits survive a double up to a year: what was written as x.000001 is read as that.
    let nanos = time.as_nanos().saturating_add(500);
    let at = u64::try_from(nanos / 1_000).ok()?;
    (at <= MAX_CAST_TIME).then_some(at)
}

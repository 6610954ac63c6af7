//! One entry of the journal as `journalctl -o json` writes it.
//!
//! A field is a text; or, when its bytes are no text, an array of numbers; or null, when journalctl
//! thinks it too large; or an array of these, when the entry has it several times.

use std::borrow::Cow;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::input::record::Understood;
use crate::limits::MAX_CURSOR;

/// Fields that are read whatever the configuration says.
pub(super) const NEEDED: [&str; 5] = [
    "MESSAGE",
    "MESSAGE_ID",
    "_TRANSPORT",
    "N_DROPPED",
    "SYSLOG_RAW",
];
/// "Messages from a service were suppressed" in the catalogue of systemd (sd-messages(3)).
const SUPPRESSED: &str = "a596d6fe7bfa4994828e72309e95d61e";

/// Why a line is no entry.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// Not an object of JSON.
    #[error("expected an object of JSON from journalctl: {0}")]
    Json(#[from] serde_json::Error),
    /// Nothing says where it stands.
    #[error("expected a `__CURSOR` of 1 to {MAX_CURSOR} visible characters, got {0}")]
    Cursor(String),
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands in the journal.
    pub cursor: String,
    /// Its message.
    pub message: Bytes,
    /// Fields, time, and what is odd about it.
    pub understood: Understood,
    /// Messages that journald says it dropped before this one.
    pub dropped: Option<u64>,
}

impl Entry {
    /// Reads a line without its end; `fields` are those that are wanted.
    ///
    /// # Errors
    /// [`EntryError`] when it is none. Odd values of fields are no error.
    pub fn parse(line: &[u8], fields: &[String]) -> Result<Self, EntryError> {
        let object: Map<String, Value> = serde_json::from_slice(line)?;
        let cursor = match object.get("__CURSOR") {
            Some(Value::String(cursor)) if is_cursor(cursor) => cursor.clone(),
            other => return Err(EntryError::Cursor(describe(other))),
        };
        let mut understood = Understood {
            observed_at: time(object.get("__REALTIME_TIMESTAMP")),
            ..Understood::default()
        };
        if understood.observed_at.is_none() {
            let got = describe(object.get("__REALTIME_TIMESTAMP"));
            let why = format!("expected microseconds in `__REALTIME_TIMESTAMP`, got {got}");
            understood.complain(&why);
        }
        for name in fields {
            let values = object.get(name).map(values).unwrap_or_default();
            for value in values {
                match value {
                    Some(bytes) => understood.fields.put(name, String::from_utf8_lossy(&bytes)),
                    None => understood.fields.put("too_large", name),
                };
            }
        }
        let mut messages = object.get("MESSAGE").map(values).unwrap_or_default();
        if messages.iter().any(Option::is_none) {
            understood.complain("journalctl left out the message because it is too large");
        }
        let mut message = Vec::new();
        for (at, part) in messages.drain(..).flatten().enumerate() {
            if at > 0 {
                message.push(b'\n');
            }
            message.extend_from_slice(&part);
        }
        Ok(Self {
            cursor,
            message: message.into(),
            understood,
            dropped: dropped(&object),
        })
    }
}

/// Cursors stand on command lines and in places.
fn is_cursor(text: &str) -> bool {
    (1..=MAX_CURSOR).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The values of a field, each as bytes; `None` for one that was left out.
fn values(value: &Value) -> Vec<Option<Cow<'_, [u8]>>> {
    match value {
        Value::Array(array) if !array.iter().all(Value::is_number) => {
            array.iter().map(single).collect()
        }
        value => vec![single(value)],
    }
}

fn single(value: &Value) -> Option<Cow<'_, [u8]>> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.as_bytes().into()),
        Value::Array(numbers) => {
            let byte = |number: &Value| number.as_u64().and_then(|byte| u8::try_from(byte).ok());
            let bytes: Option<Vec<u8>> = numbers.iter().map(byte).collect();
            // What journalctl does not write is kept as it stands there.
            Some(
                bytes
                    .unwrap_or_else(|| value.to_string().into_bytes())
                    .into(),
            )
        }
        other => Some(other.to_string().into_bytes().into()),
    }
}

fn time(value: Option<&Value>) -> Option<Timestamp> {
    let micros = value?.as_str()?.parse().ok()?;
    Timestamp::from_microsecond(micros).ok()
}

/// Only journald itself may say this: others can write any `MESSAGE_ID`.
fn dropped(object: &Map<String, Value>) -> Option<u64> {
    let text = |name| object.get(name).and_then(Value::as_str);
    if text("MESSAGE_ID") != Some(SUPPRESSED) || text("_TRANSPORT") != Some("driver") {
        return None;
    }
    Some(
        text("N_DROPPED")
            .and_then(|count| count.parse().ok())
            .unwrap_or(0),
    )
}

fn describe(value: Option<&Value>) -> String {
    let mut text = value.map_or_else(|| "none".to_owned(), Value::to_string);
    text.truncate(text.floor_char_boundary(100));
    text
}

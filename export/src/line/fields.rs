//! What lines tell of an entry.

use countersign_proto::reading::event_of;
use countersign_proto::reading::text::printable;
use serde_json::{Map, Value};

use crate::item::{Item, start};
use crate::limits::LINE_TEXT;

/// The fields of an event that say something.
pub(super) fn fields(item: &Item<'_>) -> Map<String, Value> {
    match event_of(item.event.as_ref(), item.record.payload()) {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// A field as text; `None` when it says nothing.
pub(super) fn said(value: &Value) -> Option<String> {
    let text = match value {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        Value::Array(list) if list.is_empty() => return None,
        other => other.to_string(),
    };
    Some(text).filter(|text| !text.is_empty())
}

/// The start of a text, of at most [`LINE_TEXT`] bytes.
pub(super) fn cut(text: &str) -> String {
    start(text.into(), LINE_TEXT)
}

/// Text without control characters and without those that reorder text: they stand there by their
/// numbers.
pub(super) fn visible(text: &str) -> String {
    let text = printable(text);
    // These end a line for some readers, too.
    text.replace('\u{2028}', "\\u{2028}")
        .replace('\u{2029}', "\\u{2029}")
}

//! What lines tell of an entry.

use countersign_proto::reading::text::printable;
use countersign_proto::reading::{Fields, fields_of};

use crate::item::{Item, start};
use crate::limits::LINE_TEXT;

/// The fields of an event.
pub(super) fn fields<'a>(item: &'a Item<'_>) -> Fields<'a> {
    fields_of(item.event.as_ref(), item.record.payload())
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

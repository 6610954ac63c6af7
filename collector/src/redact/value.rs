//! The value behind a name: between quotes, or up to white space.

use std::ops::Range;

use memchr::{memchr2, memchr3_iter};

use crate::limits::REDACT_VALUE;

/// A value in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    /// Where it is, without its quotes.
    pub(super) range: Range<usize>,
    /// Where it ends when more of the line may belong to it; otherwise its end.
    pub(super) end: usize,
    /// Where a quote is that does not end in this line.
    pub(super) open: Option<usize>,
    /// The quote around it.
    pub(super) quote: Option<u8>,
}

/// Reads the value at `at`, in a line that ends at `end`.
pub(super) fn read(text: &[u8], at: usize, end: usize) -> Value {
    let line = text.get(..end).unwrap_or(text);
    let byte = |at: usize| line.get(at).copied().unwrap_or(b'\n');
    // `b"…"`, `r"…"`, `f"…"` of several languages.
    let prefix = usize::from(
        matches!(
            byte(at),
            b'b' | b'f' | b'r' | b'u' | b'B' | b'F' | b'R' | b'U' | b'$'
        ) && matches!(byte(at + 1), b'"' | b'\''),
    );
    let start = at + prefix;
    // A quote inside of a quoted text.
    let escaped = byte(start) == b'\\' && matches!(byte(start + 1), b'"' | b'\'');
    let inside = start + usize::from(escaped) + 1;
    let quote = byte(inside - 1);
    if !matches!(quote, b'"' | b'\'' | b'`') {
        return bare(line, at);
    }
    match closing(line, inside, quote, escaped) {
        Some(close) => Value {
            range: inside..close,
            end: close,
            open: None,
            quote: Some(quote),
        },
        None => Value {
            open: Some(inside),
            ..bare(line, inside)
        },
    }
}

/// Where the quote closes.
fn closing(line: &[u8], from: usize, quote: u8, escaped: bool) -> Option<usize> {
    let mut at = from;
    loop {
        let found = at + memchr2(quote, b'\\', line.get(at..)?)?;
        let next = line.get(found + 1).copied();
        if line[found] == b'\\' {
            if escaped && next == Some(quote) {
                return Some(found);
            }
            at = found + 2;
        } else if quote == b'\'' && next == Some(quote) {
            // SQL writes a quote twice.
            at = found + 2;
        } else {
            return Some(found);
        }
    }
}

/// Whether a value without quotes ends before this byte.
pub(super) const fn ends(byte: u8) -> bool {
    matches!(byte, 0..=b' ' | 0x7f | b'"' | b'\'' | b'`' | b'<' | b'>')
}

/// A value without quotes. A long one is read up to what is judged of it.
fn bare(line: &[u8], at: usize) -> Value {
    let rest = line.get(at..).unwrap_or_default();
    let rest = &rest[..rest.len().min(REDACT_VALUE)];
    let len = rest
        .iter()
        .position(|byte| ends(*byte))
        .unwrap_or(rest.len());
    let value = &rest[..len];
    Value {
        range: at..at + trimmed(value, rest.get(len).copied()),
        end: at + len,
        open: None,
        quote: None,
    }
}

/// How much of the bytes is the value itself, and not the punctuation or the pair behind it.
fn trimmed(value: &[u8], next: Option<u8>) -> usize {
    let mut len = value.len();
    for at in memchr3_iter(b';', b'&', b',', value) {
        let rest = &value[at + 1..];
        if rest.is_empty() || is_pair(rest) {
            len = at;
            break;
        }
    }
    // The backslash belongs to the quote behind it.
    if len == value.len() && value.last() == Some(&b'\\') && next.is_some() {
        len -= 1;
    }
    while let Some(last) = len.checked_sub(1).map(|last| value[last]) {
        let opening = match last {
            b')' => b'(',
            b']' => b'[',
            b'}' => b'{',
            _ => break,
        };
        if value[..len].contains(&opening) {
            break;
        }
        len -= 1;
    }
    len
}

/// Whether the bytes begin with a name and a sign of assignment.
fn is_pair(bytes: &[u8]) -> bool {
    let name = bytes
        .iter()
        .position(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')));
    name.is_some_and(|name| name > 0 && matches!(bytes[name], b'=' | b':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_end_where_they_should() {
        let long = "x".repeat(600);
        for (line, value) in [
            ("abc def", "abc"),
            ("\"two words\" x", "two words"),
            (r#""a\"b" x"#, r#"a\"b"#),
            (r#"\"inner\", x"#, "inner"),
            ("'it''s' x", "it''s"),
            ("b'bytes'", "bytes"),
            ("\"open value", "open"),
            ("abc;Database=x", "abc"),
            ("abc&user=x", "abc"),
            ("a,b;c", "a,b;c"),
            ("abc,", "abc"),
            ("abc)", "abc"),
            ("a(b)c)", "a(b)c)"),
            ("abc</password>", "abc"),
            ("päss wörd", "päss"),
            (r#"abc\" x"#, "abc"),
            ("\"\" x", ""),
            ("", ""),
            (long.as_str(), &long[..REDACT_VALUE]),
        ] {
            let read = read(line.as_bytes(), 0, line.len());
            assert_eq!(&line[read.range], value, "{line}");
        }
    }

    #[test]
    fn an_open_quote_is_told() {
        assert_eq!(read(b"'a b", 0, 4).open, Some(1));
        assert_eq!(read(b"'a b'", 0, 5).open, None);
        assert_eq!(read(b"'a b'", 0, 4).open, Some(1));
    }
}

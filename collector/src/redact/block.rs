//! Private keys over many lines.
//!
//! From `-----BEGIN … PRIVATE KEY-----` on, every line that can be a part of the key is taken out,
//! up to `-----END`, or up to a line that cannot: then the key was cut off, or only its first line
//! was shown. What stands before the key in its lines, as the numbers and names that `grep` writes,
//! goes with them.

use std::ops::Range;

use memchr::{memchr, memmem};

const BEGIN: &[u8] = b"-----BEGIN ";
const DASHES: &[u8] = b"-----";
const END: &[u8] = b"-----END";
/// The longest label: `ANY PRIVATE KEY`, `PGP PRIVATE KEY BLOCK`.
const MAX_LABEL: usize = 48;
/// A line that is long enough to be sure of; keys have 64 characters in a line, or 70 or 76.
const SURE: usize = 40;
/// Empty lines in a row that a key may have.
const MAX_BLANK: u8 = 2;

/// A key whose end was not seen yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Block {
    /// Whether a part of it was taken out.
    body: bool,
    /// Whether a mark stands for it.
    marked: bool,
    /// Whether its last line seems to be there.
    last: bool,
    blank: u8,
}

/// What a line is to a key.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// A header, or nothing: it stays.
    Around,
    /// A part of the key, which is here in the line.
    Body(Range<usize>),
    /// The end, with a part of the key before it.
    End(Range<usize>),
    /// Nothing of the key.
    Other,
}

/// What was found in a text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Blocks {
    /// Parts of keys, and whether each goes on with the one before.
    pub(super) parts: Vec<(Range<usize>, bool)>,
    /// Where the key begins whose end is not in the text, when it begins there.
    pub(super) open: Option<usize>,
}

/// Finds the keys in whole lines, of which the last may lack its end.
pub(super) fn find(text: &[u8], state: &mut Option<Block>) -> Blocks {
    let mut found = Blocks::default();
    let mut at = 0;
    loop {
        if let Some(block) = state {
            if at >= text.len() {
                return found;
            }
            let end = line_end(text, at);
            match block.line(&text[at..end]) {
                Some(take) => {
                    let silent = take.silent;
                    found
                        .parts
                        .push((at + take.range.start..at + take.range.end, silent));
                    at = if take.closes {
                        at + take.range.end
                    } else {
                        end
                    };
                    if take.closes {
                        *state = None;
                    }
                }
                None if block.blank == u8::MAX => *state = None,
                None => at = end,
            }
        } else {
            found.open = None;
            let Some(begin) = text.get(at..).and_then(|rest| memmem::find(rest, BEGIN)) else {
                return found;
            };
            at += begin + BEGIN.len();
            let Some(label) = label(&text[at..]) else {
                continue;
            };
            at += label;
            found.open = Some(at);
            let end = line_end(text, at);
            let (part, block) = first(&text[at..end]);
            if let Some(part) = part {
                found.parts.push((at + part.start..at + part.end, false));
            }
            *state = block;
            if state.is_some() {
                at = end;
            }
        }
    }
}

/// Whether the beginning of a line can still become a part of a key.
pub(super) fn may_go_on(line: &[u8]) -> bool {
    line.iter().all(|byte| is_around(*byte)) || memmem::find(line, END).is_some()
}

/// A part to take out.
struct Take {
    range: Range<usize>,
    silent: bool,
    closes: bool,
}

impl Block {
    /// The key as it goes on in a text that shows nothing of its beginning.
    pub(super) const fn unmarked(self) -> Self {
        Self {
            marked: false,
            ..self
        }
    }

    /// Judges the next line, its line end included. Nothing to take with `blank` at its highest
    /// means that the key is over.
    fn line(&mut self, line: &[u8]) -> Option<Take> {
        match part(line, *self) {
            Part::Around => {
                let empty = line.iter().all(u8::is_ascii_whitespace);
                self.blank = if empty { self.blank + 1 } else { 0 };
                if self.blank > MAX_BLANK {
                    self.blank = u8::MAX;
                }
                None
            }
            Part::Body(range) => {
                let silent = self.marked;
                self.last = range.len() < SURE;
                (self.body, self.marked, self.blank) = (true, true, 0);
                // A line after the first one goes with its line end.
                let range = if silent { 0..line.len() } else { range };
                Some(Take {
                    range,
                    silent,
                    closes: false,
                })
            }
            Part::End(range) => Some(Take {
                range,
                silent: self.marked,
                closes: true,
            }),
            Part::Other => {
                self.blank = u8::MAX;
                None
            }
        }
    }
}

fn line_end(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    memchr(b'\n', rest).map_or(text.len(), |end| at + end + 1)
}

/// Length of the label and its dashes, when it is that of a private key.
fn label(text: &[u8]) -> Option<usize> {
    let near = &text[..text.len().min(MAX_LABEL + DASHES.len())];
    let len = memmem::find(near, DASHES)?;
    let label = &near[..len];
    let fits = label
        .iter()
        .all(|byte| byte.is_ascii_uppercase() || matches!(byte, b' ' | b'0'..=b'9'));
    let private = label.ends_with(b"PRIVATE KEY") || label.ends_with(b"PRIVATE KEY BLOCK");
    (fits && private).then_some(len + DASHES.len())
}

/// What follows the label in its line, and whether the key goes on in the next one.
fn first(rest: &[u8]) -> (Option<Range<usize>>, Option<Block>) {
    if let Some(end) = memmem::find(rest, END) {
        let range = trimmed(&rest[..end], 0);
        return ((!range.is_empty()).then_some(range), None);
    }
    let fits = rest
        .iter()
        .position(|byte| !is_escaped(*byte))
        .unwrap_or(rest.len());
    let range = trimmed(&rest[..fits], 0);
    let whole =
        fits == rest.len() || matches!(rest[fits..].trim_ascii(), [] | [b'"' | b'\'' | b',']);
    let long = range.len() >= SURE;
    let empty = range.is_empty();
    let block = Block {
        body: long,
        marked: long,
        last: false,
        blank: 0,
    };
    (
        long.then_some(range),
        (whole && (long || empty)).then_some(block),
    )
}

/// Characters of a key in one line: base64, spaces, and line ends as programs write them.
const fn is_escaped(byte: u8) -> bool {
    is_base64(byte) || matches!(byte, b'\\' | b' ' | b'\t' | b'\r' | b'\n')
}

const fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

/// Characters of a line of a key, and of what stands around it.
const fn is_around(byte: u8) -> bool {
    is_escaped(byte)
        || matches!(
            byte,
            b'"' | b'\'' | b'|' | b':' | b'.' | b',' | b';' | b'_' | b'-'
        )
}

/// The range without white space, quotes and written line ends around it.
fn trimmed(text: &[u8], from: usize) -> Range<usize> {
    let edge =
        |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b',' | b';' | b'|');
    let mut range = from..text.len();
    loop {
        let rest = &text[range.clone()];
        match rest {
            [b'\\', b'n' | b'r', ..] => range.start += 2,
            [first, ..] if edge(first) => range.start += 1,
            [.., b'\\', b'n' | b'r'] => range.end -= 2,
            [.., last] if edge(last) || *last == b'\\' => range.end -= 1,
            _ => return range,
        }
    }
}

/// What a line is to this key.
fn part(line: &[u8], block: Block) -> Part {
    if let Some(end) = memmem::find(line, END) {
        if line[..end].iter().all(|byte| is_around(*byte)) {
            let range = trimmed(&line[..end], 0);
            // What `grep` writes before the end is no key.
            return Part::End(if is_key(&line[range.clone()]) {
                range
            } else {
                end..end
            });
        }
        return Part::Other;
    }
    if memmem::find(line, BEGIN).is_some() {
        return Part::Other;
    }
    let range = trimmed(line, 0);
    if range.is_empty() {
        return Part::Around;
    }
    let text = &line[range.clone()];
    if !block.body && is_header(text) {
        return Part::Around;
    }
    if !text.iter().all(|byte| is_around(*byte)) {
        return Part::Other;
    }
    // A piece of a key in one line.
    if memmem::find(text, b"\\n").is_some() && text.iter().all(|byte| is_escaped(*byte)) {
        return Part::Body(range);
    }
    let before = text
        .iter()
        .rposition(|byte| !is_base64(*byte))
        .map_or(0, |at| at + 1);
    let run = text.len() - before;
    let names = before > 0 && text[..before].iter().any(u8::is_ascii_alphabetic);
    let checksum = text.len() == 5 && text.starts_with(b"=");
    let fits = run >= SURE || checksum || (run > 0 && !names && !block.last && block.body);
    if fits {
        Part::Body(range.start + before..range.end)
    } else {
        Part::Other
    }
}

fn is_key(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| is_escaped(*byte))
}

/// Whether the line is a header of RFC 1421 or RFC 9580.
fn is_header(text: &[u8]) -> bool {
    let name = memmem::find(text, b": ").map(|at| &text[..at]);
    name.is_some_and(|name| {
        name.first().is_some_and(u8::is_ascii_alphabetic)
            && name
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(text: &str) -> String {
        let mut state = None;
        let found = find(text.as_bytes(), &mut state);
        let mut left = String::new();
        let mut at = 0;
        for (range, silent) in found.parts {
            left.push_str(&text[at..range.start]);
            left.push_str(if silent { "" } else { "#" });
            at = range.end;
        }
        left + &text[at..] + if state.is_some() { "…" } else { "" }
    }

    /// A text in which `<` and `>` stand for the first and last line, and `~` for a line of a key.
    fn of(text: &str) -> String {
        let whole = |sign| match sign {
            '<' => ["-----BEGIN RSA PRIV", "ATE KEY-----"].concat(),
            '>' => ["-----END RSA PRIV", "ATE KEY-----"].concat(),
            '~' => "Ab0+".repeat(16),
            other => other.to_string(),
        };
        text.chars().map(whole).collect()
    }

    #[test]
    fn keys_are_taken_out_up_to_their_end() {
        for (text, expected) in [
            ("a\n<\n~\n~\n0aa=\n>\nb", "a\n<\n#\n>\nb"),
            ("<\r\n~\r\n~\r\n>\r\n$ ", "<\r\n#\r\n>\r\n$ "),
            (
                "<\nProc-Type: 4,X\nDEK-Info: Y\n\n~\n~\n>",
                "<\nProc-Type: 4,X\nDEK-Info: Y\n\n#\n>",
            ),
            (
                "  1: <\n  2: ~\n  3: ~\n  4: >\n",
                "  1: <\n  2: #\n  4: >\n",
            ),
            (
                "x.pem:<\nx.pem-~\nx.pem-~\nx.pem->",
                "x.pem:<\nx.pem-#\nx.pem->",
            ),
            (r#""<\n~\n~\n>\n", "b": 1"#, r#""<\n#\n>\n", "b": 1"#),
            ("< ~ ~ > x", "< # > x"),
            ("<\n~\n=aa11\n>\n", "<\n#\n>\n"),
            ("<\n~\n~\n$ ls\nfoo", "<\n#\n$ ls\nfoo"),
            ("<\n$ ls\nfoo", "<\n$ ls\nfoo"),
            ("<\n~\nabc\nabd\n", "<\n#\nabd\n"),
            ("<\n~\n", "<\n#\n…"),
            ("x: <\ny: <\n", "x: <\ny: <\n…"),
            ("< in a text\n~", "< in a text\n~"),
            ("<\n~\n<\n~\n>", "<\n#\n<\n#\n>"),
        ] {
            let got = left(&of(text));
            assert_eq!(got, of(expected), "{text}");
        }
    }

    #[test]
    fn other_blocks_are_left_alone() {
        let text = of("<\n~\n>").replace("RSA PRIVATE KEY", "CERTIFICATE");
        assert_eq!(left(&text), text);
    }

    #[test]
    fn a_prompt_is_no_part_of_a_key() {
        for prompt in ["$ ", "ada@host:~$ ", "bash-5.2# ", "db=> "] {
            assert!(!may_go_on(prompt.as_bytes()), "{prompt}");
        }
        for line in ["", "Ab0+/", "  12: Ab", "x.pem-Ab", "\r"] {
            assert!(may_go_on(line.as_bytes()), "{line}");
        }
    }
}

//! What a terminal would show of its bytes, as far as rules need it: one line of text without the
//! escape sequences in between.
//!
//! Colours and modes take no room, so they are left out and a secret stays in one piece. What moves
//! the cursor or begins a title separates words, so it becomes one space. Every byte of the text
//! knows where it came from; all others are never taken out.

use std::borrow::Cow;

use memchr::{memchr3, memmem};

const ESC: u8 = 0x1b;
/// Shift out and shift in, which some terminals send along with colours.
const SHIFTS: [u8; 2] = [0x0e, 0x0f];
/// What line editors send at the right margin, so that the cursor goes on in the next line.
const EDITOR_WRAP: &[u8] = b" \r";

/// Bytes and the text that is in them.
#[derive(Debug)]
pub(super) struct View<'a> {
    raw: &'a [u8],
    plain: Cow<'a, [u8]>,
    /// Which text is where, in order; empty when text and bytes are the same.
    pieces: Vec<Piece>,
}

/// Bytes that are text.
#[derive(Debug, Clone, Copy)]
struct Piece {
    plain: usize,
    raw: usize,
    len: usize,
}

/// What becomes of an escape sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sequence {
    /// It is left out.
    Gone(usize),
    /// It becomes a space.
    Space(usize),
    /// Its end is not there yet.
    Open,
}

impl<'a> View<'a> {
    /// The text of these bytes. `wraps` are line ends that the terminal made at its margin.
    pub(super) fn new(raw: &'a [u8], wraps: &[usize]) -> Self {
        let special = memchr3(ESC, SHIFTS[0], SHIFTS[1], raw).is_some();
        if special || !wraps.is_empty() || editor_wrap(raw, 0).is_some() {
            return Builder::new(raw).build(wraps);
        }
        Self {
            raw,
            plain: Cow::Borrowed(raw),
            pieces: Vec::new(),
        }
    }

    /// The text.
    pub(super) fn plain(&self) -> &[u8] {
        &self.plain
    }

    /// Where a byte of the text is among the bytes; behind the last one for the text's length.
    pub(super) fn raw_of(&self, plain: usize) -> usize {
        if self.is_same() {
            return plain;
        }
        let after = self.pieces.partition_point(|piece| piece.plain <= plain);
        let Some(piece) = after.checked_sub(1).and_then(|at| self.pieces.get(at)) else {
            return self
                .pieces
                .first()
                .map_or(self.raw.len(), |piece| piece.raw);
        };
        if plain < piece.plain + piece.len {
            return piece.raw + (plain - piece.plain);
        }
        // A space that stands for a sequence, or the end.
        self.pieces
            .get(after)
            .map_or(self.raw.len(), |next| next.raw)
    }

    /// Where the bytes of a piece of text end, of which this is the end.
    pub(super) fn raw_end(&self, plain: usize) -> usize {
        let Some(last) = plain.checked_sub(1) else {
            return self.raw_of(plain);
        };
        let at = self.raw_of(last);
        // A space that stands for a sequence has no byte of its own.
        at + usize::from(self.raw.get(at) == self.plain.get(last) && at < self.raw_of(plain))
    }

    /// The bytes.
    pub(super) const fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The bytes in this range that are no text.
    pub(super) fn between(&self, from: usize, to: usize, out: &mut Vec<u8>) {
        if self.is_same() {
            return;
        }
        let first = self
            .pieces
            .partition_point(|piece| piece.raw + piece.len <= from);
        let mut at = from;
        for piece in self.pieces.get(first..).unwrap_or_default() {
            if piece.raw >= to {
                break;
            }
            out.extend_from_slice(self.raw.get(at..piece.raw).unwrap_or_default());
            at = piece.raw + piece.len;
        }
        out.extend_from_slice(self.raw.get(at..to).unwrap_or_default());
    }

    fn is_same(&self) -> bool {
        matches!(self.plain, Cow::Borrowed(_))
    }
}

/// Where the next wrap of a line editor is: not at the end of a line, and not at the end of all.
fn editor_wrap(raw: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(found) = raw
        .get(at..)
        .and_then(|rest| memmem::find(rest, EDITOR_WRAP))
    {
        let next = raw.get(at + found + EDITOR_WRAP.len());
        if next.is_some_and(|next| !matches!(next, b'\n' | b' ' | b'\r')) {
            return Some(at + found);
        }
        at += found + EDITOR_WRAP.len();
    }
    None
}

/// Puts the text together.
struct Builder<'a> {
    raw: &'a [u8],
    plain: Vec<u8>,
    pieces: Vec<Piece>,
    /// Up to where the bytes were read.
    at: usize,
}

impl<'a> Builder<'a> {
    fn new(raw: &'a [u8]) -> Self {
        Self {
            raw,
            plain: Vec::with_capacity(raw.len()),
            pieces: Vec::new(),
            at: 0,
        }
    }

    fn build(mut self, wraps: &[usize]) -> View<'a> {
        let mut wraps = wraps.iter().copied().peekable();
        let mut editor = editor_wrap(self.raw, 0);
        let mut control = self.control();
        loop {
            let wrap = wraps.peek().copied();
            let next = [wrap, editor, control].into_iter().flatten().min();
            let Some(next) = next else { break };
            if Some(next) == control {
                self.text(next);
                if self.sequence() {
                    break;
                }
            } else if Some(next) == editor {
                self.text(next);
                self.at += EDITOR_WRAP.len();
            } else {
                // The carriage return belongs to the line end.
                let back = usize::from(next > self.at && self.raw[next - 1] == b'\r');
                self.text(next - back);
                self.at = next + 1;
            }
            while wraps.next_if(|wrap| *wrap < self.at).is_some() {}
            if editor.is_some_and(|editor| editor < self.at) {
                editor = editor_wrap(self.raw, self.at);
            }
            if control.is_some_and(|control| control < self.at) {
                control = self.control();
            }
        }
        let end = self.raw.len();
        self.text(end);
        View {
            raw: self.raw,
            plain: Cow::Owned(self.plain),
            pieces: self.pieces,
        }
    }

    fn control(&self) -> Option<usize> {
        let rest = self.raw.get(self.at..)?;
        memchr3(ESC, SHIFTS[0], SHIFTS[1], rest).map(|found| self.at + found)
    }

    /// Takes bytes as text, up to here.
    fn text(&mut self, to: usize) {
        if to > self.at {
            self.pieces.push(Piece {
                plain: self.plain.len(),
                raw: self.at,
                len: to - self.at,
            });
            self.plain.extend_from_slice(&self.raw[self.at..to]);
            self.at = to;
        }
    }

    /// Reads a sequence; whether its end is missing, with which the text ends.
    fn sequence(&mut self) -> bool {
        match sequence(&self.raw[self.at..]) {
            Sequence::Gone(len) => self.at += len,
            Sequence::Space(len) => {
                self.plain.push(b' ');
                self.at += len;
            }
            Sequence::Open => {
                self.at = self.raw.len();
                return true;
            }
        }
        false
    }
}

/// Judges the sequence at the beginning, by ECMA-48 section 5.3 to 5.6.
fn sequence(bytes: &[u8]) -> Sequence {
    if bytes.first() != Some(&ESC) {
        return Sequence::Gone(1);
    }
    let Some(second) = bytes.get(1) else {
        return Sequence::Open;
    };
    match second {
        b'[' => control_sequence(bytes),
        b' '..=b'/' => {
            let rest = bytes[1..]
                .iter()
                .position(|byte| !matches!(byte, b' '..=b'/'));
            match rest.map(|rest| (rest, bytes[1 + rest])) {
                None => Sequence::Open,
                Some((rest, b'0'..=b'~')) => Sequence::Gone(rest + 2),
                Some((rest, _)) => Sequence::Gone(rest + 1),
            }
        }
        // Titles and other strings: their content is text, and may hold secrets.
        b']' | b'P' | b'X' | b'^' | b'_' | b'\\' => Sequence::Space(2),
        // The cursor is put elsewhere.
        b'7' | b'8' | b'D' | b'E' | b'M' | b'c' => Sequence::Space(2),
        b'0'..=b'~' => Sequence::Gone(2),
        _ => Sequence::Gone(1),
    }
}

fn control_sequence(bytes: &[u8]) -> Sequence {
    let Some(rest) = bytes[2..]
        .iter()
        .position(|byte| !matches!(byte, b' '..=b'?'))
    else {
        return Sequence::Open;
    };
    let len = rest + 3;
    match bytes[2 + rest] {
        b'@'..=b'J' | b'L' | b'M' | b'P' | b'S' | b'T' | b'Z' | b'a' | b'd' | b'e' | b'f' => {
            Sequence::Space(len)
        }
        b'@'..=b'~' => Sequence::Gone(len),
        // No sequence after all: what it began with is shown by no terminal.
        _ => Sequence::Gone(len - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_are_left_out_or_separate() {
        for (raw, plain) in [
            ("plain\r\n", "plain\r\n"),
            ("a\x1b[31mb\x1b[0mc", "abc"),
            ("a\x1b[2;5Hb", "a b"),
            ("a\x1b[Kb\x1b[?2004hc", "abc"),
            ("a\x1b(Bb\x0fc", "abc"),
            ("\x1b]0;title\x07x", " 0;title\x07x"),
            ("\x1bP1$r\x1b\\x", " 1$r x"),
            ("a\x1b7b\x1b=c", "a bc"),
            ("a\x1b[3", "a"),
            ("a\x1b", "a"),
            ("a\x1b[3\nb", "a\nb"),
            ("a\x1bäb", "aäb"),
            ("abc \rdef", "abcdef"),
            ("abc \r\ndef", "abc \r\ndef"),
            ("abc \r", "abc \r"),
        ] {
            let view = View::new(raw.as_bytes(), &[]);
            assert_eq!(String::from_utf8_lossy(view.plain()), plain, "{raw:?}");
        }
    }

    #[test]
    fn every_byte_of_the_text_knows_where_it_was() {
        let raw = b"\x1b[1mab\x1b[0m\x1b[2;1Hc\x1b[m \rd\r\ne";
        let view = View::new(raw, &[raw.len() - 2]);
        assert_eq!(view.plain(), b"ab cde");
        for (at, byte) in view.plain().iter().enumerate().filter(|(at, _)| *at != 2) {
            assert_eq!(raw[view.raw_of(at)], *byte, "{at}");
        }
        assert_eq!(view.raw_of(2), view.raw_of(3));
        assert_eq!(view.raw_of(6), raw.len());
        let mut rest = Vec::new();
        view.between(0, raw.len(), &mut rest);
        assert_eq!(rest, b"\x1b[1m\x1b[0m\x1b[2;1H\x1b[m \r\r\n");
    }
}

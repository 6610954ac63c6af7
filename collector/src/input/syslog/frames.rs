//! Messages out of a stream (RFC 6587; RFC 5425 for TLS).
//!
//! A frame that begins with a digit counts its octets: `LENGTH SP MESSAGE`. Any other ends with a
//! line feed or a zero byte. Which of both is found anew for each frame, because a sender may
//! change its mind after it was started anew behind a relay.

use bytes::Bytes;

use crate::limits::MAX_LENGTH_DIGITS;

/// A message, or what there is of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Its bytes without the framing, at most as many as the limit.
    pub bytes: Bytes,
    /// Why it is not whole.
    pub flaw: Option<Flaw>,
}

/// Why a frame is not whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// It is longer than the limit.
    #[error("the message has {len} bytes; the first {kept} are here")]
    TooLong {
        /// Bytes of the message.
        len: u64,
        /// Bytes that are kept.
        kept: usize,
    },
    /// It is longer than the limit, and nothing tells how long.
    #[error("the message has more than {kept} bytes; these are here")]
    Cut {
        /// Bytes that are kept.
        kept: usize,
    },
    /// The connection ended within it.
    #[error("the connection ended within the message, after {len} bytes; {kept} are here")]
    Ended {
        /// Bytes of the message that came.
        len: u64,
        /// Bytes that are kept.
        kept: usize,
    },
}

/// Takes bytes and gives messages.
#[derive(Debug)]
pub struct Frames {
    max: usize,
    buffer: Vec<u8>,
    state: State,
    /// Bytes of the message that came, kept or not.
    len: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Between two messages.
    Between,
    /// Within what may be a length.
    Length,
    /// Within a message that ends with a line feed.
    Line,
    /// Within a message of which so many bytes are missing.
    Counted(u64),
}

impl Frames {
    /// Keeps at most so many bytes of a message.
    #[must_use]
    pub const fn new(max: usize) -> Self {
        Self {
            max,
            buffer: Vec::new(),
            state: State::Between,
            len: 0,
        }
    }

    /// Takes bytes from the front of `input` up to the end of a message, and returns it; `None`
    /// when the input has no end of a message.
    pub fn next(&mut self, input: &mut &[u8]) -> Option<Frame> {
        while let Some((byte, rest)) = input.split_first() {
            match self.state {
                State::Between if matches!(byte, b'\n' | b'\r' | 0) => *input = rest,
                State::Between if matches!(byte, b'1'..=b'9') => self.state = State::Length,
                State::Between => self.state = State::Line,
                State::Length => {
                    *input = rest;
                    if let Some(frame) = self.length(*byte) {
                        return Some(frame);
                    }
                }
                State::Line => {
                    let end = input.iter().position(|byte| matches!(byte, b'\n' | 0));
                    let (line, rest) = input.split_at(end.unwrap_or(input.len()));
                    self.keep(line);
                    if end.is_some() {
                        *input = &rest[1..];
                        return Some(self.whole());
                    }
                    *input = rest;
                }
                State::Counted(missing) => {
                    let here = usize::try_from(missing).unwrap_or(usize::MAX);
                    let (part, rest) = input.split_at(here.min(input.len()));
                    self.keep(part);
                    *input = rest;
                    let missing = missing - wide(part.len());
                    self.state = State::Counted(missing);
                    if missing == 0 {
                        return Some(self.whole());
                    }
                }
            }
        }
        None
    }

    /// What is left when the connection ends. A line needs no line feed then.
    pub fn finish(&mut self) -> Option<Frame> {
        let ended = match self.state {
            State::Between => return None,
            State::Line => None,
            State::Length | State::Counted(_) => Some(Flaw::Ended {
                len: self.len,
                kept: self.buffer.len(),
            }),
        };
        let frame = self.whole();
        Some(Frame {
            flaw: ended.or(frame.flaw),
            ..frame
        })
    }

    /// One more byte of what may be a length. What is no length is the beginning of a line.
    fn length(&mut self, byte: u8) -> Option<Frame> {
        let digits = std::str::from_utf8(&self.buffer).ok();
        match byte {
            b'0'..=b'9' if self.buffer.len() < MAX_LENGTH_DIGITS => self.keep(&[byte]),
            b' ' => {
                let count = digits.and_then(|digits| digits.parse().ok());
                // The state says that there is a digit, and few of them.
                self.state = State::Counted(count.unwrap_or(1));
                self.buffer.clear();
                self.len = 0;
            }
            b'\n' | 0 => return Some(self.whole()),
            _ => {
                self.keep(&[byte]);
                self.state = State::Line;
            }
        }
        None
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = self.max.saturating_sub(self.buffer.len());
        self.buffer
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.len += wide(bytes.len());
    }

    fn whole(&mut self) -> Frame {
        let mut bytes = std::mem::take(&mut self.buffer);
        let len = std::mem::take(&mut self.len);
        let is_line = self.state != State::Counted(0);
        self.state = State::Between;
        let cut = wide(bytes.len()) < len;
        let flaw = cut.then_some(Flaw::TooLong {
            len,
            kept: bytes.len(),
        });
        if is_line && !cut && bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        Frame {
            bytes: bytes.into(),
            flaw,
        }
    }
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts of frames, and what is wrong with each.
    type Found<'a> = &'a [(&'a str, Option<Flaw>)];

    /// All frames of an input that comes in pieces of this size.
    fn frames(input: &[u8], piece: usize, max: usize) -> Vec<(String, Option<Flaw>)> {
        let mut frames = Frames::new(max);
        let mut all = Vec::new();
        for mut piece in input.chunks(piece) {
            while let Some(frame) = frames.next(&mut piece) {
                all.push(frame);
            }
        }
        all.extend(frames.finish());
        let text = |frame: Frame| String::from_utf8_lossy(&frame.bytes).into_owned();
        all.into_iter()
            .map(|frame| (text(frame.clone()), frame.flaw))
            .collect()
    }

    #[test]
    fn frames_are_found_in_any_pieces() {
        let table: [(&[u8], &[&str]); 12] = [
            (b"5 <1>ab6 <1>abc", &["<1>ab", "<1>abc"]),
            (b"8 <1>a\nb\n\n<2>x\n", &["<1>a\nb\n\n", "<2>x"]),
            (b"<1>a\n<2>b\n", &["<1>a", "<2>b"]),
            (b"<1>a\r\n<2>b\0<3>c", &["<1>a", "<2>b", "<3>c"]),
            (b"\n\n\0\r\n<1>a\n", &["<1>a"]),
            (b"<1>a\n5 <1>bc<1>d\n", &["<1>a", "<1>bc", "<1>d"]),
            (b"12x no length\n<1>a\n", &["12x no length", "<1>a"]),
            (b"12345678 too many digits\n", &["12345678 too many digits"]),
            (b"12\n<1>a\n", &["12", "<1>a"]),
            (b"0 zero is no length\n", &["0 zero is no length"]),
            (b"no priority\n", &["no priority"]),
            (b"", &[]),
        ];
        for (input, expected) in table {
            for piece in 1..=input.len().max(1) {
                let found = frames(input, piece, 100);
                let texts: Vec<&str> = found.iter().map(|(text, _)| text.as_str()).collect();
                assert_eq!(texts, expected, "{input:?} in pieces of {piece}");
                assert!(found.iter().all(|(_, flaw)| flaw.is_none()), "{found:?}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_or_does_not_end_says_so_and_the_next_one_is_found() {
        let long = |len, kept| Some(Flaw::TooLong { len, kept });
        let ended = |len, kept| Some(Flaw::Ended { len, kept });
        let table: [(&[u8], Found<'_>); 6] = [
            (
                b"9 <1>abcdef5 <1>ab",
                &[("<1>ab", long(9, 5)), ("<1>ab", None)],
            ),
            (
                b"<1>abcdef\n<1>b\n",
                &[("<1>ab", long(9, 5)), ("<1>b", None)],
            ),
            (b"<1>ab\r\n", &[("<1>ab", long(6, 5))]),
            (b"5 <1>", &[("<1>", ended(3, 3))]),
            (b"9 <1>abcd", &[("<1>ab", ended(7, 5))]),
            (b"12", &[("12", ended(2, 2))]),
        ];
        for (input, expected) in table {
            for piece in 1..=input.len() {
                let found = frames(input, piece, 5);
                let found: Vec<(&str, Option<Flaw>)> = found
                    .iter()
                    .map(|(text, flaw)| (text.as_str(), *flaw))
                    .collect();
                assert_eq!(found, expected, "{input:?} in pieces of {piece}");
            }
        }
    }
}

//! Text from bytes that come in pieces.

const UNKNOWN: char = '\u{fffd}';

/// Decodes UTF-8; a character that is cut waits for its rest. What can be none becomes U+FFFD, as
/// [`String::from_utf8_lossy`] has it.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    rest: Vec<u8>,
}

impl Decoder {
    /// Appends the text of these bytes.
    pub(crate) fn push(&mut self, bytes: &[u8], out: &mut String) {
        if self.rest.is_empty() {
            let rest = decode(bytes, out);
            self.rest.extend_from_slice(rest);
        } else {
            let mut joined = std::mem::take(&mut self.rest);
            joined.extend_from_slice(bytes);
            let rest = decode(&joined, out);
            self.rest.extend_from_slice(rest);
        }
    }

    /// Nothing comes any more.
    pub(crate) fn finish(&mut self, out: &mut String) {
        if !self.rest.is_empty() {
            out.push(UNKNOWN);
        }
        self.rest.clear();
    }
}

/// Appends text; returns the beginning of a character at the end, if there is one.
fn decode<'a>(mut bytes: &'a [u8], out: &mut String) -> &'a [u8] {
    loop {
        let error = match str::from_utf8(bytes) {
            Ok(text) => {
                out.push_str(text);
                return &[];
            }
            Err(error) => error,
        };
        let (valid, rest) = bytes.split_at(error.valid_up_to());
        out.push_str(str::from_utf8(valid).unwrap_or_default());
        let Some(bad) = error.error_len() else {
            return rest;
        };
        out.push(UNKNOWN);
        bytes = &rest[bad..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
        let mut decoder = Decoder::default();
        let mut out = String::new();
        for piece in pieces {
            decoder.push(piece, &mut out);
        }
        decoder.finish(&mut out);
        out
    }

    #[test]
    fn a_text_is_the_same_however_it_is_cut() {
        let texts: [&[u8]; 6] = [
            "aé€😀z\u{fffd}".as_bytes(),
            b"\xff\xc3",
            b"\xf0\x9f\x98",
            b"a\xe2\x82b\xe2\x82\xac\xc0\x80",
            b"\xed\xa0\x80\xf4\x90\x80\x80",
            b"",
        ];
        for text in texts {
            let whole = String::from_utf8_lossy(text);
            assert_eq!(decoded(text.chunks(1)), whole, "{text:?}");
            for first in 0..=text.len() {
                for second in first..=text.len() {
                    let cut = [&text[..first], &text[first..second], &text[second..]];
                    assert_eq!(decoded(cut), whole, "{text:?} at {first} and {second}");
                }
            }
        }
    }
}

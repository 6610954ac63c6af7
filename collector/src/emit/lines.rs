//! Lines of bounded length out of a reader.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};

/// A line without its line end. Of a line that is too long only the beginning is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    /// Its beginning, up to the limit.
    pub(crate) kept: Vec<u8>,
    /// Bytes of the whole line.
    pub(crate) len: u64,
}

impl Text {
    /// Whether there is nothing but white space.
    pub(crate) fn is_empty(&self) -> bool {
        self.kept.iter().all(u8::is_ascii_whitespace) && !self.is_cut()
    }

    /// Takes a byte order mark away, with which some programs begin a file.
    pub(crate) fn strip_bom(&mut self) {
        if let Some(rest) = self.kept.strip_prefix(b"\xef\xbb\xbf") {
            self.kept = rest.to_vec();
            self.len -= 3;
        }
    }

    /// Whether the line was too long.
    pub(crate) fn is_cut(&self) -> bool {
        u64::try_from(self.kept.len()).is_ok_and(|kept| kept < self.len)
    }
}

/// Reads lines. [`Lines::next`] can be dropped while it waits: what it has read is kept.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    reader: R,
    /// Bytes of a line that are kept.
    max: usize,
    text: Text,
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    pub(crate) const fn new(reader: R, max: usize) -> Self {
        Self {
            reader,
            max,
            text: Text {
                kept: Vec::new(),
                len: 0,
            },
        }
    }

    /// The next line; the last one may lack its line end.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Text>> {
        loop {
            let bytes = match self.reader.fill_buf().await {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if bytes.is_empty() {
                let last = (self.text.len > 0).then(|| self.take());
                return Ok(last);
            }
            let newline = bytes.iter().position(|byte| *byte == b'\n');
            let part = newline.map_or(bytes, |at| &bytes[..at]);
            let room = self.max - self.text.kept.len();
            self.text
                .kept
                .extend_from_slice(&part[..part.len().min(room)]);
            self.text.len += u64::try_from(part.len()).unwrap_or(u64::MAX);
            let used = part.len() + usize::from(newline.is_some());
            self.reader.consume(used);
            if newline.is_some() {
                return Ok(Some(self.take()));
            }
        }
    }

    fn take(&mut self) -> Text {
        std::mem::replace(
            &mut self.text,
            Text {
                kept: Vec::new(),
                len: 0,
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::BufReader;

    use super::*;
    use crate::limits::MAX_JSON_LINE;

    async fn read(input: &[u8], buffer: usize) -> Vec<(Vec<u8>, u64)> {
        let mut lines = Lines::new(BufReader::with_capacity(buffer, input), MAX_JSON_LINE);
        let mut all = Vec::new();
        while let Some(text) = lines.next().await.unwrap() {
            all.push((text.kept, text.len));
        }
        all
    }

    #[tokio::test]
    async fn lines_are_found_in_any_buffer() {
        let expected: Vec<(Vec<u8>, u64)> = vec![
            (b"one".into(), 3),
            (b"".into(), 0),
            (b"three".into(), 5),
            (b"end".into(), 3),
        ];
        for buffer in 1..12 {
            assert_eq!(
                read(b"one\n\nthree\nend", buffer).await,
                expected,
                "{buffer}"
            );
        }
        assert!(read(b"", 8).await.is_empty());
        assert_eq!(read(b"a\n", 8).await.len(), 1);
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_cut_and_measured() {
        let mut input = vec![b'x'; MAX_JSON_LINE + 10];
        input.extend_from_slice(b"\nnext\n");
        let lines = read(&input, 4_096).await;
        assert_eq!(lines[0].0.len(), MAX_JSON_LINE);
        assert_eq!(usize::try_from(lines[0].1), Ok(MAX_JSON_LINE + 10));
        assert_eq!(lines[1].0, b"next");
    }
}

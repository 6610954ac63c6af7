//! Secrets by the name before them: values, headers, and the rest of a line.

use std::ops::Range;

use memchr::memchr;

use super::{Hit, Scanner};
use crate::limits::REDACT_VALUE;
use crate::redact::header::Header;
use crate::redact::judge::Pair;
use crate::redact::value;

impl Scanner<'_> {
    /// The value behind a name.
    pub(super) fn value(
        &mut self,
        number: usize,
        hit: &Hit,
        at: usize,
        judge: fn(&Pair<'_>) -> bool,
    ) {
        let name = self.name(hit.keyword.start, at);
        if let Some(element) = self.element(&name, at, hit.line.end) {
            let rest = self.text.get(element.end..hit.line.end).unwrap_or_default();
            if hit.line.end == self.text.len() && memchr(b'<', rest).is_none() {
                self.open(at);
            }
            let pair = Pair {
                name: &self.text[name.clone()],
                sign: b">",
                option: false,
                quote: None,
                value: &self.text[element.start..element.end.min(at + REDACT_VALUE)],
            };
            if judge(&pair) {
                let end = element.end;
                self.take(number, element, end);
                return;
            }
        }
        let value = value::read(self.text, at, hit.line.end);
        if let Some(open) = value.open {
            self.open(open);
        }
        let judged = value.range.start..value.range.end.min(value.range.start + REDACT_VALUE);
        let pair = Pair {
            name: &self.text[name.clone()],
            sign: &self.text[name.end.min(at)..at],
            option: self.is_option(name.start),
            quote: value.quote,
            value: &self.text[judged],
        };
        if !judge(&pair) {
            return;
        }
        let mut range = value.range;
        let mut end = value.end;
        if value.quote.is_none() && range.len() == REDACT_VALUE {
            let rest = &self.text[range.end..hit.line.end];
            let more = rest.iter().position(|byte| value::ends(*byte));
            end = more.map_or(hit.line.end, |more| range.end + more);
            range.end = end;
        }
        self.take(number, range, end);
    }

    /// The text of an element of XML with this name, whose value begins at `at`: all of it, up to
    /// the end of the element or of the line.
    fn element(&self, name: &Range<usize>, at: usize, line_end: usize) -> Option<Range<usize>> {
        let opened = name.start.checked_sub(1).map(|before| self.text[before]);
        let is_one = matches!(opened, Some(b'<' | b':')) && self.text.get(name.end) == Some(&b'>');
        if !is_one || name.end + 1 != at {
            return None;
        }
        let rest = self.text.get(at..line_end)?;
        let len = memchr(b'<', rest).unwrap_or(rest.len());
        let len = rest[..len].trim_ascii_end().len();
        (len > 0).then(|| at..at + len)
    }

    /// The whole name that a keyword is in.
    fn name(&self, keyword: usize, end: usize) -> Range<usize> {
        let part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        let from = keyword.saturating_sub(64);
        let before = self.text[from..keyword]
            .iter()
            .rev()
            .take_while(|byte| part(byte))
            .count();
        let after = self.text[keyword..end]
            .iter()
            .take_while(|byte| part(byte))
            .count();
        keyword - before..keyword + after
    }

    /// Whether a name is that of an option: `--password`, and `-password` of some programs.
    fn is_option(&self, name: usize) -> bool {
        self.text.get(name) == Some(&b'-')
            && name
                .checked_sub(1)
                .is_none_or(|before| value::ends(self.text[before]))
    }

    /// The value of a header.
    pub(super) fn header(&mut self, number: usize, hit: &Hit, at: usize) {
        let header = Header {
            name: self.name(hit.keyword.start, at),
            at,
            line_end: hit.line.end,
        };
        // More of the value may come.
        if header.is_open(self.text) {
            self.open(at);
        }
        if let Some(range) = header.secret(self.text) {
            let end = range.end;
            self.take(number, range, end);
        }
    }

    /// The rest of a line, up to a quote.
    pub(super) fn rest(&mut self, number: usize, at: usize, line_end: usize) {
        let rest = &self.text[at..line_end];
        let ends = |byte: &u8| matches!(byte, b'"' | b'\'' | b'\r');
        let quote = rest.iter().position(ends);
        if at + quote.unwrap_or(rest.len()) == self.text.len() {
            self.open(at);
        }
        let value = &rest[..quote.unwrap_or(rest.len())];
        let len = value.trim_ascii_end().len();
        self.take(number, at..at + len, at + value.len());
    }
}

//! What follows `Authorization:`: a scheme and what it says of who asks, or a secret alone.
//!
//! Where the header ends is known when it stands between quotes, or has its line for itself: then
//! all of it behind the scheme goes. In other lines it is one word, or the parameters of a scheme
//! such as Digest.

use std::ops::Range;

use crate::limits::REDACT_VALUE;
use crate::redact::judge::{self, Pair};
use crate::redact::value;

/// Words that are known to be schemes; of others what follows must look like a secret.
const SCHEMES: [&[u8]; 19] = [
    b"basic",
    b"bearer",
    b"token",
    b"digest",
    b"negotiate",
    b"apikey",
    b"api-key",
    b"ssws",
    b"hmac",
    b"hawk",
    b"splunk",
    b"geniekey",
    b"genie-key",
    b"aws4-hmac-sha256",
    b"oauth",
    b"ntlm",
    b"signature",
    b"mac",
    b"dpop",
];

/// Beginnings of words with digits that are no secrets: `OAuth2`, `RFC7235`.
const NAMES: [&[u8]; 6] = [b"oauth", b"rfc", b"http", b"level", b"saml", b"version"];

/// A header in its line.
#[derive(Debug, Clone)]
pub(super) struct Header {
    /// Its name.
    pub(super) name: Range<usize>,
    /// Where its value begins, behind a quote.
    pub(super) at: usize,
    /// Where its line ends.
    pub(super) line_end: usize,
}

/// Where a header ends.
#[derive(Debug, Clone, Copy)]
struct End {
    at: usize,
    /// Whether nothing else can be before.
    whole: bool,
    /// Whether a quote is there.
    closed: bool,
}

impl Header {
    /// Whether more of it may come behind the text.
    pub(super) fn is_open(&self, text: &[u8]) -> bool {
        self.line_end == text.len() && !self.end(text).closed
    }

    /// What of it is secret.
    pub(super) fn secret(&self, text: &[u8]) -> Option<Range<usize>> {
        let End { at: end, whole, .. } = self.end(text);
        let value = text.get(self.at..end)?;
        let first = word(value);
        let rest = first + blanks(&value[first..]);
        let scheme = &value[..first];
        let known = SCHEMES
            .iter()
            .any(|known| scheme.eq_ignore_ascii_case(known));
        if rest == value.len() {
            let alone = !known && is_alone(scheme, text.get(end));
            return alone.then(|| self.one(text, self.at)).flatten();
        }
        let said = &value[rest..];
        let parameters = parameters(said);
        if parameters > 0 {
            return Some(self.at + rest..self.at + rest + parameters);
        }
        if known && whole && self.credentials(text, &said[..word(said)]) {
            return Some(self.at + rest..end);
        }
        let random = || judge::is_random(&said[..word(said).min(REDACT_VALUE)]);
        let unknown = || scheme.iter().all(|byte| is_token(*byte)) && random();
        if known || unknown() {
            return self.one(text, self.at + rest);
        }
        None
    }

    /// Where the value ends.
    fn end(&self, text: &[u8]) -> End {
        let line = text.get(..self.line_end).unwrap_or(text);
        let quote = |at: Option<usize>| {
            let byte = at.and_then(|at| text.get(at)).copied();
            byte.filter(|byte| matches!(byte, b'"' | b'\'' | b'`'))
        };
        let own = self.at.checked_sub(1);
        let is_escaped = |at: Option<usize>| {
            let before = at.and_then(|at| at.checked_sub(1));
            before.and_then(|before| text.get(before)) == Some(&b'\\')
        };
        let around = self.name.start.checked_sub(1);
        // A quote behind the name closes what stands before it.
        let named = quote(Some(self.name.end)).is_some() || text.get(self.name.end) == Some(&b'\\');
        let opened = match (quote(own), quote(around)) {
            (Some(quote), _) => Some((quote, is_escaped(own))),
            (None, Some(quote)) if !named => Some((quote, is_escaped(around))),
            _ => None,
        };
        let closed = opened.and_then(|(quote, escaped)| closing(line, self.at, quote, escaped));
        if let Some(end) = closed {
            return End {
                at: end,
                whole: true,
                closed: true,
            };
        }
        let rest = line.get(self.at..).unwrap_or_default();
        let end = self.at + rest.trim_ascii_end().len();
        let before = &text[..self.name.start];
        let begun = before
            .iter()
            .rposition(|byte| !matches!(byte, b' ' | b'\t' | b'>' | b'<'));
        let alone = begun.is_none_or(|begun| before[begun] == b'\n');
        End {
            at: end,
            whole: alone && opened.is_none(),
            closed: false,
        }
    }

    /// The value at this place, when it is no placeholder.
    fn one(&self, text: &[u8], at: usize) -> Option<Range<usize>> {
        let value = value::read(text, at, self.line_end);
        let mut range = value.range;
        let judged = &text[range.start..range.end.min(range.start + REDACT_VALUE)];
        if !self.credentials(text, judged) {
            return None;
        }
        if value.quote.is_none() && range.len() == REDACT_VALUE {
            let rest = &text[range.end..self.line_end];
            let more = rest.iter().position(|byte| value::ends(*byte));
            range.end = more.map_or(self.line_end, |more| range.end + more);
        }
        Some(range)
    }

    fn credentials(&self, text: &[u8], value: &[u8]) -> bool {
        judge::any(&Pair {
            name: &text[self.name.clone()],
            // Names with dots between are tokens here, and no code.
            sign: b"=",
            option: false,
            quote: None,
            value: &value[..value.len().min(REDACT_VALUE)],
        })
    }
}

/// Whether a word without a scheme looks like no word of prose.
fn is_alone(word: &[u8], next: Option<&u8>) -> bool {
    let has = |is: fn(&u8) -> bool| word.iter().any(is);
    let mixed = has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic);
    let named = NAMES.iter().any(|name| {
        let start = word.get(..name.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(name))
    });
    let last = next.is_none_or(|byte| value::ends(*byte));
    last && word.len() >= 6 && mixed && !named
}

/// Where a quote closes that was opened before.
fn closing(line: &[u8], from: usize, quote: u8, escaped: bool) -> Option<usize> {
    let mut at = from;
    while let Some(byte) = line.get(at) {
        match byte {
            b'\\' if escaped && line.get(at + 1) == Some(&quote) => return Some(at),
            b'\\' => at += 2,
            byte if *byte == quote && !escaped => return Some(at),
            _ => at += 1,
        }
    }
    None
}

fn word(text: &[u8]) -> usize {
    let space = text.iter().position(u8::is_ascii_whitespace);
    space.unwrap_or(text.len())
}

fn blanks(text: &[u8]) -> usize {
    let other = text.iter().position(|byte| !matches!(byte, b' ' | b'\t'));
    other.unwrap_or(text.len())
}

const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// Length of the parameters of RFC 9110 at the beginning: `name="value", name=value`. The first
/// value stands between quotes, or there are two: a word with a `=` may be a token alone.
fn parameters(text: &[u8]) -> usize {
    let (mut at, mut end, mut count, mut quoted) = (0, 0, 0, false);
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let name = rest
            .iter()
            .position(|byte| !is_token(*byte))
            .unwrap_or(rest.len());
        if name == 0 || rest.get(name) != Some(&b'=') {
            break;
        }
        let value = rest.get(name + 1..).unwrap_or_default();
        let escaped = value.starts_with(b"\\\"");
        let open = 1 + usize::from(escaped);
        let len = if escaped || value.first() == Some(&b'"') {
            quoted = true;
            match closing(value, open, b'"', escaped) {
                Some(close) => close + open,
                None => value.len(),
            }
        } else {
            let ends = |byte: &u8| value::ends(*byte) || *byte == b',';
            value.iter().position(ends).unwrap_or(value.len())
        };
        count += 1;
        end = at + name + 1 + len;
        let more = text.get(end..).unwrap_or_default();
        if more.first() != Some(&b',') {
            break;
        }
        at = end + 1 + blanks(&more[1..]);
    }
    if quoted || count > 1 { end } else { 0 }
}

#[cfg(test)]
mod tests {
    use crate::redact::{Redactor, Rules, Settings};

    fn left(text: &str) -> String {
        let redactor = Redactor::new(Rules::new(&Settings::default()).unwrap());
        redactor
            .text(text)
            .text
            .replace("[redacted:authorization]", "#")
    }

    #[test]
    fn what_follows_the_header_is_taken_out_whatever_its_scheme() {
        for (text, expected) in [
            ("Authorization: Bearer abc.def", "Authorization: Bearer #"),
            ("Authorization: hunter2", "Authorization: #"),
            (
                "Proxy-Authorization: hunter2\r\nx",
                "Proxy-Authorization: #\r\nx",
            ),
            (
                "> Authorization: Digest username=\"x\", response=\"abc\", nc=1\r\n>",
                "> Authorization: Digest #\r\n>",
            ),
            (
                "10:00 authorization=Digest username=\"x\", response=\"abc\" status=200",
                "10:00 authorization=Digest # status=200",
            ),
            (
                "curl -H 'Authorization: Digest username=\"x\", response=\"a b\"' https://x",
                "curl -H 'Authorization: Digest #' https://x",
            ),
            (
                r#"{"Authorization": "Digest username=\"x\", response=\"abc\"", "a": 1}"#,
                r#"{"Authorization": "Digest #", "a": 1}"#,
            ),
            (
                r#""{\"Authorization\": \"Bearer abc.def\", \"a\": 1}""#,
                r#""{\"Authorization\": \"Bearer #\", \"a\": 1}""#,
            ),
            (
                "authorization: Custom 0a1b2c3d4e from ada",
                "authorization: Custom # from ada",
            ),
            (
                "at 10:00 authorization: Bearer abc.def from ada",
                "at 10:00 authorization: Bearer # from ada",
            ),
            (
                "Authorization: token correct horse\n",
                "Authorization: token #\n",
            ),
            (
                "-H \"Authorization: Splunk 0a1b-2c3d\" x",
                "-H \"Authorization: Splunk #\" x",
            ),
        ] {
            assert_eq!(left(text), expected, "{text}");
        }
    }

    #[test]
    fn prose_about_the_header_and_placeholders_stay() {
        for text in [
            "Authorization: required",
            "authorization: basic authentication is needed",
            "authorization: OAuth2",
            "Authorization: RFC7235",
            "Authorization: Bearer <token>",
            "Authorization: Bearer ${TOKEN}",
            "headers[\"Authorization\"] = \"Bearer \" + token",
            "authorization: the user has no rights",
            "Authorization: Bearer",
            "Authorization:",
            "Authorization: denied for ada on orders-db",
            "authorization = self.config.authorization",
        ] {
            assert_eq!(left(text), text);
        }
    }
}

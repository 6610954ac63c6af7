//! Words of the form `key=value`, among others that have none. A value in double quotes may hold
//! spaces, and `\"` and `\\` stand for themselves.

use std::collections::BTreeMap;

use crate::parse::{ParseError, Parsed};

pub(super) fn parse(line: &str) -> Result<Parsed, ParseError> {
    let mut fields = BTreeMap::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let (key, value) = match word.split_once('=') {
            Some((key, value)) if is_key(key) => (key, value),
            _ => {
                rest = after.trim_start();
                continue;
            }
        };
        let (value, after) = if value.starts_with('"') {
            quoted(&rest[key.len() + 2..])?
        } else {
            (value.to_owned(), after)
        };
        // The first one stays: a line that names a key twice does not get to change its mind.
        fields.entry(key.to_owned()).or_insert(value);
        rest = after.trim_start();
    }
    if fields.is_empty() {
        return Err(ParseError::NoPair);
    }
    Ok(Parsed {
        fields,
        observed_at: None,
    })
}

fn is_key(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

/// The value up to the closing quote, and what follows it.
fn quoted(text: &str) -> Result<(String, &str), ParseError> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => match chars.next() {
                Some((_, next @ ('"' | '\\'))) => value.push(next),
                Some((_, next)) => value.extend(['\\', next]),
                None => return Err(ParseError::OpenQuote),
            },
            c => value.push(c),
        }
    }
    Err(ParseError::OpenQuote)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_found_among_other_words() {
        let table: [(&str, &[(&str, &str)]); 7] = [
            ("a=1 b=2", &[("a", "1"), ("b", "2")]),
            (
                "sshd: user=ada from=10.0.0.1",
                &[("from", "10.0.0.1"), ("user", "ada")],
            ),
            (
                r#"msg="two words" x=1"#,
                &[("msg", "two words"), ("x", "1")],
            ),
            (r#"q="say \"hi\" \\ \n""#, &[("q", r#"say "hi" \ \n"#)]),
            ("empty= b=", &[("b", ""), ("empty", "")]),
            ("a=1 a=2", &[("a", "1")]),
            ("url=http://x/?a=b ä=1", &[("url", "http://x/?a=b")]),
        ];
        for (line, expected) in table {
            let fields = parse(line).unwrap().fields;
            let got: Vec<(&str, &str)> = fields
                .iter()
                .map(|(key, value)| (key.as_str(), value.as_str()))
                .collect();
            assert_eq!(got, expected, "{line}");
        }
    }

    #[test]
    fn lines_without_a_pair_are_refused() {
        for (line, error) in [
            ("", ParseError::NoPair),
            ("no pair = here", ParseError::NoPair),
            ("a=\"open", ParseError::OpenQuote),
            ("a=\"open\\", ParseError::OpenQuote),
        ] {
            assert_eq!(parse(line), Err(error), "{line}");
        }
    }
}

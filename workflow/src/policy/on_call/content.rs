//! Content lines (RFC 5545, section 3.1): `NAME;PARAMETER=value:value`, folded at will.

use crate::policy::problem::{Position, Problem};

/// One content line, unfolded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Where it begins in the file, counted from 1.
    pub(super) number: u32,
    /// Its name, in capitals.
    pub(super) name: String,
    /// Parameters: their names in capitals, their values without quotes.
    parameters: Vec<(String, String)>,
    /// What stands after the colon.
    pub(super) value: String,
}

impl Line {
    /// The value of a parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// A problem of this line. The file is filled in by whoever knows it.
    pub(super) fn problem(&self, message: impl Into<String>) -> Problem {
        at(self.number, message)
    }

    /// The value as a person reads it (section 3.3.11).
    pub(super) fn text(&self) -> String {
        let mut text = String::with_capacity(self.value.len());
        let mut characters = self.value.chars();
        while let Some(character) = characters.next() {
            match character {
                '\\' => match characters.next() {
                    Some('n' | 'N') => text.push('\n'),
                    Some(escaped) => text.push(escaped),
                    None => {}
                },
                plain => text.push(plain),
            }
        }
        text
    }
}

/// A problem of a line that could not be read.
pub(super) fn at(line: u32, message: impl Into<String>) -> Problem {
    Problem::new("", message).at(Some(Position { line, column: 1 }))
}

/// The content lines of a file. Lines end with CRLF, or with LF as editors leave them.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Result<Line, Problem>> {
    unfold(text)
        .into_iter()
        .map(|(number, line)| parse(number, &line))
}

/// Joins lines that go on after a line break with a space or tab; leaves empty ones out.
fn unfold(text: &str) -> Vec<(u32, String)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut unfolded: Vec<(u32, String)> = Vec::new();
    let mut number = 0_u32;
    for line in text.split('\n') {
        number = number.saturating_add(1);
        let line = line.strip_suffix('\r').unwrap_or(line);
        match (line.strip_prefix([' ', '\t']), unfolded.last_mut()) {
            (Some(more), Some((_, before))) => before.push_str(more),
            _ if line.trim().is_empty() => {}
            _ => unfolded.push((number, line.to_owned())),
        }
    }
    unfolded
}

fn parse(number: u32, line: &str) -> Result<Line, Problem> {
    let malformed = |what: &str| {
        let problem = at(number, format!("line has {what}; expected NAME:value"));
        problem.hint("a line that goes on must begin with a space")
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let end = line.find(|c: char| !plain(c)).unwrap_or(line.len());
    let (name, mut rest) = line.split_at_checked(end).unwrap_or((line, ""));
    if name.is_empty() {
        return Err(malformed("no name"));
    }
    let mut parameters = Vec::new();
    while let Some(parameter) = rest.strip_prefix(';') {
        let (name, value) = parameter
            .split_once('=')
            .filter(|(name, _)| !name.is_empty() && name.chars().all(plain))
            .ok_or_else(|| malformed("a parameter without a value"))?;
        let end = end_of_value(value).ok_or_else(|| malformed("no colon"))?;
        let (value, after) = value.split_at_checked(end).unwrap_or((value, ""));
        parameters.push((name.to_ascii_uppercase(), value.replace('"', "")));
        rest = after;
    }
    let value = rest
        .strip_prefix(':')
        .ok_or_else(|| malformed("no colon"))?;
    Ok(Line {
        number,
        name: name.to_ascii_uppercase(),
        parameters,
        value: value.to_owned(),
    })
}

/// Where the value of a parameter ends: at the first `;` or `:` that is not in quotes.
fn end_of_value(value: &str) -> Option<usize> {
    let mut quoted = false;
    value.find(|c: char| {
        quoted ^= c == '"';
        !quoted && matches!(c, ';' | ':')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Line {
        lines(text).next().expect("a line").expect("a good line")
    }

    #[test]
    fn lines_are_unfolded_and_counted() {
        let text = "\u{feff}BEGIN:VEVENT\r\nSUMMARY:On \r\n call\r\n\t - ada\r\n\r\nuid:a\nX-Y:\n";
        let lines: Vec<Line> = lines(text).collect::<Result<_, _>>().expect("good lines");
        let short = |line: &Line| (line.number, line.name.clone(), line.value.clone());
        let expected = [
            (1, "BEGIN".to_owned(), "VEVENT".to_owned()),
            (2, "SUMMARY".to_owned(), "On call - ada".to_owned()),
            (6, "UID".to_owned(), "a".to_owned()),
            (7, "X-Y".to_owned(), String::new()),
        ];
        assert_eq!(lines.iter().map(short).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn parameters_may_be_quoted() {
        let line =
            one("ATTENDEE;cn=\"Lovelace; Ada: Lady\";PARTSTAT=ACCEPTED:mailto:ada@example.com");
        assert_eq!(line.parameter("CN"), Some("Lovelace; Ada: Lady"));
        assert_eq!(line.parameter("PARTSTAT"), Some("ACCEPTED"));
        assert_eq!(line.parameter("ROLE"), None);
        assert_eq!(line.value, "mailto:ada@example.com");
    }

    #[test]
    fn texts_are_escaped() {
        assert_eq!(
            one("SUMMARY:a\\, b\\; c\\nd\\\\e\\").text(),
            "a, b; c\nd\\e"
        );
    }

    #[test]
    fn malformed_lines_are_problems() {
        let bad = [
            "no colon",
            ":value",
            "A;B:c",
            "A;=b:c",
            "A;B=\"c:d",
            "A B:c",
            " A:b",
            "Ä:b",
        ];
        for text in bad {
            let line = lines(text).next().expect("a line");
            let problem = line.expect_err(text);
            assert_eq!(problem.at.map(|at| at.line), Some(1), "{text}");
        }
    }
}

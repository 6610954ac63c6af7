//! How deep and long a Cedar text may be.
//!
//! Cedar's parser, validator and evaluator call themselves for every level of nesting and every
//! operator of a chain. A text that is too much for the stack ends the process, and one that is
//! nearly too much can be judged on one thread and not on another. So texts are bounded before
//! Cedar sees them, far below what the stack of a thread can take.

use super::problem::{Position, Problem};
use crate::limits::{MAX_CEDAR_FILE, MAX_POLICY_NESTING, MAX_POLICY_OPERATORS};

/// The two languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    Policies,
    Schema,
}

/// What a text has too much of.
pub(crate) fn exceeded(file: &str, text: &str, language: Language) -> Option<Problem> {
    let len = text.len();
    if len > MAX_CEDAR_FILE {
        let message = format!("file has {len} bytes; expected at most {MAX_CEDAR_FILE}");
        return Some(Problem::new(file, message).hint("use several files"));
    }
    let mut count = Count::default();
    for (at, token) in (Tokens { text, at: 0 }) {
        count.add(token, language);
        let (nesting, operators) = (count.depth.saturating_add(count.ifs), count.operators);
        let message = if nesting > MAX_POLICY_NESTING {
            format!("nested deeper than {MAX_POLICY_NESTING} levels")
        } else if language == Language::Policies && operators > MAX_POLICY_OPERATORS {
            format!("policy has more than {MAX_POLICY_OPERATORS} operators and dots")
        } else {
            continue;
        };
        let problem = Problem::new(file, message).at(Some(Position::of(text, at)));
        return Some(problem.hint("use several policies"));
    }
    None
}

/// What was seen of a statement.
#[derive(Debug, Default)]
struct Count {
    depth: usize,
    ifs: usize,
    operators: usize,
}

impl Count {
    fn add(&mut self, token: &str, language: Language) {
        match token {
            "(" | "[" | "{" => self.depth = self.depth.saturating_add(1),
            ")" | "]" | "}" => self.depth = self.depth.saturating_sub(1),
            "<" if language == Language::Schema => self.depth = self.depth.saturating_add(1),
            ">" if language == Language::Schema => self.depth = self.depth.saturating_sub(1),
            ";" => (self.ifs, self.operators) = (0, 0),
            // What an if decides between is inside of it, to the end of the statement.
            "if" => self.ifs = self.ifs.saturating_add(1),
            "&" | "|" | "+" | "-" | "*" | "." | "<" | ">" | "=" | "!" | "in" | "has" | "like"
            | "is" => self.operators = self.operators.saturating_add(1),
            _ => {}
        }
    }
}

/// Words and signs of a text, without its strings and comments.
struct Tokens<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = (usize, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = self.text.get(self.at..)?;
            let first = rest.chars().next()?;
            let is_word = |c: char| c.is_alphanumeric() || c == '_';
            let end = if rest.starts_with("//") {
                rest.find(['\n', '\r']).unwrap_or(rest.len())
            } else if first == '"' {
                string_end(rest)
            } else if is_word(first) {
                rest.find(|c| !is_word(c)).unwrap_or(rest.len())
            } else {
                first.len_utf8()
            };
            let start = self.at;
            self.at = start.saturating_add(end);
            if first != '"' && !rest.starts_with("//") && !first.is_whitespace() {
                return Some((start, rest.get(..end)?));
            }
        }
    }
}

/// Where a string that begins the text ends.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at.saturating_add(1),
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<&str> {
        Tokens { text, at: 0 }.map(|(_, token)| token).collect()
    }

    #[test]
    fn strings_and_comments_do_not_count() {
        assert_eq!(
            tokens("a.b // ((\n(\"[[\\\"[[\")"),
            ["a", ".", "b", "(", ")"]
        );
        assert_eq!(tokens("ü-ifs \"open ((("), ["ü", "-", "ifs"]);
        assert_eq!(tokens("// x\r;"), [";"]);
        assert_eq!(tokens(""), [""; 0]);
    }

    #[test]
    fn every_statement_is_counted_alone() {
        let statement = "permit (principal, action, resource) when { a.b && c.d };\n";
        let many = statement.repeat(500);
        assert_eq!(exceeded("f", &many, Language::Policies), None);
        let long = format!("\n  {}", "a.".repeat(300));
        let found = exceeded("f", &long, Language::Policies).map(|problem| problem.to_string());
        let expected = "f:2:516: policy has more than 256 operators and dots; use several policies";
        assert_eq!(found.as_deref(), Some(expected));
        assert_eq!(exceeded("f", &long, Language::Schema), None);
        for open in ["(", "[", "{", "if "] {
            assert_eq!(exceeded("f", &open.repeat(24), Language::Policies), None);
            assert!(exceeded("f", &open.repeat(25), Language::Policies).is_some());
        }
        assert!(exceeded("f", &"Set<".repeat(25), Language::Schema).is_some());
        assert_eq!(exceeded("f", &"Set<a>".repeat(25), Language::Schema), None);
    }
}

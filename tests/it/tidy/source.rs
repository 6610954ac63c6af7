//! Reads source files the way the tidy test needs them: without comments and strings, line by line.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .expect("the workspace exists")
}

/// One source file.
#[derive(Debug)]
pub(crate) struct Source {
    /// Path from the root of the workspace.
    pub(crate) path: String,
    /// The text as it stands.
    pub(crate) text: String,
    /// The text with comments and the insides of literals blanked. Lines and columns stay.
    pub(crate) code: String,
    /// Every string literal: the line it starts on, from 0, and what stands between the quotes.
    pub(crate) literals: Vec<(usize, String)>,
}

impl Source {
    /// Reads the file at `path`, which is relative to the root.
    pub(crate) fn read(path: &str) -> Self {
        let full = root().join(path);
        let text = fs::read_to_string(&full).unwrap_or_else(|error| {
            assert!(!full.exists(), "cannot read {path}: {error}");
            String::new()
        });
        assert!(!text.is_empty(), "{path} is missing or empty");
        let (code, literals) = blank(&text);
        Self {
            path: path.to_owned(),
            text,
            code,
            literals,
        }
    }

    /// Whether the file holds tests only.
    pub(crate) fn is_test(&self) -> bool {
        self.path.starts_with("tests/it/")
            || self.path.contains("/tests/")
            || self.path.ends_with("/tests.rs")
            || self.path.contains("/benches/")
    }

    /// Number of lines before the first inline test module.
    pub(crate) fn lines_before_tests(&self) -> usize {
        let lines: Vec<&str> = self.code.lines().collect();
        let opens_tests = |(number, line): (usize, &&str)| {
            let module = lines
                .iter()
                .skip(number + 1)
                .find(|next| !next.trim().starts_with("#["));
            line.trim() == "#[cfg(test)]"
                && module.is_some_and(|next| next.contains("mod ") && next.contains('{'))
        };
        lines
            .iter()
            .enumerate()
            .find(|&(number, line)| opens_tests((number, line)))
            .map_or(lines.len(), |(number, _)| number)
    }

    /// The code before the first inline test module.
    pub(crate) fn code_before_tests(&self) -> String {
        let lines: Vec<&str> = self.code.lines().take(self.lines_before_tests()).collect();
        lines.join("\n")
    }

    /// The functions with a body.
    pub(crate) fn functions(&self) -> Vec<Function> {
        let code: Vec<char> = self.code.chars().collect();
        let mut found = Vec::new();
        for at in 0..code.len() {
            if let Some(name) = function_name(&code, at)
                && let Some((open, close)) = body(&code, at)
            {
                let inside: String = code[open + 1..close].iter().collect();
                found.push(Function {
                    name,
                    first_line: count_newlines(&code[..open]),
                    last_line: count_newlines(&code[..close]),
                    lines: inside
                        .lines()
                        .filter(|line| !line.trim().is_empty())
                        .count(),
                });
            }
        }
        found
    }

    /// Whether `word` stands in the code (not in a comment or string) as a word of its own.
    pub(crate) fn names(&self, word: &str) -> bool {
        has_word(&self.code, word)
    }
}

/// A function as the tidy test sees it.
#[derive(Debug)]
pub(crate) struct Function {
    /// Its name.
    pub(crate) name: String,
    /// Line of the opening brace, from 0.
    pub(crate) first_line: usize,
    /// Line of the closing brace, from 0.
    pub(crate) last_line: usize,
    /// Lines of code inside the braces, blank and comment lines not counted.
    pub(crate) lines: usize,
}

/// Whether `word` stands in `code` with no letter, digit or underscore around it.
pub(crate) fn has_word(code: &str, word: &str) -> bool {
    let inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    code.match_indices(word).any(|(at, _)| {
        !inside(code[..at].chars().next_back()) && !inside(code[at + word.len()..].chars().next())
    })
}

/// Paths, from the root, of all files below `folder` for which `keep` holds, in order.
pub(crate) fn files(folder: &str, keep: impl Fn(&str) -> bool) -> Vec<String> {
    let root = root();
    let mut todo = vec![root.join(folder)];
    let mut found = Vec::new();
    while let Some(next) = todo.pop() {
        for entry in fs::read_dir(&next).expect("the folder can be read") {
            let path = entry.expect("the folder can be read").path();
            let name = path.strip_prefix(&root).expect("it is below the root");
            let name = name.to_str().expect("paths are UTF-8").to_owned();
            let file_name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            if file_name.starts_with('.') || name == "target" || file_name == "node_modules" {
                continue;
            }
            if path.is_dir() {
                todo.push(path);
            } else if keep(&name) {
                found.push(name);
            }
        }
    }
    found.sort();
    found
}

/// Every hand-written Rust file.
pub(crate) fn rust() -> Vec<Source> {
    let written = |path: &str| path.ends_with(".rs") && !path.starts_with("proto/src/gen/");
    let found: Vec<_> = files("", written)
        .iter()
        .map(|path| Source::read(path))
        .collect();
    assert!(
        found.len() > 20,
        "expected the whole workspace, got {} files",
        found.len()
    );
    found
}

fn count_newlines(code: &[char]) -> usize {
    code.iter().filter(|&&c| c == '\n').count()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The name of the function whose `fn` stands at `at`.
fn function_name(code: &[char], at: usize) -> Option<String> {
    let starts = at == 0 || !is_word(code[at - 1]);
    if !starts || !code[at..].starts_with(&['f', 'n', ' ']) {
        return None;
    }
    let name: String = code[at + 3..]
        .iter()
        .copied()
        .take_while(|&c| is_word(c))
        .collect();
    (!name.is_empty()).then_some(name)
}

/// Offsets of the braces around the body of the function at `at`; none for a declaration.
fn body(code: &[char], at: usize) -> Option<(usize, usize)> {
    let mut depth = 0_usize;
    let mut open = None;
    for (offset, &c) in code.iter().enumerate().skip(at) {
        match (c, open) {
            ('(' | '[', None) => depth += 1,
            (')' | ']', None) => depth = depth.saturating_sub(1),
            (';', None) if depth == 0 => return None,
            ('{', None) if depth == 0 => {
                open = Some(offset);
                depth = 1;
            }
            ('{', Some(_)) => depth += 1,
            ('}', Some(first)) => {
                depth -= 1;
                if depth == 0 {
                    return Some((first, offset));
                }
            }
            _ => {}
        }
    }
    None
}

/// What the reader stands in.
enum Inside {
    Code,
    Line,
    Block(usize),
    /// A string that ends with a quote and this many hashes; `true` when backslashes escape.
    Text(usize, bool),
}

/// Blanks comments, strings and characters. Returns the code and the string literals.
fn blank(text: &str) -> (String, Vec<(usize, String)>) {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut literals = Vec::new();
    let mut inside = Inside::Code;
    let mut at = 0;
    let mut line = 0;
    while at < chars.len() {
        let rest = &chars[at..];
        let (length, next) = match inside {
            Inside::Code => open(&chars, at),
            Inside::Line => (1, (rest[0] == '\n').then_some(Inside::Code)),
            Inside::Block(depth) => match rest {
                ['*', '/', ..] if depth == 1 => (2, Some(Inside::Code)),
                ['*', '/', ..] => (2, Some(Inside::Block(depth - 1))),
                ['/', '*', ..] => (2, Some(Inside::Block(depth + 1))),
                _ => (1, None),
            },
            Inside::Text(hashes, escapes) => {
                let ends = rest[0] == '"' && rest[1..].iter().take(hashes).all(|&c| c == '#');
                match rest[0] {
                    '\\' if escapes => (2, None),
                    _ if ends => (1 + hashes, Some(Inside::Code)),
                    _ => (1, None),
                }
            }
        };
        let piece = &rest[..length.min(rest.len())];
        let keep = matches!(inside, Inside::Code) && next.is_none() && piece.len() == 1;
        if matches!((&inside, &next), (Inside::Text(..), None)) {
            let (_, literal): &mut (usize, String) = literals.last_mut().expect("one is open");
            literal.extend(piece);
        }
        if matches!(next, Some(Inside::Text(..))) {
            literals.push((line, String::new()));
        }
        for &c in piece {
            code.push(if keep || c == '\n' { c } else { ' ' });
            line += usize::from(c == '\n');
        }
        inside = next.unwrap_or(inside);
        at += length;
    }
    (code, literals)
}

/// What begins at `at` in code: the number of characters of its opening, and what it opens.
fn open(chars: &[char], at: usize) -> (usize, Option<Inside>) {
    let rest = &chars[at..];
    let after_word = at > 0 && is_word(chars[at - 1]);
    match rest {
        ['/', '/', ..] => (2, Some(Inside::Line)),
        ['/', '*', ..] => (2, Some(Inside::Block(1))),
        ['"', ..] => (1, Some(Inside::Text(0, true))),
        ['r' | 'b' | 'c', ..] if !after_word => {
            let prefix = rest
                .iter()
                .take_while(|c| matches!(c, 'r' | 'b' | 'c'))
                .count();
            let hashes = rest[prefix..].iter().take_while(|&&c| c == '#').count();
            let raw = rest[..prefix].contains(&'r');
            match rest.get(prefix + hashes) {
                Some('"') if prefix <= 2 && (raw || hashes == 0) => {
                    (prefix + hashes + 1, Some(Inside::Text(hashes, !raw)))
                }
                _ => (1, None),
            }
        }
        ['\'', '\\', ..] => {
            let end = rest.iter().skip(3).position(|&c| c == '\'');
            (end.map_or(1, |offset| offset + 4), None)
        }
        ['\'', _, '\'', ..] => (3, None),
        _ => (1, None),
    }
}

#[cfg(test)]
mod tests {
    use super::{Source, blank, has_word};

    fn source(text: &str) -> Source {
        let (code, literals) = blank(text);
        Source {
            path: "x/src/y.rs".to_owned(),
            text: text.to_owned(),
            code,
            literals,
        }
    }

    #[test]
    fn comments_and_literals_are_blanked_and_lines_stay() {
        let text = "let a = \"one /* \\\" two\"; // sled\n\
                    let b = r#\"x\"y\"#; /* a /* b */\n c */ 'x' '\\'' &'a";
        let read = source(text);
        assert_eq!(read.code.lines().count(), text.lines().count());
        let words = read.code.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(words, "let a = ; let b = ; &'a");
        let found: Vec<_> = read
            .literals
            .iter()
            .map(|(line, text)| (*line, text.as_str()))
            .collect();
        assert_eq!(found, [(0, "one /* \\\" two"), (1, "x\"y")]);
    }

    #[test]
    fn functions_are_found_with_their_length() {
        let text = "trait T { fn declared(&self, x: [u8; 4]); }\n\
                    fn long<T>(x: fn(u8) -> T) -> [u8; 2] {\n\
                    // no\n\n    if x { a; }\n    b\n}\n\
                    fn short() {}\n";
        let found: Vec<_> = source(text)
            .functions()
            .into_iter()
            .map(|f| (f.name, f.first_line, f.lines))
            .collect();
        assert_eq!(
            found,
            [("long".to_owned(), 1, 2), ("short".to_owned(), 7, 0)]
        );
    }

    #[test]
    fn inline_tests_are_not_counted() {
        let inline = "fn a() {}\n\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n";
        assert_eq!(source(inline).lines_before_tests(), 2);
        let apart = "#[cfg(test)]\nmod tests;\nfn a() {}\n";
        assert_eq!(source(apart).lines_before_tests(), 3);
    }

    #[test]
    fn words_stand_alone() {
        assert!(has_word("use sled::Db;", "sled"));
        assert!(!has_word("fn assembled()", "sled"));
    }
}

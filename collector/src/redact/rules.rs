//! Rules ready for use: one automaton for all keywords, one for each rule.

use std::collections::{BTreeMap, BTreeSet};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use regex_automata::Anchored;
use regex_automata::meta::{Config, Regex};
use regex_automata::util::syntax;
use regex_syntax::hir::{Class, Hir, HirKind};

use crate::limits::{MAX_REDACT_PATTERN, MAX_REDACT_RULES};
use crate::redact::builtin::{self, Builtin, Form};
use crate::redact::judge::Pair;
use crate::redact::settings::{RuleSettings, RulesError, Settings};

/// What is taken out of text.
#[derive(Debug)]
pub struct Rules {
    /// A rule that stands before another one names what both find.
    pub(super) rules: Vec<Rule>,
    pub(super) keywords: AhoCorasick,
    /// What each keyword begins.
    pub(super) begins: Vec<Begins>,
    /// Numbers of the rules that are tried on every line.
    pub(super) every_line: Vec<usize>,
    pub(super) card: Option<usize>,
    pub(super) block: Option<usize>,
    /// Whether a rule of the settings finds secrets of more than one word.
    pub(super) spaced: bool,
    allow: Vec<Regex>,
}

/// A keyword and the numbers of its rules.
#[derive(Debug)]
pub(super) struct Begins {
    pub(super) keyword: Box<str>,
    pub(super) rules: Vec<usize>,
}

/// A rule ready for use.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) name: Box<str>,
    pub(super) way: Way,
}

/// How a rule finds.
#[derive(Debug)]
pub(super) enum Way {
    /// By a pattern of this program, at a keyword.
    Pattern {
        regex: Regex,
        from: From,
        /// Whether the letters of the keyword count.
        exact: bool,
        judge: Option<fn(&[u8]) -> bool>,
    },
    /// By the name before a value.
    Value {
        regex: Regex,
        exact: bool,
        judge: fn(&Pair<'_>) -> bool,
    },
    /// By the name of a header before its value.
    Header { regex: Regex },
    /// By the name before the rest of a line.
    Line { regex: Regex },
    /// By a pattern of the settings, anywhere in a line.
    Custom { regex: Regex, group: usize },
    /// By code of its own.
    Code,
}

/// Where a pattern begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    /// So many bytes before the keyword.
    Before(usize),
    /// At the beginning of the word.
    Word,
}

impl Rules {
    /// The rules of this program with these changes.
    ///
    /// # Errors
    /// [`RulesError`] names the rule and what is wrong with it.
    pub fn new(settings: &Settings) -> Result<Self, RulesError> {
        let got = settings.rules.len().max(settings.allow.len());
        if got > MAX_REDACT_RULES {
            return Err(RulesError::TooMany { got });
        }
        let off: BTreeSet<&str> = settings.off.iter().map(String::as_str).collect();
        let known: BTreeSet<&str> = builtin::all().map(|rule| rule.name).collect();
        if let Some(name) = off.difference(&known).next() {
            return Err(RulesError::Unknown {
                name: (*name).to_owned(),
            });
        }
        let mut building = Building::default();
        let mut taken = known;
        for rule in &settings.rules {
            if !taken.insert(&rule.name) {
                return Err(RulesError::Taken {
                    name: rule.name.clone(),
                });
            }
            building.custom(rule)?;
        }
        for rule in builtin::all().filter(|rule| !off.contains(rule.name)) {
            building.builtin(rule)?;
        }
        let allow = settings.allow.iter().map(|pattern| {
            regex(pattern, true).map_err(|why| RulesError::Allow {
                pattern: pattern.clone(),
                why,
            })
        });
        building.finish(allow.collect::<Result<_, _>>()?)
    }

    /// Name and meaning of each rule of this program, in the order in which they name a secret.
    pub fn builtin() -> impl Iterator<Item = (&'static str, &'static str)> {
        builtin::all().map(|rule| (rule.name, rule.what))
    }

    /// Whether a secret is one that stays.
    pub(super) fn is_allowed(&self, secret: &[u8]) -> bool {
        self.allow.iter().any(|pattern| pattern.is_match(secret))
    }

    /// Name of a rule.
    pub(super) fn name(&self, rule: usize) -> &str {
        self.rules.get(rule).map_or("secret", |rule| &rule.name)
    }
}

/// Rules that are being put together.
#[derive(Default)]
struct Building<'a> {
    rules: Vec<Rule>,
    keywords: BTreeMap<&'a str, Vec<usize>>,
    every_line: Vec<usize>,
    card: Option<usize>,
    block: Option<usize>,
    spaced: bool,
}

impl<'a> Building<'a> {
    fn custom(&mut self, settings: &'a RuleSettings) -> Result<(), RulesError> {
        let name = settings.name.clone();
        let fits = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if !(1..=40).contains(&name.len()) || !name.bytes().all(fits) {
            return Err(RulesError::Name { name });
        }
        if settings.keywords.iter().any(String::is_empty) {
            return Err(RulesError::Keyword { name });
        }
        let regex = match regex(&settings.pattern, true) {
            Ok(regex) => regex,
            Err(why) => return Err(RulesError::Pattern { name, why }),
        };
        if regex.is_match("") {
            return Err(RulesError::Empty { name });
        }
        let (group, last) = (settings.group, regex.captures_len().saturating_sub(1));
        if group > last {
            return Err(RulesError::Group { name, group, last });
        }
        self.spaced |= matches_space(&settings.pattern);
        if settings.keywords.is_empty() {
            self.every_line.push(self.rules.len());
        }
        let keywords = settings.keywords.iter().map(String::as_str);
        self.add(&settings.name, keywords, Way::Custom { regex, group });
        Ok(())
    }

    fn builtin(&mut self, rule: &'static Builtin) -> Result<(), RulesError> {
        let build = |pattern: &str| {
            let exact = !pattern.starts_with("(?i)");
            match regex(pattern, false) {
                Ok(regex) => Ok((regex, exact)),
                Err(why) => Err(RulesError::Pattern {
                    name: rule.name.to_owned(),
                    why,
                }),
            }
        };
        let way = |pattern, from, judge| {
            let (regex, exact) = build(pattern)?;
            Ok(Way::Pattern {
                regex,
                from,
                exact,
                judge,
            })
        };
        let way = match rule.form {
            Form::Pattern(pattern) => way(pattern, From::Before(0), None)?,
            Form::Judged(pattern, judge) => way(pattern, From::Before(0), Some(judge))?,
            Form::Before(pattern, back) => way(pattern, From::Before(back), None)?,
            Form::Word(pattern) => way(pattern, From::Word, None)?,
            Form::Value(pattern, judge) => {
                let (regex, exact) = build(pattern)?;
                Way::Value {
                    regex,
                    exact,
                    judge,
                }
            }
            Form::Header(pattern) => Way::Header {
                regex: build(pattern)?.0,
            },
            Form::Line(pattern) => Way::Line {
                regex: build(pattern)?.0,
            },
            Form::Card => {
                self.card = Some(self.rules.len());
                Way::Code
            }
            Form::Block => {
                self.block = Some(self.rules.len());
                Way::Code
            }
        };
        self.add(rule.name, rule.keywords.iter().copied(), way);
        Ok(())
    }

    fn add(&mut self, name: &str, keywords: impl Iterator<Item = &'a str>, way: Way) {
        for keyword in keywords {
            self.keywords
                .entry(keyword)
                .or_default()
                .push(self.rules.len());
        }
        self.rules.push(Rule {
            name: name.into(),
            way,
        });
    }

    fn finish(self, allow: Vec<Regex>) -> Result<Rules, RulesError> {
        let keywords = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::DFA))
            .build(self.keywords.keys());
        let keywords = keywords.map_err(|error| RulesError::Keywords {
            why: error.to_string(),
        })?;
        let begins = self.keywords.into_iter().map(|(keyword, rules)| Begins {
            keyword: keyword.into(),
            rules,
        });
        Ok(Rules {
            rules: self.rules,
            keywords,
            begins: begins.collect(),
            every_line: self.every_line,
            card: self.card,
            block: self.block,
            spaced: self.spaced,
            allow,
        })
    }
}

/// Builds a pattern over bytes. Those of the settings know the characters of Unicode.
fn regex(pattern: &str, unicode: bool) -> Result<Regex, String> {
    let config = Config::new()
        .nfa_size_limit(Some(MAX_REDACT_PATTERN))
        .utf8_empty(false);
    Regex::builder()
        .configure(config)
        .syntax(syntax::Config::new().unicode(unicode).utf8(false))
        .build(pattern)
        .map_err(|error| match error.syntax_error() {
            Some(error) => error.to_string(),
            None => error.to_string(),
        })
}

/// A search from one place on only.
pub(super) const AT_KEYWORD: Anchored = Anchored::Yes;

/// Whether what a pattern finds may hold white space. A pattern that cannot be read may.
fn matches_space(pattern: &str) -> bool {
    let mut parser = regex_syntax::ParserBuilder::new().utf8(false).build();
    parser.parse(pattern).map_or(true, |hir| has_space(&hir))
}

fn has_space(hir: &Hir) -> bool {
    let space = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => false,
        HirKind::Literal(literal) => literal.0.iter().any(space),
        HirKind::Class(Class::Bytes(class)) => class
            .iter()
            .any(|range| (range.start()..=range.end()).any(|byte| space(&byte))),
        HirKind::Class(Class::Unicode(class)) => class.iter().any(|range| {
            (b'\t'..=b' ')
                .filter(space)
                .any(|byte| (range.start()..=range.end()).contains(&char::from(byte)))
        }),
        HirKind::Repetition(repetition) => has_space(&repetition.sub),
        HirKind::Capture(capture) => has_space(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(has_space),
    }
}

#[cfg(test)]
mod tests;

//! Finds secrets in a piece of text: whole lines, or a window of a long one.
//!
//! What a rule finds follows from the line alone, from the keyword on, so that it does not matter
//! how the text came. Only two things go from piece to piece: a private key that has not ended, and
//! a secret that reached the end of a window.

mod named;

use std::ops::Range;

use memchr::{memchr, memrchr};
use regex_automata::Input;
use regex_automata::meta::Regex;

use crate::limits::REDACT_CONTEXT;
use crate::redact::block::{self, Block};
use crate::redact::card;
use crate::redact::rules::{AT_KEYWORD, From, Rules, Way};
use crate::redact::value;

/// What goes from one piece of text to the next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct State {
    /// A private key that has not ended.
    pub(super) block: Option<Block>,
    /// Whether the text begins within a secret that was taken out so far.
    pub(super) running: bool,
}

/// A secret in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) range: Range<usize>,
    /// Where it ends that more of the line could belong to it; at least the end of the range.
    pub(super) end: usize,
    pub(super) rule: usize,
    /// Whether it is more of a secret that was counted.
    pub(super) silent: bool,
}

/// What is in a text.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Secrets in order, apart from each other.
    pub(super) found: Vec<Found>,
    /// The first place from which on a value may go on behind the text.
    pub(super) open: Option<usize>,
}

/// A keyword in its line.
#[derive(Debug, Clone)]
struct Hit {
    keyword: Range<usize>,
    line: Range<usize>,
    /// Whether it has the letters of the rules, and not the same ones in another case.
    exact: bool,
}

/// Finds all secrets.
pub(super) fn scan(rules: &Rules, text: &[u8], state: &mut State) -> Scan {
    let mut scanner = Scanner {
        rules,
        text,
        scan: Scan::default(),
        covered: Vec::new(),
    };
    scanner.running(state);
    scanner.keywords();
    scanner.every_line();
    if let Some(rule) = rules.card {
        card::find(text, |range| {
            let end = range.end;
            scanner.take(rule, range, end);
        });
    }
    scanner.blocks(state);
    scanner.finish()
}

struct Scanner<'a> {
    rules: &'a Rules,
    text: &'a [u8],
    scan: Scan,
    /// Up to where each rule has found: a keyword within a secret begins no other one.
    covered: Vec<usize>,
}

impl Scanner<'_> {
    fn take(&mut self, rule: usize, range: Range<usize>, end: usize) {
        let secret = self.text.get(range.clone()).unwrap_or_default();
        if secret.is_empty() || self.rules.is_allowed(secret) {
            return;
        }
        let end = end.max(range.end);
        if let Some(covered) = self.covered.get_mut(rule) {
            *covered = end.max(*covered);
        }
        self.scan.found.push(Found {
            range,
            end,
            rule,
            silent: false,
        });
    }

    /// The rest of a secret that began before.
    fn running(&mut self, state: &mut State) {
        if !state.running {
            return;
        }
        let end = self.text.iter().position(|byte| value::ends(*byte));
        state.running = end.is_none();
        let end = end.unwrap_or(self.text.len());
        self.scan.found.push(Found {
            range: 0..end,
            end,
            rule: usize::MAX,
            silent: true,
        });
    }

    fn keywords(&mut self) {
        let (rules, text) = (self.rules, self.text);
        let mut line = 0..0;
        for found in rules.keywords.find_overlapping_iter(text) {
            let keyword = found.start()..found.end();
            if self.covered.is_empty() {
                self.covered = vec![0; rules.rules.len()];
            }
            if line.end <= keyword.start {
                let rest = &text[keyword.start..];
                line =
                    keyword.start..memchr(b'\n', rest).map_or(text.len(), |at| keyword.start + at);
            }
            let Some(begins) = rules.begins.get(found.pattern().as_usize()) else {
                continue;
            };
            let hit = Hit {
                exact: text[keyword.clone()] == *begins.keyword.as_bytes(),
                line: line.clone(),
                keyword,
            };
            for rule in &begins.rules {
                if hit.keyword.start >= self.covered[*rule] {
                    self.hit(*rule, &hit);
                }
            }
        }
    }

    fn hit(&mut self, number: usize, hit: &Hit) {
        let Some(rule) = self.rules.rules.get(number) else {
            return;
        };
        match &rule.way {
            Way::Pattern {
                regex,
                from,
                exact,
                judge,
            } => {
                if *exact && !hit.exact {
                    return;
                }
                let Some(start) = self.start(*from, hit) else {
                    return;
                };
                if let Some((secret, end)) = self.matched(regex, start..hit.line.end, 1)
                    && judge.is_none_or(|judge| judge(&self.text[secret.clone()]))
                {
                    self.take(number, secret, end);
                }
            }
            Way::Value {
                regex,
                exact,
                judge,
            } => {
                if *exact && !hit.exact {
                    return;
                }
                let input = self.input(hit.keyword.start..hit.line.end);
                if let Some(name) = regex.search_half(&input) {
                    self.value(number, hit, name.offset(), *judge);
                }
            }
            Way::Header { regex } => {
                let input = self.input(hit.keyword.start..hit.line.end);
                if let Some(name) = regex.search_half(&input) {
                    self.header(number, hit, name.offset());
                }
            }
            Way::Line { regex } => {
                let input = self.input(hit.keyword.start..hit.line.end);
                if let Some(name) = regex.search_half(&input) {
                    self.rest(number, name.offset(), hit.line.end);
                }
            }
            Way::Custom { regex, group } => self.custom(number, regex, *group, hit.keyword.start),
            Way::Code => {}
        }
    }

    fn start(&self, from: From, hit: &Hit) -> Option<usize> {
        match from {
            From::Before(count) => hit.keyword.start.checked_sub(count),
            From::Word => {
                let from = hit.keyword.start.saturating_sub(REDACT_CONTEXT / 2);
                let before = &self.text[from..hit.keyword.start];
                let word = before.iter().rposition(|byte| value::ends(*byte));
                Some(word.map_or(from, |at| from + at + 1))
            }
        }
    }

    fn input(&self, range: Range<usize>) -> Input<'_> {
        Input::new(self.text).range(range).anchored(AT_KEYWORD)
    }

    /// The secret that a pattern finds at the start of a range, and the end of the whole match.
    fn matched(
        &self,
        regex: &Regex,
        range: Range<usize>,
        group: usize,
    ) -> Option<(Range<usize>, usize)> {
        let start = range.start;
        let input = self.input(range);
        let end = regex.search_half(&input)?.offset();
        if regex.captures_len() <= group {
            return Some((start..end, end));
        }
        let mut captures = regex.create_captures();
        regex.search_captures(&input, &mut captures);
        let secret = captures.get_group(group)?;
        Some((secret.range(), end))
    }

    fn open(&mut self, at: usize) {
        self.scan.open = Some(self.scan.open.map_or(at, |open| open.min(at)));
    }

    /// A pattern of the settings, in the whole line around a place.
    fn custom(&mut self, number: usize, regex: &Regex, group: usize, at: usize) {
        let start = memrchr(b'\n', &self.text[..at]).map_or(0, |before| before + 1);
        let end = memchr(b'\n', &self.text[at..]).map_or(self.text.len(), |len| at + len);
        let line = &self.text[start..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if let Some(covered) = self.covered.get_mut(number) {
            *covered = end + 1;
        }
        for captures in regex.captures_iter(line) {
            if let Some(secret) = captures.get_group(group) {
                let whole = captures.get_match().map_or(secret.end, |whole| whole.end());
                let range = start + secret.start..start + secret.end;
                self.take(number, range, start + whole);
            }
        }
    }

    /// Rules of the settings without keywords.
    fn every_line(&mut self) {
        let rules = self.rules;
        for number in &rules.every_line {
            let Some(Way::Custom { regex, group }) = rules.rules.get(*number).map(|rule| &rule.way)
            else {
                continue;
            };
            let mut at = 0;
            while at < self.text.len() {
                self.custom(*number, regex, *group, at);
                at = memchr(b'\n', &self.text[at..]).map_or(self.text.len(), |len| at + len + 1);
            }
        }
    }

    fn blocks(&mut self, state: &mut State) {
        let Some(rule) = self.rules.block else {
            return;
        };
        let blocks = block::find(self.text, &mut state.block);
        for (range, silent) in blocks.parts {
            self.scan.found.push(Found {
                end: range.end,
                range,
                rule,
                silent,
            });
        }
        if let Some(open) = blocks.open {
            self.open(open);
        }
    }

    /// Joins what overlaps; the rule with the lowest number names it.
    fn finish(mut self) -> Scan {
        if self.scan.found.len() > 1 {
            self.scan.found.sort_by_key(|found| found.range.start);
        }
        let mut joined: Vec<Found> = Vec::with_capacity(self.scan.found.len());
        for mut next in self.scan.found.drain(..) {
            whole_characters(self.text, &mut next.range);
            if next.range.is_empty() {
                continue;
            }
            match joined.last_mut() {
                Some(last) if next.range.start < last.range.end => {
                    last.range.end = last.range.end.max(next.range.end);
                    last.end = last.end.max(next.end);
                    last.rule = last.rule.min(next.rule);
                    last.silent |= next.silent;
                }
                _ => joined.push(next),
            }
        }
        self.scan.found = joined;
        self.scan
    }
}

/// Widens a range to the characters of UTF-8 that it cuts.
fn whole_characters(text: &[u8], range: &mut Range<usize>) {
    let within = |at: usize| text.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
    for _ in 0..3 {
        if range.start > 0 && within(range.start) {
            range.start -= 1;
        }
        if within(range.end) {
            range.end += 1;
        }
    }
}

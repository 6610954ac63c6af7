//! Redaction of bytes that come in pieces, cut anywhere.

mod lines;
mod quiet;

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::sync::Arc;

use crate::limits::{REDACT_CONTEXT, REDACT_STEP, REDACT_TAIL, REDACT_WINDOW};
use crate::redact::rules::Rules;
use crate::redact::scan::{Found, State, scan};
use crate::redact::stream::lines::{Lines, Look};
use crate::redact::view::View;

/// How the place of a secret is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marks {
    /// `[redacted:RULE]`.
    Named,
    /// `*`, which is never longer than what it stands for.
    Short,
}

/// Takes secrets out of terminal output, or any other bytes that come in pieces.
///
/// A line is looked at as a whole, so the end of the bytes is held back until its line ends:
///
/// - [`Stream::push`] gives out whole lines. It holds at most
///   [`REDACT_WINDOW`](crate::limits::REDACT_WINDOW) bytes; of a longer line it gives out the
///   beginning, and looks at the last 4,096 bytes of that again with what follows.
/// - [`Stream::flush_quiet`] gives out what is safe in the middle of a line: see there.
/// - [`Stream::flush`] gives out everything; nothing follows.
///
/// The bytes that come out are those that went in, in order, but for secrets: in the place of each
/// stands `[redacted:RULE]`. Escape sequences within a secret stay. What comes out does not depend
/// on how the bytes were cut.
#[derive(Debug)]
pub struct Stream {
    rules: Arc<Rules>,
    marks: Marks,
    /// The last line as far as it came, the part that was given out included, and less once
    /// everything of it was.
    held: Vec<u8>,
    /// How many of the held bytes were given out.
    released: usize,
    lines: Lines,
    state: State,
    counts: Vec<u64>,
}

impl Stream {
    pub(super) fn new(rules: Arc<Rules>) -> Self {
        Self::resumed(rules, State::default(), Marks::Named)
    }

    /// A stream that goes on in this state.
    pub(super) fn resumed(rules: Arc<Rules>, state: State, marks: Marks) -> Self {
        Self {
            marks,
            held: Vec::new(),
            released: 0,
            lines: Lines::default(),
            state,
            counts: vec![0; rules.rules.len()],
            rules,
        }
    }

    /// Tells how wide the terminal is, in columns. A line end exactly at its right margin is then
    /// taken for one that a program made there, and a secret that goes on behind it is found.
    /// Without it, or at 0, every line end is one.
    pub fn set_columns(&mut self, columns: u16) {
        self.lines.columns = NonZeroU16::new(columns);
    }

    /// Takes the next bytes, and appends to `out` what can be given out.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        for part in bytes.chunks(REDACT_STEP) {
            self.held.extend_from_slice(part);
            self.advance(out);
        }
    }

    /// Gives out what is safe although its line has not ended, because nothing came for a while.
    ///
    /// That is all of the line up to its last white space, or less:
    ///
    /// - not digits at the end that may become a card's number,
    /// - not a quoted value whose quote has not ended, nor the value of a `Cookie:` header,
    /// - nothing behind the first line of a private key, as long as it may go on,
    /// - nothing at all when a rule of the settings can match white space.
    ///
    /// It is safe because every other rule finds its secret within one word; what stands before
    /// it in the line is still seen when the word comes. So a prompt is given out at once, and of
    /// a command that is being typed all but its last word.
    pub fn flush_quiet(&mut self, out: &mut Vec<u8>) {
        let mut state = self.state.clone();
        let wraps = self.lines.wraps_so_far(&self.held);
        let view = View::new(&self.held, &wraps);
        let found = scan(&self.rules, view.plain(), &mut state);
        let end = quiet::release(&self.rules, view.plain(), &self.state, &found);
        let end = view.raw_of(end);
        if end > self.released {
            let to = self.released..end;
            Giving {
                rules: &self.rules,
                marks: self.marks,
                counts: &mut self.counts,
            }
            .give(&view, &found.found, to, out);
            self.released = end;
        }
    }

    /// Gives out everything: the bytes have ended.
    pub fn flush(&mut self, out: &mut Vec<u8>) {
        let end = self.held.len();
        self.whole_lines(0, end, out);
        self.forget(end);
        self.state.running = false;
    }

    /// Bytes that are held back.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.len() - self.released
    }

    /// Number of secrets that were taken out so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The same by the name of the rule, without rules that found none.
    #[must_use]
    pub fn by_rule(&self) -> BTreeMap<String, u64> {
        let counts = self
            .counts
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0);
        counts
            .map(|(rule, count)| (self.rules.name(rule).to_owned(), *count))
            .collect()
    }

    /// What the next stream goes on with.
    pub(super) fn into_state(self) -> State {
        self.state
    }

    /// Gives out whole lines, and the windows of long ones.
    fn advance(&mut self, out: &mut Vec<u8>) {
        // Where lines begin that were not looked at, and where the whole ones end.
        let (mut from, mut whole) = (0, 0);
        loop {
            match self.lines.look(&self.held, whole) {
                Look::Line(end) => whole = end,
                Look::Long => {
                    self.whole_lines(from, whole, out);
                    from = self.window(whole, out);
                    whole = from;
                }
                Look::More => {
                    self.whole_lines(from, whole, out);
                    return self.forget(whole);
                }
            }
        }
    }

    fn whole_lines(&mut self, from: usize, to: usize, out: &mut Vec<u8>) {
        if from == to {
            return;
        }
        let wraps = self.lines.wraps_in(from, to);
        let view = View::new(&self.held[from..to], &wraps);
        let scan = scan(&self.rules, view.plain(), &mut self.state);
        self.state.running = false;
        let given = self.released.saturating_sub(from)..to - from;
        Giving {
            rules: &self.rules,
            marks: self.marks,
            counts: &mut self.counts,
        }
        .give(&view, &scan.found, given, out);
        self.released = to;
    }

    /// Gives out the beginning of a long line; where what is looked at next begins.
    fn window(&mut self, from: usize, out: &mut Vec<u8>) -> usize {
        let to = from + REDACT_WINDOW;
        let wraps = self.lines.wraps_in(from, to);
        let view = View::new(&self.held[from..to], &wraps);
        let text = view.plain();
        let scan = scan(&self.rules, text, &mut self.state);
        // What the rules may still find begins at most so many bytes before the end.
        let mut cut = text.len().saturating_sub(REDACT_TAIL);
        let progress = view.raw_of(cut) >= REDACT_WINDOW / 2;
        if self.state.block.is_some() || !progress {
            cut = text.len();
        }
        for found in &scan.found {
            if found.range.start < cut {
                cut = cut.max(found.range.end);
            }
        }
        let open = scan.found.last();
        let open = open.filter(|last| last.range.start < cut && last.end >= text.len());
        self.state.running |= open.is_some() && self.state.block.is_none();
        let all = self.state.running || self.state.block.is_some();
        let end = if all || cut == text.len() {
            REDACT_WINDOW
        } else {
            view.raw_of(cut)
        };
        let given = self.released.saturating_sub(from)..end;
        Giving {
            rules: &self.rules,
            marks: self.marks,
            counts: &mut self.counts,
        }
        .give(&view, &scan.found, given, out);
        self.released = from + end;
        // What follows a secret that goes on is told by nothing before it.
        if all {
            from + end
        } else {
            from + end - REDACT_CONTEXT
        }
    }

    /// Lets go of bytes that were given out and are not needed any more.
    fn forget(&mut self, to: usize) {
        self.held.drain(..to);
        self.released = self.released.saturating_sub(to);
        self.lines.forget(to);
    }
}

/// What it takes to give out bytes without their secrets.
struct Giving<'a> {
    rules: &'a Rules,
    marks: Marks,
    counts: &'a mut [u64],
}

impl Giving<'_> {
    /// Gives out a range of the bytes.
    fn give(
        self,
        view: &View<'_>,
        found: &[Found],
        range: std::ops::Range<usize>,
        out: &mut Vec<u8>,
    ) {
        let raw = view.raw();
        let mut at = range.start;
        let first = found.partition_point(|found| view.raw_end(found.range.end) <= at);
        for found in &found[first..] {
            let (start, end) = (
                view.raw_of(found.range.start),
                view.raw_end(found.range.end),
            );
            if start >= range.end {
                break;
            }
            let start = start.max(at);
            out.extend_from_slice(&raw[at..start]);
            if !found.silent {
                self.counts[found.rule] += 1;
                match self.marks {
                    Marks::Named => {
                        out.extend_from_slice(b"[redacted:");
                        out.extend_from_slice(self.rules.name(found.rule).as_bytes());
                        out.push(b']');
                    }
                    Marks::Short => out.push(b'*'),
                }
            }
            at = end.max(start);
            view.between(start, at, out);
        }
        out.extend_from_slice(raw.get(at..range.end).unwrap_or_default());
    }
}

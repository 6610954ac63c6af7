//! Records out of the lines of a followed file: a line each, or CSV whose records span lines.
//!
//! # Damage
//!
//! A record that was cut, as by a crash of its writer, leaves a quote open, and the next record
//! would be read as its text. That shows where a quote closes within a field. Then the lines before
//! are given out as damaged, and the line is read anew, if it begins as a record does. A text with
//! a forged record in it cannot do this: while nothing is damaged, quotes in it are doubled.

use std::fmt;

use bytes::Bytes;
use countersign_proto::v1;

use crate::input::csvlog::csv::{CsvError, Scanner};
use crate::input::record::{Record, Understood};
use crate::limits::{MAX_RECORD, READING};
use crate::tail::content::{Content, Taken};
use crate::tail::file::{Line, LineEnd};

/// Reads whole records.
pub(crate) trait Grammar: fmt::Debug + Send {
    /// A record without its last line end.
    fn record(&self, raw: Bytes, position: u64) -> Record;

    /// Whether a line begins as a record does.
    fn begins(&self, line: &[u8]) -> bool;
}

/// How records end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With each line.
    Line,
    /// With a line that ends outside of quotes.
    Csv,
}

/// Collects the lines of a record.
#[derive(Debug)]
pub(crate) struct Records<G> {
    source: String,
    grammar: G,
    ending: Ending,
    scanner: Scanner,
    /// Where in the file `held` begins.
    begin: u64,
    /// What there is of the record, line ends included.
    held: Vec<u8>,
    /// Where in `held` the line begins that is being read.
    line_start: usize,
    /// What is wrong with the line; the record ends with it.
    broken: Option<CsvError>,
    /// Pieces of the record that were given out because it is too long.
    pieces: u64,
}

impl<G: Grammar> Records<G> {
    pub(crate) fn new(source: String, grammar: G, ending: Ending) -> Self {
        Self {
            source,
            grammar,
            ending,
            scanner: Scanner::default(),
            begin: 0,
            held: Vec::new(),
            line_start: 0,
            broken: None,
            pieces: 0,
        }
    }

    fn damaged(&self, raw: &[u8], position: u64, why: impl fmt::Display) -> Record {
        Record {
            source: self.source.clone(),
            position: position.to_string(),
            raw: Bytes::copy_from_slice(raw),
            understood: Understood::malformed(&why),
        }
    }

    /// Takes the bytes that are new in `held` into account.
    fn scan(&mut self, from: usize, events: &mut Vec<v1::ExternalEvent>) {
        if self.ending == Ending::Line || self.broken.is_some() {
            return;
        }
        let Err(error) = self.scanner.feed(&self.held[from..]) else {
            return;
        };
        // What was before the line is not what it seemed to be.
        let (before, line) = self.held.split_at(self.line_start);
        if !before.is_empty() && self.grammar.begins(line) {
            let before = before.strip_suffix(b"\n").unwrap_or(before);
            let why = format!("{error}; the record has no end");
            events.extend(self.damaged(before, self.begin, why).into_events());
            self.held.drain(..self.line_start);
            self.begin += wide(self.line_start);
            (self.line_start, self.pieces) = (0, 0);
            self.scanner = Scanner::default();
            self.broken = self.scanner.feed(&self.held).err();
        } else {
            self.broken = Some(error);
        }
    }

    /// Gives out what is held, as the end of a record.
    fn finish(&mut self, why: Option<String>) -> Vec<v1::ExternalEvent> {
        let held = std::mem::take(&mut self.held);
        let (pieces, broken) = (std::mem::take(&mut self.pieces), self.broken.take());
        let position = self.begin;
        self.scanner = Scanner::default();
        self.line_start = 0;
        if pieces == 0 && held.iter().all(u8::is_ascii_whitespace) {
            return Vec::new();
        }
        let why = why.or_else(|| broken.map(|error| error.to_string()));
        let why = if pieces > 0 {
            Some(too_long(pieces + 1))
        } else {
            why
        };
        let record = match why {
            Some(why) => self.damaged(&held, position, why),
            None => self.grammar.record(held.into(), position),
        };
        record.into_events()
    }

    /// Gives out what is held of a record that does not fit into memory.
    fn spill(&mut self, events: &mut Vec<v1::ExternalEvent>) {
        if self.held.len() <= MAX_RECORD {
            return;
        }
        self.pieces += 1;
        let record = self.damaged(&self.held, self.begin, too_long(self.pieces));
        events.extend(record.into_events());
        self.begin += wide(self.held.len());
        self.held.clear();
        self.line_start = 0;
    }
}

fn too_long(piece: u64) -> String {
    format!("the record has more than {MAX_RECORD} bytes and is not read; this is piece {piece}")
}

impl<G: Grammar> Content for Records<G> {
    fn take(&mut self, line: &Line) -> Taken {
        let mut events = Vec::new();
        if !self.is_begun() {
            self.begin = line.offset;
            self.line_start = 0;
        }
        let from = self.held.len();
        self.held.extend_from_slice(&line.bytes);
        self.scan(from, &mut events);
        match line.end {
            LineEnd::Part => self.spill(&mut events),
            LineEnd::Newline if self.scanner.is_quoted() && self.broken.is_none() => {
                let from = self.held.len();
                self.held.push(b'\n');
                self.scan(from, &mut events);
                self.line_start = self.held.len();
                self.spill(&mut events);
            }
            LineEnd::Newline => events.extend(self.finish(None)),
            LineEnd::File => {
                let quoted = self.scanner.is_quoted() && self.broken.is_none();
                let why = "the file ended within the record".to_owned();
                events.extend(self.finish(quoted.then_some(why)));
            }
        }
        Taken {
            events,
            is_whole: !self.is_begun(),
        }
    }

    fn give_up(&mut self) -> Vec<v1::ExternalEvent> {
        if !self.is_begun() {
            return Vec::new();
        }
        self.finish(Some("the file ended within the record".to_owned()))
    }

    fn is_begun(&self) -> bool {
        !self.held.is_empty() || self.pieces > 0
    }

    fn reading(&self) -> String {
        format!("{:?} {READING}", self.ending)
    }

    fn zone(&self) -> &str {
        ""
    }
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;

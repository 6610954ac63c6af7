//! What a session showed, as lines of text.
//!
//! Each line is kept until its end, with a cursor: a shell that redraws what is typed, or a
//! progress bar that writes over itself, leaves the line as it last looked. Escape sequences that
//! move within the line or erase parts of it are followed; those that go elsewhere on the screen
//! end the line, so that a full-screen program gives its texts in the order in which it painted
//! them.

use std::io::Write;

use vte::{Params, Parser, Perform};

use crate::limits::MAX_TEXT_LINE;
use crate::recording::ShowError;
use crate::recording::asciicast::Code;
use crate::recording::cast::{Cast, Source};

/// A line of what was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its place among the lines of the recording, from 1.
    pub number: u64,
    /// When its first letter was shown, in microseconds since the beginning.
    pub at: u64,
    /// The text, without trailing spaces.
    pub text: String,
}

/// Makes lines of output.
#[derive(Default)]
pub(crate) struct Lines {
    parser: Parser,
    page: Page,
}

impl Lines {
    /// Takes output that was shown at this time; gives the lines that it ended.
    pub(crate) fn push(&mut self, at: u64, data: &str) -> std::vec::Drain<'_, Line> {
        self.page.now = at;
        self.parser.advance(&mut self.page, data.as_bytes());
        self.page.done.drain(..)
    }

    /// Gives the last line, if something is in it.
    pub(crate) fn finish(&mut self) -> Option<Line> {
        if !self.page.line.is_empty() {
            self.page.end_line();
        }
        self.page.done.pop()
    }
}

#[derive(Default)]
struct Page {
    now: u64,
    number: u64,
    begun: Option<u64>,
    line: Vec<char>,
    column: usize,
    done: Vec<Line>,
}

impl Page {
    fn end_line(&mut self) {
        self.number += 1;
        let text: String = self.line.drain(..).collect();
        self.done.push(Line {
            number: self.number,
            at: self.begun.take().unwrap_or(self.now),
            text: text.trim_end_matches(' ').to_owned(),
        });
        self.column = 0;
    }

    /// What comes is somewhere else on the screen.
    fn leave(&mut self) {
        if self.line.iter().any(|letter| *letter != ' ') {
            self.end_line();
        }
        self.line.clear();
        self.column = 0;
    }

    fn forward(&mut self, count: usize) {
        self.column = self.column.saturating_add(count).min(MAX_TEXT_LINE - 1);
    }

    fn erase(&mut self, mode: u16) {
        let column = self.column.min(self.line.len());
        match mode {
            0 => self.line.truncate(column),
            1 => self.line[..column].fill(' '),
            _ => self.line.clear(),
        }
    }
}

impl Perform for Page {
    fn print(&mut self, letter: char) {
        if self.column >= MAX_TEXT_LINE {
            self.end_line();
        }
        self.begun.get_or_insert(self.now);
        if self.line.len() < self.column {
            self.line.resize(self.column, ' ');
        }
        match self.line.get_mut(self.column) {
            Some(place) => *place = letter,
            None => self.line.push(letter),
        }
        self.column += 1;
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\n' | 0x0b | 0x0c => self.end_line(),
            b'\r' => self.column = 0,
            0x08 => self.column = self.column.saturating_sub(1),
            b'\t' => self.forward(8 - self.column % 8),
            _ => {}
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, last: char) {
        if ignore || !intermediates.is_empty() {
            return;
        }
        let first = params
            .iter()
            .next()
            .and_then(|one| one.first().copied())
            .unwrap_or(0);
        let count = usize::from(first.max(1));
        match last {
            'C' | 'a' => self.forward(count),
            'D' => self.column = self.column.saturating_sub(count),
            'G' | '`' => {
                self.column = 0;
                self.forward(count - 1);
            }
            'K' => self.erase(first),
            'P' => {
                let end = self.column.saturating_add(count).min(self.line.len());
                if self.column < end {
                    self.line.drain(self.column..end);
                }
            }
            '@' if self.column < self.line.len() && self.line.len() + count < MAX_TEXT_LINE => {
                let blank = std::iter::repeat_n(' ', count);
                self.line.splice(self.column..self.column, blank);
            }
            'X' => {
                let end = self.column.saturating_add(count).min(self.line.len());
                if self.column < end {
                    self.line[self.column..end].fill(' ');
                }
            }
            // Erasing below the cursor, as shells do at each prompt, leaves the line itself.
            'J' if first == 0 => self.erase(0),
            'H' | 'f' | 'd' | 'A' | 'B' | 'E' | 'F' | 'J' => self.leave(),
            _ => {}
        }
    }

    fn esc_dispatch(&mut self, intermediates: &[u8], _ignore: bool, byte: u8) {
        if intermediates.is_empty() && matches!(byte, b'D' | b'E' | b'M' | b'c') {
            self.leave();
        }
    }
}

/// Writes what was shown as plain text, line by line.
///
/// # Errors
/// [`ShowError`].
pub async fn text<S: Source, W: Write>(cast: &mut Cast<S>, out: &mut W) -> Result<(), ShowError> {
    let mut lines = Lines::default();
    while let Some(event) = cast.next().await? {
        if event.code == Code::Output {
            for line in lines.push(event.at, &event.data) {
                writeln!(out, "{}", line.text)?;
            }
        }
    }
    if let Some(line) = lines.finish() {
        writeln!(out, "{}", line.text)?;
    }
    out.flush()?;
    Ok(())
}

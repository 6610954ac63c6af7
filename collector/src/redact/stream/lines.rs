//! Where lines end: at a line feed, unless a program made it at the right margin of the terminal.

use std::num::NonZeroU16;

use memchr::{memchr_iter, memrchr};

use crate::limits::REDACT_WINDOW;
use crate::redact::view::View;

/// How far the held bytes were searched.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Width of the terminal, when it is known.
    pub(super) columns: Option<NonZeroU16>,
    /// Up to where.
    searched: usize,
    /// Where the last row of the terminal begins.
    row: usize,
    /// Line feeds that end no line.
    wraps: Vec<usize>,
}

/// What follows a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Lines, of which the last one ends here, behind its line feed.
    Line(usize),
    /// A line that is longer than a window.
    Long,
    /// A line that has not ended.
    More,
}

impl Lines {
    /// Looks for the last end of a line in the window that begins with a line at `from`.
    pub(super) fn look(&mut self, held: &[u8], from: usize) -> Look {
        let to = held.len().min(from + REDACT_WINDOW);
        let last = if self.columns.is_some() {
            self.last_of_rows(held, to)
        } else {
            let unseen = held.get(self.searched..to).unwrap_or_default();
            let feed = memrchr(b'\n', unseen).map(|feed| self.searched + feed + 1);
            self.searched = self.searched.max(to);
            feed
        };
        match last {
            Some(end) => Look::Line(end),
            None if to == from + REDACT_WINDOW => Look::Long,
            None => Look::More,
        }
    }

    /// The last end of a line before `to`, where some line feeds may be none.
    fn last_of_rows(&mut self, held: &[u8], to: usize) -> Option<usize> {
        let mut last = None;
        let unseen = self.searched;
        for feed in memchr_iter(b'\n', held.get(unseen..to).unwrap_or_default()) {
            let feed = unseen + feed;
            match held.get(feed + 1) {
                // What follows decides; at the end of a window it does not follow any more.
                None if to == held.len() && self.is_row(held, feed) => {
                    self.searched = feed;
                    return last;
                }
                Some(next) if !next.is_ascii_whitespace() && self.is_row(held, feed) => {
                    self.wraps.push(feed);
                }
                _ => last = Some(feed + 1),
            }
            self.row = feed + 1;
        }
        self.searched = self.searched.max(to);
        last
    }

    /// Whether the row up to this line feed is as wide as the terminal, without white space at its
    /// end.
    fn is_row(&self, held: &[u8], feed: usize) -> bool {
        let columns = self.columns.map_or(0, |columns| usize::from(columns.get()));
        let row = held.get(self.row..feed).unwrap_or_default();
        let row = row.strip_suffix(b"\r").unwrap_or(row);
        if row.len() < columns {
            return false;
        }
        let view = View::new(row, &[]);
        // Bytes that go on with a character of UTF-8 have no column of their own.
        let shown = view
            .plain()
            .iter()
            .filter(|byte| **byte & 0xc0 != 0x80)
            .count();
        let last = view.plain().last();
        shown == columns && last.is_some_and(|last| !last.is_ascii_whitespace())
    }

    /// The wraps in this range, from its beginning on.
    pub(super) fn wraps_in(&self, from: usize, to: usize) -> Vec<usize> {
        let wraps = self.wraps.iter().filter(|wrap| (from..to).contains(*wrap));
        wraps.map(|wrap| wrap - from).collect()
    }

    /// The wraps of a line that has not ended, and a line feed at its end that may be one.
    pub(super) fn wraps_so_far(&self, held: &[u8]) -> Vec<usize> {
        let mut wraps = self.wraps.clone();
        if held.last() == Some(&b'\n') {
            wraps.push(held.len() - 1);
        }
        wraps
    }

    /// The first bytes are gone.
    pub(super) fn forget(&mut self, count: usize) {
        self.searched = self.searched.saturating_sub(count);
        self.row = self.row.saturating_sub(count);
        self.wraps.retain(|wrap| *wrap >= count);
        for wrap in &mut self.wraps {
            *wrap -= count;
        }
    }
}

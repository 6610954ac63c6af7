//! What people see: text that cannot steer their terminal, JSON lines, and a line of progress.

pub(crate) use countersign_proto::reading::text::{counted, grouped, hex, printable};
use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write};

use serde_json::Value;

/// Width of the line of progress, which is overwritten by the next one.
const PROGRESS_WIDTH: usize = 78;

/// The first `width` characters, with a mark when there are more.
pub(crate) fn shorten(text: &str, width: usize) -> Cow<'_, str> {
    match text.char_indices().nth(width) {
        None => Cow::Borrowed(text),
        Some(_) => {
            let kept: String = text.chars().take(width.saturating_sub(1)).collect();
            Cow::Owned(kept + "…")
        }
    }
}

/// Writes one JSON value on one line.
pub(crate) fn json_line(out: &mut dyn Write, value: &Value) -> io::Result<()> {
    writeln!(out, "{value}")
}

/// Writes one JSON value for people too.
pub(crate) fn json_page(out: &mut dyn Write, value: &Value) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(value)?;
    Ok(writeln!(out, "{text}")?)
}

/// A line on stderr that shows how far something is, on a terminal only.
#[derive(Debug)]
pub(crate) struct Progress {
    terminal: bool,
    shown: bool,
}

impl Progress {
    /// Shows nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            terminal: io::stderr().is_terminal(),
            shown: false,
        }
    }

    /// Replaces the line.
    pub(crate) fn show(&mut self, text: &str) {
        if self.terminal {
            self.shown = true;
            let text = shorten(text, PROGRESS_WIDTH);
            let mut err = io::stderr();
            // Progress is a courtesy: who closed stderr does not miss it.
            drop(write!(err, "\r{text:<PROGRESS_WIDTH$}"));
            drop(err.flush());
        }
    }

    /// Takes the line away.
    pub(crate) fn clear(&mut self) {
        if self.shown {
            self.shown = false;
            drop(write!(io::stderr(), "\r{:PROGRESS_WIDTH$}\r", ""));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(shorten("äöü", 3), "äöü");
        assert_eq!(shorten("äöüß", 3), "äö…");
    }
}

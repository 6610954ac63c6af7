//! asciicast v2, as it is written and read here.
//!
//! A file is lines of UTF-8, each ended by `\n`:
//!
//! ```text
//! {"version": 2, "width": 80, "height": 24, "timestamp": 1782000000, "env": {"TERM": "xterm"}}
//! [0.000000, "m", "…"]
//! [0.104211, "o", "$ "]
//! [9.500000, "r", "120x40"]
//! ```
//!
//! The first line is the header, a JSON object. `version` is 2; `width` and `height` are 1 to
//! 65,535 columns and rows; `timestamp` is when it began, in Unix seconds; `env` has text values. A
//! reader passes over members that it does not know.
//!
//! Every other line is an event, a JSON array of three: the time since the beginning in seconds, a
//! code of one letter, and data, which is text.
//!
//! - `o`: the session showed this;
//! - `i`: the user typed this;
//! - `r`: the window has this size now, columns `x` rows;
//! - `m`: a marker: something that was told to the user by the recorder;
//! - other codes are passed over.
//!
//! The writer gives times with six digits behind the point and never lets them go back. It escapes
//! `"`, `\` and everything below U+0020, and nothing else. What is not UTF-8 in the output of a
//! session is U+FFFD here: JSON has no way to say bytes.
//!
//! The reader takes lines of at most 1 MiB and times of at most a year.

mod read;
mod write;

pub use read::{LineError, event, header};
pub use write::{write_event, write_header};

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
    /// Unix seconds; 0 when not told.
    pub timestamp: u64,
    /// Kind of the terminal; empty when not told.
    pub term: String,
    /// The user's shell; empty when not told.
    pub shell: String,
}

/// What an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// The session showed it.
    Output,
    /// The user typed it.
    Input,
    /// The window changed its size.
    Resize,
    /// The recorder told it to the user.
    Marker,
    /// Anything else.
    Other,
}

/// Any other line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Microseconds since the beginning.
    pub at: u64,
    /// What it is.
    pub code: Code,
    /// The text that belongs to it.
    pub data: String,
}

#[cfg(test)]
mod tests;

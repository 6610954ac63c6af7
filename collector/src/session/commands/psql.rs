//! psql: the file of `--log-file`, where it writes each query before it sends it, and the results.
//!
//! ```text
//! ********* QUERY **********           /******** QUERY *********/     (since PostgreSQL 17)
//! select 1;                            select 1;
//! **************************           /************************/
//! ```
//!
//! The word between the stars is translated, so any word is taken. What is between such blocks is
//! results, and passed over. A result can contain what looks like a block: then a query is told
//! that was none, as part of what was shown; a query that was one is never left out for it, since a
//! heading begins a block wherever it comes.

use std::ffi::OsString;

use crate::limits::MAX_COMMAND;
use crate::session::commands::{Plan, Told};

/// How psql is started; `None` when the user has it write a log already.
pub(super) fn plan(arguments: &[OsString]) -> Option<Plan> {
    for argument in arguments {
        let text = argument.to_string_lossy();
        // "-L" also behind other letters: "-aL file". A value such as "-cSELECT" costs the log.
        let short = text.starts_with('-') && !text.starts_with("--") && text.contains('L');
        if short || text.starts_with("--log-f") || text.starts_with("--lo") {
            return None;
        }
    }
    let mut plan = Plan::default();
    plan.arguments
        .extend(["--log-file".into(), "@commands".into()]);
    plan.arguments.extend(arguments.iter().cloned());
    Some(plan)
}

/// Reads the log.
#[derive(Debug, Default)]
pub(super) struct Reader {
    line: Vec<u8>,
    /// The query that is being read.
    query: Option<Vec<u8>>,
}

impl Reader {
    pub(super) fn push(&mut self, bytes: &[u8], told: &mut Vec<Told>) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ended) = match piece.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (piece, false),
            };
            // One byte more than is kept, so that a text that is cut is seen to be.
            let room = (MAX_COMMAND + 1).saturating_sub(self.line.len());
            self.line.extend_from_slice(&text[..text.len().min(room)]);
            if ended {
                let line = std::mem::take(&mut self.line);
                self.line(&line, told);
            }
        }
    }

    /// Nothing comes any more: a query that was cut is told as far as it came.
    pub(super) fn finish(&mut self, told: &mut Vec<Told>) {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.line(&line, told);
        }
        self.end(told);
    }

    fn line(&mut self, line: &[u8], told: &mut Vec<Told>) {
        match kind(line) {
            Kind::Heading => {
                self.end(told);
                self.query = Some(Vec::new());
            }
            Kind::Rule => self.end(told),
            Kind::Other => {
                if let Some(query) = &mut self.query
                    && query.len() <= MAX_COMMAND
                {
                    query.extend_from_slice(line);
                    query.push(b'\n');
                }
            }
        }
    }

    fn end(&mut self, told: &mut Vec<Told>) {
        if let Some(mut query) = self.query.take() {
            while query.last() == Some(&b'\n') {
                query.pop();
            }
            told.push(Told::Whole(query));
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Heading,
    Rule,
    Other,
}

fn kind(line: &[u8]) -> Kind {
    let inner = line
        .strip_prefix(b"/")
        .and_then(|line| line.strip_suffix(b"/"));
    let inner = inner.unwrap_or(line);
    let stars = |bytes: &[u8]| bytes.iter().take_while(|byte| **byte == b'*').count();
    let before = stars(inner);
    if before == inner.len() {
        return if before >= 24 {
            Kind::Rule
        } else {
            Kind::Other
        };
    }
    let after = inner.iter().rev().take_while(|byte| **byte == b'*').count();
    let word = &inner[before..inner.len() - after];
    let spaced = word.len() > 2 && word.starts_with(b" ") && word.ends_with(b" ");
    if before >= 7 && after >= 7 && spaced {
        Kind::Heading
    } else {
        Kind::Other
    }
}

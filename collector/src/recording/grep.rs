//! Search in what a session showed.

use std::ops::ControlFlow;

use regex::{Regex, RegexBuilder};

use crate::limits::MAX_PATTERN;
use crate::recording::asciicast::Code;
use crate::recording::cast::{Cast, CastError, Source};
use crate::recording::text::{Line, Lines};

/// A line that matches.
pub type Hit = Line;

/// Why a text is no pattern.
#[derive(Debug, thiserror::Error)]
#[error("expected a regular expression: {0}")]
pub struct PatternError(#[from] regex::Error);

/// A regular expression of the `regex` crate's syntax, which matches in linear time.
///
/// # Errors
/// [`PatternError`], also for one that would take more than 1 MiB.
pub fn pattern(text: &str) -> Result<Regex, PatternError> {
    Ok(RegexBuilder::new(text).size_limit(MAX_PATTERN).build()?)
}

/// Gives every line that matches to `each`, until the end or until that breaks.
///
/// # Errors
/// [`CastError`].
pub async fn grep<S, F>(cast: &mut Cast<S>, pattern: &Regex, mut each: F) -> Result<(), CastError>
where
    S: Source,
    F: FnMut(Hit) -> ControlFlow<()>,
{
    let mut lines = Lines::default();
    while let Some(event) = cast.next().await? {
        if event.code != Code::Output {
            continue;
        }
        for line in lines.push(event.at, &event.data) {
            if pattern.is_match(&line.text) && each(line).is_break() {
                return Ok(());
            }
        }
    }
    if let Some(line) = lines.finish().filter(|line| pattern.is_match(&line.text)) {
        // Nothing comes behind it, so it does not matter whether it was the last that is wanted.
        let (ControlFlow::Continue(()) | ControlFlow::Break(())) = each(line);
    }
    Ok(())
}

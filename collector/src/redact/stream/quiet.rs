//! How much of a line is safe before it has ended.

use crate::redact::block;
use crate::redact::card;
use crate::redact::rules::Rules;
use crate::redact::scan::{Scan, State};

/// What a line editor sends at the right margin, in the middle of a word.
const EDITOR_WRAP: &[u8] = b" \r";

/// The end of what may be given out. `before` is the state at the beginning of the line, `scan`
/// what was found as if the line had ended.
pub(super) fn release(rules: &Rules, line: &[u8], before: &State, scan: &Scan) -> usize {
    let key = before.block.is_some() && block::may_go_on(line);
    if rules.spaced || before.running || key {
        return 0;
    }
    let words = line.strip_suffix(EDITOR_WRAP).unwrap_or(line);
    let space = words
        .iter()
        .rposition(|byte| byte.is_ascii_whitespace() || *byte == 0x0b);
    let mut end = match space {
        // All white space behind the last word goes along.
        Some(at) if at + 1 == words.len() => line.len(),
        Some(at) => at + 1,
        None => 0,
    };
    end = end.min(card::unfinished(line));
    if let Some(open) = scan.open {
        end = end.min(open);
    }
    for found in scan.found.iter().rev() {
        if found.range.start < end && end < found.range.end {
            end = found.range.start;
        }
    }
    end
}

//! Numbers of payment cards: 13 to 19 digits, of a range that issuers use, with a right check digit
//! (ISO/IEC 7812-1), in one piece or in the groups that are printed on cards.

use std::ops::Range;

/// The fewest bytes of a number.
const MIN: usize = 13;
/// The most digits of a number.
const MAX: usize = 19;
/// Groups of cards: most have four of four, some a last one of one to three, and two kinds have
/// three groups.
const GROUPS: [&[usize]; 6] = [
    &[4, 4, 4, 4],
    &[4, 4, 4, 4, 1],
    &[4, 4, 4, 4, 2],
    &[4, 4, 4, 4, 3],
    &[4, 6, 5],
    &[4, 6, 4],
];

/// Finds all numbers. A byte in twelve is looked at: there is a digit, or a separator before one,
/// wherever thirteen bytes could be a number.
pub(super) fn find(text: &[u8], mut tell: impl FnMut(Range<usize>)) {
    let mut at = MIN - 1;
    while let Some(byte) = text.get(at) {
        let near = byte.is_ascii_digit()
            || (is_separator(*byte) && text.get(at + 1).is_some_and(u8::is_ascii_digit));
        if !near {
            at += MIN - 1;
            continue;
        }
        let run = run(text, at);
        let end = run.end;
        in_run(text, run, &mut tell);
        at = end.max(at) + MIN - 1;
    }
}

/// Where the digits at the end begin that may go on as a number; the length when there are none.
pub(super) fn unfinished(text: &[u8]) -> usize {
    let from = text.len().saturating_sub(2 * MAX);
    let tail = text.get(from..).unwrap_or_default();
    let kept = tail
        .iter()
        .rposition(|byte| !(byte.is_ascii_digit() || is_separator(*byte)))
        .map_or(0, |at| at + 1);
    let digits = tail[kept..].iter().position(u8::is_ascii_digit);
    digits.map_or(text.len(), |digits| from + kept + digits)
}

const fn is_separator(byte: u8) -> bool {
    matches!(byte, b' ' | b'-')
}

/// Digits with single separators between them, around a place.
fn run(text: &[u8], at: usize) -> Range<usize> {
    let belongs = |at: usize| {
        let digit = |at: Option<usize>| {
            at.and_then(|at| text.get(at))
                .is_some_and(u8::is_ascii_digit)
        };
        digit(Some(at))
            || (text.get(at).is_some_and(|byte| is_separator(*byte))
                && digit(at.checked_sub(1))
                && digit(at.checked_add(1)))
    };
    let mut start = at;
    while start.checked_sub(1).is_some_and(belongs) {
        start -= 1;
    }
    let mut end = at;
    while belongs(end) {
        end += 1;
    }
    start..end
}

fn in_run(text: &[u8], run: Range<usize>, tell: &mut impl FnMut(Range<usize>)) {
    if run.len() < MIN {
        return;
    }
    let mut groups = Vec::new();
    let mut start = run.start;
    for at in run.clone() {
        if is_separator(text[at]) {
            groups.push(start..at);
            start = at + 1;
        }
    }
    groups.push(start..run.end);
    let mut at = 0;
    while at < groups.len() {
        let single = groups[at].clone();
        let taken = if (MIN..=MAX).contains(&single.len()) {
            is_number(&text[single.clone()]).then_some((1, single))
        } else {
            grouped(text, &groups[at..])
        };
        match taken.filter(|(_, range)| !is_part_of_more(text, range)) {
            Some((count, range)) => {
                tell(range);
                at += count;
            }
            None => at += 1,
        }
    }
}

/// Whether the digits are the end or beginning of a word or a fraction.
fn is_part_of_more(text: &[u8], digits: &Range<usize>) -> bool {
    let word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
    let before = digits.start.checked_sub(1).and_then(|at| text.get(at));
    let after = text.get(digits.end);
    before.is_some_and(word) || after.is_some_and(|byte| word(byte) && *byte != b'.')
}

/// The number that the first groups make, and how many they are; the longest form that fits.
fn grouped(text: &[u8], groups: &[Range<usize>]) -> Option<(usize, Range<usize>)> {
    GROUPS.iter().rev().find_map(|form| {
        let groups = groups.get(..form.len())?;
        let fits = groups
            .iter()
            .zip(*form)
            .all(|(group, len)| group.len() == *len);
        let range = groups.first()?.start..groups.last()?.end;
        let separators = &text[range.clone()];
        let mut separators = separators.iter().filter(|byte| is_separator(**byte));
        let first = separators.next();
        let same = separators.all(|next| Some(next) == first);
        (fits && same && is_number(&text[range.clone()])).then_some((form.len(), range))
    })
}

/// Whether digits and separators are a number that an issuer could have given out.
fn is_number(text: &[u8]) -> bool {
    let digits = || text.iter().filter(|byte| byte.is_ascii_digit());
    let count = digits().count();
    let head = digits()
        .take(4)
        .fold(0u32, |head, byte| head * 10 + u32::from(byte - b'0'));
    is_issued(head, count, count < text.len())
        && passes(digits().rev().map(|byte| u32::from(byte - b'0')))
}

/// Whether an issuer uses numbers of this length that begin with these four digits. Many programs
/// number things with 19 digits, so of those in one piece only the ranges with such cards count.
const fn is_issued(head: u32, count: usize, grouped: bool) -> bool {
    match head {
        4000..=4999 => matches!(count, 13 | 16) || (grouped && count == 19),
        2221..=2720 | 5100..=5599 => count == 16,
        3400..=3499 | 3700..=3799 => count == 15,
        3000..=3059 | 3095 | 3600..=3699 | 3800..=3999 => matches!(count, 14 | 16),
        3528..=3589 | 6011 | 6200..=6299 | 6440..=6599 | 8100..=8171 => {
            count == 16 || (grouped && count > 16)
        }
        5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 6761..=6763 => matches!(count, 13..=19),
        _ => false,
    }
}

/// The check of ISO/IEC 7812-1 annex B, from the last digit on.
fn passes(digits: impl Iterator<Item = u32>) -> bool {
    let sum: u32 = digits
        .enumerate()
        .map(|(at, digit)| match (at % 2, digit * 2) {
            (0, _) => digit,
            (_, double @ 10..) => double - 9,
            (_, double) => double,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        let mut found = Vec::new();
        find(text.as_bytes(), |range| found.push(&text[range]));
        found
    }

    #[test]
    fn numbers_are_found_wherever_they_stand() {
        let numbers = [
            ["4111", "1111", "1111", "1111"].join(" "),
            ["5500", "0000", "0000", "0004"].join("-"),
            ["3782", "822463", "10005"].join(" "),
            ["4111", "1111", "1111", "1111"].concat(),
            ["6011", "0000", "0000", "0004"].concat(),
        ];
        for number in &numbers {
            for before in 0..30 {
                let text = format!("{}12 {number}, 7", "x".repeat(before) + " ");
                assert_eq!(found(&text), [number], "{text}");
            }
        }
    }

    #[test]
    fn other_numbers_are_left_alone() {
        for text in [
            "4111 1111 1111 1112",
            "1764212345678901234",
            "4111-1111 1111-1111",
            "a4111111111111111",
            "4111111111111111f",
            "0.4111111111111111",
            "10 20 30 40 50 60 70 80 90",
            "4111  1111  1111  1111",
            "",
        ] {
            assert!(found(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn digits_at_the_end_may_go_on() {
        for (text, at) in [
            ("a 12 ", 2),
            ("a", 1),
            ("pid 4111 1111", 4),
            ("- ", 2),
            ("", 0),
        ] {
            assert_eq!(unfinished(text.as_bytes()), at, "{text}");
        }
    }
}

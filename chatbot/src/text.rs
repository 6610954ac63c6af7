//! The words of people, made harmless to read: what cannot be seen is shown, and long is cut.

/// Stands for a character that would change how its neighbours are read.
const SHOWN: char = '\u{fffd}';

/// Whether a character is invisible, or turns, hides or ends what stands beside it.
fn misleads(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'
                | '\u{1160}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Text of one line: every run of white space is one space.
pub(crate) fn line(text: &str) -> String {
    let words: Vec<String> = text
        .split_whitespace()
        .map(|word| word.chars().map(shown).collect())
        .collect();
    words.join(" ")
}

/// Text whose line breaks stay, without empty lines.
pub(crate) fn lines(text: &str) -> String {
    let kept: Vec<String> = text
        .split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'])
        .map(line)
        .filter(|line| !line.is_empty())
        .collect();
    kept.join("\n")
}

fn shown(c: char) -> char {
    if misleads(c) { SHOWN } else { c }
}

/// Length in UTF-16 units.
pub(crate) fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// At most `max` UTF-16 units of a text; an ellipsis says that there was more.
pub(crate) fn cut(text: &str, max: usize) -> String {
    cut_pieces(text.chars().map(Piece::Same), max)
}

/// At most `max` UTF-16 units of a text after `&`, `<` and `>` became entities, none of which is
/// cut through.
pub(crate) fn cut_escaped(text: &str, max: usize) -> String {
    let pieces = text.chars().map(|c| match c {
        '&' => Piece::Entity("&amp;"),
        '<' => Piece::Entity("&lt;"),
        '>' => Piece::Entity("&gt;"),
        c => Piece::Same(c),
    });
    cut_pieces(pieces, max)
}

#[derive(Clone, Copy)]
enum Piece {
    Same(char),
    Entity(&'static str),
}

impl Piece {
    const fn units(self) -> usize {
        match self {
            Self::Same(c) => c.len_utf16(),
            Self::Entity(entity) => entity.len(),
        }
    }
}

fn cut_pieces(pieces: impl Iterator<Item = Piece>, max: usize) -> String {
    let mut text = String::new();
    let mut used = 0;
    // Where the text would end if the ellipsis had to stand there.
    let mut room_for_ellipsis = 0;
    for piece in pieces {
        used += piece.units();
        if used > max {
            text.truncate(room_for_ellipsis);
            if max > 0 {
                text.push('…');
            }
            return text;
        }
        match piece {
            Piece::Same(c) => text.push(c),
            Piece::Entity(entity) => text.push_str(entity),
        }
        if used < max {
            room_for_ellipsis = text.len();
        }
    }
    text
}

/// The 32 bytes that 64 hexadecimal digits in lower case stand for.
pub(crate) fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let digits = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if text.len() != 64 || !digits {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).ok()?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_text_ends_in_an_ellipsis_and_keeps_whole_characters() {
        let cases = [
            ("", 0, ""),
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("abcd", 1, "…"),
            ("abcd", 0, ""),
            ("äöü", 2, "ä…"),
            ("a😀b", 3, "a…"),
            ("a😀b", 4, "a😀b"),
            ("😀😀", 3, "😀…"),
            ("😀😀", 2, "…"),
        ];
        for (text, max, cut_text) in cases {
            assert_eq!(cut(text, max), cut_text, "{text} at {max}");
        }
    }

    #[test]
    fn entities_are_not_cut_through() {
        let whole = cut_escaped("a<b>&c", 100);
        assert_eq!(whole, "a&lt;b&gt;&amp;c");
        let mut seen = Vec::new();
        for max in 0..=units(&whole) {
            let text = cut_escaped("a<b>&c", max);
            assert!(units(&text) <= max, "{text} is longer than {max}");
            for part in text.split('&').skip(1) {
                let named = ["lt;", "gt;", "amp;"].iter().any(|e| part.starts_with(e));
                assert!(named, "{text} has half an entity");
            }
            seen.push(text);
        }
        assert!(seen.contains(&"a&lt;b…".to_owned()), "{seen:?}");
    }

    #[test]
    fn what_hides_is_shown() {
        let cases = [
            ("a\u{202e}b", "a\u{fffd}b"),
            ("\u{1b}[31mred", "\u{fffd}[31mred"),
            ("zero\u{200b}width", "zero\u{fffd}width"),
            ("a\0b", "a\u{fffd}b"),
            ("  a \t\n b  ", "a b"),
            ("family 👨‍👩‍👧", "family 👨‍👩‍👧"),
        ];
        for (text, harmless) in cases {
            assert_eq!(line(text), harmless, "{text:?}");
        }
        assert_eq!(lines("a\r\n\n b\u{2028}c "), "a\nb\nc");
    }
}

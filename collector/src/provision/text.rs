//! Texts for entries: what failed, what was found, who it is about.

use crate::limits::MAX_REPORT_TEXT;

/// The text in one line, without control characters, at most [`MAX_REPORT_TEXT`] bytes.
pub(crate) fn told(text: &str) -> String {
    let clean: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    cut(clean.trim(), MAX_REPORT_TEXT).to_owned()
}

/// The beginning of a text, at most this many bytes.
pub(crate) fn cut(text: &str, max: usize) -> &str {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A number as `counted` takes it.
pub(crate) fn whole(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// A name made of a-z, 0-9 and `_`, for what takes no other characters. Two texts may become one.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::new();
    for c in text.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            plain.push(c);
        } else if !plain.ends_with('_') {
            plain.push('_');
        }
    }
    plain.trim_matches('_').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_at_whole_characters_and_told_in_one_line() {
        for (text, max, expected) in [
            ("abc", 5, "abc"),
            ("abc", 2, "ab"),
            ("aé", 2, "a"),
            ("", 0, ""),
        ] {
            assert_eq!(cut(text, max), expected);
        }
        assert_eq!(told(" a\nb\u{7}c\n"), "a b c");
        assert_eq!(told(&"é".repeat(MAX_REPORT_TEXT)).len(), MAX_REPORT_TEXT);
    }

    #[test]
    fn plain_names_have_plain_characters_only() {
        for (text, expected) in [
            ("ada", "ada"),
            ("Ada.L@Example.com", "ada_l_example_com"),
            ("\"; DROP ROLE x --", "drop_role_x"),
            ("Ωmega", "mega"),
            ("../..", ""),
        ] {
            assert_eq!(plain(text), expected, "{text}");
        }
    }
}

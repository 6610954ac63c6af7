//! Secrets that were made up for the purpose, in the places where they are met, cut everywhere; and
//! ordinary text, in which there is nothing to find.

#[path = "redact/canary.rs"]
mod canary;
#[path = "redact/docs.rs"]
mod docs;
#[path = "redact/events.rs"]
mod events;
#[path = "redact/ordinary.rs"]
mod ordinary;
#[path = "redact/properties.rs"]
mod properties;

use std::collections::{BTreeMap, HashSet};

use canary::{Canary, canaries};
use countersign_collector::redact::{Redactor, Rules, Settings};

/// Pieces of a secret that are this long must not be seen.
const PIECE: usize = 8;

fn redactor() -> Redactor {
    Redactor::new(Rules::new(&Settings::default()).expect("rules"))
}

/// What a reader sees of terminal output: no escape sequences, and no line ends that the terminal
/// made.
fn shown(bytes: &[u8]) -> Vec<u8> {
    let mut shown = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if bytes[at..].starts_with(b"\x1b[") {
            let end = bytes[at + 2..].iter().position(u8::is_ascii_alphabetic);
            at += end.map_or(bytes.len(), |end| end + 3);
        } else if bytes[at..].starts_with(b" \r") && bytes.get(at + 2) != Some(&b'\n') {
            at += 2;
        } else {
            shown.push(*byte);
            at += 1;
        }
    }
    shown
}

/// The output without the marks.
fn without_marks(out: &[u8]) -> Vec<u8> {
    let mut left = Vec::new();
    let mut at = 0;
    while at < out.len() {
        let mark = out[at..].starts_with(b"[redacted:");
        let end = mark
            .then(|| out[at..].iter().position(|byte| *byte == b']'))
            .flatten();
        let name = end.map(|end| &out[at + 10..at + end]);
        let known = |name: &[u8]| {
            let fits =
                |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
            !name.is_empty() && name.iter().all(fits)
        };
        if let Some(end) = end.filter(|_| name.is_some_and(known)) {
            at += end + 1;
        } else {
            left.push(out[at]);
            at += 1;
        }
    }
    left
}

/// A piece of the secret that is in the output.
fn leak(canary: &Canary, out: &[u8]) -> Option<String> {
    let out = without_marks(out);
    let seen = [shown(&out), out];
    for part in canary.secret.lines().map(str::as_bytes) {
        let size = PIECE.min(part.len());
        let pieces: HashSet<&[u8]> = part.windows(size).collect();
        for text in &seen {
            if let Some(piece) = text.windows(size).find(|piece| pieces.contains(piece)) {
                return Some(String::from_utf8_lossy(piece).into_owned());
            }
        }
    }
    None
}

/// What a stream gives out for these pieces, with or without a quiet time after each.
fn streamed<'a>(
    redactor: &Redactor,
    columns: u16,
    pieces: impl Iterator<Item = &'a [u8]>,
    quiet: Quiet,
) -> Vec<u8> {
    let mut stream = redactor.stream();
    stream.set_columns(columns);
    let mut out = Vec::new();
    for piece in pieces {
        stream.push(piece, &mut out);
        if quiet == Quiet::AfterEach {
            stream.flush_quiet(&mut out);
        }
    }
    stream.flush(&mut out);
    assert_eq!(stream.held(), 0);
    out
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quiet {
    Never,
    AfterEach,
}

/// The first way to cut the text at which a piece of the secret is seen.
fn first_leak(redactor: &Redactor, canary: &Canary) -> Option<String> {
    let text = canary.text.as_bytes();
    // Most ways lead to the same output, which need not be searched again.
    let mut good = Vec::new();
    let mut judge = |pieces: &mut dyn Iterator<Item = &[u8]>, quiet| {
        let out = streamed(redactor, canary.columns, pieces, quiet);
        let piece = if out == good {
            None
        } else {
            leak(canary, &out)
        };
        good = out;
        piece
    };
    for quiet in [Quiet::Never, Quiet::AfterEach] {
        for cut in 0..=text.len() {
            let (first, second) = text.split_at(cut);
            if let Some(piece) = judge(&mut [first, second].into_iter(), quiet) {
                return Some(format!("'{piece}' when cut at {cut}, quiet {quiet:?}"));
            }
        }
        for size in [1, 2, 3, 7] {
            if let Some(piece) = judge(&mut text.chunks(size), quiet) {
                return Some(format!("'{piece}' in pieces of {size}, quiet {quiet:?}"));
            }
        }
    }
    None
}

#[test]
fn secrets_are_found_wherever_the_output_is_cut() {
    let redactor = redactor();
    let canaries = canaries(0x5eed);
    let mut formats: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    let mut misses = Vec::new();
    for canary in &canaries {
        let whole = leak(canary, canary.text.as_bytes());
        assert!(whole.is_some(), "no secret in {}", canary.text);
        let (taken, all) = formats.entry(canary.format).or_default();
        *all += 1;
        match first_leak(&redactor, canary) {
            None => *taken += 1,
            Some(how) => misses.push(format!("{}: {how} in {:?}", canary.format, canary.text)),
        }
    }
    let taken: u32 = formats.values().map(|(taken, _)| taken).sum();
    let all: u32 = formats.values().map(|(_, all)| all).sum();
    let by_format: Vec<String> = formats
        .iter()
        .map(|(format, (taken, all))| format!("{format} {taken}/{all}"))
        .collect();
    println!(
        "counted: canaries: {taken} of {all} taken out at every boundary, by format: {}; \
         misses: {}",
        by_format.join(", "),
        if misses.is_empty() {
            "none".to_owned()
        } else {
            misses.join("; ")
        },
    );
    assert!(all >= 200 && formats.len() >= 20);
    assert!(taken * 100 >= all * 99, "{}", misses.join("\n"));
}

#[test]
fn whole_texts_and_streams_say_the_same() {
    let redactor = redactor();
    for canary in canaries(7).iter().filter(|canary| canary.columns == 0) {
        let whole = redactor.text(&canary.text);
        assert!(whole.count >= 1, "{canary:?}");
        assert_eq!(whole.count, whole.by_rule.values().sum::<u64>());
        let pieces = canary.text.as_bytes().chunks(5);
        let out = streamed(&redactor, 0, pieces, Quiet::AfterEach);
        assert_eq!(String::from_utf8_lossy(&out), whole.text, "{canary:?}");
    }
}

#[test]
fn what_stands_around_a_secret_stays() {
    let redactor = redactor();
    let token = ["gh", "p_", "0a1B2c3D4e5F6g7H8i9J", "0k1L2m3N4o5P6q7R"].concat();
    let (first, second) = token.split_at(17);
    let text = format!("\x1b[1mT={first}\x1b[31m{second}\x1b[0m; ls\r\nä\r\n");
    let out = streamed(&redactor, 0, text.as_bytes().chunks(1), Quiet::AfterEach);
    let expected = "\x1b[1mT=[redacted:github-token]\x1b[31m\x1b[0m; ls\r\nä\r\n";
    assert_eq!(String::from_utf8_lossy(&out), expected);
}

#[test]
fn a_prompt_is_given_out_at_once_and_a_word_when_it_has_ended() {
    let redactor = redactor();
    let mut stream = redactor.stream();
    let mut given = |piece: &str| {
        let mut out = Vec::new();
        stream.push(piece.as_bytes(), &mut out);
        stream.flush_quiet(&mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(given("a line\r\nada@db:~$ "), "a line\r\nada@db:~$ ");
    assert_eq!(given("mysql --pass"), "mysql ");
    assert_eq!(given("word "), "--password ");
    assert_eq!(given("hun"), "");
    assert_eq!(given("ter2"), "");
    assert_eq!(given(" shop "), "[redacted:password] shop ");
    assert_eq!(given("'two wo"), "'two ");
    assert_eq!(given("rds' "), "words' ");
    assert_eq!(given("password='two words"), "password='");
    assert_eq!(given("' 4111 11"), "[redacted:password]' ");
    assert_eq!(given("\r\n"), "4111 11\r\n");
}

#[test]
fn a_key_whose_first_line_was_given_out_stays_hidden() {
    let redactor = redactor();
    let mut stream = redactor.stream();
    let mut given = |piece: &str| {
        let mut out = Vec::new();
        stream.push(piece.as_bytes(), &mut out);
        stream.flush_quiet(&mut out);
        String::from_utf8(out).unwrap()
    };
    let begin = ["-----BEGIN PRIV", "ATE KEY-----"].concat();
    let line = "Ab0+".repeat(16);
    assert_eq!(given(&format!("{begin}\r\n")), format!("{begin}\r\n"));
    assert_eq!(given(&line[..20]), "");
    assert_eq!(
        given(&format!("{}\r\n", &line[20..])),
        "[redacted:private-key]\r\n"
    );
    assert_eq!(given(&format!("{line}\r\n{line}")), "");
    assert_eq!(given("\r\n$ "), "$ ");
    assert_eq!(given("ls\r\n"), "ls\r\n");
}

#[test]
fn long_lines_are_looked_at_without_being_held() {
    let redactor = redactor();
    let token = ["gl", "pat-", "0a1B2c3D4e5F6g7H8i9J"].concat();
    let limit = countersign_collector::limits::REDACT_WINDOW;
    for before in (limit - 60..limit + 20).chain(limit * 3 / 4 - 40..limit * 3 / 4 + 40) {
        let filler = "lorem ipsum ".repeat(2 * limit / 12);
        let text = format!("{} {token} {filler}", &filler[..before]);
        let mut stream = redactor.stream();
        let mut out = Vec::new();
        for piece in text.as_bytes().chunks(1_000) {
            stream.push(piece, &mut out);
            assert!(stream.held() < limit, "{before}");
        }
        stream.flush(&mut out);
        let expected = text.replace(&token, "[redacted:gitlab-token]");
        assert!(out == expected.as_bytes(), "{before}");
        assert_eq!(stream.count(), 1);
    }
}

#[test]
fn a_secret_of_any_length_is_taken_out_to_its_end() {
    let redactor = redactor();
    for length in [600, 5_000, 16_000, 17_000, 50_000] {
        let secret = "aB3x".repeat(length / 4);
        for name in ["password=", "Authorization: Bearer "] {
            let text = format!("x {name}{secret} y\n{name}{secret}\nz");
            let out = streamed(&redactor, 0, text.as_bytes().chunks(777), Quiet::Never);
            let out = String::from_utf8(out).unwrap();
            assert!(!out.contains("aB3xaB3x"), "{length}");
            assert!(out.starts_with(&format!("x {name}[redacted:")), "{length}");
            assert!(
                out.contains("] y\n") && out.ends_with("]\nz"),
                "{length} {out}"
            );
        }
    }
}

#[test]
fn settings_add_rules_and_take_some_away() {
    let toml = r#"
        off = ["card-number"]
        allow = ["^example"]
        [[rules]]
        name = "staff-number"
        pattern = '\bS-(\d{6})\b'
        group = 1
        keywords = ["s-"]
        [[rules]]
        name = "code-word"
        pattern = "blue [a-z]+"
    "#;
    let settings: Settings = toml::from_str(toml).unwrap();
    let redactor = Redactor::new(Rules::new(&settings).unwrap());
    let card = ["4111", "1111", "1111", "1111"].join(" ");
    for (text, expected) in [
        ("is S-123456.", "is S-[redacted:staff-number]."),
        ("is S-12345.\n", "is S-12345.\n"),
        (
            "a blue horse\nblue\nsky",
            "a [redacted:code-word]\nblue\nsky",
        ),
        (&card, &card),
        ("password=example1 x", "password=example1 x"),
        ("password=real-one x", "password=[redacted:password] x"),
    ] {
        assert_eq!(redactor.text(text).text, expected);
        let out = streamed(&redactor, 0, text.as_bytes().chunks(1), Quiet::AfterEach);
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }
    let unknown = toml::from_str::<Settings>("rule = []").unwrap_err();
    assert!(unknown.to_string().contains("unknown field"), "{unknown}");
}

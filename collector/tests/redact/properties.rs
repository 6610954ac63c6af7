//! What holds of any bytes.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Quiet, redactor, streamed, without_marks};

/// Pieces that rules look for, and what is usual around them.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let begin = ["-----BEGIN PRIV", "ATE KEY-----"].concat();
    let end = ["-----END PRIV", "ATE KEY-----"].concat();
    let words = [
        " ",
        "\n",
        "\r\n",
        "\r",
        " \r",
        "\t",
        "\"",
        "'",
        "=",
        ":",
        ": ",
        "://",
        "@",
        ";",
        "&",
        ",",
        "password",
        "PASSWORD=",
        "--password ",
        "-p",
        "mysql ",
        "curl -u a:",
        "token=",
        "key: ",
        "Authorization: Bearer ",
        "cookie: a=b",
        "eyJhbGciOiJ9.",
        "IDENTIFIED BY '",
        "hunter2",
        "a1B2c3D4e5F6",
        "4111 1111 1111 1111",
        "4111",
        "1111",
        "\x1b[31m",
        "\x1b[0m",
        "\x1b[2;2H",
        "\x1b]0;",
        "\x07",
        "\x1b",
        "\\n",
        "\\\"",
        "ä",
        "€",
        "[redacted:",
        "Ab0+Ab0+Ab0+Ab0+Ab0+Ab0+Ab0+Ab0+Ab0+Ab0+Ab0+Ab0+",
        "$ ",
    ];
    let words = words.map(str::to_owned).into_iter().chain([begin, end]);
    let words: Vec<Vec<u8>> = words.map(String::into_bytes).collect();
    prop_oneof![
        9 => proptest::sample::select(words),
        1 => vec(any::<u8>(), 0..9),
    ]
}

/// A text of such pieces, and where to cut it.
fn text() -> impl Strategy<Value = (Vec<u8>, Vec<usize>)> {
    vec(piece(), 0..40)
        .prop_map(|pieces| pieces.concat())
        .prop_flat_map(|text| {
            let cuts = vec(0..=text.len(), 0..12);
            (Just(text), cuts)
        })
}

fn cut<'a>(text: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut cuts = cuts.to_vec();
    cuts.sort_unstable();
    let ends = cuts.iter().copied().chain([text.len()]);
    let starts = [0].into_iter().chain(cuts.iter().copied());
    starts
        .zip(ends)
        .map(|(start, end)| &text[start..end])
        .collect()
}

/// Whether the bytes stand in the text, in this order.
fn is_left_of(out: &[u8], text: &[u8]) -> bool {
    let mut rest = text.iter();
    out.iter().all(|byte| rest.any(|other| other == byte))
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 500,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn how_bytes_are_cut_changes_nothing((text, cuts) in text(), columns in 0_u16..30) {
        let redactor = redactor_once();
        let whole = streamed(redactor, columns, [text.as_slice()].into_iter(), Quiet::Never);
        let pieces = streamed(redactor, columns, cut(&text, &cuts).into_iter(), Quiet::Never);
        prop_assert_eq!(String::from_utf8_lossy(&pieces), String::from_utf8_lossy(&whole));
        let single = streamed(redactor, columns, text.chunks(1), Quiet::Never);
        prop_assert_eq!(single, whole);
    }

    #[test]
    fn what_is_no_secret_stays_in_order((text, cuts) in text(), columns in 0_u16..30) {
        let redactor = redactor_once();
        for quiet in [Quiet::Never, Quiet::AfterEach] {
            let out = streamed(redactor, columns, cut(&text, &cuts).into_iter(), quiet);
            let left = without_marks(&out);
            prop_assert!(is_left_of(&left, &text), "{}", String::from_utf8_lossy(&out));
        }
    }

    #[test]
    fn nothing_found_means_nothing_changed(
        bytes in vec(any::<u8>(), 0..2_000),
        cuts in vec(0_usize..2_000, 0..9),
    ) {
        let redactor = redactor_once();
        let cuts: Vec<usize> = cuts.into_iter().map(|at| at.min(bytes.len())).collect();
        let mut stream = redactor.stream();
        let mut out = Vec::new();
        for piece in cut(&bytes, &cuts) {
            stream.push(piece, &mut out);
            stream.flush_quiet(&mut out);
        }
        stream.flush(&mut out);
        prop_assert!(stream.count() > 0 || out == bytes);
    }

    #[test]
    fn plain_words_are_never_changed(text in "[a-jl-oq-su-xz äöü€\r\n\u{1b}\\[m]{0,400}") {
        let redactor = redactor_once();
        prop_assert_eq!(redactor.text(&text).text, text.as_str());
        let out = streamed(redactor, 9, text.as_bytes().chunks(3), Quiet::AfterEach);
        prop_assert_eq!(out, text.into_bytes());
    }

    #[test]
    fn a_quiet_time_changes_nothing_in_usual_lines(
        words in vec(usual(), 0..20),
        size in 1_usize..9,
    ) {
        let redactor = redactor_once();
        let text = words.concat();
        let out = streamed(redactor, 0, text.as_bytes().chunks(size), Quiet::AfterEach);
        prop_assert_eq!(String::from_utf8_lossy(&out).into_owned(), redactor.text(&text).text);
    }
}

/// Words of terminal output, each with what ends it.
fn usual() -> impl Strategy<Value = String> {
    let words = [
        "ls",
        "-la",
        "ada@db:~$",
        "password=hunter2",
        "--password hunter2",
        "mysql -pHunter2",
        "\x1b[31mred\x1b[0m",
        "PGPASSWORD='two words'",
        "\"token\": \"a1B2c3D4e5F6g7H8\"",
        "12:00",
        "größe",
        "postgres://ada:pw1@db/x",
        "Authorization: Bearer abc.def",
        "4111 1111 1111 1111",
        "/usr/bin",
    ];
    let ends = [" ", "\r\n", " $ ", ", ", "\n"];
    (
        proptest::sample::select(words.to_vec()),
        proptest::sample::select(ends.to_vec()),
    )
        .prop_map(|(word, end)| format!("{word}{end}"))
}

/// Rules are built once: a case is much shorter than that.
fn redactor_once() -> &'static countersign_collector::redact::Redactor {
    static REDACTOR: std::sync::LazyLock<countersign_collector::redact::Redactor> =
        std::sync::LazyLock::new(redactor);
    &REDACTOR
}

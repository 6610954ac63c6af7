//! Redaction of bytes that come in pieces (`collector::redact`). Input: width of the terminal, how
//! many cuts, where each is, and the bytes.
#![no_main]

use std::sync::LazyLock;

use countersign_collector::limits::REDACT_WINDOW;
use countersign_collector::redact::{Redactor, Rules, Settings};
use countersign_fuzz::input::Input;
use countersign_fuzz::seeds;
use libfuzzer_sys::fuzz_target;

static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| {
    Redactor::new(Rules::new(&Settings::default()).expect("the rules of the program"))
});

fn plant() {
    let line = "Ab0+".repeat(16);
    let key = ["-----BEGIN PRIV", "ATE KEY-----"].concat();
    let end = ["-----END PRIV", "ATE KEY-----"].concat();
    for text in [
        format!("$ cat key\r\n{key}\r\n{line}\r\n{line}\r\n{end}\r\n$ "),
        format!("{{\"k\": \"{key}\\n{line}\\n{end}\\n\"}}"),
        "PGPASSWORD='two words' mysql -pHunter2 \x1b[31mtoken\x1b[0m=a1B2c3D4e5F6".to_owned(),
        "Authorization: Basic YWRhOnB3\r\nCookie: a=b; c=d\r\npostgres://ada:pw@db/x".to_owned(),
        ["4111", "1111", "1111", "1111"].join(" "),
        "a long line ".repeat(2_000),
    ] {
        seeds::plant([[&[0, 2, 9, 40], text.as_bytes()].concat()]);
        seeds::plant([[&[80, 1, 200], text.as_bytes()].concat()]);
    }
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let mut input = Input::new(data);
    let columns = u16::from(input.byte());
    let count = usize::from(input.byte() % 8);
    let cuts: Vec<usize> = input.take(count).iter().map(|cut| usize::from(*cut)).collect();
    let bytes = input.rest();
    let (whole, found) = given(bytes, columns, &[], false);
    // How they are cut does not matter.
    assert_eq!(given(bytes, columns, &cuts, false), (whole.clone(), found));
    assert!(found > 0 || whole == bytes);
    // A quiet time may let a value be judged before all of its line is there.
    let (out, found) = given(bytes, columns, &cuts, true);
    assert!(found > 0 || out == bytes);
    let text = String::from_utf8_lossy(bytes);
    let redacted = REDACTOR.text(&text);
    assert_eq!(redacted.count, redacted.by_rule.values().sum::<u64>());
});

/// What comes out, and how many secrets were taken out.
fn given(bytes: &[u8], columns: u16, cuts: &[usize], quiet: bool) -> (Vec<u8>, u64) {
    let mut stream = REDACTOR.stream();
    stream.set_columns(columns);
    let mut out = Vec::new();
    let mut rest = bytes;
    for cut in cuts {
        let (piece, after) = rest.split_at(rest.len().min(*cut));
        stream.push(piece, &mut out);
        if quiet {
            stream.flush_quiet(&mut out);
        }
        assert!(stream.held() < REDACT_WINDOW);
        rest = after;
    }
    stream.push(rest, &mut out);
    stream.flush(&mut out);
    assert_eq!(stream.held(), 0);
    (out, stream.count())
}

//! What is written is read, and what is no asciicast is refused.

use super::*;
use crate::limits::{MAX_CAST_LINE, MAX_CAST_TIME};

fn written(at: u64, code: Code, data: &str) -> Vec<u8> {
    let mut out = Vec::new();
    write_event(at, code, data, &mut out);
    out
}

#[test]
fn what_is_written_is_read_again() {
    let every: String = (0..0x300).filter_map(char::from_u32).collect();
    let texts = [
        "",
        "plain",
        "\"\\\n\r\t\x1b[1m\x7f",
        "é€😀\u{fffd}\u{2028}",
        &every,
    ];
    let times = [
        0,
        1,
        999_999,
        1_000_000,
        59_123_456,
        MAX_CAST_TIME - 1,
        MAX_CAST_TIME,
    ];
    for text in texts {
        for at in times {
            for code in [
                Code::Output,
                Code::Input,
                Code::Resize,
                Code::Marker,
                Code::Other,
            ] {
                let line = written(at, code, text);
                let data = text.to_owned();
                assert_eq!(event(&line), Ok(Event { at, code, data }), "{at} {text:?}");
                let json: serde_json::Value = serde_json::from_slice(&line).unwrap();
                assert_eq!(json[2], text);
            }
        }
    }
}

#[test]
fn every_microsecond_survives_the_decimal_point() {
    for at in (0..3_000_000)
        .step_by(7)
        .chain(MAX_CAST_TIME - 5_000..MAX_CAST_TIME)
    {
        assert_eq!(event(&written(at, Code::Output, "")).unwrap().at, at);
    }
}

#[test]
fn a_line_looks_as_players_expect_it() {
    assert_eq!(
        written(1_000_005, Code::Output, "a\"\u{1b}\n"),
        b"[1.000005, \"o\", \"a\\\"\\u001b\\n\"]\n"
    );
    let mut out = Vec::new();
    let head = Header {
        width: 80,
        height: 24,
        timestamp: 7,
        term: "xt\"erm".into(),
        shell: "/bin/bash".into(),
    };
    write_header(&head, &mut out);
    let text = "{\"version\": 2, \"width\": 80, \"height\": 24, \"timestamp\": 7, \
                \"env\": {\"TERM\": \"xt\\\"erm\", \"SHELL\": \"/bin/bash\"}}\n";
    assert_eq!(String::from_utf8(out.clone()).unwrap(), text);
    assert_eq!(header(&out), Ok(head));
}

#[test]
fn headers_of_others_are_read() {
    let line = br#"{"version":2,"width":1,"height":65535,"title":"x","theme":{"fg":"a"},"env":{}}"#;
    let head = header(line).unwrap();
    assert_eq!((head.width, head.height, head.timestamp), (1, 65_535, 0));
    let line = br#"{"version":2,"width":9,"height":9,"env":{"TERM":"\u00e9","X":"y"}}"#;
    assert_eq!(header(line).unwrap().term, "é");
}

#[test]
fn bad_headers_are_refused() {
    let bad: [&[u8]; 12] = [
        b"",
        b"[]",
        b"{}",
        b"{\"version\":2}",
        b"{\"version\":1,\"width\":80,\"height\":24}",
        b"{\"version\":3,\"width\":80,\"height\":24}",
        b"{\"version\":2,\"width\":0,\"height\":24}",
        b"{\"version\":2,\"width\":80,\"height\":65536}",
        b"{\"version\":2,\"width\":-1,\"height\":24}",
        b"{\"version\":2,\"width\":80,\"height\":24,\"timestamp\":-5}",
        b"{\"version\":2,\"width\":80,\"height\":24} x",
        b"{\"version\":2,\"width\":80,\"height\":24,\"env\":{\"TERM\":\"\xff\"}}",
    ];
    for line in bad {
        assert!(header(line).is_err(), "{}", String::from_utf8_lossy(line));
    }
}

#[test]
fn bad_events_are_refused() {
    let bad: [&[u8]; 16] = [
        b"",
        b"{}",
        b"[]",
        b"[1.0]",
        b"[1.0, \"o\"]",
        b"[1.0, \"o\", \"x\", 1]",
        b"[\"1.0\", \"o\", \"x\"]",
        b"[1.0, 5, \"x\"]",
        b"[1.0, \"o\", 5]",
        b"[-0.1, \"o\", \"x\"]",
        b"[1e300, \"o\", \"x\"]",
        b"[31536000.1, \"o\", \"x\"]",
        b"[1.0, \"o\", \"\x01\"]",
        b"[1.0, \"o\", \"\xff\"]",
        b"[1.0, \"o\", \"\\ud800\"]",
        b"[1.0, \"o\", \"x\"][1.0, \"o\", \"x\"]",
    ];
    for line in bad {
        assert!(event(line).is_err(), "{}", String::from_utf8_lossy(line));
    }
    assert_eq!(event(b"[NaN, \"o\", \"x\"]").ok(), None);
}

#[test]
fn a_line_is_at_most_a_mebibyte() {
    let fits = MAX_CAST_LINE - written(0, Code::Output, "").len();
    let text = "a".repeat(fits);
    assert!(event(&written(0, Code::Output, &text)).is_ok());
    let text = "a".repeat(fits + 1);
    let line = written(0, Code::Output, &text);
    assert_eq!(event(&line), Err(LineError::Long(MAX_CAST_LINE + 1)));
}

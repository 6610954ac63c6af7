//! Syslog messages and their framing (`collector::input::syslog`). Input: mode; in mode 0 a
//! message, in mode 1 parts of one that is written by the rules and must come back, in mode 2 a
//! stream.
#![no_main]

use countersign_collector::input::Understood;
use countersign_collector::input::syslog::{Arrival, Frames, parse};
use countersign_fuzz::input::Input;
use countersign_fuzz::seeds;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use libfuzzer_sys::fuzz_target;

fn plant() {
    for message in [
        "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \u{feff}'su' failed",
        "<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time",
        "<165>1 - - evntslog - ID47 [exampleSDID@1 iut=\"3\" a=\"\\\"\\\\\\]\"][b c=\"high\"] x",
        "<34>Oct 11 22:14:15 mymachine su[7]: 'su root' failed for lonvick on /dev/pts/8",
        "<13>2026-11-27T12:30:00.123456+01:00 db-1 ada: hello",
    ] {
        let bytes = message.as_bytes();
        seeds::plant([[&[0], bytes].concat(), [&[1, 0, 9], bytes].concat()]);
        let counted = format!("{} {message}{message}\n", bytes.len());
        seeds::plant([[&[2, 7], counted.as_bytes()].concat()]);
    }
}

fn read(message: &[u8]) -> Understood {
    let received = Timestamp::from_second(1_795_000_000).expect("a time");
    let zone = TimeZone::UTC;
    parse(
        message,
        Arrival {
            received,
            zone: &zone,
        },
    )
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let mut input = Input::new(data);
    match input.byte() % 3 {
        0 => {
            let understood = read(input.rest());
            let has_priority = understood.fields.get("severity").is_some();
            assert!(has_priority || !understood.malformed.is_empty());
            assert!(understood.fields.into_map().len() <= 129);
        }
        1 => comes_back(input),
        _ => framing(input),
    }
});

/// A message that keeps the rules gives its parts back.
fn comes_back(mut input: Input<'_>) {
    let value = String::from_utf8_lossy(input.field()).into_owned();
    let text = input.text();
    if text.len() + value.len() > 4_000 {
        return;
    }
    let guarded = value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace(']', "\\]");
    let message = format!("<165>1 - host app 7 ID [id name=\"{guarded}\"] {text}");
    let understood = read(message.as_bytes());
    assert_eq!(understood.malformed, "", "{message}");
    assert_eq!(
        understood.fields.get("sd.id.name"),
        Some(value.as_str()),
        "{message}"
    );
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let text = text.strip_suffix('\n').unwrap_or(text);
    assert_eq!(
        understood.fields.get("message").unwrap_or_default(),
        text,
        "{message}"
    );
}

/// The same frames come out of a stream in whatever pieces it arrives.
fn framing(mut input: Input<'_>) {
    const MAX: usize = 480;
    let size = usize::from(input.byte()) + 1;
    let stream = input.rest();
    let all = |size: usize| {
        let mut frames = Frames::new(MAX);
        let mut found = Vec::new();
        for mut piece in stream.chunks(size.max(1)) {
            while let Some(frame) = frames.next(&mut piece) {
                found.push(frame);
            }
            assert!(piece.is_empty(), "every byte is taken");
        }
        found.extend(frames.finish());
        found
    };
    let whole = all(stream.len());
    assert_eq!(whole, all(size));
    assert!(whole.iter().all(|frame| frame.bytes.len() <= MAX));
}

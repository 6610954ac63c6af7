//! Lines of log files (`collector::parse`). Input: mode, and a line; in mode 3 pairs that are
//! written as `key="value"` and must come back.
#![no_main]

use std::collections::BTreeMap;

use countersign_collector::parse::{Format, Parsed, parse};
use countersign_fuzz::input::Input;
use countersign_fuzz::seeds;
use jiff::tz::{TimeZone, offset};
use libfuzzer_sys::fuzz_target;

fn plant() {
    let dpkg = "2026-11-22 10:00:00 ";
    for line in [
        "startup archives unpack",
        "status installed libc6:amd64 2.41-12",
        "install tree:amd64 <none> 2.2.1-1",
        "remove tree:amd64 2.2.1-1 <none>",
        "conffile /etc/issue keep",
    ] {
        seeds::plant([[&[1], dpkg.as_bytes(), line.as_bytes()].concat()]);
    }
    for line in [
        "sshd: user=ada from=10.0.0.1",
        r#"msg="two \"words\" \\" x="#,
        "ä=1 a.b-c=\"\"",
    ] {
        seeds::plant([
            [&[2], line.as_bytes()].concat(),
            [&[3], line.as_bytes()].concat(),
        ]);
    }
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let mut input = Input::new(data);
    let zone = TimeZone::UTC;
    match input.byte() % 4 {
        0 => assert_eq!(parse(Format::Raw, input.rest(), &zone), Ok(Parsed::default())),
        1 => dpkg(input.rest()),
        2 => {
            if let Ok(parsed) = parse(Format::KeyValue, input.rest(), &zone) {
                assert!(!parsed.fields.is_empty() && parsed.observed_at.is_none());
                come_back(&parsed.fields);
            }
        }
        _ => {
            let text = input.text();
            let pairs = text.split('=').map(|word| {
                let key: String = word.chars().filter(char::is_ascii_alphanumeric).collect();
                (key, word.to_owned())
            });
            come_back(&pairs.filter(|(key, _)| !key.is_empty()).collect());
        }
    }
});

fn dpkg(line: &[u8]) {
    let Ok(parsed) = parse(Format::Dpkg, line, &TimeZone::UTC) else {
        return;
    };
    assert!(parsed.fields.contains_key("action"));
    let at = parsed.observed_at.expect("a line has a time");
    // Two hours further east the same clock showed the same time two hours earlier.
    let east = parse(Format::Dpkg, line, &TimeZone::fixed(offset(2))).map(|east| east.observed_at);
    let earlier = at.as_second() - 7_200;
    assert!(east.is_err() || east == Ok(jiff::Timestamp::from_second(earlier).ok()));
}

fn come_back(fields: &BTreeMap<String, String>) {
    if fields.is_empty() {
        return;
    }
    let quote = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let words = fields
        .iter()
        .map(|(key, value)| format!("{key}=\"{}\"", quote(value)));
    let line = words.collect::<Vec<_>>().join(" ");
    let parsed = parse(Format::KeyValue, line.as_bytes(), &TimeZone::UTC);
    assert_eq!(
        parsed.map(|parsed| parsed.fields).as_ref(),
        Ok(fields),
        "{line}"
    );
}

//! Lines of CEF and of syslog are read back by parsers that are written here, after the
//! specifications; and JSON lines hold what proves an entry.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_chain::hash;
use countersign_export::item::Item;
use countersign_export::limits::LINE_TEXT;
use countersign_export::line::native;
use countersign_export::line::{cef, syslog};
use countersign_proto::event::kind_name;
use countersign_proto::reading::text::printable;
use countersign_proto::v1;
use proptest::prelude::*;
use prost::Message;
use serde_json::Value;

use super::samples::Samples;

/// A line of CEF, taken apart: seven fields of the head, and the extension.
fn parse_cef(line: &str) -> (Vec<String>, BTreeMap<String, String>) {
    assert!(!line.contains(['\n', '\r']), "one line: {line:?}");
    let mut head = Vec::new();
    let mut field = String::new();
    let mut chars = line.chars();
    while head.len() < 7 {
        match chars.next().expect("the head ends") {
            '\\' => match chars.next().expect("something is escaped") {
                c @ ('\\' | '|') => field.push(c),
                c => panic!("\\{c} in a head"),
            },
            '|' => head.push(std::mem::take(&mut field)),
            c => field.push(c),
        }
    }
    // A key is what stands between the last space before an `=` that is not escaped and that `=`.
    let rest: Vec<char> = chars.collect();
    let mut places = Vec::new();
    let mut at = 0;
    while at < rest.len() {
        match rest[at] {
            '\\' => at += 1,
            '=' => places.push(at),
            _ => {}
        }
        at += 1;
    }
    let start = |place: usize| {
        rest[..place]
            .iter()
            .rposition(|c| *c == ' ')
            .map_or(0, |it| it + 1)
    };
    let mut extension = BTreeMap::new();
    for (number, place) in places.iter().enumerate() {
        let key: String = rest[start(*place)..*place].iter().collect();
        let end = places
            .get(number + 1)
            .map_or(rest.len(), |next| start(*next) - 1);
        let value = unescape(&rest[place + 1..end], &['\\', '='], true);
        assert!(key.chars().all(|c| c.is_ascii_alphanumeric()), "{key:?}");
        assert_eq!(extension.insert(key, value), None);
    }
    (head, extension)
}

fn unescape(text: &[char], escaped: &[char], lines: bool) -> String {
    let mut out = String::new();
    let mut chars = text.iter();
    while let Some(c) = chars.next() {
        if *c != '\\' {
            assert!(*c == '\\' || !escaped.contains(c), "{c} is not escaped");
            out.push(*c);
            continue;
        }
        match chars.next().expect("something is escaped") {
            'n' if lines => out.push('\n'),
            'r' if lines => out.push('\r'),
            c if escaped.contains(c) => out.push(*c),
            c => panic!("\\{c}"),
        }
    }
    out
}

/// A syslog message, taken apart: seven fields of the head, elements, words.
struct Syslog {
    head: Vec<String>,
    elements: BTreeMap<String, BTreeMap<String, String>>,
    words: String,
}

fn parse_syslog(line: &str) -> Syslog {
    assert!(!line.contains(['\n', '\r', '\0']), "one line: {line:?}");
    let mut rest = line;
    let mut head = Vec::new();
    for _ in 0..6 {
        let (field, more) = rest.split_once(' ').expect("a space");
        assert!(
            field.bytes().all(|byte| (33..=126).contains(&byte)),
            "{field:?}"
        );
        head.push(field.to_owned());
        rest = more;
    }
    let mut elements = BTreeMap::new();
    while let Some(more) = rest.strip_prefix('[') {
        let end = more.find([' ', ']']).expect("an id");
        let (id, mut inside) = more.split_at(end);
        let mut values = BTreeMap::new();
        while let Some(more) = inside.strip_prefix(' ') {
            let (name, more) = more.split_once("=\"").expect("a name");
            assert!(
                (1..=32).contains(&name.len()) && name.is_ascii(),
                "{name:?}"
            );
            let chars: Vec<char> = more.chars().collect();
            let mut end = 0;
            while chars[end] != '"' {
                end += if chars[end] == '\\' { 2 } else { 1 };
            }
            let value = unescape(&chars[..end], &['"', '\\', ']'], false);
            assert_eq!(values.insert(name.to_owned(), value), None);
            let bytes: usize = chars[..=end].iter().map(|c| c.len_utf8()).sum();
            inside = &more[bytes..];
        }
        assert_eq!(
            elements.insert(id.to_owned(), values),
            None::<BTreeMap<_, _>>
        );
        rest = inside.strip_prefix(']').expect("the element ends");
    }
    let words = rest.strip_prefix(' ').unwrap_or(rest);
    let marked = words.strip_prefix('\u{feff}');
    assert_eq!(marked.is_some(), !words.is_ascii(), "{words:?}");
    Syslog {
        head,
        elements,
        words: marked.unwrap_or(words).to_owned(),
    }
}

fn cut(text: &str) -> String {
    if text.len() <= LINE_TEXT {
        return text.to_owned();
    }
    let mut end = LINE_TEXT - "…".len();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

fn shown(text: &str) -> String {
    printable(text)
        .replace('\u{2028}', "\\u{2028}")
        .replace('\u{2029}', "\\u{2029}")
}

/// As CEF shows it: line ends stay.
fn shown_lines(text: &str) -> String {
    let parts = text.split('\n').map(|part| {
        let parts: Vec<_> = part.split('\r').map(shown).collect();
        parts.join("\r")
    });
    parts.collect::<Vec<_>>().join("\n")
}

fn said(item: &Item<'_>, name: &str) -> Option<String> {
    let fields = countersign_proto::reading::fields_of(item.event.as_ref(), item.record.payload());
    match serde_json::to_value(fields.get(name)?).expect("JSON") {
        Value::Null => None,
        Value::String(text) => Some(text).filter(|text| !text.is_empty()),
        Value::Array(list) if list.is_empty() => None,
        other => Some(other.to_string()),
    }
}

fn check_cef(item: &Item<'_>, what: &str) {
    let (head, extension) = parse_cef(&cef(item));
    let kind = item.record.kind().get();
    let name = kind_name(kind).map_or_else(|| format!("kind {kind}"), str::to_owned);
    let fixed = ["CEF:0", "Countersign", "Countersign", "1"];
    assert_eq!(head[..4], fixed, "{what}");
    assert_eq!(head[4..6], [kind.to_string(), name], "{what}");
    assert!(
        (0..=10).contains(&head[6].parse::<u8>().expect("a number")),
        "{what}"
    );
    assert_eq!(
        extension["externalId"],
        item.record.index().get().to_string()
    );
    assert_eq!(extension["suid"], item.record.actor());
    for (name, key) in [
        ("person", "suser"),
        ("reason", "reason"),
        ("resource", "cs4"),
        ("command", "cs6"),
    ] {
        let expected = said(item, name).map(|text| shown_lines(&cut(&text)));
        // Spaces at the end of the last value are not told from those between values.
        let trim = |text: Option<String>| text.map(|text| text.trim_end().to_owned());
        assert_eq!(
            trim(extension.get(key).cloned()),
            trim(expected),
            "{what}: {name}"
        );
    }
}

fn check_syslog(item: &Item<'_>, what: &str) {
    let line = syslog(item);
    assert!(line.len() < 65_536, "{what}: {}", line.len());
    let parsed = parse_syslog(&line);
    assert!(
        parsed.head[0].starts_with("<1") && parsed.head[0].ends_with(">1"),
        "{what}"
    );
    assert_eq!(parsed.head[3], "countersign");
    let entry = &parsed.elements["entry@32473"];
    assert_eq!(entry["index"], item.record.index().get().to_string());
    assert_eq!(entry["actor"], item.record.actor());
    assert_eq!(
        STANDARD.decode(&entry["signature"]).expect("base64").len(),
        64
    );
    let event = parsed
        .elements
        .get("event@32473")
        .cloned()
        .unwrap_or_default();
    let payload = item.record.payload();
    let fields = countersign_proto::reading::fields_of(item.event.as_ref(), payload);
    for (name, _) in fields.iter() {
        let expected = said(item, name).map(|text| shown(&cut(&text)));
        assert_eq!(event.get(name).cloned(), expected, "{what}: {name}");
    }
    let _words = parsed.words;
}

#[test]
fn lines_of_every_kind_are_read_back_whatever_they_hold() {
    let mut count = 0;
    for samples in [Samples::all(), Samples::long(1)] {
        for (item, what) in samples.items().iter().zip(&samples.names) {
            check_cef(item, what);
            check_syslog(item, what);
            count += 2;
        }
    }
    println!("counted: {count} lines read back");
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_text_breaks_a_line(
        person in "[ -~]{1,40}",
        reason in any::<String>(),
        resource in "[\\\\|=\\]\"\n\r\t \u{0}-\u{1f}\u{7f}-\u{a0}a-zé\u{2028}日]{1,300}",
        address in "[0-9a-f.:\\[\\]=|\\\\ ]{0,30}",
    ) {
        let mut samples = Samples::empty(1);
        let request = v1::BreakGlassInvoked {
            person: person.clone(),
            resource,
            permission: "x".into(),
            reason,
            ..v1::BreakGlassInvoked::default()
        };
        // Entry 0 has case 0, which is none.
        samples.push(2, &[], "recovered");
        samples.push(35, &request.encode_to_vec(), "break glass");
        let session = v1::SessionStarted {
            person,
            source_address: address,
            ..v1::SessionStarted::default()
        };
        samples.push(60, &session.encode_to_vec(), "a session");
        for item in samples.items() {
            check_cef(&item, "any text");
            check_syslog(&item, "any text");
        }
    }
}

#[test]
fn a_syslog_line_looks_as_the_page_says() {
    let mut samples = Samples::empty(1_000_000);
    samples.push(
        7,
        &v1::LogStopped {
            reason: "a \"b\" ]c\\".into(),
        }
        .encode_to_vec(),
        "stopped",
    );
    let items = samples.items();
    let line = syslog(&items[0]);
    let start = "<110>1 2026-09-21T14:13:20.000000Z example.com/log countersign - LogStopped \
                 [entry@32473 index=\"0\" kind=\"7\" actor=\"ledger\" hash=\"";
    assert!(line.starts_with(start), "{line}");
    let end = "[event@32473 reason=\"a \\\"b\\\" \\]c\\\\\"] a \"b\" ]c\\";
    assert!(line.ends_with(end), "{line}");
    let line = cef(&items[0]);
    let start = "CEF:0|Countersign|Countersign|1|7|LogStopped|2|rt=1790000000000 \
                 dvchost=example.com/log externalId=0 suid=ledger ";
    assert!(line.starts_with(start), "{line}");
    assert!(
        line.ends_with("reason=a \"b\" ]c\\\\ msg=a \"b\" ]c\\\\"),
        "{line}"
    );
}

#[test]
fn a_native_json_line_proves_its_entry() {
    let samples = Samples::all();
    for item in samples.items() {
        let line = serde_json::to_value(native(&item)).expect("JSON");
        let text = |name: &str| line[name].as_str().expect("a text").to_owned();
        let record = STANDARD.decode(text("record")).expect("base64");
        let hex = countersign_proto::reading::text::hex;
        assert_eq!(text("leaf"), hex(hash::leaf(&record).as_bytes()));
        assert_eq!(text("prev"), hex(item.record.prev().as_bytes()));
        assert_eq!(line["index"], item.record.index().get());
        assert_eq!(
            STANDARD.decode(text("signature")).expect("base64"),
            item.commit.signature()
        );
        assert!(line["event"].is_object());
    }
}

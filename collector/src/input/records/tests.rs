//! CSV that is cut, joined and forged.

use super::*;

/// A record is what `split` makes of it, when it begins with a time.
#[derive(Debug)]
struct Plain;

impl Grammar for Plain {
    fn record(&self, raw: Bytes, position: u64) -> Record {
        let understood = match crate::input::csvlog::csv::split(&raw) {
            Ok(fields) if fields.len() == 3 => Understood::default(),
            Ok(fields) => Understood::malformed(&format!("{} fields", fields.len())),
            Err(error) => Understood::malformed(&error),
        };
        Record {
            source: "s".to_owned(),
            position: position.to_string(),
            raw,
            understood,
        }
    }

    fn begins(&self, line: &[u8]) -> bool {
        line.starts_with(b"2026-")
    }
}

fn records(ending: Ending) -> Records<Plain> {
    Records::new("s".to_owned(), Plain, ending)
}

/// Gives a text to the records as a file would, in lines and parts of at most this size.
fn give(records: &mut Records<Plain>, text: &[u8], part: usize) -> (Vec<v1::ExternalEvent>, bool) {
    let mut events = Vec::new();
    let mut is_whole = true;
    let mut offset = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let (line, newline) = match line.strip_suffix(b"\n") {
            Some(line) => (line, true),
            None => (line, false),
        };
        let mut pieces = line.chunks(part).peekable();
        let mut number = 0;
        loop {
            let piece = pieces.next().unwrap_or_default();
            number += 1;
            let end = match (pieces.peek().is_some(), newline) {
                (true, _) => LineEnd::Part,
                (false, true) => LineEnd::Newline,
                (false, false) => LineEnd::File,
            };
            let taken = records.take(&Line {
                offset,
                bytes: Bytes::copy_from_slice(piece),
                part: number,
                end,
            });
            events.extend(taken.events);
            is_whole = taken.is_whole;
            offset += wide(piece.len()) + u64::from(end == LineEnd::Newline);
            if end != LineEnd::Part {
                break;
            }
        }
    }
    (events, is_whole)
}

fn said(events: &[v1::ExternalEvent]) -> Vec<String> {
    let short = |event: &v1::ExternalEvent| {
        let raw = String::from_utf8_lossy(&event.raw);
        let bad = if event.malformed.is_empty() { "" } else { "!" };
        format!("{}{bad}:{raw}", event.position)
    };
    events.iter().map(short).collect()
}

const ONE: &str = "2026-1,\"a\nb \"\"c\"\"\n\",d";
const TWO: &str = "2026-2,\"user\",\"SELECT 1\"";

#[test]
fn records_span_lines_in_any_pieces() {
    let text = format!("{ONE}\n\n{TWO}\n{ONE}\n");
    for part in 1..30 {
        let (events, is_whole) = give(&mut records(Ending::Csv), text.as_bytes(), part);
        let second = ONE.len() + 2;
        let third = second + TWO.len() + 1;
        let expected = [
            format!("0:{ONE}"),
            format!("{second}:{TWO}"),
            format!("{third}:{ONE}"),
        ];
        assert_eq!(said(&events), expected, "in pieces of {part}");
        assert!(is_whole);
    }
}

#[test]
fn a_record_that_is_cut_anywhere_costs_itself_and_no_other() {
    for cut in 0..ONE.len() {
        let torn = &ONE[..cut];
        // A crash leaves no line end: the writer's next run begins on a line of its own.
        let text = format!("{TWO}\n{torn}\n{TWO}\n{TWO}\n");
        for part in [3, 1_000] {
            let (events, is_whole) = give(&mut records(Ending::Csv), text.as_bytes(), part);
            let good = events
                .iter()
                .filter(|event| event.malformed.is_empty() && event.raw == TWO);
            assert_eq!(good.count(), 3, "cut at {cut}: {:#?}", said(&events));
            let bytes: usize = events.iter().map(|event| event.raw.len()).sum();
            let newlines = text.lines().filter(|line| !line.is_empty()).count();
            assert!(
                bytes + newlines >= text.trim_end().len(),
                "cut at {cut}: no byte is lost"
            );
            assert!(is_whole);
        }
    }
}

#[test]
fn a_cut_that_joins_with_the_next_record_costs_both_and_no_third() {
    for cut in 1..ONE.len() {
        let text = format!("{}{TWO}\n{TWO}\n{TWO}\n", &ONE[..cut]);
        let (events, _) = give(&mut records(Ending::Csv), text.as_bytes(), 1_000);
        let good = events
            .iter()
            .filter(|event| event.malformed.is_empty() && event.raw == TWO);
        assert!(good.count() >= 2, "cut at {cut}: {:#?}", said(&events));
    }
}

#[test]
fn a_text_cannot_forge_a_record() {
    // What a user writes into a statement comes with its quotes doubled.
    let forged = "2026-3,\"user\",\"DROP TABLE\"".replace('"', "\"\"");
    let record = format!("2026-1,\"user\",\"SELECT 1\n{forged}\n\"");
    let text = format!("{record}\n{TWO}\n");
    let (events, _) = give(&mut records(Ending::Csv), text.as_bytes(), 1_000);
    let second = record.len() + 1;
    assert_eq!(
        said(&events),
        [format!("0:{record}"), format!("{second}:{TWO}")]
    );
}

#[test]
fn the_end_of_a_file_within_a_record_is_told() {
    let mut cut = records(Ending::Csv);
    let text = "2026-1,\"a\nb";
    let (events, is_whole) = give(&mut cut, format!("{text}\n").as_bytes(), 1_000);
    assert!(events.is_empty() && !is_whole, "{events:?}");
    let events = cut.give_up();
    assert_eq!(said(&events), [format!("0!:{text}\n")]);
    assert!(cut.give_up().is_empty());
    let (events, is_whole) = give(&mut cut, text.as_bytes(), 1_000);
    assert_eq!(said(&events), [format!("0!:{text}")]);
    assert!(is_whole);
    // Outside of quotes the last record may lack its line end.
    let (events, _) = give(&mut cut, TWO.as_bytes(), 1_000);
    assert_eq!(said(&events), [format!("0:{TWO}")]);
}

#[test]
fn a_record_that_is_too_large_comes_in_pieces_and_the_next_one_is_read() {
    let long = format!("2026-1,\"u\",\"{}\"", "x\n".repeat(MAX_RECORD));
    let text = format!("{long}\n{TWO}\n");
    let (events, is_whole) = give(&mut records(Ending::Csv), text.as_bytes(), 30_000);
    let (last, pieces) = events.split_last().unwrap();
    assert_eq!(
        (&last.raw[..], last.malformed.as_str()),
        (TWO.as_bytes(), "")
    );
    assert!(is_whole);
    let bytes: Vec<u8> = pieces.iter().flat_map(|event| event.raw.to_vec()).collect();
    assert!(bytes == long.as_bytes(), "no byte is lost or changed");
    assert!(
        pieces
            .iter()
            .all(|event| event.malformed.contains("this is piece"))
    );
}

#[test]
fn lines_need_no_quotes() {
    let (events, is_whole) = give(&mut records(Ending::Line), b"\"a\n \n1,2,3\n", 2);
    assert_eq!(said(&events), ["0!:\"a", "5:1,2,3"]);
    assert!(is_whole);
}

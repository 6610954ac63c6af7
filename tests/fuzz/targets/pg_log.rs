//! Records of PostgreSQL's CSV and JSON logs (`collector::input::csvlog`). Input: mode; in mode 0 a
//! record in CSV, in mode 1 one in JSON, in mode 2 columns that are written as PostgreSQL writes
//! them and must come back.
#![no_main]

use countersign_collector::input::csvlog::csv::{Scanner, split};
use countersign_collector::input::csvlog::{COLUMNS, read_csv, read_json};
use countersign_fuzz::input::Input;
use countersign_fuzz::seeds;
use jiff::tz::TimeZone;
use libfuzzer_sys::fuzz_target;

fn plant() {
    let record = "2026-11-27 02:30:00.123 UTC,\"ada\",\"orders\",4711,\"[local]\",6747a0b8.1267,3,\
                  \"SELECT\",2026-11-27 02:29:00 UTC,3/7,0,LOG,00000,\"AUDIT: SESSION,1,1,READ,\
                  SELECT,TABLE,public.t,\"\"select \"\"\"\"a,\nb\"\"\"\"\"\",<none>\",,,,,,,,,\
                  \"psql\",\"client backend\",,0";
    let json = "{\"timestamp\":\"2026-11-27 02:30:00.123 CET\",\"user\":\"ada\",\"pid\":7,\
                \"remote_host\":\"10.0.0.1\",\"remote_port\":5432,\"message\":\"AUDIT: x\"}";
    seeds::plant([
        [&[0], record.as_bytes()].concat(),
        [&[1], json.as_bytes()].concat(),
        [&[2, 0, 5], record.as_bytes()].concat(),
    ]);
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let mut input = Input::new(data);
    let zone = TimeZone::UTC;
    match input.byte() % 3 {
        0 => {
            let record = input.rest();
            let understood = read_csv(record, &zone);
            let mut scanner = Scanner::default();
            let is_csv = scanner.feed(record).is_ok() && !scanner.is_quoted();
            assert_eq!(split(record).is_ok(), is_csv);
            assert!(is_csv || !understood.malformed.is_empty());
        }
        1 => {
            let understood = read_json(input.rest(), &zone);
            let fields = understood.fields.into_map();
            assert!(fields.len() <= 129 && fields.keys().all(|name| !name.is_empty()));
        }
        _ => comes_back(input),
    }
});

fn comes_back(mut input: Input<'_>) {
    let mut columns: Vec<Vec<u8>> = Vec::new();
    while columns.len() < COLUMNS.len() {
        columns.push(input.field().to_vec());
    }
    let quote = |column: &Vec<u8>| {
        let mut quoted = vec![b'"'];
        for byte in column {
            quoted.push(*byte);
            quoted.extend((*byte == b'"').then_some(b'"'));
        }
        quoted.push(b'"');
        quoted
    };
    let quoted: Vec<Vec<u8>> = columns.iter().map(quote).collect();
    let record = quoted.join(&b","[..]);
    assert_eq!(split(&record).as_ref(), Ok(&columns));
    // Behind each line end within the record the scanner knows that it goes on.
    for (at, _) in record
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n')
    {
        let mut scanner = Scanner::default();
        assert!(scanner.feed(&record[..at]).is_ok() && scanner.is_quoted());
    }
}

//! Segment headers and the names of segment files (section 8). Input: mode, and a header, the
//! fields of one (mode 1), or a name (mode 2).
#![no_main]

use countersign_chain::segment::{SegmentHeader, file_name, parse_file_name};
use countersign_fuzz::input::Input;
use countersign_fuzz::seeds;
use libfuzzer_sys::fuzz_target;

fn plant() {
    for input in seeds::vectors("segment") {
        let header = seeds::bytes(&input["header"]);
        let fields = header.get(18..332).unwrap_or_default();
        seeds::plant([[&[0], header.as_slice()].concat(), [&[1], fields].concat()]);
    }
    seeds::plant([[&[2], "00000000000000001042.seg".as_bytes()].concat()]);
}

/// A header with right magic, format and checksum around these fields.
fn header(fields: &[u8]) -> Vec<u8> {
    let mut out = [&b"countersign-seg\n"[..], &[0, 1], fields].concat();
    out.resize(332, 0);
    let crc = crc32c::crc32c(&out);
    out.extend_from_slice(&crc.to_be_bytes());
    out.resize(512, 0);
    out
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let mut input = Input::new(data);
    let bytes = match input.byte() % 3 {
        0 => input.rest().to_vec(),
        1 => header(input.take(314)),
        _ => {
            let name = input.text();
            let first = parse_file_name(&name);
            assert!(first.is_none_or(|first| file_name(first) == name));
            return;
        }
    };
    if let Ok(header) = SegmentHeader::parse(&bytes) {
        assert_eq!(header.encode(), bytes[..512]);
        assert_eq!(parse_file_name(&file_name(header.first)), Some(header.first));
    }
});

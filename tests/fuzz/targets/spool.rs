//! Segments of a spool. Input: the file, whose checksums are put right first when the first bit
//! says so, for else nothing behind them is ever read.
#![no_main]

use countersign_collector::spool::frame::{self, FRAME_HEAD, GENESIS, HEAD, Head};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((mode, bytes)) = input.split_first() else {
        return;
    };
    let mut bytes = bytes.to_vec();
    if mode & 1 == 1 && bytes.len() > 8 {
        let length = u32::try_from(bytes.len() - 8).unwrap_or(0);
        bytes[..4].copy_from_slice(&length.to_be_bytes());
        let crc = crc32c::crc32c(&bytes[8..]);
        bytes[4..8].copy_from_slice(&crc.to_be_bytes());
    }
    if let Ok(read) = frame::decode(&bytes, &GENESIS) {
        assert!(read.bytes <= bytes.len() && read.bytes >= FRAME_HEAD);
        // What was read can be written, and is read the same.
        let mut again = Vec::new();
        frame::encode(&read.item, read.number, &GENESIS, &mut again);
        let back = frame::decode(&again, &GENESIS).expect("what was just written");
        assert_eq!(back.number, read.number);
        assert!(back.follows);
    }
    if let Ok(head) = Head::decode(&bytes) {
        assert_eq!(head.encode(), bytes[..HEAD]);
    }
});

//! Who a log is: the files `IDENTITY` and `signing.key` (section 11). Input: mode, and a file.
#![no_main]

use countersign_fuzz::input::Input;
use countersign_fuzz::{make, seeds};
use countersign_ledger::fs::sim::SimFs;
use countersign_ledger::log::folder::{IDENTITY, Identity, SIGNING_KEY, identity, signing_key};
use libfuzzer_sys::fuzz_target;

fn plant() {
    let key = make::key();
    let (origin, vkey) = (key.verifier().origin(), key.verifier());
    let text = format!("format = 1\norigin = \"{origin}\"\nvkey = \"{vkey}\"\n");
    seeds::plant([
        [&[0], text.as_bytes()].concat(),
        [&[1], key.to_text().as_bytes()].concat(),
    ]);
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let mut input = Input::new(data);
    let (signing, disk) = (make::key(), SimFs::new());
    let good = Identity {
        origin: signing.verifier().origin().clone(),
        vkey: signing.verifier().clone(),
    };
    if input.byte().is_multiple_of(2) {
        disk.write_file(IDENTITY, input.rest()).expect("room");
        if let Ok(read) = identity(&disk) {
            assert_eq!(*read.vkey.origin(), read.origin);
            let text = format!("format = 1\norigin = '{}'\nvkey = '{}'", read.origin, read.vkey);
            // Nothing in a literal string of TOML is escaped, so it cannot hold its own quote.
            if !read.origin.as_str().contains('\'') {
                disk.write_file(IDENTITY, text.as_bytes()).expect("room");
                assert_eq!(identity(&disk).ok(), Some(read));
            }
        }
    } else {
        disk.write_file(SIGNING_KEY, input.rest()).expect("room");
        if let Ok(key) = signing_key(&disk, &good) {
            assert_eq!(key.to_text(), signing.to_text(), "another key was taken for the log's");
        }
    }
});

//! The mark of the stored tree, `tree/durable`. Input: mode, and the file or, in odd modes, what a
//! right digest is put behind.
#![no_main]

use countersign_chain::hash;
use countersign_fuzz::input::Input;
use countersign_fuzz::seeds;
use countersign_ledger::fs;
use countersign_ledger::fs::Fs as _;
use countersign_ledger::fs::sim::SimFs;
use libfuzzer_sys::fuzz_target;

#[path = "../../../ledger/src/tree"]
mod tree {
    //! The place that the source file expects around itself.
    #![allow(dead_code, reason = "nothing is removed here")]
    mod mark;

    const FOLDER: &str = "tree";

    /// Reads the mark and, when there is one, writes it again.
    pub fn again(disk: &super::SimFs) -> bool {
        let mark = mark::Mark::read(disk).expect("a healthy disk");
        mark.is_some_and(|mark| {
            mark.write(disk).expect("a healthy disk");
            assert_eq!(mark::Mark::read(disk).ok(), Some(Some(mark)));
            true
        })
    }
}

fn plant() {
    let body = [&b"CSTREE1\n"[..], &[0; 8], &[5; 32]].concat();
    seeds::plant([[&[1], body.as_slice()].concat(), vec![0; 81]]);
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let mut input = Input::new(data);
    let mut bytes = input.rest().to_vec();
    if input.byte() % 2 == 1 {
        bytes = input.rest().to_vec();
        let digest = hash::digest(&bytes);
        bytes.extend_from_slice(digest.as_bytes());
    }
    let disk = SimFs::new();
    disk.create_dir("tree").expect("an empty disk");
    disk.write_file("tree/durable", &bytes).expect("room");
    if tree::again(&disk) {
        assert_eq!(disk.read_file("tree/durable").expect("it is there"), bytes);
    }
});

//! Rows of the index, as they are read back from its engine. Input: mode, and a value or, in odd
//! modes, what a right checksum is put behind.
#![no_main]

use countersign_chain::hash;
use countersign_fuzz::input::Input;
use countersign_fuzz::seeds;
use countersign_ledger::projections::BUNDLE_ENTRIES;
use libfuzzer_sys::fuzz_target;

#[path = "../../../ledger/src/projections"]
mod projections {
    //! The place that the source files expect around themselves.
    #![allow(dead_code, reason = "only what reads and writes rows is under test")]
    mod bundle;
    mod rows;
    mod set;

    mod db {
        //! What a row is.
        pub(super) type Row = (Vec<u8>, Vec<u8>);
    }

    mod index {
        //! The errors of rows.
        #[derive(Debug)]
        pub(super) enum IndexError {
            Damaged(&'static str),
            OtherFormat(u16),
            OtherOrigin { expected: String, got: String },
        }
    }

    use super::BUNDLE_ENTRIES;
    use bundle::Term;

    const CHUNK_BUNDLES: u64 = 2_048;

    /// Reads a state row; what is accepted is written again.
    pub fn state(value: &[u8], origin: &str) -> Option<Vec<u8>> {
        let progress = rows::parse_state(value, origin).ok()?;
        Some(rows::state_row(&progress, origin).1)
    }

    /// As [`state`], for the row of a bundle.
    pub fn bundle(value: &[u8]) -> Option<Vec<u8>> {
        let summary = rows::parse_bundle(7, &rows::bundle_key(7), value).ok()?;
        Some(rows::bundle_row(&summary).1)
    }

    /// As [`state`], for the row of a chunk.
    pub fn chunk(value: &[u8]) -> Option<Vec<u8>> {
        let (source, span) = rows::parse_chunk(7, value).ok()?;
        Some(rows::chunk_row(7, &source, span).1)
    }

    /// Looks for a term in a block. What is found survives being written.
    pub fn block(value: &[u8], term: u64) {
        let row = (rows::block_key(7, Term(0)), value.to_vec());
        let Ok((source, set)) = rows::find_in_block(7, Term(term), Some(row)) else {
            return;
        };
        let mut entries = Vec::new();
        rows::block_entry(&mut entries, Term(term), &set);
        let again = rows::block_row(7, &source, (Term(0), Term(u64::MAX)), &entries);
        let again = rows::find_in_block(7, Term(term), Some(again)).expect("our own row");
        assert_eq!(again, (source, set.clone()));
        assert!(
            set.positions()
                .all(|at| at < CHUNK_BUNDLES && set.contains(at))
        );
        assert_eq!(set.is_empty(), set.positions().next().is_none());
    }
}

const ORIGIN: &str = "log.example.com/audit";

/// Keys of the rows that are read.
fn keys() -> [Vec<u8>; 4] {
    let seven = 7_u64.to_be_bytes();
    let of = |tag: u8, rest: &[&[u8]]| [&[tag][..], &rest.concat()].concat();
    [
        of(0, &[]),
        of(1, &[&seven]),
        of(2, &[&seven]),
        of(3, &[&seven, &[0; 8]]),
    ]
}

fn plant() {
    let source = [9_u8; 40];
    let state = [&source[..], &[0, 1], &[0; 16], ORIGIN.as_bytes()].concat();
    let span = [&source[..], &[0; 7], &[1; 9]].concat();
    let block = [
        &source[..],
        &[0xff; 8],
        &[0; 8],
        &[2, 0, 1, 0, 9],
        &[1; 8],
        &[0; 257],
    ]
    .concat();
    for (row, body) in [(0, &state), (1, &span), (2, &span), (3, &block)] {
        seeds::plant([[&[row * 2 + 1], body.as_slice()].concat()]);
    }
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let mut input = Input::new(data);
    let mode = input.byte();
    let row = usize::from(mode / 2 % 4);
    let mut value = input.rest().to_vec();
    if mode % 2 == 1 {
        let check = hash::digest(&[keys()[row].as_slice(), &value].concat());
        value.extend_from_slice(&check.as_bytes()[..8]);
    }
    let again = match row {
        0 => projections::state(&value, ORIGIN),
        1 => projections::bundle(&value),
        2 => projections::chunk(&value),
        _ => {
            for term in [0, 0x0101_0101_0101_0101, u64::MAX] {
                projections::block(&value, term);
            }
            return;
        }
    };
    assert!(again.is_none_or(|again| again == value), "another encoding");
});

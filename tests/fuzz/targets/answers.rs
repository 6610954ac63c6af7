//! What a client believes of the answers of a ledger. Input: mode, and a message; notes in it that
//! hold a text `S…` are replaced by the key's signature of a checkpoint.
#![no_main]

use bytes::Bytes;
use countersign_chain::checkpoint::{Checkpoint, SignedCheckpoint};
use countersign_chain::hash::{self, Hash};
use countersign_chain::proof::verify_inclusion;
use countersign_client::limits;
use countersign_fuzz::input::Input;
use countersign_fuzz::{make, seeds};
use countersign_proto::convert;
use countersign_proto::convert::hash_bytes;
use countersign_proto::v1;
use libfuzzer_sys::fuzz_target;
use prost::Message as _;

#[path = "../../../client/src"]
#[allow(dead_code, reason = "only what reads answers is under test")]
mod client {
    //! The place that the source files expect around themselves.
    pub mod draft;
    pub mod entry;
    pub mod receipt;
    pub mod verify;
}
use client::{draft, entry, receipt, verify};
use draft::{Filter, Level};
use entry::{Entry, Sequence, run_ends};
use receipt::{Receipt, ReceiptRun};
use verify::Notary;

/// The log has this one entry in its first commit.
fn record() -> (Bytes, Hash) {
    let mut log = countersign_fuzz::log::Log::default();
    let commit = log.commit(1);
    let record = commit.record(0).expect("one entry");
    (Bytes::copy_from_slice(record), hash::leaf(record))
}

fn plant() {
    let (record, leaf) = record();
    let entry = convert::entry(&record).expect("a record");
    let inclusion_proof = Some(v1::InclusionProof {
        index: 0,
        tree_size: 1,
        hashes: Vec::new(),
    });
    let answer = v1::GetEntryResponse {
        entry: Some(entry.clone()),
        checkpoint: "S".to_owned(),
        inclusion_proof: inclusion_proof.clone(),
    };
    let page = v1::ListEntriesResponse {
        entries: vec![entry.clone()],
        checkpoints: vec!["S".to_owned()],
        next_page_token: String::new(),
    };
    let receipt = v1::Receipt {
        log: "main".to_owned(),
        leaf_hash: hash_bytes(&leaf),
        time: entry.time,
        level: 2,
        checkpoint: "S".to_owned(),
        inclusion_proof,
        ..v1::Receipt::default()
    };
    let run = v1::ReceiptRun {
        log: "main".to_owned(),
        count: 1,
        leaf_hashes: hash_bytes(&leaf),
        level: 1,
        checkpoint: "S".to_owned(),
        ..v1::ReceiptRun::default()
    };
    seeds::plant([
        [&[0], answer.encode_to_vec().as_slice()].concat(),
        [&[1], page.encode_to_vec().as_slice()].concat(),
        [&[2], receipt.encode_to_vec().as_slice()].concat(),
        [&[3], run.encode_to_vec().as_slice()].concat(),
    ]);
}

/// A note whose text is `S` and a size is signed over the root of the log of one entry.
fn sign(note: &mut String, root: Hash) {
    if let Some(size) = note.strip_prefix('S') {
        let size = if size.is_empty() { Ok(1) } else { size.parse() };
        let origin = make::key().verifier().origin().clone();
        let size = size.unwrap_or(2);
        *note = make::note(&Checkpoint { origin, size, root }.to_text());
    }
}

fn proved(leaf: Hash, index: u64, hashes: &[Hash], checkpoint: &SignedCheckpoint) {
    let opened = SignedCheckpoint::open(checkpoint.text(), make::key().verifier());
    assert_eq!(opened.as_ref(), Ok(checkpoint));
    let (size, root) = (checkpoint.size(), checkpoint.root());
    assert_eq!(verify_inclusion(&leaf, index, size, hashes, &root), Ok(()));
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let mut input = Input::new(data);
    let (signing, (_, root)) = (make::key(), record());
    let mut notary = Notary::new(signing.verifier().clone());
    let mode = input.byte() % 4;
    let bytes = Bytes::copy_from_slice(input.rest());
    match mode {
        0 => {
            let Ok(mut answer) = v1::GetEntryResponse::decode(bytes) else { return };
            sign(&mut answer.checkpoint, root);
            let proof = answer.inclusion_proof.clone().unwrap_or_default();
            if let Ok(entry) = Entry::verify(answer, 0, &mut notary) {
                let hashes = convert::hashes(&proof.hashes).expect("they were read before");
                assert_eq!((entry.index(), entry.leaf()), (0, hash::leaf(entry.record())));
                proved(entry.leaf(), 0, &hashes, entry.checkpoint());
            }
        }
        1 => {
            let Ok(mut answer) = v1::ListEntriesResponse::decode(bytes) else { return };
            answer.checkpoints.iter_mut().for_each(|note| sign(note, root));
            let count = answer.entries.len();
            let mut sequence = Sequence::new(Filter::default(), 0);
            let read = sequence.read(answer.entries, &answer.checkpoints, &mut notary);
            let Ok(entries) = read else { return };
            assert_eq!(entries.len(), count);
            let chained = entries.windows(2).all(|pair| {
                pair[0].index() + 1 == pair[1].index() && pair[1].prev() == pair[0].leaf()
            });
            assert!(chained, "a page of everything has a gap");
            assert_eq!(run_ends(&entries).last(), entries.last());
        }
        2 => {
            let Ok(mut receipt) = v1::Receipt::decode(bytes) else { return };
            sign(&mut receipt.checkpoint, root);
            if let Ok(held) = Receipt::verify(receipt, "main", Level::Accepted, &mut notary) {
                proved(held.leaf, held.index, &held.proof, &held.checkpoint);
            }
        }
        _ => {
            let Ok(mut run) = v1::ReceiptRun::decode(bytes) else { return };
            sign(&mut run.checkpoint, root);
            if let Ok(held) = ReceiptRun::verify(&run, "main", Level::Accepted, &mut notary) {
                let count = u64::try_from(held.count()).expect("few");
                assert!(count > 0 && held.first_index + count <= held.checkpoint.size());
            }
        }
    }
});

//! A log as a string of frames, read by `LogVerifier` (sections 4 and 7).
//!
//! Input: commits, each a mode and what the mode asks for. Checksums are right, notes are signed by
//! the key of the log over the true root, unless the mode says otherwise: the fuzzer works on what
//! lies behind.
#![no_main]

use countersign_chain::checkpoint::{Checkpoint, SignedCheckpoint};
use countersign_chain::commit::LogHead;
use countersign_chain::frame::Frame;
use countersign_chain::hash::{self, Hash};
use countersign_chain::verify::{self, LogVerifier};
use countersign_fuzz::input::Input;
use countersign_fuzz::log::Log;
use countersign_fuzz::{make, model, seeds};
use libfuzzer_sys::fuzz_target;

/// Leaves after which the slow model stops.
const ENOUGH: usize = 64;

fn plant() {
    for input in seeds::vectors("chain") {
        let mut seed = Vec::new();
        for record in input["records"].as_array().expect("a list") {
            let record = seeds::bytes(record);
            let len = u16::try_from(record.len()).expect("short");
            seed.extend_from_slice(&[&[1, 1][..], &len.to_be_bytes(), &record].concat());
        }
        seeds::plant([seed]);
    }
    seeds::plant([vec![0, 3, 0, 1, 0, 2]]);
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let mut input = Input::new(data);
    let mut verifier = LogVerifier::from_head(LogHead::empty());
    let mut log = Log::default();
    let mut leaves = Vec::new();
    while !input.is_empty() && leaves.len() < ENOUGH {
        let bytes = next(&mut input, &mut log, &leaves);
        let Ok(Some(frame)) = Frame::parse(&bytes, &make::nonce()) else {
            continue;
        };
        let before = verifier.head().clone();
        let mut replayed = verifier.clone();
        let joined = verify::examine(&frame, make::key().verifier())
            .and_then(|examined| verifier.join(examined));
        let Ok(commit) = joined else {
            assert_eq!(verifier.head(), &before, "a refusal moved the head");
            continue;
        };
        let mut time = before.time();
        let mut prev = before.last_leaf();
        for (entry, bytes) in commit.entries().zip(frame.records()) {
            let record = entry.record();
            assert_eq!(record.bytes(), *bytes);
            assert_eq!((entry.leaf(), record.prev()), (hash::leaf(bytes), prev));
            assert!(record.time() >= time, "time went back");
            (time, prev) = (record.time(), entry.leaf());
            leaves.push(entry.leaf());
        }
        accepted(&verifier, commit.checkpoint(), &leaves);
        assert!(replayed.replay(&frame).is_ok(), "recovery is stricter than the verifier");
        assert_eq!(replayed.head(), verifier.head());
    }
});

/// The bytes of the next commit.
fn next(input: &mut Input<'_>, log: &mut Log, leaves: &[Hash]) -> Vec<u8> {
    let mode = input.byte();
    let count = u64::from(input.byte() % 4) + 1;
    if mode.is_multiple_of(4) {
        return log.commit(count).seal(&make::nonce()).to_vec();
    }
    let records: Vec<&[u8]> = (0..count.min(if mode % 4 == 1 { 1 } else { 4 }))
        .map(|_| input.field())
        .collect();
    let mut all = leaves.to_vec();
    all.extend(records.iter().map(|record| hash::leaf(record)));
    let mut first = u64::try_from(leaves.len()).expect("few");
    let mut size = first + u64::try_from(records.len()).expect("few");
    let mut root = model::root(&all);
    match mode / 4 % 8 {
        1 => first = input.u64(),
        2 => size = input.u64(),
        3 => root = input.hash(),
        _ => {}
    }
    let origin = make::key().verifier().origin().clone();
    let text = Checkpoint { origin, size, root }.to_text();
    let note = match mode / 4 % 8 {
        4 => make::note(&String::from_utf8_lossy(input.field())),
        5 => String::from_utf8_lossy(input.field()).into_owned(),
        _ => make::note(&text),
    };
    if note.len() > usize::from(u16::MAX) {
        return Vec::new();
    }
    let mut frame = make::frame(&make::frame_body(&make::nonce(), first, &records, &note));
    if mode / 4 % 8 == 6 {
        let at = usize::from(input.u16()) % frame.len();
        frame[at] ^= input.byte();
        frame = make::frame(&frame[12..]);
    }
    frame
}

fn accepted(verifier: &LogVerifier, checkpoint: &SignedCheckpoint, leaves: &[Hash]) {
    let head = verifier.head();
    assert_eq!(head.size(), u64::try_from(leaves.len()).expect("few"));
    assert_eq!(
        head.last_leaf(),
        *leaves.last().expect("a commit has entries")
    );
    assert_eq!(head.frontier().root(), model::root(leaves));
    assert_eq!(
        (checkpoint.size(), checkpoint.root()),
        (head.size(), model::root(leaves))
    );
    let opened = SignedCheckpoint::open(checkpoint.text(), make::key().verifier());
    assert_eq!(opened.as_ref(), Ok(checkpoint));
}

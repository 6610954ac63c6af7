//! Slots of the durable head (section 9). Input: mode, and a slot, the body of one (mode 1), or the
//! fields of one that is rightly signed (mode 2).
#![no_main]

use countersign_chain::checkpoint::Checkpoint;
use countersign_chain::hash::{self, Hash};
use countersign_chain::head::HeadSlot;
use countersign_chain::limits::MAX_U63;
use countersign_fuzz::input::Input;
use countersign_fuzz::{make, seeds};
use libfuzzer_sys::fuzz_target;

fn plant() {
    for input in seeds::vectors("head") {
        let slot = seeds::bytes(&input["slot"]);
        let body = slot.get(16..).unwrap_or_default();
        seeds::plant([[&[0], slot.as_slice()].concat(), [&[1], body].concat()]);
    }
    seeds::plant([vec![2; 200]]);
}

/// A slot whose hashes and note belong to its size.
fn signed(mut input: Input<'_>) -> (Vec<u8>, bool) {
    let (size, time) = (input.u64(), input.u64());
    let mut body = [size.to_be_bytes(), time.to_be_bytes()].concat();
    body.extend_from_slice(&input.array::<48>());
    let hashes: Vec<Hash> = (0..size.count_ones()).map(|_| input.hash()).collect();
    body.push(u8::try_from(hashes.len()).expect("at most 64"));
    hashes
        .iter()
        .for_each(|hash| body.extend_from_slice(hash.as_bytes()));
    let right = hashes
        .iter()
        .rev()
        .copied()
        .reduce(|right, left| hash::node(&left, &right));
    let root = right.unwrap_or_else(hash::empty_root);
    let origin = make::key().verifier().origin().clone();
    let note = make::note(&Checkpoint { origin, size, root }.to_text());
    body.extend_from_slice(&u16::try_from(note.len()).expect("short").to_be_bytes());
    body.extend_from_slice(note.as_bytes());
    (make::slot(&body), size <= MAX_U63 && time <= MAX_U63)
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let mut input = Input::new(data);
    let (bytes, must_hold) = match input.byte() % 3 {
        0 => (input.rest().to_vec(), false),
        1 => (make::slot(input.take(4_080)), false),
        _ => signed(input),
    };
    let slot = HeadSlot::parse(&bytes, make::key().verifier());
    assert!(slot.is_ok() || !must_hold, "a good slot is refused: {slot:?}");
    let Ok(slot) = slot else {
        return;
    };
    assert_eq!(slot.encode().expect("it fitted"), bytes[..4_096]);
    assert_eq!(slot.checkpoint.size(), slot.head.size());
    assert_eq!(slot.checkpoint.root(), slot.head.frontier().root());
});

//! Inclusion proofs (section 10), compared with the definition. Input: mode, index, size, leaf,
//! root and hashes; in odd modes the root is the one that the proof leads to.
#![no_main]

use countersign_chain::proof::verify_inclusion;
use countersign_fuzz::input::Input;
use countersign_fuzz::{model, seeds};
use libfuzzer_sys::fuzz_target;

fn plant() {
    for input in seeds::vectors("inclusion") {
        let (index, size) = (
            seeds::number(&input["index"]),
            seeds::number(&input["size"]),
        );
        let (leaf, root) = (seeds::bytes(&input["leaf"]), seeds::bytes(&input["root"]));
        let proof = seeds::hashes(&input["proof"]);
        seeds::plant([
            [&[0][..], &index, &size, &leaf, &root, &proof].concat(),
            [&[1][..], &index, &size, &leaf, &root, &proof].concat(),
        ]);
    }
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let mut input = Input::new(data);
    let (mode, index, size) = (input.byte(), input.u64(), input.u64());
    let (leaf, mut root) = (input.hash(), input.hash());
    let proof = input.hashes();
    let model = (index < size)
        .then(|| model::from_inclusion(index, size, &leaf, &proof))
        .flatten();
    if mode % 2 == 1 {
        root = model.unwrap_or(root);
    }
    let verdict = verify_inclusion(&leaf, index, size, &proof, &root);
    assert_eq!(verdict.is_ok(), model == Some(root), "{index} {size}: {verdict:?}");
});

//! Consistency proofs (section 10), compared with the definition. Input: mode, both sizes, both
//! roots and hashes; in odd modes the newer root is the one that the proof leads to, and in modes
//! with bit 1 the older one too.
#![no_main]

use countersign_chain::hash::{self, Hash};
use countersign_chain::proof::verify_consistency;
use countersign_fuzz::input::Input;
use countersign_fuzz::{model, seeds};
use libfuzzer_sys::fuzz_target;

fn plant() {
    for input in seeds::vectors("consistency") {
        let (old, new) = (seeds::number(&input["old"]), seeds::number(&input["new"]));
        let older = seeds::bytes(&input["old_root"]);
        let newer = seeds::bytes(&input["new_root"]);
        let proof = seeds::hashes(&input["proof"]);
        seeds::plant((0..4).map(|mode| [&[mode][..], &old, &new, &older, &newer, &proof].concat()));
    }
}

/// Both roots as the definition has them; `None` when the proof is of another form.
fn model(old: u64, new: u64, old_root: Hash, new_root: Hash, proof: &[Hash]) -> Option<[Hash; 2]> {
    if old > new {
        return None;
    }
    if old == 0 {
        let newer = if new == 0 {
            hash::empty_root()
        } else {
            new_root
        };
        return proof.is_empty().then(|| [hash::empty_root(), newer]);
    }
    let (older, newer) = model::from_consistency(old, new, Some(old_root), proof)?;
    Some([older, newer])
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let mut input = Input::new(data);
    let (mode, old, new) = (input.byte(), input.u64(), input.u64());
    let (mut old_root, mut new_root) = (input.hash(), input.hash());
    let proof = input.hashes();
    if let Some([older, newer]) = model(old, new, old_root, new_root, &proof) {
        old_root = if mode & 2 == 2 { older } else { old_root };
        new_root = if mode & 1 == 1 { newer } else { new_root };
    }
    let model = model(old, new, old_root, new_root, &proof);
    let verdict = verify_consistency(old, new, &old_root, &new_root, &proof);
    assert_eq!(verdict.is_ok(), model == Some([old_root, new_root]), "{old} {new}: {verdict:?}");
});

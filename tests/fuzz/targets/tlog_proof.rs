//! Proofs as files (section 10). Input: mode, leaf, and a text or, in odd modes, an index, a size
//! and hashes, which are then signed as a good proof.
#![no_main]

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::hash::Hash;
use countersign_chain::limits::{MAX_PROOF, MAX_U63};
use countersign_chain::tlog_proof::TlogProof;
use countersign_fuzz::input::Input;
use countersign_fuzz::{make, model, seeds};
use libfuzzer_sys::fuzz_target;

fn plant() {
    for input in seeds::vectors("tlog-proof") {
        let (leaf, proof) = (seeds::bytes(&input["leaf"]), seeds::text(&input["proof"]));
        seeds::plant([[&[0][..], &leaf, proof.as_bytes()].concat()]);
    }
    for input in seeds::vectors("inclusion") {
        let (index, size) = (
            seeds::number(&input["index"]),
            seeds::number(&input["size"]),
        );
        let (leaf, proof) = (seeds::bytes(&input["leaf"]), seeds::hashes(&input["proof"]));
        seeds::plant([[&[1][..], &leaf, &index, &size, &proof].concat()]);
    }
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let mut input = Input::new(data);
    let (mode, leaf) = (input.byte(), input.hash());
    if mode % 2 == 1 {
        good(leaf, input);
        return;
    }
    let text = input.text();
    let Ok(proof) = TlogProof::parse(&text) else {
        return;
    };
    let again = proof.to_text();
    if again != text {
        // Only the one line that nobody signed may be lost.
        let extra = text.lines().nth(1).unwrap_or_default();
        assert!(extra.starts_with("extra "), "another encoding");
        assert_eq!(text.replacen(&format!("{extra}\n"), "", 1), again);
    }
    if let Ok(checkpoint) = proof.verify(&leaf, make::key().verifier()) {
        assert!(proof.index < checkpoint.size());
        let root = model::from_inclusion(proof.index, checkpoint.size(), &leaf, &proof.hashes);
        assert_eq!(root, Some(checkpoint.root()));
    }
});

/// A proof that holds is read again and verified, for this leaf only.
fn good(leaf: Hash, mut input: Input<'_>) {
    let (index, size) = (input.u64() & MAX_U63, input.u64() & MAX_U63);
    let hashes = input.hashes();
    if index >= size || hashes.len() > MAX_PROOF {
        return;
    }
    let Some(root) = model::from_inclusion(index, size, &leaf, &hashes) else {
        return;
    };
    let checkpoint = SignedCheckpoint::sign(size, root, make::key());
    let proof = TlogProof {
        index,
        hashes,
        checkpoint: checkpoint.text().to_owned(),
    };
    let read = TlogProof::parse(&proof.to_text());
    assert_eq!(read.as_ref(), Ok(&proof));
    assert_eq!(proof.verify(&leaf, make::key().verifier()), Ok(checkpoint));
    let mut other = *leaf.as_bytes();
    other[31] ^= 1;
    let other = proof.verify(&Hash::from_bytes(other), make::key().verifier());
    assert!(other.is_err(), "two leaves at one index");
}

//! The tree against its definition in RFC 6962, section 2.1, and every proof against its mutants.

use std::convert::Infallible;

use countersign_chain::hash::{self, Hash};
use countersign_chain::proof::{
    self, HashReader, consistency, inclusion, verify_consistency, verify_inclusion,
};
use countersign_chain::tree::Frontier;
use proptest::prelude::*;

use crate::codec::hold;
use crate::samples::hashes;

/// Every pair of sizes up to this one is tried.
const ALL: u64 = 70;

/// The definition.
fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => hash::empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            hash::node(&root(left), &root(right))
        }
    }
}

fn at(number: u64) -> usize {
    usize::try_from(number).expect("small")
}

struct Leaves(Vec<Hash>);

impl Leaves {
    fn root(&self, size: u64) -> Hash {
        root(&self.0[..at(size)])
    }
}

impl HashReader for Leaves {
    type Error = Infallible;

    fn subtree(&self, level: u8, index: u64) -> Result<Hash, Infallible> {
        let start = at(index << level);
        Ok(root(&self.0[start..start + (1 << level)]))
    }
}

/// A tree so large that its inner nodes are made up: below level 40 every subtree has the hash of
/// its place.
struct Vast;

impl HashReader for Vast {
    type Error = Infallible;

    fn subtree(&self, level: u8, index: u64) -> Result<Hash, Infallible> {
        if level <= 40 {
            let place = [&[level], index.to_be_bytes().as_slice()].concat();
            return Ok(hash::digest(&place));
        }
        let (left, right) = (
            self.subtree(level - 1, index * 2)?,
            self.subtree(level - 1, index * 2 + 1)?,
        );
        Ok(hash::node(&left, &right))
    }
}

/// Every proof of another form or content: a bit flipped in each hash, each hash left out, doubled
/// or swapped with the next, one more at the end.
fn mutants(proof: &[Hash]) -> Vec<Vec<Hash>> {
    let mut mutants = vec![[proof, &[Hash::ZERO]].concat()];
    for position in 0..proof.len() {
        let mut flipped = proof.to_vec();
        let mut bytes = *proof[position].as_bytes();
        bytes[position % 32] ^= 1 << (position % 8);
        flipped[position] = Hash::from_bytes(bytes);
        let mut without = proof.to_vec();
        without.remove(position);
        let mut doubled = proof.to_vec();
        doubled.insert(position, proof[position]);
        mutants.extend([flipped, without, doubled]);
        if proof
            .get(position + 1)
            .is_some_and(|next| *next != proof[position])
        {
            let mut swapped = proof.to_vec();
            swapped.swap(position, position + 1);
            mutants.push(swapped);
        }
    }
    mutants
}

#[test]
fn appending_gives_the_roots_of_the_definition() {
    let leaves = Leaves(hashes(1_100));
    let mut frontier = Frontier::new();
    for (size, leaf) in (0_u64..).zip(&leaves.0) {
        if size <= 300 || size.is_multiple_of(97) || (size + 1).is_power_of_two() {
            let expected = leaves.root(size);
            assert_eq!(frontier.root(), expected, "size {size}");
            let read = proof::root(size, &leaves).expect("in memory");
            assert_eq!(read, expected, "size {size}");
            let again = Frontier::from_hashes(size, frontier.hashes().to_vec());
            assert_eq!(again.as_ref(), Ok(&frontier));
        }
        let mut completed = Vec::new();
        frontier.push_with(*leaf, &mut |level, hash| completed.push((level, hash)));
        for (level, hash) in completed {
            let start = (size + 1) - (1 << level);
            let expected = root(&leaves.0[at(start)..=at(size)]);
            assert_eq!(hash, expected, "level {level} at {size}");
        }
    }
}

#[test]
fn every_inclusion_proof_holds_and_no_mutant_does() {
    let leaves = Leaves(hashes(at(ALL)));
    let (mut proofs, mut refused) = (0_u64, 0_u64);
    for size in 1..=ALL {
        let root = leaves.root(size);
        for index in 0..size {
            let leaf = leaves.0[at(index)];
            let proof = inclusion(index, size, &leaves).expect("in range");
            assert_eq!(verify_inclusion(&leaf, index, size, &proof, &root), Ok(()));
            proofs += 1;
            let others = (0..size + 2).filter(|other| *other != index);
            let moved = others.map(|other| verify_inclusion(&leaf, other, size, &proof, &root));
            let changed = mutants(&proof);
            let changed = changed
                .iter()
                .map(|proof| verify_inclusion(&leaf, index, size, proof, &root));
            let foreign = [
                verify_inclusion(&root, index, size, &[&proof[..], &[leaf]].concat(), &root),
                verify_inclusion(&hash::leaf(b"other"), index, size, &proof, &root),
                verify_inclusion(&leaf, index, size, &proof, &hash::leaf(b"other")),
            ];
            for verdict in moved.chain(changed).chain(foreign) {
                assert!(verdict.is_err(), "entry {index} of {size}");
                refused += 1;
            }
        }
        assert!(inclusion(size, size, &leaves).is_err());
    }
    println!("counted: {proofs} inclusion proofs: all hold, and {refused} mutants are refused");
}

#[test]
fn every_consistency_proof_holds_and_no_mutant_does() {
    let leaves = Leaves(hashes(at(ALL)));
    let (mut proofs, mut refused) = (0_u64, 0_u64);
    let other = hash::leaf(b"other");
    for new in 0..=ALL {
        let new_root = leaves.root(new);
        for old in 0..=new {
            let old_root = leaves.root(old);
            let proof = consistency(old, new, &leaves).expect("in range");
            let held = verify_consistency(old, new, &old_root, &new_root, &proof);
            assert_eq!(held, Ok(()), "{old} to {new}");
            proofs += 1;
            let mut verdicts = vec![verify_consistency(old, new, &other, &new_root, &proof)];
            if old > 0 {
                verdicts.push(verify_consistency(old, new, &old_root, &other, &proof));
            }
            for bad in mutants(&proof) {
                verdicts.push(verify_consistency(old, new, &old_root, &new_root, &bad));
            }
            if new > old && old > 0 {
                verdicts.push(verify_consistency(new, old, &new_root, &old_root, &proof));
                let shifted = verify_consistency(old - 1, new, &old_root, &new_root, &proof);
                verdicts.push(shifted);
            }
            for verdict in verdicts {
                assert!(verdict.is_err(), "{old} to {new}");
                refused += 1;
            }
        }
        assert!(consistency(new + 1, new, &leaves).is_err());
    }
    println!("counted: {proofs} consistency proofs: all hold, and {refused} mutants are refused");
}

#[test]
fn proofs_of_vast_trees_hold_and_no_mutant_does() {
    // Indexes and older sizes at multiples of 2^40, where the made-up subtrees begin.
    let samples = (1..1_u64 << 10, any::<prop::sample::Index>(), 0..1_u64 << 40);
    let refused = hold(200, &samples, |(blocks, pick, rest)| {
        let size = (blocks << 40) | rest;
        let root = proof::root(size, &Vast).expect("made up");
        let index = u64::try_from(pick.index(at(blocks))).expect("small") << 40;
        let old = index + (1 << 40);
        let old_root = proof::root(old, &Vast).expect("made up");
        let proof = consistency(old, size, &Vast).expect("in range");
        let held = verify_consistency(old, size, &old_root, &root, &proof);
        prop_assert_eq!(held, Ok(()), "{} to {}", old, size);
        let mut refused = 0;
        for bad in mutants(&proof) {
            prop_assert!(verify_consistency(old, size, &old_root, &root, &bad).is_err());
            refused += 1;
        }
        Ok(refused)
    });
    println!("counted: {refused} mutants of proofs in trees of up to 2^50 entries: all refused");
}

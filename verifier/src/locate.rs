//! Which entries of a commit were changed.
//!
//! Each entry's leaf hash is known twice: from its own bytes, and from `prev` of the entry behind
//! it. Where the two differ, either the entry was changed or the `prev` behind it was, and the
//! signed root tells which: only the original leaf hashes give it.

use countersign_chain::hash::Hash;
use countersign_chain::tree::Frontier;

/// Entries with two possible leaf hashes for which all combinations are tried: 2^10 roots of at
/// most 1,024 leaves.
const MAX_DOUBTS: usize = 10;

/// What is known about the entries of a commit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    /// Tree before the commit, where it is known.
    pub(crate) before: Option<&'a Frontier>,
    /// Leaf hashes from the bytes.
    pub(crate) own: &'a [Hash],
    /// Leaf hashes from the entry behind each.
    pub(crate) claimed: &'a [Option<Hash>],
    /// Leaf hashes from the stored tree.
    pub(crate) stored: Option<&'a [Hash]>,
    /// Root of the tree behind the commit, signed.
    pub(crate) root: Option<Hash>,
}

/// What the leaf hashes were when the commit was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) leaves: Vec<Hash>,
    /// Whether they give the signed root; `None` when there is none to compare with.
    pub(crate) holds: Option<bool>,
}

impl Answer {
    /// Positions of the entries whose bytes do not have their leaf hash.
    pub(crate) fn changed(&self, own: &[Hash]) -> Vec<usize> {
        let pairs = self.leaves.iter().zip(own).enumerate();
        pairs
            .filter(|(_, (leaf, own))| leaf != own)
            .map(|(position, _)| position)
            .collect()
    }
}

impl Question<'_> {
    fn gives_root(&self, before: &Frontier, leaves: &[Hash], root: &Hash) -> bool {
        let mut tree = before.clone();
        leaves.iter().for_each(|leaf| tree.push(*leaf));
        tree.root() == *root
    }

    /// Finds the original leaf hashes. `budget` bounds the roots that are computed over the whole
    /// log.
    pub(crate) fn answer(&self, budget: &mut u32) -> Answer {
        let likely = self.by_chain();
        let (Some(before), Some(root)) = (self.before, self.root) else {
            return Answer {
                leaves: likely,
                holds: None,
            };
        };
        let doubts = self.doubts();
        let stored = self.stored.map(<[Hash]>::to_vec);
        let few = doubts.len() <= MAX_DOUBTS;
        let combinations = if few {
            1_u32 << doubts.len().min(MAX_DOUBTS)
        } else {
            0
        };
        let tried = (0..combinations).map(|mask| self.combine(&doubts, mask));
        let candidates = [likely.clone(), self.own.to_vec()]
            .into_iter()
            .chain(stored)
            .chain(tried);
        for leaves in candidates {
            if leaves.len() != self.own.len() {
                continue;
            }
            if self.gives_root(before, &leaves, &root) {
                let holds = Some(true);
                return Answer { leaves, holds };
            }
            *budget = budget.saturating_sub(1);
            if *budget == 0 {
                break;
            }
        }
        Answer {
            leaves: likely,
            holds: Some(false),
        }
    }

    /// Positions where the two hashes differ.
    fn doubts(&self) -> Vec<usize> {
        let pairs = self.own.iter().zip(self.claimed).enumerate();
        pairs
            .filter(|(_, (own, claimed))| claimed.is_some_and(|claimed| claimed != **own))
            .map(|(position, _)| position)
            .collect()
    }

    fn combine(&self, doubts: &[usize], mask: u32) -> Vec<Hash> {
        let mut leaves = self.own.to_vec();
        for (bit, position) in doubts.iter().enumerate() {
            let chosen = u32::try_from(bit).is_ok_and(|bit| mask >> bit & 1 == 1);
            let claimed = self.claimed.get(*position).copied().flatten();
            if let (true, Some(leaf), Some(claimed)) = (chosen, leaves.get_mut(*position), claimed)
            {
                *leaf = claimed;
            }
        }
        leaves
    }

    /// Without a root: from the last entry to the first, `prev` of an entry is believed when the
    /// entry's own hash is what the entry behind it says.
    fn by_chain(&self) -> Vec<Hash> {
        let mut leaves = self.own.to_vec();
        // What comes behind the commit is judged later; it is believed here.
        let mut believe = true;
        for (leaf, claimed) in leaves.iter_mut().zip(self.claimed).rev() {
            let differs = claimed.is_some_and(|claimed| claimed != *leaf);
            if let (true, true, Some(claimed)) = (believe, differs, claimed) {
                *leaf = *claimed;
            }
            believe = !differs && claimed.is_some();
        }
        leaves
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_chain::hash;

    fn leaf(n: u32) -> Hash {
        hash::leaf(&n.to_be_bytes())
    }

    fn ask(own: &[Hash], claimed: &[Option<Hash>], with_root: bool) -> (Vec<usize>, Option<bool>) {
        let mut before = Frontier::new();
        (0..5).for_each(|n| before.push(leaf(n)));
        let mut after = before.clone();
        (5..9).for_each(|n| after.push(leaf(n)));
        let question = Question {
            before: Some(&before),
            own,
            claimed,
            stored: None,
            root: with_root.then(|| after.root()),
        };
        let answer = question.answer(&mut 10_000);
        (answer.changed(own), answer.holds)
    }

    fn good() -> (Vec<Hash>, Vec<Option<Hash>>) {
        let own: Vec<Hash> = (5..9).map(leaf).collect();
        let claimed = own.iter().copied().map(Some).collect();
        (own, claimed)
    }

    #[test]
    fn a_changed_entry_is_told_from_a_changed_prev_behind_it() {
        for with_root in [true, false] {
            let holds = with_root.then_some(true);
            let (own, claimed) = good();
            assert_eq!(ask(&own, &claimed, with_root), (vec![], holds));
            for position in 0..4 {
                let (mut own, mut claimed) = good();
                own[position] = leaf(99);
                assert_eq!(ask(&own, &claimed, with_root), (vec![position], holds));
                if position > 0 {
                    claimed[position - 1] = Some(leaf(98));
                    let found = ask(&own, &claimed, with_root);
                    assert_eq!(found, (vec![position], holds), "prev of {position}");
                }
            }
        }
    }

    #[test]
    fn several_changes_are_found_by_the_root() {
        let (mut own, mut claimed) = good();
        (own[0], own[1], own[3]) = (leaf(90), leaf(91), leaf(93));
        claimed[0] = Some(leaf(5));
        assert_eq!(ask(&own, &claimed, true), (vec![0, 1, 3], Some(true)));
    }

    #[test]
    fn what_the_chain_does_not_show_leaves_the_root_open() {
        let (mut own, mut claimed) = good();
        own[3] = leaf(90);
        claimed[3] = None;
        assert_eq!(ask(&own, &claimed, true), (vec![], Some(false)));
        let stored: Vec<Hash> = (5..9).map(leaf).collect();
        let mut before = Frontier::new();
        (0..5).for_each(|n| before.push(leaf(n)));
        let mut after = before.clone();
        stored.iter().for_each(|leaf| after.push(*leaf));
        let question = Question {
            before: Some(&before),
            own: &own,
            claimed: &claimed,
            stored: Some(&stored),
            root: Some(after.root()),
        };
        let answer = question.answer(&mut 10_000);
        assert_eq!((answer.changed(&own), answer.holds), (vec![3], Some(true)));
    }
}

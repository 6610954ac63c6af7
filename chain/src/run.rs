//! Leaves in a row anywhere in a log, and the complete subtrees that they make by themselves: most
//! of the hashing of a tree needs nothing that stands before these leaves, and can be done apart.

use crate::hash::{self, Hash};

/// Root of a complete subtree, all of whose leaves are in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Subtree {
    pub(crate) level: u32,
    pub(crate) hash: Hash,
}

/// Leaves in a row, as the largest complete subtrees of the log's tree that they fill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    first: u64,
    leaves: u64,
    /// From left to right: first they grow, then they shrink.
    subtrees: Vec<Subtree>,
}

impl Run {
    /// Hashes these leaves, of which the first has this index in the log. `complete` is told level
    /// and root of every subtree above the leaves; those of one level come from left to right.
    #[must_use]
    pub fn new(first: u64, leaves: &[Hash], complete: &mut impl FnMut(u32, Hash)) -> Self {
        let (mut growing, mut shrinking) = (Vec::new(), Vec::new());
        let mut row = leaves.to_vec();
        let (mut level, mut at) = (0_u32, first);
        while !row.is_empty() {
            let mut rest = row.as_slice();
            // A subtree without its sibling in the row goes no further.
            if let (1, Some((hash, behind))) = (at & 1, rest.split_first()) {
                growing.push(Subtree { level, hash: *hash });
                (rest, at) = (behind, at.saturating_add(1));
            }
            let (pairs, single) = rest.as_chunks::<2>();
            shrinking.extend(single.iter().map(|hash| Subtree { level, hash: *hash }));
            (level, at) = (level.saturating_add(1), at >> 1);
            let (groups, pair) = pairs.as_chunks();
            let mut above = Vec::with_capacity(pairs.len());
            for group in groups {
                above.extend(hash::nodes(group));
            }
            above.extend(pair.iter().map(|[left, right]| hash::node(left, right)));
            above.iter().for_each(|hash| complete(level, *hash));
            row = above;
        }
        growing.extend(shrinking.into_iter().rev());
        Self {
            first,
            leaves: u64::try_from(leaves.len()).unwrap_or(u64::MAX),
            subtrees: growing,
        }
    }

    /// Index of the first leaf.
    #[must_use]
    pub const fn first(&self) -> u64 {
        self.first
    }

    /// Number of leaves.
    #[must_use]
    pub const fn leaves(&self) -> u64 {
        self.leaves
    }

    pub(crate) fn subtrees(&self) -> &[Subtree] {
        &self.subtrees
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Frontier, RunElsewhere};

    /// The tree of these leaves, and what it told on the way: level, and hash.
    fn plain(before: &Frontier, leaves: &[Hash]) -> (Frontier, Vec<(u32, Hash)>) {
        let (mut tree, mut told) = (before.clone(), Vec::new());
        for leaf in leaves {
            tree.push_with(*leaf, &mut |level, hash| told.push((level, hash)));
        }
        // A leaf is level 0, and nobody needs to be told of it.
        told.retain(|(level, _)| *level > 0);
        told.sort_by_key(|(level, _)| *level);
        (tree, told)
    }

    #[test]
    fn a_run_is_the_plain_tree_of_its_leaves_wherever_it_starts() {
        let leaves: Vec<Hash> = (0..420u32).map(|i| hash::leaf(&i.to_be_bytes())).collect();
        for first in 0..leaves.len() / 2 {
            let (before, _) = plain(&Frontier::new(), &leaves[..first]);
            // All short runs, and some long ones.
            let ends = (first..first + 70).chain((first + 70..leaves.len()).step_by(13));
            for end in ends {
                let (expected, all) = plain(&before, &leaves[first..end]);
                let (mut inside, mut above) = (Vec::new(), Vec::new());
                let run = Run::new(first as u64, &leaves[first..end], &mut |level, hash| {
                    inside.push((level, hash));
                });
                let mut tree = before.clone();
                let done = tree.append(&run, &mut |level, hash| above.push((level, hash)));
                assert_eq!(done, Ok(()));
                assert_eq!(tree, expected, "leaves {first} to {end}");
                assert_eq!(tree.root(), expected.root());
                // Of one level, what is above a run comes before what is inside it.
                let mut told = above;
                told.append(&mut inside);
                told.sort_by_key(|(level, _)| *level);
                assert_eq!(told, all, "leaves {first} to {end}");
            }
        }
    }

    #[test]
    fn runs_in_turn_make_the_tree_and_a_run_from_elsewhere_is_refused() {
        let leaves: Vec<Hash> = (0..900u32).map(|i| hash::leaf(&i.to_be_bytes())).collect();
        let mut tree = Frontier::new();
        for group in leaves.chunks(37) {
            let run = Run::new(tree.size(), group, &mut |_, _| {});
            assert_eq!(run.leaves(), group.len() as u64);
            tree.append(&run, &mut |_, _| {}).expect("it follows");
            let (expected, got) = (tree.size(), run.first());
            let again = tree.clone().append(&run, &mut |_, _| {});
            assert_eq!(again, Err(RunElsewhere { expected, got }));
        }
        assert_eq!(tree, plain(&Frontier::new(), &leaves).0);
    }
}

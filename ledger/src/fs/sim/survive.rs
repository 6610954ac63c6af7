//! Which pending changes a power loss leaves on the disk.

use std::ops::Range;

/// A choice among the pending changes of a disk, which are numbered from 0 in the order they were
/// made. A number past the last pending change chooses nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survive {
    /// None of them: the disk holds what was synced.
    Nothing,
    /// All of them.
    Everything,
    /// The first so many.
    Prefix(usize),
    /// Only this one.
    Single(usize),
    /// All but this one.
    AllBut(usize),
    /// Those whose bit is set, bit 0 standing for change 0. Changes from 64 on are lost.
    Mask(u64),
    /// A random part of them, from a few to most, decided by the seed.
    Random(u64),
}

impl Survive {
    /// Every distinct `Nothing`, `Everything`, `Prefix`, `Single` and `AllBut` of so many pending
    /// changes, then one `Random` for each seed.
    #[must_use]
    pub fn sample(pending: usize, seeds: Range<u64>) -> Vec<Self> {
        let mut choices = vec![Self::Nothing];
        if pending > 0 {
            choices.push(Self::Everything);
        }
        // The first alone is a prefix of one, all but the last a prefix too: they are not repeated.
        choices.extend((1..pending).map(Self::Prefix));
        choices.extend((1..pending).map(Self::Single));
        if pending > 2 {
            choices.extend((0..pending - 1).map(Self::AllBut));
        }
        if pending > 0 {
            choices.extend(seeds.map(Self::Random));
        }
        choices
    }

    /// All subsets of so many pending changes. `None` when they are more than 20, a million
    /// subsets.
    #[must_use]
    pub fn subsets(pending: usize) -> Option<impl Iterator<Item = Self>> {
        let subsets = u32::try_from(pending).ok().filter(|bits| *bits <= 20)?;
        Some((0..1_u64 << subsets).map(Self::Mask))
    }

    /// For each of so many pending changes whether it survives.
    pub(super) fn choose(self, pending: usize) -> Vec<bool> {
        let mut random = SplitMix::new(match self {
            Self::Random(seed) => seed,
            Self::Nothing
            | Self::Everything
            | Self::Prefix(_)
            | Self::Single(_)
            | Self::AllBut(_)
            | Self::Mask(_) => 0,
        });
        let eighths = 1 + random.next() % 7;
        let survives = |number| match self {
            Self::Nothing => false,
            Self::Everything => true,
            Self::Prefix(count) => number < count,
            Self::Single(one) => number == one,
            Self::AllBut(one) => number != one,
            Self::Mask(bits) => number < 64 && bits >> number & 1 == 1,
            Self::Random(_) => random.next() % 8 < eighths,
        };
        (0..pending).map(survives).collect()
    }
}

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
struct SplitMix {
    state: u64,
}

impl SplitMix {
    fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}

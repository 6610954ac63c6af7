//! A set of bundles of one chunk.

use super::CHUNK_BUNDLES;

const WORDS: usize = 32;
/// Largest number of bundles that is stored as a list: 127 × 2 bytes are just below the 256 of all
/// bits.
const MAX_LIST: usize = 127;

/// Positions below [`CHUNK_BUNDLES`], one bit for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Set([u64; WORDS]);

impl Set {
    pub(super) const EMPTY: Self = Self([0; WORDS]);
    pub(super) const FULL: Self = Self([u64::MAX; WORDS]);

    /// Adds the position of a bundle in its chunk.
    pub(super) fn insert(&mut self, bundle: u64) {
        let position = bundle % CHUNK_BUNDLES;
        if let Some(word) = usize::try_from(position / 64)
            .ok()
            .and_then(|at| self.0.get_mut(at))
        {
            *word |= 1 << (position % 64);
        }
    }

    pub(super) fn contains(&self, bundle: u64) -> bool {
        let position = bundle % CHUNK_BUNDLES;
        usize::try_from(position / 64)
            .ok()
            .and_then(|at| self.0.get(at))
            .is_some_and(|word| word >> (position % 64) & 1 == 1)
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::EMPTY
    }

    pub(super) fn keep(&mut self, other: &Self) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word &= other;
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word |= other;
        }
    }

    /// Positions in ascending order.
    pub(super) fn positions(&self) -> impl Iterator<Item = u64> + '_ {
        (0_u64..).zip(&self.0).flat_map(|(at, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = left.trailing_zeros();
                left &= left.checked_sub(1)?;
                Some(u64::from(bit))
            })
            .map(move |bit| at * 64 + bit)
        })
    }

    /// Appends the set: a count up to 127 and so many u16, or 0 and all bits.
    pub(super) fn encode_into(&self, out: &mut Vec<u8>) {
        let list: Vec<u16> = self
            .positions()
            .filter_map(|position| u16::try_from(position).ok())
            .collect();
        match u8::try_from(list.len()) {
            Ok(count @ 1..) if list.len() <= MAX_LIST => {
                out.push(count);
                list.iter()
                    .for_each(|position| out.extend_from_slice(&position.to_be_bytes()));
            }
            _ => {
                out.push(0);
                self.0
                    .iter()
                    .for_each(|word| out.extend_from_slice(&word.to_be_bytes()));
            }
        }
    }

    /// Reads the set at the start of `bytes` and moves behind it.
    pub(super) fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let (count, mut rest) = bytes.split_first()?;
        let mut set = Self::EMPTY;
        if *count == 0 {
            for word in &mut set.0 {
                let (head, tail) = rest.split_first_chunk()?;
                (*word, rest) = (u64::from_be_bytes(*head), tail);
            }
        }
        for _ in 0..*count {
            let (head, tail) = rest.split_first_chunk()?;
            set.insert(u64::from(u16::from_be_bytes(*head)));
            rest = tail;
        }
        *bytes = rest;
        Some(set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_every_density_come_back() {
        for step in [1_usize, 2, 15, 16, 17, 18, 100, 2_047, 2_048, 4_000] {
            let mut set = Set::EMPTY;
            let members: Vec<u64> = (0..CHUNK_BUNDLES).step_by(step).collect();
            members.iter().for_each(|member| set.insert(*member));
            assert_eq!(set.positions().collect::<Vec<_>>(), members);
            let mut bytes = Vec::new();
            set.encode_into(&mut bytes);
            assert!(bytes.len() <= 257, "{}", bytes.len());
            assert_eq!(bytes.len() == 257, members.len() > MAX_LIST);
            bytes.push(9);
            let mut rest = &bytes[..];
            assert_eq!(Set::decode(&mut rest), Some(set));
            assert_eq!(rest, [9]);
            assert_eq!(Set::decode(&mut &bytes[..bytes.len() - 2]), None);
        }
        let mut bytes = Vec::new();
        Set::EMPTY.encode_into(&mut bytes);
        assert_eq!(Set::decode(&mut &bytes[..]), Some(Set::EMPTY));
    }
}

//! SHA-256 hashes of RFC 6962, section 2.1.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::block_api::compress256;
use sha2::{Digest as _, Sha256};

/// State before the first block: FIPS 180-4, section 5.3.3.
const START: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// A SHA-256 value: a leaf, a node or a root.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash([u8; 32]);

impl Hash {
    /// `prev` of the first entry.
    pub const ZERO: Self = Self([0; 32]);

    /// Takes 32 bytes as they are.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Result of the last block.
    fn of_state(state: [u32; 8]) -> Self {
        let mut bytes = [0; 32];
        for (room, word) in bytes.as_chunks_mut().0.iter_mut().zip(state) {
            *room = word.to_be_bytes();
        }
        Self(bytes)
    }

    /// Takes a slice of exactly 32 bytes.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads canonical base64 of exactly 32 bytes.
    #[must_use]
    pub fn parse_base64(text: &str) -> Option<Self> {
        STANDARD
            .decode(text)
            .ok()
            .and_then(|bytes| Self::from_slice(&bytes))
    }

    /// Writes base64, as checkpoints and proofs carry it.
    #[must_use]
    pub fn to_base64(self) -> String {
        STANDARD.encode(self.0)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Leaf hash of a record: SHA-256(0x00 | record).
#[must_use]
pub fn leaf(record: &[u8]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([0x00]);
    hasher.update(record);
    Hash(hasher.finalize().into())
}

/// Records that are hashed side by side. In one hash, every round waits for the one before; a
/// processor that works ahead fills these waits with the rounds of another. More than two do not
/// fit into what it sees at a time.
pub(crate) const SIDE_BY_SIDE: usize = 2;

/// As [`leaf`], for some records at once.
pub(crate) fn leaves(records: [&[u8]; SIDE_BY_SIDE]) -> [Hash; SIDE_BY_SIDE] {
    let [mut one, mut other] = [Lane::EMPTY; SIDE_BY_SIDE];
    let [first, second] = records;
    if one.load(first).and_then(|()| other.load(second)).is_none() {
        return records.map(leaf);
    }
    compress256(&mut one.state, &one.head);
    compress256(&mut other.state, &other.head);
    let common = one.body.len().min(other.body.len());
    let (Some((front, rest)), Some((other_front, other_rest))) = (
        one.body.split_at_checked(common),
        other.body.split_at_checked(common),
    ) else {
        return records.map(leaf);
    };
    for (block, other_block) in front.iter().zip(other_front) {
        compress256(&mut one.state, std::slice::from_ref(block));
        compress256(&mut other.state, std::slice::from_ref(other_block));
    }
    for (lane, rest) in [(&mut one, rest), (&mut other, other_rest)] {
        compress256(&mut lane.state, rest);
        let tail = lane.tail.get(..lane.tail_len).unwrap_or_default();
        compress256(&mut lane.state, tail);
    }
    [Hash::of_state(one.state), Hash::of_state(other.state)]
}

/// As [`leaf`], for each of many records, faster than one after the other.
#[must_use]
pub fn leaves_of(records: &[&[u8]]) -> Vec<Hash> {
    let (groups, rest) = records.as_chunks::<SIDE_BY_SIDE>();
    let mut hashes = Vec::with_capacity(records.len());
    groups
        .iter()
        .for_each(|group| hashes.extend(leaves(*group)));
    hashes.extend(rest.iter().map(|record| leaf(record)));
    hashes
}

/// A hash of 0x00 and a record: its state, and the blocks of the message with its padding (FIPS
/// 180-4, section 5.1.1).
#[derive(Clone, Copy)]
struct Lane<'a> {
    state: [u32; 8],
    head: [[u8; 64]; 1],
    body: &'a [[u8; 64]],
    tail: [[u8; 64]; 2],
    /// Blocks of the tail: two when the length finds no room in the first.
    tail_len: usize,
}

impl<'a> Lane<'a> {
    const EMPTY: Self = Self {
        state: START,
        head: [[0; 64]],
        body: &[],
        tail: [[0; 64]; 2],
        tail_len: 0,
    };

    /// `None` for what is too short to be a record.
    fn load(&mut self, record: &'a [u8]) -> Option<()> {
        let (start, rest) = record.split_first_chunk::<63>()?;
        let [[_prefix, head @ ..]] = &mut self.head;
        *head = *start;
        let (body, rest) = rest.as_chunks::<64>();
        self.body = body;
        self.tail_len = if rest.len() < 56 { 1 } else { 2 };
        let tail = self.tail.get_mut(..self.tail_len)?.as_flattened_mut();
        tail.get_mut(..rest.len())?.copy_from_slice(rest);
        *tail.get_mut(rest.len())? = 0x80;
        let bits = u64::try_from(record.len())
            .ok()?
            .checked_add(1)?
            .checked_mul(8)?;
        *tail.last_chunk_mut::<8>()? = bits.to_be_bytes();
        Some(())
    }
}

/// Hash of two subtrees: SHA-256(0x01 | left | right).
#[must_use]
pub fn node(left: &Hash, right: &Hash) -> Hash {
    let mut state = START;
    compress256(&mut state, &node_blocks(left, right));
    Hash::of_state(state)
}

/// As [`node`], for some pairs of subtrees at once.
pub(crate) fn nodes(pairs: &[[Hash; 2]; SIDE_BY_SIDE]) -> [Hash; SIDE_BY_SIDE] {
    let [[one, other], [left, right]] = pairs;
    let (one, other) = (node_blocks(one, other), node_blocks(left, right));
    let [mut state, mut other_state] = [START; SIDE_BY_SIDE];
    for (block, other_block) in one.iter().zip(&other) {
        compress256(&mut state, std::slice::from_ref(block));
        compress256(&mut other_state, std::slice::from_ref(other_block));
    }
    [Hash::of_state(state), Hash::of_state(other_state)]
}

/// The 65 bytes of a node are always two blocks with the same padding. They are put together
/// without a buffer between: a tree has as many nodes as leaves.
fn node_blocks(left: &Hash, right: &Hash) -> [[u8; 64]; 2] {
    let mut blocks = [[0; 64]; 2];
    let [first, second] = &mut blocks;
    let [prefix, first @ ..] = first;
    let (own, most) = first.split_at_mut(32);
    let ([most_of_right @ .., last_of_right], [last, end, .., high, low]) = (&right.0, second);
    *prefix = 0x01;
    own.copy_from_slice(&left.0);
    most.copy_from_slice(most_of_right);
    *last = *last_of_right;
    *end = 0x80;
    // Length in bits: 65 * 8 = 0x0208.
    [*high, *low] = [0x02, 0x08];
    blocks
}

/// Root of a log without entries: SHA-256("").
#[must_use]
pub fn empty_root() -> Hash {
    Hash(Sha256::digest([]).into())
}

/// Plain SHA-256 of some bytes, for digests that events carry.
#[must_use]
pub fn digest(bytes: &[u8]) -> Hash {
    Hash(Sha256::digest(bytes).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_reads_the_same_everywhere() {
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let hash = digest(b"abc");
        assert_eq!(
            (hash.to_string(), format!("{hash:?}")),
            (text.into(), text.into())
        );
    }

    #[test]
    fn side_by_side_every_record_has_its_leaf_hash() {
        let bytes: Vec<u8> = (0..700u32).map(|n| n.to_le_bytes()[0] ^ 0x5A).collect();
        for first in 0..bytes.len() {
            for second in [0, 62, 63, 64, 118, 119, 120, 127, 128, first, 699 - first] {
                let records = [&bytes[..first], &bytes[second..]];
                assert_eq!(leaves(records), records.map(leaf), "{first} and {second}");
            }
        }
    }

    #[test]
    fn a_node_is_the_plain_hash_of_its_bytes() {
        for n in 0..1_000_u32 {
            let (left, right) = (digest(&n.to_be_bytes()), leaf(&n.to_be_bytes()));
            let bytes = [&[0x01], left.0.as_slice(), right.0.as_slice()].concat();
            assert_eq!(node(&left, &right), digest(&bytes));
            let both = nodes(&[[left, right], [right, left]]);
            assert_eq!(both, [node(&left, &right), node(&right, &left)]);
        }
    }
}

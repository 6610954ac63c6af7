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

/// Hash of two subtrees: SHA-256(0x01 | left | right). These 65 bytes are always two blocks with
/// the same padding (FIPS 180-4, section 5.1.1), which are put together here without a buffer
/// between: a tree has as many nodes as leaves.
#[must_use]
pub fn node(left: &Hash, right: &Hash) -> Hash {
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
    let mut state = START;
    compress256(&mut state, &blocks);
    let mut bytes = [0; 32];
    for (room, word) in bytes.as_chunks_mut().0.iter_mut().zip(state) {
        *room = word.to_be_bytes();
    }
    Hash(bytes)
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
    fn a_node_is_the_plain_hash_of_its_bytes() {
        for n in 0..1_000_u32 {
            let (left, right) = (digest(&n.to_be_bytes()), leaf(&n.to_be_bytes()));
            let bytes = [&[0x01], left.0.as_slice(), right.0.as_slice()].concat();
            assert_eq!(node(&left, &right), digest(&bytes));
        }
    }
}

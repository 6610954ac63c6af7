//! A place in a client's queue, in the room of the idempotency key.
//!
//! ```text
//! idem = 0xff | 0x51 | queue [16] | number u64
//! ```
//!
//! A key that a caller chose is UTF-8, where no byte is 0xff: the two are never the same.

use crate::idem::IdempotencyKey;
use crate::record::RecordError;

const MARK: [u8; 2] = [0xff, 0x51];
const QUEUE: usize = 16;

/// Names a queue: 16 random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QueueId([u8; QUEUE]);

impl QueueId {
    /// The queue with this name.
    #[must_use]
    pub const fn new(bytes: [u8; QUEUE]) -> Self {
        Self(bytes)
    }

    /// The queue with this name; `None` unless it has 16 bytes.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The name.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; QUEUE] {
        &self.0
    }
}

impl std::fmt::Display for QueueId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A place in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sequence {
    /// Which queue.
    pub queue: QueueId,
    /// Which place, from 0.
    pub number: u64,
}

impl Sequence {
    /// The place as it stands in a record.
    ///
    /// # Errors
    /// None: 26 bytes are a key.
    pub fn to_key(self) -> Result<IdempotencyKey, RecordError> {
        let mut bytes = [0; 26];
        let (mark, rest) = bytes.split_at_mut(MARK.len());
        mark.copy_from_slice(&MARK);
        let (queue, number) = rest.split_at_mut(QUEUE);
        queue.copy_from_slice(&self.queue.0);
        number.copy_from_slice(&self.number.to_be_bytes());
        IdempotencyKey::parse(&bytes)
    }

    /// The place that a record holds; `None` when the key of its caller is another one.
    #[must_use]
    pub fn of_key(idem: &[u8]) -> Option<Self> {
        let rest = idem.strip_prefix(&MARK)?;
        let (queue, number) = rest.split_at_checked(QUEUE)?;
        Some(Self {
            queue: QueueId::parse(queue)?,
            number: u64::from_be_bytes(number.try_into().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_survives_and_no_other_key_is_one() {
        for number in [0, 1, u64::MAX] {
            let queue = QueueId::new([7; 16]);
            let sequence = Sequence { queue, number };
            let key = sequence.to_key().expect("a key");
            assert_eq!(key.as_bytes().len(), 26);
            assert_eq!(Sequence::of_key(key.as_bytes()), Some(sequence));
            for end in 0..26 {
                let part = key.as_bytes().get(..end).expect("a part");
                assert_eq!(Sequence::of_key(part), None, "{end}");
            }
            let longer = [key.as_bytes(), b"x"].concat();
            assert_eq!(Sequence::of_key(&longer), None);
        }
        assert_eq!(Sequence::of_key(&[b'x'; 26]), None);
        assert_eq!(Sequence::of_key(b""), None);
    }

    #[test]
    fn a_queue_has_sixteen_bytes_and_reads_as_hexadecimal() {
        let queue = QueueId::parse(&[0xab; 16]).expect("16 bytes");
        assert_eq!(queue.to_string(), "ab".repeat(16));
        assert_eq!(queue.as_bytes(), &[0xab; 16]);
        assert_eq!(QueueId::parse(&[0; 15]), None);
        assert_eq!(QueueId::parse(&[0; 17]), None);
    }
}

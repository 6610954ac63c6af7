//! The bytes of a spool: the head of a segment, and the frame of an item.
//!
//! ```text
//! head  = "CSSPOOL1" | queue [16] | base u64 | first u64 | chain [32] | crc32c u32 over all before
//! frame = length u32 | crc32c u32 over all behind | number u64 | chain [32] | body
//! body  = protobuf: 1 draft (EventDraft) | 2 blob | 3 input | 4 position
//! chain = SHA-256(chain before | number | body); zeros before the first place
//! ```
//!
//! Integers are big-endian. `number` counts the places of the spool from 0; each start of the agent
//! begins a queue of its own, and `base` is the place where that queue begins. `length` counts what
//! follows the checksum. A length of 0 ends a
//! segment: what is behind it was never written.

use bytes::Bytes;
use countersign_chain::hash::{Hash, digest};
use countersign_chain::sequence::QueueId;
use countersign_client::Draft;
use countersign_proto::v1;
use prost::Message;

use crate::limits::MAX_SPOOL_ITEM;
use crate::outlet::{Item, Place};

const MAGIC: &[u8; 8] = b"CSSPOOL1";
/// Bytes of the head of a segment.
pub const HEAD: usize = 76;
/// Bytes of a frame before its body: length, checksum, number, chain.
pub const FRAME_HEAD: usize = 48;
/// What `length` counts beside the body.
const INSIDE: usize = 40;

/// Why bytes are no head or frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Nothing was written here.
    #[error("nothing was written here")]
    End,
    /// It ends before it is whole.
    #[error("expected {expected} bytes, got {got}")]
    Short {
        /// Bytes that it takes.
        expected: usize,
        /// Bytes that are there.
        got: usize,
    },
    /// The length is none that a frame may have.
    #[error("expected a length of at most {MAX_SPOOL_ITEM} bytes, got {0}")]
    Length(usize),
    /// The checksum is of other bytes.
    #[error("the checksum is of other bytes")]
    Checksum,
    /// It is a file of something else.
    #[error("this is no segment of a spool")]
    Magic,
    /// The body is no item.
    #[error("the body is no item")]
    Body,
}

/// The body of a frame.
#[derive(Clone, PartialEq, Message)]
struct Body {
    #[prost(message, optional, tag = "1")]
    draft: Option<v1::EventDraft>,
    #[prost(bytes = "bytes", tag = "2")]
    blob: Bytes,
    #[prost(string, tag = "3")]
    input: String,
    #[prost(string, tag = "4")]
    position: String,
}

/// The head of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Queue that it belongs to.
    pub queue: QueueId,
    /// Place at which the queue begins.
    pub base: u64,
    /// Its first place, `base` or behind it.
    pub first: u64,
    /// Chain before it.
    pub chain: Hash,
}

impl Head {
    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(self.queue.as_bytes());
        bytes.extend_from_slice(&self.base.to_be_bytes());
        bytes.extend_from_slice(&self.first.to_be_bytes());
        bytes.extend_from_slice(self.chain.as_bytes());
        let crc = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&crc.to_be_bytes());
        bytes
    }

    /// Reads the bytes at the beginning of a segment.
    ///
    /// # Errors
    /// [`FrameError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        let mut reader = Reader::new(bytes);
        let short = FrameError::Short {
            expected: HEAD,
            got: bytes.len(),
        };
        let magic = reader.array::<8>().ok_or(short)?;
        if &magic != MAGIC {
            return Err(FrameError::Magic);
        }
        let queue = QueueId::new(reader.array().ok_or(short)?);
        let base = u64::from_be_bytes(reader.array().ok_or(short)?);
        let first = u64::from_be_bytes(reader.array().ok_or(short)?);
        let chain = Hash::from_bytes(reader.array().ok_or(short)?);
        let crc = u32::from_be_bytes(reader.array().ok_or(short)?);
        if bytes.get(..HEAD - 4).map(crc32c::crc32c) != Some(crc) {
            return Err(FrameError::Checksum);
        }
        Ok(Self {
            queue,
            base,
            first,
            chain,
        })
    }
}

/// The chain before the first place of a spool.
pub const GENESIS: Hash = Hash::ZERO;

fn link(before: &Hash, number: u64, body: &[u8]) -> Hash {
    let mut bytes = Vec::with_capacity(INSIDE + body.len());
    bytes.extend_from_slice(before.as_bytes());
    bytes.extend_from_slice(&number.to_be_bytes());
    bytes.extend_from_slice(body);
    digest(&bytes)
}

/// Appends the frame of an item, and returns the chain behind it.
pub fn encode(item: &Item, number: u64, before: &Hash, out: &mut Vec<u8>) -> Hash {
    let place = item.place.as_ref();
    let body = Body {
        draft: Some(item.draft.clone().into()),
        blob: item.blob.clone().unwrap_or_default(),
        input: place.map(|place| place.input.clone()).unwrap_or_default(),
        position: place
            .map(|place| place.position.clone())
            .unwrap_or_default(),
    }
    .encode_to_vec();
    let chain = link(before, number, &body);
    let length = u32::try_from(INSIDE + body.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&number.to_be_bytes());
    out.extend_from_slice(chain.as_bytes());
    out.extend_from_slice(&body);
    let crc = crc32c::crc32c(&out[at + 4..]);
    out[at..at + 4].copy_from_slice(&crc.to_be_bytes());
    chain
}

/// Bytes that the frame of an item takes, at least.
#[must_use]
pub fn size(item: &Item) -> usize {
    let draft = v1::EventDraft::from(item.draft.clone()).encoded_len();
    let place = item.place.as_ref();
    let place = place.map_or(0, |place| place.input.len() + place.position.len());
    FRAME_HEAD + draft + item.blob.as_ref().map_or(0, Bytes::len) + place + 32
}

/// A frame as it is read back.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// Its place in the spool.
    pub number: u64,
    /// The chain behind it, as it says.
    pub chain: Hash,
    /// Whether that follows from the chain before it.
    pub follows: bool,
    /// What it holds.
    pub item: Item,
    /// Bytes that it takes.
    pub bytes: usize,
}

/// Reads the frame at the beginning of `bytes`.
///
/// # Errors
/// [`FrameError`]; `End` where nothing was written.
pub fn decode(bytes: &[u8], before: &Hash) -> Result<Frame, FrameError> {
    let mut reader = Reader::new(bytes);
    let got = bytes.len();
    let short = |expected| FrameError::Short { expected, got };
    let length = u32::from_be_bytes(reader.array().ok_or(short(FRAME_HEAD))?);
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length == 0 {
        return Err(FrameError::End);
    }
    if !(INSIDE..=MAX_SPOOL_ITEM).contains(&length) {
        return Err(FrameError::Length(length));
    }
    let total = length + 8;
    let crc = u32::from_be_bytes(reader.array().ok_or(short(total))?);
    let inside = bytes.get(8..total).ok_or(short(total))?;
    if crc32c::crc32c(inside) != crc {
        return Err(FrameError::Checksum);
    }
    let mut reader = Reader::new(inside);
    let number = u64::from_be_bytes(reader.array().ok_or(FrameError::Body)?);
    let chain = Hash::from_bytes(reader.array().ok_or(FrameError::Body)?);
    let body = reader.rest();
    Ok(Frame {
        number,
        chain,
        follows: link(before, number, body) == chain,
        item: item(body)?,
        bytes: total,
    })
}

fn item(body: &[u8]) -> Result<Item, FrameError> {
    let body = Body::decode(body).map_err(|_malformed| FrameError::Body)?;
    let draft = body.draft.ok_or(FrameError::Body)?;
    let event = draft.event.ok_or(FrameError::Body)?;
    let draft = Draft::of(event).in_case(draft.case);
    let place = (!body.input.is_empty()).then_some(Place {
        input: body.input,
        position: body.position,
    });
    Ok(Item {
        draft,
        blob: Some(body.blob).filter(|blob| !blob.is_empty()),
        place,
    })
}

/// Takes bytes from the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*array)
    }

    const fn rest(&self) -> &'a [u8] {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn queue() -> QueueId {
        QueueId::new([3; 16])
    }

    fn item(raw: &'static str) -> Item {
        let event = v1::ExternalEvent {
            source: "test".to_owned(),
            raw: Bytes::from_static(raw.as_bytes()),
            ..v1::ExternalEvent::default()
        };
        Item::new(Draft::new(&event).in_case(7))
    }

    fn frame(item: &Item) -> (Vec<u8>, Hash) {
        let mut bytes = Vec::new();
        let chain = encode(item, 5, &GENESIS, &mut bytes);
        (bytes, chain)
    }

    #[test]
    fn an_item_survives() {
        let items = [
            item("x"),
            item("").with_blob(Bytes::from_static(b"blob")),
            item("y").at("journal", "s=1;i=2"),
        ];
        for item in items {
            let (mut bytes, chain) = frame(&item);
            assert!(bytes.len() <= size(&item), "{} bytes", bytes.len());
            bytes.extend_from_slice(b"behind");
            let read = decode(&bytes, &GENESIS).expect("whole");
            assert_eq!((read.number, read.chain, read.follows), (5, chain, true));
            assert_eq!((read.item, read.bytes), (item, bytes.len() - 6));
            let other = decode(&bytes, &digest(b"other")).expect("whole");
            assert!(!other.follows, "the chain before it is another");
        }
    }

    #[test]
    fn every_bit_and_every_byte_of_a_frame_is_guarded() {
        let (bytes, _chain) = frame(&item("some text"));
        let before = GENESIS;
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&changed, &before).is_err(), "bit {bit}");
        }
        for end in 0..bytes.len() {
            assert!(decode(&bytes[..end], &before).is_err(), "{end} bytes");
        }
        assert_eq!(decode(&[0; 100], &before), Err(FrameError::End));
        let long = [&u32::MAX.to_be_bytes()[..], &[0; 8]].concat();
        assert!(matches!(decode(&long, &before), Err(FrameError::Length(_))));
    }

    #[test]
    fn a_head_survives_and_is_guarded() {
        let head = Head {
            queue: queue(),
            base: 4,
            first: 9,
            chain: digest(b"before"),
        };
        let bytes = head.encode();
        assert_eq!(bytes.len(), HEAD);
        assert_eq!(Head::decode(&bytes), Ok(head));
        for bit in 0..HEAD * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(Head::decode(&changed).is_err(), "bit {bit}");
        }
        for end in 0..HEAD {
            assert!(Head::decode(&bytes[..end]).is_err(), "{end} bytes");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            drop(decode(&bytes, &GENESIS));
            prop_assert!(Head::decode(&bytes).is_err());
        }
    }
}

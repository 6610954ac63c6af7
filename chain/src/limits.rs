//! Every limit of the format, with its arithmetic.

/// Version of the entry format.
pub const RECORD_VERSION: u8 = 1;
/// Bytes of a record without its four variable fields: 1 + 1 + 2 + 8 + 8 + 32 + 8 fixed, and
/// 2 + 2 + 2 + 4 of lengths.
pub const RECORD_OVERHEAD: usize = 70;
/// A record fits the 16-bit length of a C2SP entry bundle: 2^16 - 1.
pub const MAX_RECORD: usize = 65_535;
/// Payload of an entry: 48 KiB. With the overhead, two principals and a key it is 49,796 bytes,
/// below [`MAX_RECORD`].
pub const MAX_PAYLOAD: usize = 49_152;
/// A principal: 31 bytes of role, a colon, and 223 bytes of name.
pub const MAX_PRINCIPAL: usize = 255;
/// Role part of a principal.
pub const MAX_ROLE: usize = 31;
/// An idempotency key: room for a hex SHA-256, or a UUID with a prefix.
pub const MAX_IDEM: usize = 64;
/// An origin: what C2SP ML-DSA cosignatures can carry in their one-byte length.
pub const MAX_ORIGIN: usize = 255;
/// Lowest and highest kind of event (design: 1-19 the log … 140-159 intake).
pub const KINDS: std::ops::RangeInclusive<u16> = 1..=159;
/// Indexes and times stay below 2^63, so that signed integers can hold them everywhere.
pub const MAX_U63: u64 = (1 << 63) - 1;
/// Entries of one commit: some 1 ms of hashing, and a stream acknowledges in runs of at most this.
pub const MAX_COMMIT_ENTRIES: usize = 1_024;
/// Bytes of all `record_len | record` of one commit: 1 MiB. A synced write of 1 MiB costs about 1
/// ms.
pub const MAX_COMMIT_BYTES: usize = 1_048_576;
/// A signed note: a checkpoint of 64 Ed25519 signatures of about 400 bytes each is 26 KiB.
pub const MAX_NOTE: usize = 65_535;
/// Signature lines of a note: log, witnesses and room; C2SP asks readers for at least 16.
pub const MAX_NOTE_SIGNATURES: usize = 64;
/// Frame head: magic, length, crc.
pub const FRAME_HEAD: usize = 12;
/// Frame body without entries and note: nonce 16, first 8, count 4, note_len 2, and 2 to spare for
/// the smallest entry.
pub const MIN_FRAME_BODY: usize = 32;
/// Frame body: 1 MiB of entries, a note, and the fixed part, rounded up to 1.25 MiB.
pub const MAX_FRAME_BODY: usize = 1_310_720;
/// Frames start at multiples of this, so that a reader can find the next one behind damage.
pub const FRAME_ALIGN: usize = 8;
/// Segment header: one disk sector.
pub const SEGMENT_HEADER: usize = 512;
/// Slot of the durable head: one page. 63 hashes of 32 bytes, 90 fixed bytes and a note of up to
/// 1,900.
pub const HEAD_SLOT: usize = 4_096;
/// Inclusion proofs of a log below 2^63 entries have at most 63 hashes; consistency proofs one
/// more.
pub const MAX_PROOF: usize = 64;

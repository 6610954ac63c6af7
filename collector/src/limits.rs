//! Every limit and pause of the collector, with its reason.

use std::time::Duration;

/// Raw bytes of one event. A longer line is split. With fields, names and position beside it the
/// event stays below the 48 KiB of a payload.
pub const MAX_RAW: usize = 32_768;
/// A line of JSON: 48 KiB of payload in which every byte is written as `\u00XX`, and room for
/// names.
pub const MAX_JSON_LINE: usize = 327_680;
/// Bytes that a file is read in one pass, before the next file has its turn.
pub const PASS_BYTES: usize = 262_144;
/// Beginning of a file that identifies it beside its inode.
pub const FINGERPRINT_BYTES: usize = 256;
/// Pause between two looks at a file that has nothing new.
pub const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// Version of the parsers. Raise it when one gives other fields for the same line: a line that was
/// sent and not sealed before an update is then sent under another key, where the same key for
/// another event would be refused.
pub const READING: u32 = 1;
/// Looks in a row without anything new before a renamed file counts as finished: its writer may
/// hold it open for a moment after the rename.
pub const QUIET_POLLS: u32 = 4;
/// Rotated files of one path that are held open until they can be read, while the ledger is away or
/// slow: one an hour for more than two days.
pub const HELD_FILES: usize = 64;
/// The place in the files is stored at most this often; what was sealed since is sent again after a
/// crash, and answered with the first receipts.
pub const SAVE_EVERY: Duration = Duration::from_secs(1);
/// How long a stopping agent waits for acknowledgements. What is missing then is sent again by the
/// next run.
pub const STOP_PATIENCE: Duration = Duration::from_secs(5);
/// File with the places: 10,000 files of about 500 bytes.
pub const MAX_STATE_FILE: u64 = 8_388_608;
/// Files of one agent.
pub const MAX_FILES: usize = 1_024;
/// Run id of `emit`, so that `emit:<run>:<line>` fits the 64 bytes of a key with a line number of
/// 20 digits.
pub const MAX_RUN_ID: usize = 38;

// The spool.

/// What one item takes in a spool: a blob of 1 MiB, an event of 48 KiB, a place, and what frames
/// them, rounded up to 1.125 MiB.
pub const MAX_SPOOL_ITEM: usize = (1 << 20) + (1 << 17);
/// Segments that a spool has when it is full; it shrinks by one of them at a time.
pub const SPOOL_SEGMENTS: usize = 16;
/// Largest segment: read back whole at start, in some 10 ms.
pub const MAX_SPOOL_SEGMENT: u64 = 16 << 20;
/// Smallest segment: every item fits.
pub const MIN_SPOOL_SEGMENT: u64 = 2 << 20;
/// Bytes that a spool may take when nobody says: 1 GiB, some 2 million events of 500 bytes.
pub const SPOOL_BYTES: u64 = 1 << 30;
/// Fewest bytes of a spool: two of the smallest segments.
pub const MIN_SPOOL_BYTES: u64 = 4 << 20;
/// Items that wait for the writer of a spool.
pub const SPOOL_QUEUE: usize = 4_096;
/// Bytes of these items.
pub const SPOOL_QUEUE_BYTES: usize = 8 << 20;
/// Items that are written with one sync.
pub const SPOOL_BATCH: usize = 1_024;
/// The mark is stored at most this often while no segment becomes free: what was sealed since is
/// not sent again, for the ledger tells it when the agent connects.
pub const MARK_EVERY: Duration = Duration::from_secs(1);
/// How often a full spool looks whether the disk has room again.
pub const FULL_RETRY: Duration = Duration::from_millis(500);
/// The file of the mark: places of 1,024 inputs of 1 KiB.
pub const MAX_MARK_FILE: u64 = 1 << 20;
/// Bytes that are read from a segment at once when it is sent.
pub const SHIP_BYTES: usize = 256 << 10;
/// Pause before a ledger that refused is asked again.
pub const SHIP_RETRY: Duration = Duration::from_secs(5);

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

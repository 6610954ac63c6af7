//! Every limit of exports, with its arithmetic.

use std::time::Duration;

/// Rows that are made and written at once: some 4 MiB of usual entries.
pub const BATCH_ROWS: usize = 4_096;
/// Bytes of records that are made into rows at once. With summary, JSON and typed columns a row is
/// some four times its record: 32 MiB for a batch.
pub const BATCH_BYTES: usize = 8 * 1_048_576;
/// Rows of a row group. What is kept of one until it is written is compressed: some 20 to 40 MiB.
pub const GROUP_ROWS: usize = 131_072;
/// Bytes of records of a row group: the largest entries give one of 1,024 rows.
pub const GROUP_BYTES: usize = 64 * 1_048_576;
/// Level of zstd: beyond it files get smaller by less than a tenth and take twice as long.
pub const ZSTD_LEVEL: i32 = 3;
/// Bytes that are handed to the file system at once.
pub const FILE_BUFFER: usize = 262_144;
/// Rows of one file unless something else is asked for: eight row groups, some 200 MiB.
pub const FILE_ROWS: u64 = 1_048_576;
/// Bytes of records of one file unless something else is asked for: 1 GiB.
pub const FILE_BYTES: u64 = 1 << 30;
/// Cases whose parties are remembered while events are mapped to OCSF: 65,536 take some 12 MB with
/// names of 30 bytes, and a company has seldom more than some hundred open ones.
pub const CONTEXT_CASES: usize = 65_536;
/// Bytes of these names: 32 MiB, for logs whose names are as long as they may be.
pub const CONTEXT_BYTES: usize = 33_554_432;
/// Bytes of a text in a line of CEF or syslog. CEF gives `msg` 1,023; what is longer is cut at a
/// character and ends in `…`. With some 20 fields a line stays below 32 KiB.
pub const LINE_TEXT: usize = 1_023;
/// Bytes of the words for an entry in the native forms: two lines of a wide terminal. Most of what
/// agents read is longer, and stands in the event beside it as a whole.
pub const SUMMARY: usize = 256;
/// Bytes of a page of a Parquet file for SIEMs before compression. Amazon Security Lake takes 1
/// MiB; a page ends behind the value that reaches the limit, and the longest one is a record of
/// 65,535 bytes in JSON, whose control characters take 6 bytes each: 512 + 384 KiB.
pub const PAGE_BYTES: usize = 524_288;
/// Rows of a row group of such a file. A row has some 3 KiB in memory: below 200 MiB for six
/// classes, and far below the 256 MiB of a group that Amazon Security Lake takes.
pub const SIEM_GROUP_ROWS: usize = 16_384;
/// Bytes of records of such a group.
pub const SIEM_GROUP_BYTES: usize = 8 * 1_048_576;
/// Rows of a file for Panther, which takes 100 MB. What does not get smaller of a row, hashes and
/// signature as text, is 600 bytes: 39 MiB for these.
pub const PANTHER_ROWS: u64 = 65_536;
/// Bytes of records of such a file. Random bytes make 1.4 times their size as `raw_data`, and up to
/// twice that again as text: with the above below 96 MB.
pub const PANTHER_BYTES: u64 = 16 * 1_048_576;
/// Name of a custom source of Amazon Security Lake.
pub const SOURCE_NAME: usize = 20;
/// File that says what the sinks are: 16 of them with 30 lines each are below 32 KiB.
pub const MAX_SINK_CONFIG: u64 = 262_144;
/// Sinks of one process: each follows the log with a stream of its own, and a ledger gives 16 of
/// them to one identity. Each holds two batches at most.
pub const MAX_SINKS: usize = 16;
/// Bytes of a sink's name, so that `sink:<name>:<micros>` fits the 64 bytes of a key.
pub const MAX_SINK_NAME: usize = 32;
/// Files with secrets and certificates: a chain of some certificates.
pub const MAX_SECRET_FILE: u64 = 65_536;
/// Entries of a batch at most, whatever the configuration asks for: 10,000 small ones.
pub const MAX_BATCH_ENTRIES: usize = 10_000;
/// Bytes of a batch at most; with its encoded form beside it, a sink takes below 256 MiB.
pub const MAX_BATCH_BYTES: u64 = 67_108_864;
/// Entries of a batch when the configuration says nothing.
pub const SINK_BATCH_ENTRIES: usize = 500;
/// Bytes of a batch when the configuration says nothing: what most receivers take at once.
pub const SINK_BATCH_BYTES: u64 = 1_048_576;
/// How long a batch waits to be filled when the configuration says nothing.
pub const SINK_BATCH_WAIT: Duration = Duration::from_secs(1);
/// Batches that may be delivered while the cursor is stored, and come again after a kill: a disk
/// takes some milliseconds, in which as many batches of 500 entries get through.
pub const CURSOR_BEHIND: u32 = 8;
/// Entries of an object when the configuration says nothing.
pub const OBJECT_ENTRIES: usize = 10_000;
/// Bytes of an object before it is compressed, when the configuration says nothing.
pub const OBJECT_BYTES: u64 = 16_777_216;
/// How long an object waits to be filled when the configuration says nothing.
pub const OBJECT_WAIT: Duration = Duration::from_secs(60);
/// First pause before a batch is tried again; each next one is up to twice as long.
pub const RETRY_FIRST: Duration = Duration::from_millis(500);
/// Longest pause between two tries, unless the receiver asks for more.
pub const RETRY_LAST: Duration = Duration::from_secs(60);
/// A receiver may ask for a pause of so long at most; more looks like a mistake.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(3_600);
/// How long one try may take when the configuration says nothing.
pub const TRY_LIMIT: Duration = Duration::from_secs(30);
/// How long a failure lasts before the log is told.
pub const REPORT_AFTER: Duration = Duration::from_secs(60);
/// How often the log is told of what lasts.
pub const REPORT_EVERY: Duration = Duration::from_secs(3_600);
/// Pause before the log is told again when that failed.
pub const REPORT_RETRY: Duration = Duration::from_secs(30);
/// How long telling the log may take; delivery waits for it.
pub const REPORT_LIMIT: Duration = Duration::from_secs(5);
/// Bytes of an error in the log: a long sentence.
pub const MAX_ERROR: usize = 512;
/// Entries that are put aside one after the other before a sink is held to be the one at fault.
pub const HOLD_AFTER: u32 = 100;
/// File of what was put aside: 64 Ki entries of 4 KiB. A sink whose file is full waits.
pub const MAX_LETTERS: u64 = 268_435_456;
/// What is left of the second in which a sink stops, for the try that is under way.
pub const STOP_GRACE: Duration = Duration::from_millis(600);
/// How often the status of sinks is written and their lag measured.
pub const STATUS_EVERY: Duration = Duration::from_secs(1);
/// How often the size of the log is asked for, to know how far a sink is behind.
pub const HEAD_EVERY: Duration = Duration::from_secs(5);
/// Answer of a receiver that is read: a message for people.
pub const MAX_SINK_ANSWER: usize = 65_536;
/// Answer of a receiver that is told in a message.
pub const MAX_TOLD_ANSWER: usize = 200;
/// A file of a file sink when the configuration says nothing.
pub const SINK_FILE_BYTES: u64 = 104_857_600;
/// Smallest file that is worth rotating.
pub const MIN_FILE_BYTES: u64 = 4_096;

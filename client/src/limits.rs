//! Every limit and pause of the client, with its reason.

use std::time::Duration;

/// A call with all its repeats, when the configuration says nothing else.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// One attempt of a call: three of them fit into [`CALL_TIMEOUT`], and it stays below the longest
/// deadline that a ledger takes. A sealed append waits 1 s at most on a healthy ledger.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// TCP and TLS handshake with one address.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Pings on an otherwise silent connection, and how long their answer may take: a peer that
/// vanished is noticed within 20 s.
pub const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Pause before the first repeat; each next one is up to twice as long.
pub const BACKOFF_FIRST: Duration = Duration::from_millis(50);
/// Longest pause between two repeats.
pub const BACKOFF_LAST: Duration = Duration::from_secs(5);
/// A newer checkpoint that came with a receipt or an entry is proved consistent and remembered at
/// most this often; each time costs one call and one synced write.
pub const REMEMBER_EVERY: Duration = Duration::from_secs(1);
/// Largest answer that is read: a page of 1,000 entries, each with a record of 64 KiB and its
/// reading beside it, is at most 128 MiB; a server sends pages far below that.
pub const MAX_ANSWER: usize = 134_217_728;
/// File with remembered checkpoints: 1,000 logs with notes of 1 KiB.
pub const MAX_REMEMBER_FILE: u64 = 1_048_576;
/// File of an identity: a chain of some certificates.
pub const MAX_IDENTITY_FILE: u64 = 1_048_576;
/// Addresses of one ledger.
pub const MAX_ENDPOINTS: usize = 16;
/// Entries of a page: what the ledger allows.
pub const MAX_PAGE: u32 = 1_000;
/// Answers of a followed log that wait for the caller.
pub const FOLLOW_QUEUE: usize = 4;
/// Events of a stream without acknowledgement: four full commits.
pub const STREAM_EVENTS: usize = 4_096;
/// Bytes of these events: four full commits of 1 MiB.
pub const STREAM_BYTES: usize = 4_194_304;
/// Events that are handed to the transport ahead of its pace.
pub const STREAM_QUEUE: usize = 64;
/// A stream whose oldest event is not acknowledged for so long is opened anew. Sealing takes 1 s at
/// most.
pub const STREAM_STALL: Duration = Duration::from_secs(30);
/// How long the end of a stream is waited for that has nothing more to say; without it the ledger
/// would see a stream that was cut.
pub const CLOSE_PATIENCE: Duration = Duration::from_secs(2);
/// Random bytes of an idempotency key that the client makes: 128 bits.
pub const KEY_BYTES: usize = 16;
/// Keys that are counted on from one random number, which takes a call of the operating system.
pub const KEYS_DRAWN: u32 = 256;
/// Checkpoints that a client keeps opened: those of the commits that are under way, and some that
/// readers and proofs bring, 300 bytes each.
pub const OPENED_NOTES: usize = 16;

//! Every limit of the ledger, with its arithmetic.

use std::time::Duration;

// Identity.

/// Validity of a certificate that nobody chose one for: 30 days.
pub const DEFAULT_VALIDITY: Duration = Duration::from_secs(30 * 86_400);
/// Longest validity of a server or client certificate: 397 days, a year and a month to notice.
pub const MAX_VALIDITY: Duration = Duration::from_secs(397 * 86_400);
/// Validity of the issuing certificate: 5 years of 365 days.
pub const ISSUING_VALIDITY: Duration = Duration::from_secs(5 * 365 * 86_400);
/// Validity of the root: 20 years of 365 days, four issuing certificates in a row.
pub const ROOT_VALIDITY: Duration = Duration::from_secs(20 * 365 * 86_400);
/// How far the clock of a peer may be behind and still find a new certificate valid: 5 minutes.
pub const CLOCK_SKEW: Duration = Duration::from_secs(300);
/// 9999-12-31T23:59:59Z, the last second that a certificate can name (RFC 5280, 4.1.2.5).
pub const MAX_CERTIFICATE_TIME: u64 = 253_402_300_799;
/// A certificate request in PEM form: 16 KiB; with a P-256 key it is about 500 bytes.
pub const MAX_CSR_BYTES: usize = 16_384;

/// The list of certificates is kept on disk whenever the log has grown by so many entries: reading
/// them back takes some 0.1 s at start.
pub const CERTIFICATES_STRIDE: u64 = 1 << 17;

// Connections and calls.

/// Connections with a finished handshake. TLS takes some 18 KiB each (measured), HTTP/2 its own
/// buffers; with 64 KiB for both it is 256 MiB for all of them.
pub const MAX_CONNECTIONS: usize = 4_096;
/// Connections of one principal: a tenth of the 640 that the usual number of descriptors leaves
/// (below). A process needs one, and one more for each time that it follows a log: 17 for as many
/// sinks as there may be.
pub const MAX_CONNECTIONS_EACH: usize = 64;
/// Connections beyond that, which are kept only to tell why they are refused.
pub const MAX_REFUSED_CONNECTIONS: usize = 32;
/// How long one of these is kept: a first call comes right behind the handshake.
pub const REFUSED_CONNECTION: Duration = Duration::from_secs(2);
/// Handshakes at the same time. Both ends of one were measured at 1.4 ms, so 128 are below 0.2 s of
/// one core.
pub const MAX_HANDSHAKES: usize = 128;
/// Time for one handshake: three round trips, each retransmitted twice.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a handshake is left alone when others wait for its place: twice what 128 need of one
/// core, and a round trip around the world. So 256 silent clients a second are needed to keep the
/// queue from moving on.
pub const HANDSHAKE_GRACE: Duration = Duration::from_millis(500);
/// Connections that wait in the kernel for their handshake. When they are too many, the kernel
/// drops honest ones too, and those try again after a second, then two, then four.
pub const ACCEPT_QUEUE: u32 = 4_096;
/// Descriptors that connections leave alone: a log has its open segments, its tree files and its
/// projections, 64 together; three logs and the HTTP door fit. Of the usual 1,024 remain
/// 1,024 - 256 - 128 handshakes = 640 connections.
pub const RESERVED_FILES: usize = 256;
/// Connections of the HTTP door, which anyone on the machine can open: a scraper and a load
/// balancer, and some more of each.
pub const HTTP_CONNECTIONS: usize = 16;
/// How long one of these lives: a page of metrics takes milliseconds.
pub const HTTP_VISIT: Duration = Duration::from_secs(10);
/// Pause after an error of `accept`: long enough not to spin, short enough not to be noticed.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Header fields of a call, names and values and 32 bytes each (RFC 9113, 6.5.2): 8 KiB, what gRPC
/// libraries take by default. A call of ours has some 300 bytes.
pub const MAX_METADATA_BYTES: usize = 8 << 10;
/// Header fields that HTTP/2 reads, so that what is above [`MAX_METADATA_BYTES`] can be refused
/// with a reason: 256 streams of a connection that send them at the same time are 16 MiB.
pub const MAX_HEADER_LIST: u32 = 64 << 10;
/// Calls of one principal under way, until the last byte of the answer is taken: two connections
/// full of calls.
pub const MAX_CALLS_EACH: usize = 512;
/// Calls under way in all: each takes some 10 KiB beside its messages, 80 MiB together.
pub const MAX_CALLS: usize = 8_192;
/// Bytes of requests of one principal that are being read or answered: nearly four of the largest.
pub const REQUEST_BYTES_EACH: usize = 16 << 20;
/// The same of all principals: 64 MiB, twice that while they are decoded.
pub const REQUEST_BYTES: usize = 64 << 20;
/// What a field of a request counts for beside its bytes: a draft takes 152 bytes when it is
/// decoded, however few it has on the wire.
pub const FIELD_BYTES: usize = 160;
/// ListEntries calls of one principal under way: each may hold a page of 3 MiB twice.
pub const MAX_PAGES_EACH: usize = 4;
/// ListEntries calls in all: 32 × 6 MiB = 192 MiB.
pub const MAX_PAGES: usize = 32;
/// Readings of one entry or proof of one principal at the same time; some 2 ms each.
pub const SHORT_READINGS_EACH: u32 = 2;
/// The same of all principals: threads that read.
pub const SHORT_READINGS: usize = 16;
/// How long a call waits to be told that there is no room for it: who asks again at once, with a
/// thousand calls, has 4,000 answers a second, and not as many as the cores give.
pub const REFUSAL_PAUSE: Duration = Duration::from_millis(250);
/// Calls that wait so at the same time, 10 KiB each. Others hear it at once.
pub const PAUSED_REFUSALS: usize = 1_024;
/// Lines about refused calls and failed handshakes in the log of the server, a second; what is
/// above is only counted. 20 × 200 bytes are 350 MB a day.
pub const REFUSALS_TOLD: u32 = 20;
/// Longest deadline of a unary call: 1 hour. Any answer takes seconds; the rest is slow networks.
pub const MAX_UNARY_DEADLINE: Duration = Duration::from_secs(3_600);

// Segments.

/// Size of a segment file: 64 MiB, some 90,000 entries of 700 bytes; reading one back takes about
/// 0.1 s.
pub const SEGMENT_BYTES: u64 = 64 << 20;
/// Smallest segment that makes sense: 64 KiB, for tests and tiny disks.
pub const MIN_SEGMENT_BYTES: u64 = 64 << 10;
/// Bytes at the end of a segment that only the ledger's own entries may use: four commits of one
/// entry, 600 bytes each, rounded up to a page.
pub const RESERVE_BYTES: u64 = 4_096;
/// Segments of a log, the last one aside, whose files stay open for readers: 2 GiB of log. Opening
/// one again takes some 10 µs.
pub const OPEN_SEGMENTS: usize = 32;
/// One place of a frame is kept in memory for so many bytes of log: 16 bytes for 64 KiB, 1.8 MiB
/// for 7 GiB.
pub const INDEX_STRIDE: u64 = 64 << 10;

/// A blob: 1 MiB, a quarter of a request. A part of a recording holds at most 256 KiB of output.
pub const MAX_BLOB_BYTES: usize = 1 << 20;

// The sequencer.

/// Proposals that wait for the sequencer.
pub const QUEUE_PROPOSALS: usize = 1_024;
/// What one client may have in the queue and in the commit that is being stored, in bytes: as much
/// as one of the largest commits, for example half of one that syncs and half of one that is being
/// made. So whoever comes waits for one large commit of each other client at most.
pub const QUEUE_SHARE: u32 = 1 << 20;
/// What an entry counts for at least: a commit has 1,024 entries or 1 MiB.
pub const QUEUED_ENTRY: usize = 1_024;
/// What a proposal counts for at least: it is answered by itself, however small it is. A share has
/// 64 of them, which at 3 ms for a commit are 20,000 calls a second.
pub const QUEUED_PROPOSAL: usize = 16 << 10;
/// What all clients together may have there: shares of 128.
pub const QUEUE_BYTES: usize = 128 << 20;
/// Keys that are looked up in the log in one turn: when each is in another commit, some 2 ms each.
pub const LOOKUPS: usize = 32;
/// Entries of a stream that are proposed together.
pub const CHUNK_ENTRIES: usize = 256;
/// Bytes of a stream that are proposed together: a quarter of a commit.
pub const CHUNK_BYTES: usize = 256 << 10;
/// Entries whose idempotency keys are remembered: 2^20, some 40 MiB of memory, 10 s of the fastest
/// stream that this machine takes and days of a usual one.
pub const IDEMPOTENCY_WINDOW: usize = 1 << 20;
/// Queues of one client that are remembered, some 60 bytes each; the one that is quiet for longest
/// is forgotten first. An agent has one queue, and each session that a person records has one.
pub const MAX_QUEUES_EACH: usize = 4_096;
/// The wall clock may run behind the monotonic one by this much before it counts as a step.
pub const CLOCK_STEP_BACK: Duration = Duration::from_secs(1);
/// The wall clock may run ahead of the monotonic one by this much before it counts as a step.
pub const CLOCK_STEP_FORWARD: Duration = Duration::from_secs(300);
/// How long the log must be quiet before it is sealed: longer than a commit takes, shorter than
/// anyone notices.
pub const SEAL_GRACE: Duration = Duration::from_millis(5);
/// How many such moments may pass under load before it is sealed anyway: 100 × 5 ms = 0.5 s, half
/// of what is promised.
pub const SEAL_PATIENCE: u32 = 100;
/// The tree files are synced whenever so many leaves were added, 4 MiB: after a crash those are
/// read from the log again, in some 0.1 s.
pub const TREE_STRIDE: u64 = 1 << 17;
/// How often the housekeeper looks after room on the disk.
pub const HOUSEKEEPING: Duration = Duration::from_millis(500);
/// Bytes that a reader asks the store for at once.
pub const READ_BYTES: usize = 256 << 10;

// The server.

/// Time that calls under way have to finish when the server stops.
pub const DRAIN: Duration = Duration::from_secs(10);
/// Calls at the same time on one connection: four streams of a busy agent and some 250 callers
/// behind a proxy.
pub const MAX_STREAMS_PER_CONNECTION: u32 = 256;
/// HTTP/2 window of a stream: 1 MiB, what a stream sends during one commit.
pub const STREAM_WINDOW: u32 = 1 << 20;
/// HTTP/2 window of a connection: four streams at full speed.
pub const CONNECTION_WINDOW: u32 = 4 << 20;

// Calls.

/// A request: 4 MiB, four of the largest commits, and what gRPC libraries take by default.
pub const MAX_REQUEST_BYTES: usize = 4 << 20;
/// Entries of a recording that are found in one reading.
pub const GIVEN_ENTRIES: usize = 256;
/// Parts of a recording that are read before the caller takes them: 4 × 1 MiB.
pub const GIVEN_AHEAD: usize = 4;
/// Entries of a page when the caller does not say.
pub const DEFAULT_PAGE: u32 = 100;
/// Most entries of a page: 1,000 of usual size are below 2 MiB.
pub const MAX_PAGE: u32 = 1_000;
/// Bytes of a page: 3 MiB, so that with one more entry (100 KiB, for its payload stands in the
/// record and beside it) and the checkpoints it stays below the 4 MiB that clients take.
pub const PAGE_BYTES: usize = 3 << 20;
/// Entries that are looked at for one page: 50,000 at some 2 µs each are 0.1 s of one core. A page
/// that ends here has a token for the rest.
pub const SCAN_ENTRIES: u64 = 50_000;
/// Bundles that a reader asks the projections for at once: 64 of 256 entries.
pub const SCAN_BUNDLES: usize = 64;
/// Chunks of an AppendStream on their way to the store: 8 × 256 entries fill two commits, one that
/// syncs and one that is being made.
pub const STREAM_CHUNKS: usize = 8;
/// Acknowledgements that wait for a slow client: twice the chunks; each is some 8 KiB of hashes.
pub const STREAM_ACKS: usize = 16;
/// AppendStreams in all. An idle one holds one event at most: 1,024 × 48 KiB = 48 MiB.
pub const MAX_APPEND_STREAMS: usize = 1_024;
/// AppendStreams of one principal: one for each of its sources, and room to reconnect.
pub const MAX_APPEND_STREAMS_EACH: usize = 16;
/// Follow streams in all: each holds up to three batches of 512 KiB, 384 MiB together.
pub const MAX_FOLLOW_STREAMS: usize = 256;
/// Follow streams of one principal.
pub const MAX_FOLLOW_STREAMS_EACH: usize = 16;
/// Bytes of a batch of Follow, as they are sent.
pub const FOLLOW_BYTES: usize = 512 << 10;
/// Entries of a batch of Follow.
pub const FOLLOW_ENTRIES: usize = 1_024;
/// Batches that wait for a slow follower.
pub const FOLLOW_QUEUE: usize = 1;
/// How often a follower hears that the stream lives, and where its cursor is; and how soon a
/// stream on which nothing happens ends after its certificate ran out.
pub const HEARTBEAT: Duration = Duration::from_secs(10);
/// How far beyond the sealed end a follower may start: 2^40 entries, years at full speed. What is
/// further away is a mistake.
pub const FOLLOW_AHEAD: u64 = 1 << 40;
/// How long a stream that ends tries to tell a slow client why.
pub const FAREWELL: Duration = Duration::from_secs(1);
/// How often the server looks whether its certificate is due: hourly, where a third of its life is
/// four months.
pub const RENEWAL_CHECK: Duration = Duration::from_secs(3_600);

/// Times that a log that is locked is tried to be opened: a process that ended, or one that was
/// forked and has not started its program yet, can hold the lock for some milliseconds more.
pub const LOCK_TRIES: u32 = 6;
/// Pause between two of them: 5 pauses are 250 ms, less than anyone waits for a refusal.
pub const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// Readings that keep a core busy for long, at the same time: half of the cores, at least one. Such
/// are pages through a filter, batches of Follow, and keys that are looked up in the log.
pub(crate) fn long_readings() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    (cores / 2).max(1)
}

/// Bytes that a command about access uses of its client's share of the queue: the texts that it may
/// carry (2 KiB) and the entries that come of it, rounded up.
pub const ORDER_BYTES: usize = 16 << 10;

/// How often deadlines are looked at: access ends at most this much late, and a clock that is set
/// is noticed as soon. Four looks a second cost nothing.
pub const TIMER_TICK: Duration = Duration::from_millis(250);

/// Refused attempts of one caller that are recorded within [`REFUSALS_WINDOW_MICROS`]; more are
/// refused all the same, but not recorded: 20 a minute fill 3 GiB in a year at worst.
pub const REFUSALS_EACH: u32 = 20;

/// A minute.
pub const REFUSALS_WINDOW_MICROS: u64 = 60_000_000;

/// Cases in one page of ListCases: 500 of 2 KiB are 1 MiB.
pub const MAX_CASES_PAGE: usize = 500;

/// Cases that are taken out of the state at a time, while the writer may wait: 256 take some 10
/// microseconds.
pub const CASES_AT_A_TIME: usize = 256;

/// Cases in a page when the caller does not say.
pub const USUAL_PAGE: usize = 100;

/// Policies that ListPolicies tells, the newest first.
pub const MAX_POLICIES_LISTED: usize = 1_000;

/// Open issues that one answer lists, each some 100 bytes.
pub const MAX_ISSUES: usize = 1_000;

/// Microseconds of the period that insights are about when the caller names no begin: 30 days.
pub const USUAL_PERIOD_MICROS: u64 = 30 * 86_400 * 1_000_000;

/// How often a calendar is fetched: a swap of shifts is known after five minutes.
pub const FEED_EVERY: Duration = Duration::from_secs(300);

/// How soon a calendar that could not be fetched is tried again.
pub const FEED_RETRY: Duration = Duration::from_secs(30);

/// How soon a new policy's calendars are fetched.
pub const FEED_LOOK: Duration = Duration::from_secs(2);

/// How long a calendar is used that cannot be fetched any more: a day, so that a night of the other
/// side's trouble keeps nobody from deciding.
pub const FEED_STALE: Duration = Duration::from_secs(86_400);

/// How long fetching a calendar may take.
pub const FEED_TIMEOUT: Duration = Duration::from_secs(10);

/// How often fetching a calendar may be sent elsewhere.
pub const FEED_REDIRECTS: usize = 3;

/// Bytes of a fetched calendar: 2,000 events of 500 bytes.
pub const FEED_BYTES: usize = 1 << 20;

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
/// A followed file that is not there for so long is told in the status: a rotation takes it away
/// for the moment until its writer makes the next.
pub const MISSING_PATIENCE: Duration = Duration::from_secs(5);
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
/// How long an agent that is asked to stop waits for room in a full spool: as long as for the
/// ledger after that, so that both are far below the 90 s after which systemd kills.
pub const LAST_PATIENCE: Duration = Duration::from_secs(5);
/// The file of the mark: places of 1,024 inputs of 1 KiB.
pub const MAX_MARK_FILE: u64 = 1 << 20;
/// Bytes that are read from a segment at once when it is sent.
pub const SHIP_BYTES: usize = 256 << 10;
/// Pause before a ledger that refused is asked again.
pub const SHIP_RETRY: Duration = Duration::from_secs(5);
// Redaction.

/// Bytes of one line that are looked at together, and so the most that is held back. A longer line
/// is looked at in windows of this size. The longest usual line that holds a secret, a private key
/// of 8,192 bits as one line of JSON, has 6.5 KiB.
pub const REDACT_WINDOW: usize = 16_384;
/// End of a window that is looked at again with the next one. What a rule needs in a row before it
/// knows a secret is at most 1,600 bytes, the header and first claims of a JWT.
pub const REDACT_TAIL: usize = 4_096;
/// Bytes before a window that its rules still see: the name before a value, and the 256 bytes that
/// a rule may look back.
pub const REDACT_CONTEXT: usize = 512;
/// Bytes of a value that are judged. A longer value is judged by its beginning and taken out up to
/// its end.
pub const REDACT_VALUE: usize = 512;
/// Bytes that are looked at in one go, so that a caller with a large text needs no second copy.
pub const REDACT_STEP: usize = 65_536;
/// Rules of the settings, and allowed patterns: what one person can still oversee.
pub const MAX_REDACT_RULES: usize = 256;
/// Bytes of the automaton of one rule of the settings; a pattern of some hundred characters takes
/// less than a tenth.
pub const MAX_REDACT_PATTERN: usize = 1_048_576;
/// Sources whose events may be inside of a private key at the same time: as many as an agent has
/// files.
pub const MAX_REDACT_SOURCES: usize = 1_024;
// Sessions and their recordings.

/// Bytes of output after which a part of a recording is closed.
pub const PART_OUTPUT: usize = 262_144;
/// A part is closed at the latest so long after its first event. With the time to store it, entries
/// are at most 2 s behind.
pub const PART_AGE: Duration = Duration::from_secs(1);
/// Lines of one part before they are compressed. zstd adds 1/256 and 64 bytes to what it cannot
/// compress, so that a blob stays below the 1 MiB that a ledger takes.
pub const PART_LINES: usize = 983_040;
/// Output of one event. Escaped as `\u00XX` it is 384 KiB, far below [`PART_LINES`].
pub const EVENT_OUTPUT: usize = 65_536;
/// Output that comes within this time after the first of an event is part of the event.
pub const COALESCE: Duration = Duration::from_millis(4);
/// Output is quiet after this time: what a mask held back in expectation of more is asked for.
pub const QUIET: Duration = Duration::from_millis(250);
/// Compression of parts. Level 1 takes 256 KiB of text in about 1 ms; 3 saves a tenth of the space
/// and takes twice as long.
pub const PART_LEVEL: i32 = 1;
/// What one session may have shown or typed that is not recorded yet; output waits beyond.
pub const RECORD_AHEAD: usize = 1_048_576;
/// Items of one session on their way to the outlet: parts of 256 KiB of output, so 1 MiB.
pub const ITEMS_AHEAD: usize = 4;
/// One read of a pseudo-terminal; Linux gives at most 4 KiB at a time.
pub const PTY_READ: usize = 65_536;
/// Text of one command. Its entry stays below the 48 KiB of a payload with a folder beside it.
pub const MAX_COMMAND: usize = 32_768;
/// Folder of a command: PATH_MAX.
pub const MAX_DIRECTORY: usize = 4_096;
/// A command that runs longer than this is recorded without its exit status: entries are at most
/// 2 s behind.
pub const COMMAND_PATIENCE: Duration = Duration::from_secs(1);
/// How often the ledger is asked whether a grant still holds. The end of a session is due within
/// 1 s of a revocation: 500 ms, the answer, and [`TERM_PATIENCE`].
pub const GRANT_POLL: Duration = Duration::from_millis(500);
/// How long one such answer is waited for. Four questions fit into [`GRANT_GRACE`].
pub const GRANT_ANSWER: Duration = Duration::from_secs(2);
/// How long a session goes on while nobody can say whether its grant still holds.
pub const GRANT_GRACE: Duration = Duration::from_secs(10);
/// When the user is told how little time is left.
pub const WARN_BEFORE: [Duration; 2] = [Duration::from_secs(300), Duration::from_secs(60)];
/// Between TERM and KILL at the end of a grant.
pub const TERM_PATIENCE: Duration = Duration::from_millis(300);
/// Between two looks at the processes of a session that is being ended.
pub const PROCESS_POLL: Duration = Duration::from_millis(10);
/// How long processes are killed again and again before they are reported as left over. A process
/// in an uninterruptible call dies when the call returns.
pub const KILL_PATIENCE: Duration = Duration::from_secs(2);
/// How long the last output is waited for after all processes are gone.
pub const DRAIN_PATIENCE: Duration = Duration::from_secs(1);
/// An outlet that takes an item for longer than this pauses the session.
pub const STORE_PATIENCE: Duration = Duration::from_secs(2);
/// How long the end of a session waits for an outlet that does not take the rest.
pub const FINISH_PATIENCE: Duration = Duration::from_secs(30);
/// Longest pause between two looks at whether a blocked terminal can be written to.
pub const SCREEN_POLL: Duration = Duration::from_millis(50);
/// Width and height without a terminal, and the largest that a recording tells.
pub const WINDOW: (u16, u16) = (80, 24);
/// One line of an asciicast file: an event of 1 MiB, more than any recorder writes.
pub const MAX_CAST_LINE: usize = 1_048_576;
/// Time of an event: a year in microseconds. A session is hours.
pub const MAX_CAST_TIME: u64 = 31_536_000_000_000;
/// One line of text of a recording; a longer one is cut into several.
pub const MAX_TEXT_LINE: usize = 16_384;
/// A compiled search pattern.
pub const MAX_PATTERN: usize = 1_048_576;
/// Damaged parts of one recording that are told one by one.
pub const MAX_DAMAGES: usize = 1_000;
// Inputs of the agent. An event is at most 48 KiB: 32 KiB of raw bytes, and 16 KiB for fields of
// 8 KiB, a source with a path of 4 KiB, a position of 512 bytes, a reason of 1 KiB, two numbers of
// parts, and the wire format around them.

/// Name of an input.
pub const MAX_INPUT_NAME: usize = 64;
/// Inputs of one agent.
pub const MAX_INPUTS: usize = 64;
/// Fields of one event.
pub const MAX_FIELDS: usize = 128;
/// Bytes of a field's value; the raw bytes have the rest.
pub const MAX_FIELD: usize = 4_096;
/// Names and values of all fields of one event, 16 bytes of wire format for each included.
pub const MAX_FIELD_BYTES: usize = 8_192;
/// Why a record could not be parsed, in words that may quote it.
pub const MAX_MALFORMED: usize = 1_024;
/// Path of a file or socket: what Linux takes.
pub const MAX_PATH: usize = 4_096;
/// A record of a CSV or JSON log that is parsed as a whole. A longer one is kept in parts.
pub const MAX_RECORD: usize = 1_048_576;
/// A line of `journalctl -o json`: a message of 192 KiB, the kernel's limit for a datagram, in
/// which every byte is written as `255,`, and 256 KiB for fields.
pub const MAX_JOURNAL_LINE: usize = 1_048_576;
/// A journal cursor; those of today have less than 150 bytes.
pub const MAX_CURSOR: usize = 512;
/// Pause before `journalctl` is started again; each next one is twice as long.
pub const CHILD_PAUSE_FIRST: Duration = Duration::from_millis(250);
/// Longest of these pauses.
pub const CHILD_PAUSE_LAST: Duration = Duration::from_secs(30);
/// A child that ran for so long was well: the pauses begin anew.
pub const CHILD_WELL: Duration = Duration::from_secs(60);
/// A child that says nothing and did not end in this time can read, as far as anybody can tell.
pub const CHILD_QUIET: Duration = Duration::from_secs(5);
/// How long the last words of a child that ended are waited for.
pub const CHILD_LAST_WORDS: Duration = Duration::from_secs(1);
/// What a child says on standard error is told line by line, up to here.
pub const MAX_CHILD_WORDS: usize = 1_024;
/// Syslog message that is taken whole, unless the configuration says otherwise: RFC 5425 asks for
/// 8 KiB at least.
pub const SYSLOG_MESSAGE: usize = 65_536;
/// Largest value that the configuration may give for that: 64 connections then hold 64 MiB.
pub const MAX_SYSLOG_MESSAGE: usize = 1_048_576;
/// Connections to a syslog input.
pub const SYSLOG_CONNECTIONS: usize = 64;
/// Largest value that the configuration may give for connections.
pub const MAX_CONNECTIONS: usize = 4_096;
/// A connection that says nothing for so long is closed.
pub const SYSLOG_IDLE: Duration = Duration::from_secs(3_600);
/// Longest value that the configuration may give for that: a week.
pub const MAX_IDLE: Duration = Duration::from_secs(604_800);
/// Pause after a connection or datagram could not be taken, as when all descriptors are in use.
pub const LISTEN_PAUSE: Duration = Duration::from_millis(100);
/// TLS handshake, which holds a seat of a connection.
pub const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);
/// Bytes that are read from a connection in one step.
pub const READ_BYTES: usize = 16_384;
/// Digits of the length before a syslog message: RFC 6587, section 3.4.1, gives no limit; these are
/// 9,999,999 bytes.
pub const MAX_LENGTH_DIGITS: usize = 7;
/// File with certificates or a key.
pub const MAX_PEM_FILE: u64 = 1_048_576;
/// Request of OTLP after decompression: what `grpc` takes by default.
pub const OTLP_REQUEST: usize = 4_194_304;
/// Records of one OTLP request: 4 MiB of the smallest records would be some hundred thousand
/// events, which the outlet would have to store before the client gives up.
pub const MAX_OTLP_RECORDS: usize = 16_384;
/// Requests of OTLP that are handled at a time: each holds 4 MiB and what becomes of it.
pub const OTLP_REQUESTS: usize = 16;
/// Connections to an OTLP input.
pub const OTLP_CONNECTIONS: usize = 64;
/// Pause between pings on a silent OTLP connection: a sender that vanished leaves its seat.
pub const OTLP_KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Nested values of OTLP that are written as JSON; deeper ones are refused.
pub const MAX_DEPTH: usize = 32;
// Provisioners.

/// Bytes of an error or a proof in an entry, of the 2,000 that the ledger takes.
pub const MAX_REPORT_TEXT: usize = 1_000;
/// Grants that are over whose numbers are kept, to tell access that outlived its grant from access
/// that nobody granted: 100,000 numbers are some MB.
pub const MAX_PAST_GRANTS: usize = 100_000;
/// Failures of one grant that become entries, for making and for removing each: a case has room
/// for 3,000 entries. Each failure is logged by the agent.
pub const MAX_REPORTED_FAILURES: u32 = 10;
/// Pause after the first failure; it doubles with each.
pub const MIN_PROVISION_PAUSE: Duration = Duration::from_secs(1);
/// Longest pause between two tries. Access that should be gone is tried at least this often.
pub const MAX_PROVISION_PAUSE: Duration = Duration::from_secs(60);
/// Pause before a grant is looked at again of which the ledger knows more than was followed.
pub const NOT_NOW: Duration = Duration::from_millis(500);
/// How long making, extending, removing or inspecting may take; sessions that do not end and
/// programs that hang are cut off.
pub const PROVISION_LIMIT: Duration = Duration::from_secs(60);
/// What is made or extended at the same time. Removing does not wait for it.
pub const MAX_MAKING: usize = 8;
/// What is removed at the same time.
pub const MAX_REMOVING: usize = 32;
/// The clock is looked at least this often, for one that is set: access ends at most so much late.
pub const CLOCK_LOOK: Duration = Duration::from_millis(250);
/// Provisioners of one agent.
pub const MAX_PROVISIONERS: usize = 64;
/// Time between two inspections, unless the configuration says another.
pub const INSPECT_EVERY: Duration = Duration::from_secs(300);
/// How often the agent's log tells of a difference that stays: each hour it is there to be seen,
/// and does not bury the rest.
pub const DRIFT_AGAIN: Duration = Duration::from_secs(3_600);
/// Differences that one inspection reports; more are counted in the agent's log only.
pub const MAX_FINDINGS: usize = 200;
/// Rights that keep a role from being dropped, in one error: five of about 140 bytes; the sentence
/// around them fits the rest of [`MAX_REPORT_TEXT`].
pub const MAX_HELD_TEXT: usize = 700;
/// Answer of a hook or webhook: 10,000 accesses of about 100 bytes.
pub const MAX_ANSWER: usize = 1_048_576;
/// A file with a key, a password or a certificate.
pub const MAX_KEY_FILE: u64 = 65_536;

// The agent.

/// Pause before a part that failed, or a ledger that is away, is tried again.
pub const AGENT_RETRY: Duration = Duration::from_secs(5);
/// How long before its end an agent's certificate is told as trouble: of a month, the week in which
/// somebody is at work who can issue another one.
pub const CERTIFICATE_WARNING: Duration = Duration::from_secs(7 * 86_400);
/// How often the file with the status is written.
pub const STATUS_EVERY: Duration = Duration::from_secs(1);
/// How long nothing that waits is sealed before the status says so: a ledger under load seals every
/// second.
pub const STUCK_AFTER: Duration = Duration::from_secs(5);

//! Every limit of the workflow, with its arithmetic.

/// Bytes of a policy bundle before it is packed: some five thousand people with their groups, at
/// 200 bytes each.
pub const MAX_BUNDLE: usize = 1 << 20;

/// Bytes of a packed bundle in its entry: a payload (48 KiB) without 4 KiB for what else it says.
pub const MAX_PACKED_BUNDLE: usize = 44 * 1024;

/// Files of a policy bundle.
pub const MAX_BUNDLE_FILES: usize = 64;

/// Seconds for which a session may go on after its grant: what ending it takes.
pub const OVERRUN_GRACE: u64 = 5;

/// Seconds of the longest access, a year: anything beyond is a mistake.
pub const MAX_DURATION: u64 = 366 * 24 * 3_600;

/// Seconds by which a wanted start may lie ahead: 90 days.
pub const MAX_AHEAD: u64 = 90 * 24 * 3_600;

/// Seconds of a delegation: 90 days.
pub const MAX_DELEGATION: u64 = 90 * 24 * 3_600;

/// Bytes of a reason or a comment: a page of text.
pub const MAX_REASON: usize = 2_000;

/// Bytes of a name: a ticket, a resource, a client.
pub const MAX_NAME: usize = 256;

/// Other systems in one request.
pub const MAX_AFFECTED: usize = 32;

/// Cases of one person that are not closed. Each holds some 2 KiB in memory.
pub const MAX_CASES_EACH: usize = 1_000;

/// Cases that are not closed: 200,000 at 2 KiB are 400 MiB.
pub const MAX_CASES: usize = 200_000;

/// Entries of one case, beyond which nothing but its end is taken: that the sessions end (500) and
/// overrun (500), reminders ([`MAX_REMINDERS`] of a request and of each extension), and a few more.
/// CaseClosed lists them, at 9 bytes each at most: below 5,000 they fit a payload of 48 KiB.
pub const MAX_CASE_ENTRIES: usize = 3_000;

/// People of a group whom a refusal names: some to ask, within the 512 bytes of a hint.
pub const MAX_NAMED: usize = 10;

/// Reminders of one request, extension or review afterwards: whoever does not answer the hundredth
/// will not answer the next.
pub const MAX_REMINDERS: u32 = 100;

/// Sessions of one case.
pub const MAX_SESSIONS: usize = 500;

/// Characters of the name of a bundle's file.
pub const MAX_BUNDLE_FILE_NAME: usize = 64;

/// Bytes of one Cedar file: some hundred policies at 600 bytes.
pub const MAX_CEDAR_FILE: usize = 64 * 1024;

/// Brackets and ifs of a policy in each other. Cedar takes 20 KiB of stack for one without
/// optimisation, so these take 480 KiB of a thread's 2 MiB.
pub const MAX_POLICY_NESTING: usize = 24;

/// Operators and dots of one policy. Cedar takes 2.5 KiB of stack for one of a chain, without
/// optimisation: 640 KiB of a thread's 2 MiB.
pub const MAX_POLICY_OPERATORS: usize = 256;

/// Bytes of a name in a policy: a person, group, resource or permission. A principal has at most
/// 255 bytes, of which `user:` takes five.
pub const MAX_POLICY_NAME: usize = 128;

/// Bytes of the id of a channel: Slack's have 11 characters, those of Teams some 60 to 200.
pub const MAX_CHANNEL: usize = 256;

/// Longest duration in a policy: 90 days, a quarter. Whoever needs longer needs another job.
pub const MAX_POLICY_SECONDS: u64 = 90 * 86_400;

/// Groups in one `@approvals`.
pub const MAX_APPROVAL_GROUPS: usize = 8;

/// People of one group in `@approvals`.
pub const MAX_APPROVALS_OF_GROUP: u32 = 16;

/// Extensions of one grant.
pub const MAX_EXTENSIONS: u32 = 16;

/// Lines of the summary of what a new policy changes: 32 lines of 100 bytes fit the 4 KiB that a
/// packed bundle leaves of a payload.
pub const MAX_DIFF_LINES: usize = 32;

/// Bytes of such a line.
pub const MAX_DIFF_LINE: usize = 100;

/// Longest grant when a permit has no `@max_duration`: one hour.
pub const DEFAULT_MAX_DURATION: u64 = 3_600;

/// How long a request waits when a permit has no `@request_ttl`: one hour.
pub const DEFAULT_REQUEST_TTL: u64 = 3_600;

/// How long before the end the requester is warned when a permit has no `@warn`: ten minutes.
pub const DEFAULT_WARN: u64 = 600;

/// Bytes of the id of a passkey's credential: 1,023, as Web Authentication has it.
pub const MAX_CREDENTIAL: usize = 1_023;

/// Bytes of the domain that a passkey is for: 253, as DNS has it.
pub const MAX_RP: usize = 253;

/// How often a grant can be extended when a permit has no `@max_extensions`: not at all.
pub const DEFAULT_MAX_EXTENSIONS: u32 = 0;

/// How long feedback is waited for when a permit has no `@feedback`: one day.
pub const DEFAULT_FEEDBACK: u64 = 86_400;

/// Judgements in a search for someone who could get access, or could agree to it: a second at 20
/// microseconds each.
pub const MAX_PROBES: usize = 50_000;

/// Seconds that a ledger has to write what became due, while entries beside the workflow go on: it
/// starts by reading its log, and 5 minutes are enough for 100 million entries at 400,000 a second.
pub const REPLAY_GRACE: u64 = 300;

/// Missing entries that a replay keeps in mind, so that each is told once. More would all be
/// looked at with every entry.
pub const MAX_LATE_TOLD: usize = 1_000;

/// Closed cases that a replay remembers, so that it can say that they are closed: 100,000 at 120
/// bytes are 12 MB.
pub const MAX_CLOSED_REMEMBERED: usize = 100_000;

/// Events of one calendar: five years of weekly shifts in four places are 1,040, with as many
/// swaps. At two microseconds each, 2,000 take 4 ms to ask who is on call.
pub const MAX_CALENDAR_EVENTS: usize = 2_000;

/// Components of a calendar in each other: a calendar, an event and its alarm are three.
pub const MAX_CALENDAR_DEPTH: usize = 8;

/// Problems of one calendar after which the rest of it is not read.
pub const MAX_CALENDAR_PROBLEMS: usize = 20;

/// Seconds of one shift, a year. A moment then is at most 368 days after the begin of a shift that
/// could reach it, and a daily rule with that many exceptions is looked at as often.
pub const MAX_SHIFT: i64 = 366 * 86_400;

/// Dates that one event leaves out: every day of almost three years.
pub const MAX_EXCEPTIONS: usize = 1_000;

/// Occurrences that a rule counts: every day of 27 years.
pub const MAX_RULE_COUNT: i64 = 10_000;

/// Days, weeks or months between two occurrences of a rule: almost three years of days.
pub const MAX_RULE_INTERVAL: i64 = 1_000;

/// Months in which a monthly rule looks for its last occurrence, a century: some 0.5 ms. Whatever
/// ends later does not end.
pub const MAX_RULE_MONTHS: i64 = 1_200;

/// Cases that a survey of a period holds: 100,000 at some 500 bytes are 50 MB.
pub const MAX_SURVEYED: usize = 100_000;

/// Rows of a breakdown: more than a person reads, and 200 rows of six steps at 30 bytes are 36 KiB.
pub const MAX_INSIGHT_ROWS: usize = 200;

/// Remarks of people in a survey: 100 at up to [`MAX_REASON`] are 200 KB.
pub const MAX_REMARKS: usize = 100;

//! Every limit of this crate, with its arithmetic.

use std::time::Duration;

// Cards and forms.

/// Bytes of a name in a case: 256, as the workflow takes.
pub const MAX_NAME: usize = 256;
/// Bytes of a reason or a comment: 2,000, as the workflow takes.
pub const MAX_REASON: usize = 2_000;
/// Other systems in one request: 32, as the workflow takes.
pub const MAX_AFFECTED: usize = 32;
/// Bytes of the field that names them all: 32 names of 60 bytes, each with a comma and a space.
pub const MAX_AFFECTED_FIELD: usize = 2_000;
/// Longest access, in seconds: a year, as the workflow takes.
pub const MAX_DURATION: u64 = 366 * 24 * 3_600;
/// Decisions, groups and sessions that a case is read with: 8 groups of 16 people, four times over.
pub const MAX_LISTED: usize = 512;

/// Bytes of a configuration: 64 KiB, some hundred channels with a line each many times over.
pub const MAX_CONFIG: u64 = 64 * 1024;

/// How long the ledger may take to seal what it took, before a card or a page is shown that may be
/// a step behind: sealing takes a second at most.
pub const SEALED: Duration = Duration::from_millis(1_200);

/// Bytes of the address of the inbox: 300. The name of a host has 253 at most, and `https://` and a
/// port have 14.
pub const INBOX_URL: usize = 300;

// Accounts.

/// Links of accounts that wait for their person, one an account: 1,024 at some 400 bytes are 400
/// KiB, and a company whose people all meet the bot on one morning fits in.
pub const TIES: usize = 1_024;
/// Seconds for which such a link can be used.
pub const TIE_SECONDS: u64 = 600;
/// UTF-16 units of an account's name as it is shown: 80, the longest that Slack takes.
pub const TIE_NAME: usize = 80;

// Signing in with an OpenID provider.

/// Seconds that somebody may take at the provider: ten minutes, as with a link.
pub const OIDC_SECONDS: u64 = 600;
/// How long an answer of the provider may take: four round trips over a bad network, twice.
pub const OIDC_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of an answer: 256 KiB, a hundred keys many times over.
pub const OIDC_ANSWER: usize = 256 * 1024;
/// Bytes of a token: 64 KiB, thousands of groups in it.
pub const OIDC_TOKEN: usize = 64 * 1024;
/// Seconds that the clocks of both may differ: a minute, as libraries have it.
pub const OIDC_SKEW: u64 = 60;
/// Seconds for which its description and its keys are not asked for again: an hour, so that a key
/// that it has withdrawn signs nobody in tomorrow.
pub const OIDC_FRESH: u64 = 3_600;
/// Seconds after which a key that is not known is a reason to ask again: half a minute, so that
/// made-up tokens make no more than two questions a minute.
pub const OIDC_KEYS_AGAIN: u64 = 30;

// Slack. Its lengths are taken as UTF-16 units, of which an emoji has two: never less than what
// Slack counts, whichever way it does. What ours cannot reach has no constant: a message has at
// most 8 of 50 blocks and 8 of 25 buttons, an identifier 20 of 255 characters, a button's value 20
// of 2,000, and so has a modal's `private_metadata` of its 3,000.

/// Blocks of a modal: 100.
pub const SLACK_MODAL_BLOCKS: usize = 100;
/// Text of a header: 150.
pub const SLACK_HEADER: usize = 150;
/// Text of a section or a context element: 3,000.
pub const SLACK_SECTION: usize = 3_000;
/// Text of a button or an option: 75.
pub const SLACK_BUTTON: usize = 75;
/// Value of an option: 75 by the older and stricter documentation.
pub const SLACK_OPTION_VALUE: usize = 75;
/// Options of a select or of one group of them, and groups of a select: 100.
pub const SLACK_OPTIONS: usize = 100;
/// Radio buttons: 10.
pub const SLACK_RADIO: usize = 10;
/// Label and hint of an input: 2,000.
pub const SLACK_LABEL: usize = 2_000;
/// Characters that a text input takes: 3,000.
pub const SLACK_INPUT: usize = 3_000;
/// Title, submit and close of a modal: 24.
pub const SLACK_MODAL_WORD: usize = 24;
/// Fallback text of a message: 600, one notification; Slack advises at most 4,000.
pub const SLACK_FALLBACK: usize = 600;
/// A whole message as JSON: 10,000. Slack refused 13,200 characters of blocks, each within its own
/// limit, with `msg_blocks_too_long`, which no documentation names.
pub const SLACK_MESSAGE: usize = 10_000;

// Teams.

/// A whole card as JSON: 26,500 bytes of its 28 KB, in UTF-16 as Teams counts; the rest is for the
/// activity around it.
pub const TEAMS_CARD: usize = 26_500;
/// Title of an action: 60, more than any of ours.
pub const TEAMS_TITLE: usize = 60;
/// Resources and permissions that a form in a card offers: 60. In UTF-16, 60 choices with a label
/// of 75 and 64 characters of JSON around it are below 17 KB; there are fewer when every character
/// of a label takes two in JSON.
pub const TEAMS_CHOICES: usize = 60;
/// Label of a choice: 75.
pub const TEAMS_CHOICE: usize = 75;
/// A whole message as JSON: 28 KB of UTF-16, the oldest and smallest number that Microsoft gives; a
/// card of [`TEAMS_CARD`] with the digest of 64 digits at eight buttons (1,200), a way to look
/// again (260) and what is around it (240) is below it.
pub const TEAMS_MESSAGE: usize = 28_672;
/// Bytes of an activity that comes in: 28 KB of text in UTF-16 can be 42 KB in UTF-8, twice that
/// with escapes, and mentions and names are around it.
pub const TEAMS_ACTIVITY: usize = 256 * 1024;
/// Bytes of an id of a conversation, a message or a member: 256, as evidence in an entry takes. The
/// longest of Teams are some 150.
pub const TEAMS_ID: usize = 256;
/// Bytes of an address of the connector: 512; those of Teams have 90.
pub const TEAMS_URL: usize = 512;
/// Bytes of an inbound token: 8 KiB; those of the connector have some 1,200.
pub const TEAMS_TOKEN: usize = 8 * 1024;
/// Seconds that clocks may differ: 5 minutes, as Microsoft says.
pub const TEAMS_SKEW_SECONDS: u64 = 300;
/// Bytes of the document with the keys of tokens: 1 MiB; it has some 60 KiB.
pub const TEAMS_KEYS_DOCUMENT: usize = 1024 * 1024;
/// Keys of tokens: 1,000; there are some ten.
pub const TEAMS_KEYS: usize = 1_000;
/// How long keys are used without asking again: a day, as Microsoft says.
pub const TEAMS_KEYS_FRESH: Duration = Duration::from_secs(86_400);
/// How long keys are used when new ones cannot be fetched: five days, a weekend and a holiday.
pub const TEAMS_KEYS_AGE: Duration = Duration::from_secs(5 * 86_400);
/// Shortest time between two fetches of the keys.
pub const TEAMS_KEYS_PAUSE: Duration = Duration::from_secs(30);
/// How long a connection to Microsoft may take.
pub const TEAMS_CONNECT: Duration = Duration::from_secs(5);
/// How long a call to Microsoft may take, with its answer.
pub const TEAMS_CALL: Duration = Duration::from_secs(15);
/// Bytes of an answer of the connector: 64 KiB; they have some 500.
pub const TEAMS_ANSWER: usize = 64 * 1024;
/// Longest time that the connector can make the bot wait: an hour.
pub const TEAMS_RETRY_AFTER: Duration = Duration::from_secs(3_600);
/// How long before its end the bot's token is fetched anew: 5 minutes of its hour.
pub const TEAMS_PASS_EARLY: Duration = Duration::from_secs(300);
/// Pause after a token was refused: until somebody has changed a setting.
pub const TEAMS_PASS_PAUSE: Duration = Duration::from_secs(60);
/// People and conversations whose place is remembered: 20,000 at some 400 bytes are 8 MiB. Others
/// are asked for again.
pub const TEAMS_KNOWN: usize = 20_000;
/// Activities that are remembered, so that a repeat does nothing: 4,096, with answers of up to
/// 28 KiB at most 112 MiB and usually 12 MiB; Teams repeats within a minute.
pub const TEAMS_SEEN: usize = 4_096;
/// Activities that are worked on at a time: 64, far above the 7 a second of one conversation.
pub const TEAMS_PLACES: usize = 64;
/// Lanes in which messages are brought up to date: 64, so that two that wait for each other for no
/// reason are rare.
pub const TEAMS_LANES: usize = 64;
/// How long somebody who clicked waits for the ledger: half of the three seconds after which people
/// click again, as in Slack, and far below the 5 s after which Teams says that something went
/// wrong. The rest is for the way there and back, and for a bot with much to do.
pub const TEAMS_PATIENCE: Duration = Duration::from_millis(1_500);
/// How often the bot repeats what Teams asks it to say later.
pub const TEAMS_TRIES: u32 = 4;
/// First pause before such a repeat; each next one is twice as long.
pub const TEAMS_TRY_PAUSE: Duration = Duration::from_millis(500);
/// Cases of a list: 10 of one's own and 10 to decide, a line of 200 each.
pub const TEAMS_CASES: u32 = 10;
// The web inbox.

/// Connections at a time: 512 at some 40 KiB with TLS are 20 MiB.
pub const WEB_CONNECTIONS: usize = 512;

/// How long a connection may live: browsers open a new one without a word, and whoever sends one
/// byte a second is gone after two minutes.
pub const WEB_VISIT: Duration = Duration::from_secs(120);

/// How long a TLS handshake may take: four round trips over a bad mobile network.
pub const WEB_HANDSHAKE: Duration = Duration::from_secs(10);

/// How long a page that only shows something may take: a hundred times what it takes before a
/// healthy ledger, and less than the time after which people think that it hangs.
pub const WEB_READ: Duration = Duration::from_secs(5);

/// How long another answer may take: the 30 s of a call to the ledger and as much for a second one.
pub const WEB_ANSWER: Duration = Duration::from_secs(60);

/// How long connections under way may take to end when the inbox stops.
pub const WEB_GOODBYE: Duration = Duration::from_secs(5);

/// Pause after a connection could not be accepted, for example because descriptors ran out.
pub const WEB_ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Bytes of a form: a reason of 2,000 bytes is 6,000 when each is percent-encoded, affected systems
/// (32 names of 256 bytes) are 24,576, and the rest fits what is left.
pub const WEB_FORM: usize = 48 * 1024;

/// Characters of a part of what a passkey has signed: 4,096 bytes in base64url.
pub const WEB_PASSKEY: usize = 5_462;

/// Fields of a form: the largest has twelve.
pub const WEB_FIELDS: usize = 64;

/// Signed-in browsers at a time: 10,000 at some 300 bytes are 3 MiB.
pub const WEB_SESSIONS: usize = 10_000;

/// Seconds for which somebody is signed in: a long working day.
pub const WEB_SESSION_SECONDS: u64 = 12 * 3_600;

/// Seconds for which a sign-in link can be used.
pub const WEB_LINK_SECONDS: u64 = 600;

/// Sign-in links that wait to be used: one for each of a policy's first people.
pub const WEB_LINKS: usize = 64;

/// Bytes of a path that signing in leads on to: a link has 38, a case with what was done some 40.
pub const WEB_WAY: usize = 256;

/// Cases of a list on one page; the ledger gives 500 at most.
pub const WEB_CASES: u32 = 100;

/// Cases of one page of those in which access runs, as many as the ledger gives.
pub const WEB_RUNNING_PAGE: u32 = 500;
/// Pages of them that are looked through for those of one person: 10 are 5,000 cases at some
/// kilobyte each, which take a fifth of a second.
pub const WEB_RUNNING_PAGES: usize = 10;

/// Closed cases that are looked at for "recently closed", the newest of [`WEB_CLOSED_SECONDS`].
/// Each is one call: 20 take some 20 ms.
pub const WEB_CLOSED: usize = 20;

/// Seconds back from now in which a case counts as recently closed: a week.
pub const WEB_CLOSED_SECONDS: u64 = 7 * 86_400;

/// Pages of CaseClosed entries that are read: 10 of 1,000, so that a busy week costs no more.
pub const WEB_CLOSED_PAGES: usize = 10;

/// Entries of a case that its page shows, the newest: a case has 3,000 at most, and nobody reads
/// them in a browser.
pub const WEB_TIMELINE: usize = 500;

/// Affected systems of one request, as the ledger has it.
pub const WEB_AFFECTED: usize = 32;

/// Bytes of a reason, as the ledger has it.
pub const WEB_REASON: usize = 2_000;

/// Bytes of a name, as the ledger has it.
pub const WEB_NAME: usize = 256;

/// Questions to the policy for one list of what there is: 20,000 at some 20 microseconds are half a
/// second. What is left is offered without being tried.
pub const PROBES: usize = 20_000;

// Delivery. A case in the outbox is some 2 KiB with its reason, and each of its recipients some
// 0.5 KiB: 10,000 open cases with six recipients each are 50 MiB.

/// Sends under way at a time: at 300 ms each, 8 are 26 messages a second, more than Slack takes
/// from one bot and less than what two cores draw.
pub const SENDS: usize = 8;

/// How long one call of a platform may take before its outcome counts as unknown.
pub const SEND_TIME: Duration = Duration::from_secs(60);

/// How long sends under way may take to end when delivery stops: what was posted is in the log
/// then.
pub const SEND_GOODBYE: Duration = Duration::from_secs(5);

/// Seconds after the newest thing that happened after which telling is given up: a day, longer than
/// outages of platforms last, and as long as feedback is usually waited for.
pub const GIVE_UP_SECONDS: u64 = 86_400;

/// Seconds before the start in which a closed case may have left something to tell: as long as it
/// would have been tried.
pub const CLOSED_SECONDS: u64 = GIVE_UP_SECONDS;

/// Seconds in which a delegation may have begun that still holds: 90 days, as the workflow takes,
/// and a day for clocks.
pub const DELEGATED_SECONDS: u64 = 91 * 86_400;

/// Cases of one page when delivery starts, as many as the ledger gives: 10,000 open ones are 20
/// calls.
pub const CASES_PAGE: u32 = 500;

/// First pause before something is tried again.
pub const AGAIN_FIRST: Duration = Duration::from_secs(1);

/// Longest pause of our own: 1 + 2 + 4 + … + 256 s are nine tries in the first nine minutes, and
/// then 290 in a day.
pub const AGAIN_LAST: Duration = Duration::from_secs(300);

/// Longest pause that a platform can ask for.
pub const AGAIN_LONGEST: Duration = Duration::from_secs(3_600);

/// Older messages of one recipient in one case that wait for their buttons to go.
pub const RESTING: usize = 8;

/// How often delivery tells how it is doing.
pub const DELIVERY_REPORT: Duration = Duration::from_secs(60);

/// Bytes of what a platform said that go into an entry: a few lines.
pub const FAILURE_WORDS: usize = 500;
// The Slack app.

/// Bytes of a callback: 512 KiB. A modal of ours comes back with its choices, below 100 KB, and two
/// fields of 3,000 characters of up to 4 bytes; percent-encoding makes three of each byte: 372,000.
pub const SLACK_BODY: usize = 512 * 1024;

/// Fields of a callback that is a form: Slack sends some 15.
pub const SLACK_BODY_FIELDS: usize = 64;

/// Bytes of an id of Slack's, of which the longest that is known has some 30; and what the ledger
/// takes of one as evidence is 256.
pub const SLACK_ID: usize = 128;

/// Bytes of a `trigger_id` or of a `response_url`: those that were seen have below 150.
pub const SLACK_LONG_ID: usize = 512;

/// Seconds by which the time of a callback may differ from ours, in both directions: five minutes,
/// as Slack advises.
pub const SLACK_SKEW: u64 = 300;

/// How long a callback may take to come in: one second of the three that Slack waits.
pub const SLACK_READ: Duration = Duration::from_secs(1);

/// After this time a callback is acknowledged, done or not: with the second in which it came in
/// that is two and a half of Slack's three, and the rest is for the way there and back.
pub const SLACK_PATIENCE: Duration = Duration::from_millis(1_500);

/// How long one call of Slack's Web API may take: some take seconds when Slack is busy.
pub const SLACK_CALL: Duration = Duration::from_secs(15);

/// How often a modal or a card is brought up to date that Slack has no time for.
pub const SLACK_TRIES: u32 = 4;

/// The longest that a call waits because Slack asks for it before it is tried again.
pub const SLACK_PAUSE: Duration = Duration::from_secs(30);

/// Bytes of an answer of Slack's: a page of 100 messages of 16 KB each with their metadata.
pub const SLACK_ANSWER: usize = 4 * 1024 * 1024;

/// Clicks under way: 256 at some 50 KiB are 13 MiB. Beyond it Slack is told to try later.
pub const SLACK_CLICKS: usize = 256;

/// Messages of one page in which a mark is looked for: Slack advises at most 200.
pub const SLACK_PAGE: usize = 100;

/// Pages in which a mark is looked for: 500 messages of one conversation. The message was posted
/// just before the program ended, so it is among the newest.
pub const SLACK_PAGES: usize = 5;

/// Cases of each list that `/access list` shows.
pub const SLACK_LISTED: usize = 10;

/// Bytes of one frame of Socket Mode: as a callback, and JSON around it.
pub const SOCKET_FRAME: usize = SLACK_BODY + 64 * 1024;

/// How often we ask whether the other end of a socket is there.
pub const SOCKET_PING: Duration = Duration::from_secs(10);

/// After this time without a frame a socket is dead: three of our questions had no answer.
pub const SOCKET_SILENCE: Duration = Duration::from_secs(35);

/// How long a socket is still read whose successor is open: Slack gives some ten seconds' notice.
pub const SOCKET_DRAIN: Duration = Duration::from_secs(30);

/// How long it may take to open a socket and to be greeted.
pub const SOCKET_OPEN: Duration = Duration::from_secs(20);

/// First pause before a socket is opened again; it doubles up to [`SOCKET_BACKOFF_MAX`].
pub const SOCKET_BACKOFF: Duration = Duration::from_millis(500);

/// Longest pause before a socket is opened again.
pub const SOCKET_BACKOFF_MAX: Duration = Duration::from_secs(30);

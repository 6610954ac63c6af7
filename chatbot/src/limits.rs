//! Every limit of this crate, with its arithmetic.

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

// Slack. Its lengths are taken as UTF-16 units, of which an emoji has two: never less than what
// Slack counts, whichever way it does.

/// Blocks of a message: 50.
pub const SLACK_MESSAGE_BLOCKS: usize = 50;
/// Blocks of a modal: 100.
pub const SLACK_MODAL_BLOCKS: usize = 100;
/// Text of a header: 150.
pub const SLACK_HEADER: usize = 150;
/// Text of a section or a context element: 3,000.
pub const SLACK_SECTION: usize = 3_000;
/// Elements of an actions block: 25.
pub const SLACK_ACTIONS: usize = 25;
/// Text of a button or an option: 75.
pub const SLACK_BUTTON: usize = 75;
/// Value of an option: 75 by the older and stricter documentation.
pub const SLACK_OPTION_VALUE: usize = 75;
/// Value of a button: 2,000.
pub const SLACK_BUTTON_VALUE: usize = 2_000;
/// Options of a select or of one group of them, and groups of a select: 100.
pub const SLACK_OPTIONS: usize = 100;
/// Radio buttons: 10.
pub const SLACK_RADIO: usize = 10;
/// Label and hint of an input: 2,000.
pub const SLACK_LABEL: usize = 2_000;
/// Placeholder of an input: 150.
pub const SLACK_PLACEHOLDER: usize = 150;
/// Characters that a text input takes: 3,000.
pub const SLACK_INPUT: usize = 3_000;
/// Title, submit and close of a modal: 24.
pub const SLACK_MODAL_WORD: usize = 24;
/// `private_metadata`: 3,000.
pub const SLACK_METADATA: usize = 3_000;
/// `block_id`, `action_id` and `callback_id`: 255.
pub const SLACK_ID: usize = 255;
/// Fallback text of a message: 600, one notification; Slack advises at most 4,000.
pub const SLACK_FALLBACK: usize = 600;
/// A whole message as JSON: 10,000. Slack refused 13,200 characters of blocks, each within its own
/// limit, with `msg_blocks_too_long`, which no documentation names.
pub const SLACK_MESSAGE: usize = 10_000;

// Teams.

/// A whole card as JSON: 27,000 bytes of its 28 KB, in UTF-16 as Teams counts; the rest is for the
/// activity around it.
pub const TEAMS_CARD: usize = 27_000;
/// Title of an action: 60, more than any of ours.
pub const TEAMS_TITLE: usize = 60;
/// Resources and permissions that a form in a card offers: 60. In UTF-16, 60 choices with a label
/// of 75 and 64 characters of JSON around it are below 17 KB; there are fewer when every character
/// of a label takes two in JSON.
pub const TEAMS_CHOICES: usize = 60;
/// Label of a choice: 75.
pub const TEAMS_CHOICE: usize = 75;

//! Slack as the bot meets it: its Web API as `emulate` has it, and people who type and click.

pub mod acts;
pub mod payload;
pub mod relay;
pub mod workspace;

//! Slack: how it draws cards and forms, as Block Kit JSON, and what people do with them.
//!
//! **The words of people are never markup.** They stand in `plain_text` objects, which Slack does
//! not parse, and in the `text` elements of `rich_text` blocks, which are literal. Only the
//! fallback text of a message is mrkdwn: there `&`, `<` and `>` are escaped before anything is cut,
//! and the characters of formatting are replaced by others that look like them.

pub mod api;
pub mod blocks;
pub mod desk;
pub mod http;
pub mod manifest;
pub mod message;
pub mod modal;
pub mod payload;
pub mod place;
pub mod run;
pub mod settings;
pub mod signature;
pub mod socket;
pub mod submission;
mod words;

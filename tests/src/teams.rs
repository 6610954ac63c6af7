//! Microsoft Teams as the bot meets it: the connector on loopback, and people who write and click.

pub mod card;
pub mod chats;
pub mod microsoft;

//! The bot in Microsoft Teams: the real program, a real ledger, and Microsoft on loopback.

#[path = "teams/bot.rs"]
mod bot;
#[path = "teams/case.rs"]
mod case;
#[path = "teams/connector.rs"]
mod connector;
#[path = "teams/hostile.rs"]
mod hostile;
#[path = "teams/judges.rs"]
mod judges;
#[path = "teams/tokens.rs"]
mod tokens;

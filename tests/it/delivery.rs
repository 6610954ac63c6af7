//! People are told on a chat platform: real ledger, real bot, and a platform that fails in every
//! way.

#[path = "delivery/company.rs"]
mod company;
#[path = "delivery/kills.rs"]
mod kills;
#[path = "delivery/luck.rs"]
mod luck;
#[path = "delivery/platform.rs"]
mod platform;

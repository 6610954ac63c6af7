//! Where people meet the ledger: Slack, Microsoft Teams and the web inbox.
//!
//! **Does:** turns the state of a case into what its readers see, and what they do into commands.
//!
//! **Does not:** decide anything. Who may ask, who may decide and when access is over is the
//! ledger's; this crate carries the words of people that it has authenticated, and both are in the
//! entry. It keeps no database: what was said to whom is in the log, where `delivery` reads it.
//!
//! **Elsewhere:** connections, retries and verification are in `countersign-client`; the rules of a
//! case in `countersign-workflow`.

pub mod account;
pub mod bot;
pub mod card;
mod causes;
mod clock;
pub mod config;
pub mod delivery;
pub mod figures;
pub mod form;
pub mod limits;
pub mod oidc;
pub mod plain;
mod say;
pub mod serve;
pub mod slack;
pub mod surface;
pub mod teams;
mod text;
pub mod transcript;
pub mod web;

pub use clock::Clock;

//! Who may speak to the ledger: certificates, the roles in them, and what each role may do.
//!
//! A certificate is issued by the ledger's own CA ([`ca`]) and names its owner in one URI SAN
//! ([`uri`]). The handshake proves it ([`tls`]), [`peer`] reads it, [`role`] holds the one table of
//! what a role may call and append, and [`registry`] knows from the log what was issued and
//! revoked. The refusals themselves are made in `server::guard`.
//!
//! Nothing here reads a clock: time is an argument, or an injected [`clock::UnixClock`].

pub mod ca;
pub mod clock;
pub mod csr;
pub mod desk;
pub mod peer;
pub mod registry;
pub mod role;
pub mod tls;
pub mod uri;

pub(crate) mod files;

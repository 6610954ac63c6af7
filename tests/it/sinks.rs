//! Sinks: a real ledger, `countersign sink run` as a process, and receivers that fail in every way
//! that receivers do.

#[path = "sinks/away.rs"]
mod away;
#[path = "sinks/check.rs"]
mod check;
#[path = "sinks/files.rs"]
mod files;
#[path = "sinks/kills.rs"]
mod kills;
#[path = "sinks/many.rs"]
mod many;
#[path = "sinks/objects.rs"]
mod objects;
#[path = "sinks/otlp.rs"]
mod otlp;
#[path = "sinks/peer.rs"]
mod peer;
#[path = "sinks/site.rs"]
mod site;
#[path = "sinks/syslog.rs"]
mod syslog;
#[path = "sinks/trouble.rs"]
mod trouble;
#[path = "sinks/web.rs"]
mod web;

//! The inputs of the collector against the programs that they listen to: `logger` and rsyslog,
//! PostgreSQL with pgaudit, `journalctl` on a real journal, the Python SDK of OpenTelemetry.

#[path = "inputs/journal.rs"]
mod journal;
#[path = "inputs/otlp.rs"]
mod otlp;
#[path = "inputs/outlet.rs"]
mod outlet;
#[path = "inputs/postgres.rs"]
mod postgres;
#[path = "inputs/program.rs"]
mod program;
#[path = "inputs/syslog.rs"]
mod syslog;

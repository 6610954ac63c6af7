//! Records of `csvlog`.

use bytes::Bytes;
use jiff::tz::TimeZone;

use super::{csv, log_time, pgaudit};
use crate::input::record::{Record, Understood};
use crate::input::records::Grammar;

/// The columns of `csvlog` by their names in the documentation of PostgreSQL 17 ("Using CSV-Format
/// Log Output"). Older versions have the first 23 (12), 24 (13) or 26 (from 14 on); no version
/// drops one.
pub const COLUMNS: [&str; 26] = [
    "log_time",
    "user_name",
    "database_name",
    "process_id",
    "connection_from",
    "session_id",
    "session_line_num",
    "command_tag",
    "session_start_time",
    "virtual_transaction_id",
    "transaction_id",
    "error_severity",
    "sql_state_code",
    "message",
    "detail",
    "hint",
    "internal_query",
    "internal_query_pos",
    "context",
    "query",
    "query_pos",
    "location",
    "application_name",
    "backend_type",
    "leader_pid",
    "query_id",
];
const LEAST: usize = 23;

/// Reads a record without its last line end.
#[must_use]
pub fn read_csv(record: &[u8], zone: &TimeZone) -> Understood {
    let columns = match csv::split(record) {
        Ok(columns) => columns,
        Err(error) => return Understood::malformed(&error),
    };
    if !(LEAST..=COLUMNS.len()).contains(&columns.len()) {
        let (most, got) = (COLUMNS.len(), columns.len());
        return Understood::malformed(&format!("expected {LEAST} to {most} columns, got {got}"));
    }
    let pairs = COLUMNS.iter().zip(&columns);
    let pairs = pairs.map(|(name, value)| (*name, String::from_utf8_lossy(value).into_owned()));
    understand(&pairs.collect::<Vec<_>>(), zone)
}

/// Columns of either format.
pub(super) fn understand(columns: &[(&str, String)], zone: &TimeZone) -> Understood {
    let mut understood = Understood::default();
    for (name, value) in columns {
        match *name {
            "log_time" => match log_time::moment(value, zone) {
                Some(time) => understood.observed_at = Some(time),
                // The record is good; only its moment is not known.
                None if log_time::begins(value.as_bytes()) => {}
                None => understood.complain("expected a time in the first column"),
            },
            "message" => pgaudit::read(value, &mut understood),
            _ => {}
        }
    }
    // Behind those of pgaudit, which say the same in better order, if there is no room for all.
    for (name, value) in columns {
        understood.fields.put_text(name, value);
    }
    understood
}

/// Reads records for a follower.
#[derive(Debug)]
pub(super) struct Csv {
    source: String,
    zone: TimeZone,
}

impl Csv {
    pub(super) const fn new(source: String, zone: TimeZone) -> Self {
        Self { source, zone }
    }
}

impl Grammar for Csv {
    fn record(&self, raw: Bytes, position: u64) -> Record {
        Record {
            source: self.source.clone(),
            position: position.to_string(),
            understood: read_csv(&raw, &self.zone),
            raw,
        }
    }

    fn begins(&self, line: &[u8]) -> bool {
        log_time::begins(line)
    }
}

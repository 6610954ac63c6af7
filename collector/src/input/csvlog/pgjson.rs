//! Records of `jsonlog`: one object on each line. Its keys become the names of the CSV columns.

use bytes::Bytes;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::pgcsv::understand;
use crate::input::record::{Record, Understood};
use crate::input::records::Grammar;

/// Keys of `jsonlog` that have another name in CSV ("Using JSON-Format Log Output"). The rest have
/// the same, or are only here.
const RENAMED: [(&str, &str); 12] = [
    ("timestamp", "log_time"),
    ("user", "user_name"),
    ("dbname", "database_name"),
    ("pid", "process_id"),
    ("line_num", "session_line_num"),
    ("ps", "command_tag"),
    ("session_start", "session_start_time"),
    ("vxid", "virtual_transaction_id"),
    ("txid", "transaction_id"),
    ("state_code", "sql_state_code"),
    ("internal_position", "internal_query_pos"),
    ("cursor_position", "query_pos"),
];

/// Reads a line without its end.
#[must_use]
pub fn read_json(line: &[u8], zone: &TimeZone) -> Understood {
    let object: Map<String, Value> = match serde_json::from_slice(line) {
        Ok(object) => object,
        Err(error) => {
            return Understood::malformed(&format!("expected a JSON object on the line: {error}"));
        }
    };
    if !object.contains_key("timestamp") {
        return Understood::malformed(&"expected `timestamp` in the object, got none");
    }
    let columns: Vec<(&str, String)> = object
        .iter()
        .map(|(key, value)| {
            let renamed = RENAMED.iter().find(|(name, _)| name == key);
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Null => String::new(),
                other => other.to_string(),
            };
            (renamed.map_or(key.as_str(), |(_, column)| *column), text)
        })
        .collect();
    let mut columns = columns;
    let host = columns.iter().find(|(name, _)| *name == "remote_host");
    if let Some((_, host)) = host.cloned() {
        let port = columns.iter().find(|(name, _)| *name == "remote_port");
        let from = port.map_or_else(|| host.clone(), |(_, port)| format!("{host}:{port}"));
        columns.retain(|(name, _)| !matches!(*name, "remote_host" | "remote_port"));
        columns.push(("connection_from", from));
    }
    understand(&columns, zone)
}

/// Reads lines for a follower.
#[derive(Debug)]
pub(super) struct Json {
    source: String,
    zone: TimeZone,
}

impl Json {
    pub(super) const fn new(source: String, zone: TimeZone) -> Self {
        Self { source, zone }
    }
}

impl Grammar for Json {
    fn record(&self, raw: Bytes, position: u64) -> Record {
        Record {
            source: self.source.clone(),
            position: position.to_string(),
            understood: read_json(&raw, &self.zone),
            raw,
        }
    }

    fn begins(&self, line: &[u8]) -> bool {
        line.starts_with(b"{")
    }
}

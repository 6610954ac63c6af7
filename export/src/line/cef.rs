//! The Common Event Format, version 0:
//! `CEF:0|vendor|product|version|class|name|severity|key=value key=value`.
//!
//! In the head `\` and `|` are escaped; in values `\` and `=`, and line ends are `\n` and `\r`.
//! Other control characters stand there by their numbers.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_proto::reading::text::hex;
use countersign_proto::reading::{Field, kind_text, summary_of};

use super::fields::{cut, fields, visible};
use crate::item::Item;
use crate::severity::Severity;

/// Fields of events that have a key of their own.
const KEYS: [(&str, &str); 4] = [
    ("person", "suser"),
    ("reason", "reason"),
    ("recipient", "duser"),
    ("client", "requestClientApplication"),
];

/// Fields of events that take one of the strings without a meaning, with their labels.
const STRINGS: [(&str, &str, &str); 3] = [
    ("resource", "cs4", "resource"),
    ("permission", "cs5", "permission"),
    ("command", "cs6", "command"),
];

/// An entry as a line of CEF, without its line end.
#[must_use]
pub fn cef(item: &Item<'_>) -> String {
    let (record, commit) = (&item.record, item.commit);
    let severity = severity(Severity::of(item.event.as_ref()));
    let kind = record.kind().get();
    let mut line = format!(
        "CEF:0|Countersign|Countersign|1|{kind}|{}|{severity}|",
        head(&kind_text(kind))
    );
    let millis = record.time().get().div_euclid(1_000);
    let origin = commit.checkpoint().origin.as_str();
    put(&mut line, "rt", &millis.to_string());
    put(&mut line, "dvchost", origin);
    put(&mut line, "externalId", &record.index().get().to_string());
    put(&mut line, "suid", record.actor());
    if !record.via().is_empty() {
        put(&mut line, "sproc", record.via());
    }
    if record.case() > 0 {
        put(&mut line, "cn1Label", "case");
        put(&mut line, "cn1", &record.case().to_string());
    }
    put(&mut line, "cn2Label", "commitSize");
    put(&mut line, "cn2", &commit.size().to_string());
    put(&mut line, "cs1Label", "entryHash");
    put(&mut line, "cs1", &hex(item.leaf.as_bytes()));
    put(&mut line, "cs2Label", "prevHash");
    put(&mut line, "cs2", &hex(record.prev().as_bytes()));
    put(&mut line, "cs3Label", "signature");
    let signature = STANDARD.encode(commit.signature());
    put(
        &mut line,
        "cs3",
        &format!("{} {signature}", commit.signer()),
    );
    said_in(&mut line, item);
    put(&mut line, "msg", &summary_of(item.event.as_ref()));
    line.truncate(line.trim_end_matches(' ').len());
    line
}

fn said_in(line: &mut String, item: &Item<'_>) {
    let fields = fields(item);
    let field = |name: &str| fields.get(name).and_then(Field::text);
    for (name, key) in KEYS {
        if let Some(text) = field(name) {
            put(line, key, &text);
        }
    }
    for (name, key, label) in STRINGS {
        if let Some(text) = field(name) {
            put(line, &format!("{key}Label"), label);
            put(line, key, &text);
        }
    }
    if let Some(from) = field("source_address") {
        source(line, &from);
    }
}

/// `src` is an address of IPv4; those of IPv6 have a place of their own.
fn source(line: &mut String, from: &str) {
    let socket = from.parse::<SocketAddr>().ok();
    let ip = socket
        .map(|socket| socket.ip())
        .or_else(|| from.parse().ok());
    match ip {
        Some(IpAddr::V4(ip)) => put(line, "src", &ip.to_string()),
        Some(IpAddr::V6(ip)) => {
            put(line, "c6a2Label", "source address");
            put(line, "c6a2", &ip.to_string());
        }
        None => put(line, "shost", from),
    }
    if let Some(socket) = socket {
        put(line, "spt", &socket.port().to_string());
    }
}

fn severity(severity: Severity) -> u8 {
    match severity {
        Severity::Informational => 2,
        Severity::Low => 4,
        Severity::Medium => 6,
        Severity::High => 9,
    }
}

fn head(text: &str) -> String {
    visible(text).replace('\\', "\\\\").replace('|', "\\|")
}

fn put(line: &mut String, key: &str, text: &str) {
    // Line ends have an escape of their own, so they are taken out before the rest is made visible.
    let value = cut(text)
        .split('\n')
        .map(|part| {
            part.split('\r')
                .map(escaped)
                .collect::<Vec<_>>()
                .join("\\r")
        })
        .collect::<Vec<_>>()
        .join("\\n");
    write!(line, "{key}={value} ").unwrap_or_default();
}

fn escaped(text: &str) -> String {
    visible(text).replace('\\', "\\\\").replace('=', "\\=")
}

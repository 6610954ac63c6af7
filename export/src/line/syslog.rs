//! RFC 5424: `<PRI>1 TIME HOST APP PROCID MSGID [id name="value"] MSG`.
//!
//! In values `"`, `\` and `]` are escaped (section 6.3.3); control characters stand there by their
//! numbers, so that a line is a line also where no length goes ahead of it.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_proto::reading::text::{hex, rfc3339};
use countersign_proto::reading::{kind_text, summary_of};

use super::fields::{cut, fields, visible};
use crate::item::Item;
use crate::severity::Severity;

/// Facility "log audit".
pub const FACILITY: u8 = 13;
/// Elements need the number of an enterprise; this one is set aside for those without (RFC 5612).
const ENTERPRISE: &str = "32473";
/// Bytes of a host and of a name of a value (RFC 5424, section 6).
const HOST: usize = 255;
const NAME: usize = 32;

/// An entry as a syslog message, without framing or line end.
#[must_use]
pub fn syslog(item: &Item<'_>) -> String {
    let (record, commit) = (&item.record, item.commit);
    let priority = u32::from(FACILITY)
        .saturating_mul(8)
        .saturating_add(level(Severity::of(item.event.as_ref())));
    let time = match rfc3339(record.time()) {
        time if time.ends_with('Z') && time.len() == 27 => time,
        _ => "-".to_owned(),
    };
    let host = ascii(commit.checkpoint().origin.as_str(), HOST);
    let id = ascii(&kind_text(record.kind().get()), NAME);
    let mut line = format!("<{priority}>1 {time} {host} countersign - {id} ");
    write!(line, "[entry@{ENTERPRISE}").unwrap_or_default();
    put(&mut line, "index", &record.index().get().to_string());
    put(&mut line, "kind", &record.kind().get().to_string());
    if record.case() > 0 {
        put(&mut line, "case", &record.case().to_string());
    }
    put(&mut line, "actor", record.actor());
    if !record.via().is_empty() {
        put(&mut line, "via", record.via());
    }
    put(&mut line, "hash", &hex(item.leaf.as_bytes()));
    put(&mut line, "prev", &hex(record.prev().as_bytes()));
    put(&mut line, "commitSize", &commit.size().to_string());
    put(&mut line, "commitRoot", &hex(commit.root().as_bytes()));
    put(&mut line, "keyId", &commit.signer().to_string());
    put(&mut line, "signature", &STANDARD.encode(commit.signature()));
    line.push(']');
    event(&mut line, item);
    let words = cut(&visible(&summary_of(item.event.as_ref())));
    if !words.is_empty() {
        // A message in UTF-8 starts with a byte order mark (section 6.4); ASCII needs none.
        let mark = if words.is_ascii() { "" } else { "\u{feff}" };
        write!(line, " {mark}{words}").unwrap_or_default();
    }
    line
}

fn event(line: &mut String, item: &Item<'_>) {
    let fields = fields(item);
    let said = fields
        .iter()
        .filter_map(|(name, field)| field.text().map(|text| (ascii(name, NAME), text)));
    let said: Vec<_> = said.collect();
    if said.is_empty() {
        return;
    }
    write!(line, "[event@{ENTERPRISE}").unwrap_or_default();
    for (name, text) in said {
        put(line, &name, &text);
    }
    line.push(']');
}

const fn level(severity: Severity) -> u32 {
    match severity {
        Severity::Informational => 6,
        Severity::Low => 5,
        Severity::Medium => 4,
        Severity::High => 3,
    }
}

/// Printable ASCII without what ends a name, cut to length.
fn ascii(text: &str, most: usize) -> String {
    let fits = |c: char| c.is_ascii_graphic() && !matches!(c, '=' | ']' | '"');
    let chars = text.chars().take(most);
    let text: String = chars.map(|c| if fits(c) { c } else { '_' }).collect();
    if text.is_empty() {
        "-".to_owned()
    } else {
        text
    }
}

fn put(line: &mut String, name: &str, text: &str) {
    let value = visible(&cut(text));
    write!(line, " {name}=\"").unwrap_or_default();
    for c in value.chars() {
        if matches!(c, '"' | '\\' | ']') {
            line.push('\\');
        }
        line.push(c);
    }
    line.push('"');
}

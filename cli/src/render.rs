//! Entries for people and for programs.

use countersign_client::Entry;
use countersign_proto::event::kind_name;
use countersign_proto::reading::text::rfc3339;
use countersign_proto::reading::{event, kind_text, summary};
use serde_json::{Value, json};

use crate::output::{printable, shorten};

/// Characters of an event in a listing.
const SUMMARY: usize = 100;

/// One line of a listing.
pub(crate) fn line(entry: &Entry) -> String {
    let case = match entry.case() {
        0 => String::new(),
        case => format!(" [case {case}]"),
    };
    laid_out(entry, &case)
}

/// One line of a listing in which all entries belong to the same case.
pub(crate) fn line_of_case(entry: &Entry) -> String {
    laid_out(entry, "")
}

fn laid_out(entry: &Entry, case: &str) -> String {
    let kind = kind_text(entry.kind().get());
    let mut actor = entry.actor().to_owned();
    if !entry.via().is_empty() {
        actor = format!("{actor} via {}", entry.via());
    }
    let summary = summary(&entry.event());
    format!(
        "{:>8}  {}  {kind:<19}  {:<24}{case}  {}",
        entry.index(),
        rfc3339(entry.time()),
        printable(&actor),
        shorten(&summary, SUMMARY)
    )
}

/// An entry as a JSON object.
pub(crate) fn object(entry: &Entry) -> Value {
    json!({
        "index": entry.index(),
        "time": rfc3339(entry.time()),
        "kind": entry.kind().get(),
        "name": kind_name(entry.kind().get()),
        "actor": entry.actor(),
        "via": entry.via(),
        "case": entry.case(),
        "idempotency_key": String::from_utf8_lossy(entry.idempotency_key()),
        "leaf": entry.leaf().to_string(),
        "prev": entry.prev().to_string(),
        "event": event(&entry.event()),
    })
}

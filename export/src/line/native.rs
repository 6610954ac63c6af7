//! The native JSON of an entry, on one line.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_chain::hash::Hash;
use countersign_proto::reading::text::{hex, rfc3339};
use countersign_proto::reading::{Fields, fields_of};
use serde::Serialize;

use crate::item::Item;

/// An entry as a JSON object: all that proves it, and what it says. Bytes are base64, hashes
/// hexadecimal, times RFC 3339.
#[derive(Debug, Serialize)]
pub struct Native<'a> {
    origin: &'a str,
    index: u64,
    time: String,
    kind: u16,
    name: Cow<'static, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    case: Option<u64>,
    actor: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    via: Option<&'a str>,
    summary: String,
    event: Fields<'a>,
    record: String,
    leaf: String,
    prev: String,
    commit_size: u64,
    commit_root: String,
    key_id: String,
    signature: String,
}

/// The native JSON of an entry.
#[must_use]
pub fn native<'a>(item: &'a Item<'_>) -> Native<'a> {
    let (record, commit) = (&item.record, item.commit);
    let hash = |hash: Hash| hex(hash.as_bytes());
    Native {
        origin: commit.checkpoint().origin.as_str(),
        index: record.index().get(),
        time: rfc3339(record.time()),
        kind: record.kind().get(),
        name: item.name(),
        case: item.case(),
        actor: record.actor(),
        via: item.via(),
        summary: item.summary(),
        event: fields_of(item.event.as_ref(), record.payload()),
        record: STANDARD.encode(record.bytes()),
        leaf: hash(item.leaf),
        prev: hash(record.prev()),
        commit_size: commit.size(),
        commit_root: hash(commit.root()),
        key_id: commit.signer().to_string(),
        signature: STANDARD.encode(commit.signature()),
    }
}

//! What entries say: every payload must be the event that its kind promises, and entry 0 must open
//! this log.

mod usual;

use std::collections::BTreeMap;

use countersign_chain::key::VerifierKey;
use countersign_chain::kind::Kind;
use countersign_chain::record::Record;
use countersign_proto::event::{EventError, Known};

use crate::finding::{Code, Findings};

/// What a payload turned out to be, where it is not an event that is known and well-formed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Oddity {
    /// This version does not know the kind.
    UnknownKind(u16),
    /// Not what its kind promises.
    Malformed(String),
}

/// Decodes a payload, where what it is cannot be told without that; `None` where it can.
pub(crate) fn read(record: &Record<'_>) -> Option<Result<Known, Oddity>> {
    let kind = record.kind().get();
    if usual::is_usual(kind, record.payload()) {
        return None;
    }
    Some(match Known::decode(kind, record.payload()) {
        Ok(event) => Ok(event),
        Err(EventError::UnknownKind { .. }) => Err(Oddity::UnknownKind(kind)),
        Err(error) => Err(Oddity::Malformed(error.to_string())),
    })
}

/// Checks that entry 0 names the origin and the key that the log is checked with.
pub(crate) fn check_opening(record: &Record<'_>, key: &VerifierKey, findings: &mut Findings) {
    let mut add = |code, text: String| findings.add(code, Some(0), format!("entry 0: {text}"));
    if record.kind() != Kind::LOG_OPENED {
        let text = format!(
            "kind is {}; expected {} (LogOpened)",
            record.kind(),
            Kind::LOG_OPENED
        );
        return add(Code::NotOpened, text);
    }
    // A payload that is not the message is found with the payloads of all other entries.
    let Ok(Known::LogOpened(opened)) = Known::decode(record.kind().get(), record.payload()) else {
        return;
    };
    if opened.origin != key.origin().as_str() {
        let text = format!("opens {:?}; expected {}", opened.origin, key.origin());
        add(Code::NotOpened, text);
    }
    if opened.vkey != key.to_string() {
        add(
            Code::WrongKey,
            format!("names key {}; expected {key}", opened.vkey),
        );
    }
    if opened.format != 1 {
        add(
            Code::NotOpened,
            format!("format is {}; expected 1", opened.format),
        );
    }
}

/// Kinds that were met and are not known: first index and number of entries of each.
#[derive(Debug, Default)]
pub(crate) struct UnknownKinds(BTreeMap<u16, (u64, u64)>);

impl UnknownKinds {
    /// Adds an entry's oddity to what was found.
    pub(crate) fn take(&mut self, index: u64, oddity: &Oddity, findings: &mut Findings) {
        match oddity {
            Oddity::UnknownKind(kind) => {
                let (_, count) = self.0.entry(*kind).or_insert((index, 0));
                *count = count.saturating_add(1);
            }
            Oddity::Malformed(why) => {
                findings.add(
                    Code::BadPayload,
                    Some(index),
                    format!("entry {index}: {why}"),
                );
            }
        }
    }

    /// One note for each kind.
    pub(crate) fn report(&self, findings: &mut Findings) {
        for (kind, (first, count)) in &self.0 {
            let text = format!("kind {kind}: {count} entries, entry {first} is the first");
            findings.add(Code::UnknownKind, Some(*first), text);
        }
    }
}

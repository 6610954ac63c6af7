//! The durable head and the published checkpoint of a folder (docs/format.md, sections 9 and 11).

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::head::{HeadError, HeadSlot};
use countersign_chain::key::VerifierKey;
use countersign_chain::limits::HEAD_SLOT;

use super::{HeadEnd, Holder, Promise};
use crate::finding::{Code, Findings};
use crate::window::is_zero;

/// Reads both slots. One that does not hold may have been torn by a crash; two may not.
pub(super) fn slots(
    bytes: Option<&[u8]>,
    key: &VerifierKey,
    findings: &mut Findings,
) -> Vec<Promise> {
    let Some(bytes) = bytes else {
        let text = "the file head is missing".to_owned();
        findings.add(Code::HeadMismatch, None, text);
        return Vec::new();
    };
    let parts = [
        ('A', bytes.get(..HEAD_SLOT).unwrap_or(bytes)),
        ('B', bytes.get(HEAD_SLOT..).unwrap_or_default()),
    ];
    let mut promises = Vec::new();
    let mut broken: Vec<(char, HeadError)> = Vec::new();
    for (slot, bytes) in parts {
        match HeadSlot::parse(bytes, key) {
            Ok(found) => promises.push(promise(slot, &found)),
            Err(_) if is_zero(bytes) => {}
            Err(error) => broken.push((slot, error)),
        }
    }
    let code = if promises.is_empty() {
        Code::HeadMismatch
    } else {
        Code::BadHead
    };
    for (slot, error) in &broken {
        let text = format!(
            "slot {slot} of the durable head: {error} ({})",
            error.code()
        );
        findings.add(code, None, text);
    }
    if promises.is_empty() && broken.is_empty() {
        let text = "the durable head was never written".to_owned();
        findings.add(Code::HeadMismatch, None, text);
    }
    let end = HEAD_SLOT.saturating_mul(2);
    if bytes.get(end..).is_some_and(|behind| !behind.is_empty()) {
        let text = format!("head has {} bytes; expected {end}", bytes.len());
        findings.add(Code::HeadMismatch, None, text);
    }
    promises
}

fn promise(slot: char, found: &HeadSlot) -> Promise {
    Promise {
        holder: Holder::Head(HeadEnd {
            slot,
            time: found.head.time().get(),
            last_leaf: found.head.last_leaf(),
            segment: found.segment,
            offset: found.offset,
        }),
        checkpoint: found.checkpoint.clone(),
    }
}

/// Opens a signed checkpoint that someone holds. One that does not hold is a finding.
pub(crate) fn open(
    holder: Holder,
    bytes: &[u8],
    key: &VerifierKey,
    findings: &mut Findings,
) -> Option<Promise> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        findings.add(Code::BadNote, None, format!("{holder} is not UTF-8"));
        return None;
    };
    match SignedCheckpoint::open(text, key) {
        Ok(checkpoint) => Some(Promise { holder, checkpoint }),
        Err(error) => {
            let code = Code::of_format(error.code(), Code::BadNote);
            findings.add(code, None, format!("{holder}: {error}"));
            None
        }
    }
}

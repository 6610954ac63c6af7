//! The records of a bundle: each by itself, and what they say about each other.

use std::collections::BTreeMap;

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::hash::Hash;
use countersign_chain::record::Record;
use countersign_chain::tlog_proof::TlogProof;
use countersign_export::evidence::{ENTRIES, entry_name, names};
use countersign_proto::event::{EventError, Known};

use super::Check;
use crate::cases::{Cases, Step};
use crate::finding::{Code, Flaw};
use crate::payload;
use crate::source::SourceError;

/// An entry that holds by itself.
pub(super) struct Shown {
    pub(super) record: Vec<u8>,
    pub(super) leaf: Hash,
    pub(super) case: u64,
    pub(super) event: Result<Known, EventError>,
}

/// Reads every record and leads it to the checkpoint; what does not hold is not shown.
pub(super) fn read(
    check: &mut Check<'_>,
    checkpoint: Option<&SignedCheckpoint>,
) -> Result<BTreeMap<u64, Shown>, SourceError> {
    let numbers: Vec<u64> = check
        .archive
        .names()
        .iter()
        .filter_map(|name| name.strip_prefix(ENTRIES)?.strip_suffix(".record"))
        .filter_map(|digits| digits.parse().ok())
        .collect();
    let mut shown = BTreeMap::new();
    for index in numbers {
        let name = entry_name(index);
        let (record, proof) = (
            check.archive.read(&format!("{name}.record"))?,
            check.archive.read(&format!("{name}.proof"))?,
        );
        match prove(check, index, record, proof, checkpoint) {
            Ok(entry) => {
                check.checked.entries = check.checked.entries.saturating_add(1);
                shown.insert(index, entry);
            }
            Err((code, why)) => {
                let text = format!("entry {index}: {why}");
                check.findings.add(code, Some(index), text);
            }
        }
    }
    Ok(shown)
}

fn prove(
    check: &mut Check<'_>,
    index: u64,
    record: Option<Vec<u8>>,
    proof: Option<Vec<u8>>,
    checkpoint: Option<&SignedCheckpoint>,
) -> Result<Shown, (Code, String)> {
    let missing = |what: &str| {
        (
            Code::Copy(Flaw::FileMissing),
            format!("its {what} is missing"),
        )
    };
    let record = record.ok_or_else(|| missing("record"))?;
    let proof = proof.ok_or_else(|| missing("proof"))?;
    let parsed = Record::parse(&record).map_err(|error| {
        let code = Code::of_format(error.code(), Code::RecordChanged);
        (code, error.to_string())
    })?;
    let got = parsed.index().get();
    if got != index {
        let text = format!("its record has the index {got}");
        return Err((Code::WrongIndex, text));
    }
    let text = String::from_utf8_lossy(&proof);
    let of_proof = |error: &dyn std::fmt::Display| (Code::BadProof, error.to_string());
    let proof = TlogProof::parse(&text).map_err(|error| of_proof(&error))?;
    if proof.index != index {
        let text = format!("its proof is that of entry {}", proof.index);
        return Err((Code::BadProof, text));
    }
    let leaf = parsed.leaf();
    let signed = match checkpoint {
        // The same note was opened once.
        Some(known) if known.text() == proof.checkpoint => {
            let (size, root) = (known.size(), known.root());
            let follow = countersign_chain::proof::verify_inclusion;
            follow(&leaf, index, size, &proof.hashes, &root).map_err(|error| of_proof(&error))
        }
        _ => proof
            .verify(&leaf, check.key)
            .map(drop)
            .map_err(|error| of_proof(&error)),
    };
    signed?;
    let (case, kind) = (parsed.case(), parsed.kind().get());
    if index == 0 {
        payload::check_opening(&parsed, check.key, &mut check.findings);
    }
    let event = Known::decode(kind, parsed.payload());
    Ok(Shown {
        leaf,
        case,
        event,
        record,
    })
}

/// Judges the entries together: chain, the case's own list, what they build on, and the rules.
pub(super) fn judge(check: &mut Check<'_>, shown: &BTreeMap<u64, Shown>) {
    chain(check, shown);
    listed(check, shown);
    let counted = u64::try_from(shown.len()).unwrap_or(u64::MAX);
    if counted != check.manifest.entries {
        let text = format!(
            "the manifest tells of {} entries; {counted} are there and hold",
            check.manifest.entries
        );
        check
            .findings
            .add(Code::Copy(Flaw::BadManifest), None, text);
    }
    replay(check, shown);
}

fn chain(check: &mut Check<'_>, shown: &BTreeMap<u64, Shown>) {
    let mut before: Option<(u64, Hash)> = None;
    for (index, entry) in shown {
        let prev = Record::parse(&entry.record).map(|record| record.prev());
        if let (Some((last, leaf)), Ok(prev)) = (before, prev)
            && last.checked_add(1) == Some(*index)
            && leaf != prev
        {
            let text = format!("entry {index}: prev is {prev}; the entry before has leaf {leaf}");
            check.findings.add(Code::ChainBroken, Some(*index), text);
        }
        before = Some((*index, entry.leaf));
    }
}

/// The case tells which entries it has when it is closed, and they tell what they build on.
fn listed(check: &mut Check<'_>, shown: &BTreeMap<u64, Shown>) {
    let case = check.manifest.case;
    let mut closed = false;
    let mut missing = |index: u64, why: String| {
        if !shown.contains_key(&index) {
            let text = format!("entry {index} is missing: {why}");
            check.findings.add(Code::IndexGap, Some(index), text);
        }
    };
    missing(case, "it opens the case".to_owned());
    for (index, entry) in shown.iter().filter(|(_, entry)| entry.case == case) {
        let Ok(event) = &entry.event else { continue };
        for named in names(event) {
            missing(named, format!("entry {index} builds on it"));
        }
        if let Known::CaseClosed(event) = event {
            closed = true;
            for listed in &event.entries {
                missing(
                    *listed,
                    format!("entry {index} lists it as one of the case"),
                );
            }
        }
    }
    if closed != check.manifest.closed {
        let text = format!(
            "the manifest says that the case is {}",
            if closed {
                "open, and it is closed"
            } else {
                "closed, and no entry closes it"
            }
        );
        check
            .findings
            .add(Code::Copy(Flaw::BadManifest), None, text);
    }
    if !closed {
        let text = format!(
            "case {case} is open: whether entries of it are missing cannot be told before it is \
             closed"
        );
        check
            .findings
            .add(Code::Copy(Flaw::CopyPartial), Some(case), text);
    }
}

/// The case by the rules of the ledger. Only what belongs to it is looked at.
fn replay(check: &mut Check<'_>, shown: &BTreeMap<u64, Shown>) {
    let mut cases = Cases::default();
    for (index, entry) in shown {
        let Ok(record) = Record::parse(&entry.record) else {
            continue;
        };
        let Some(read) = payload::read(&record) else {
            continue;
        };
        let (step, _) = Step::of(&record, read);
        match step {
            Some(step) => cases.step(&step, &mut check.findings),
            None if entry.event.is_err() => cases.lost(*index),
            None => {}
        }
    }
    cases.finish(&mut check.findings, &mut check.checked);
}

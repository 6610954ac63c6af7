//! The report as one JSON object. Its keys are stable: scripts rely on them.

use serde::Serialize;

use super::{Report, Verdict};
use crate::finding::Finding;
use crate::source::Copied;

#[derive(Debug, Serialize)]
struct Json<'a> {
    verdict: &'static str,
    trust: Option<String>,
    origin: Option<&'a str>,
    key: Option<String>,
    size: u64,
    root: Option<String>,
    checkpoint: Option<&'a str>,
    complete: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    copy: Option<Copy<'a>>,
    findings: Vec<Line<'a>>,
    findings_total: u64,
    notes: Vec<Line<'a>>,
    notes_total: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    checked: Counts,
}

/// What a copy of the log holds.
#[derive(Debug, Serialize)]
struct Copy<'a> {
    first: u64,
    end: u64,
    whole: bool,
    files: u64,
    rows: u64,
    proved_alone: u64,
    taken_by: Option<&'a str>,
    taken_as: Option<u64>,
}

impl<'a> Copy<'a> {
    fn of(copied: &'a Copied) -> Self {
        let recorded = copied.recorded.as_ref();
        Self {
            first: copied.first,
            end: copied.end,
            whole: copied.whole,
            files: copied.files,
            rows: copied.rows,
            proved_alone: copied.alone,
            taken_by: recorded.map(|recorded| recorded.actor.as_str()),
            taken_as: recorded.map(|recorded| recorded.index),
        }
    }
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    code: &'static str,
    index: Option<u64>,
    message: &'a str,
}

#[derive(Debug, Default, Serialize)]
struct Counts {
    segments: u64,
    bytes: u64,
    commits: u64,
    entries: u64,
    signatures: u64,
    tree_hashes: u64,
    checkpoints: u64,
    cases: u64,
    cases_open: u64,
    cases_closed: u64,
    policies: u64,
    places: u64,
    places_missing: u64,
    parts: u64,
    commands: u64,
    blobs: u64,
    blob_bytes: u64,
    blobs_unseen: u64,
    seconds: f64,
}

fn lines(findings: &[Finding]) -> Vec<Line<'_>> {
    findings
        .iter()
        .map(|finding| Line {
            code: finding.code.code(),
            index: finding.index,
            message: &finding.message,
        })
        .collect()
}

fn print(json: &Json<'_>) -> String {
    // Numbers, text and lists of them always have a JSON form.
    serde_json::to_string(json).unwrap_or_default()
}

/// The report of a verification that took this long.
#[must_use]
pub fn report(report: &Report, took: std::time::Duration) -> String {
    let checked = &report.checked;
    print(&Json {
        verdict: report.verdict().name(),
        trust: Some(report.trust.to_string()),
        origin: Some(report.key.origin().as_str()),
        key: Some(report.key.to_string()),
        size: report.size,
        root: report.root.map(|root| root.to_string()),
        checkpoint: report
            .checkpoint
            .as_ref()
            .map(|checkpoint| checkpoint.text()),
        complete: report.complete,
        copy: report.copied.as_ref().map(Copy::of),
        findings: lines(report.findings.damage()),
        findings_total: report.findings.damage_total(),
        notes: lines(report.findings.notes()),
        notes_total: report.findings.notes_total(),
        reason: None,
        checked: Counts {
            segments: checked.segments,
            bytes: checked.bytes,
            commits: checked.commits,
            entries: checked.entries,
            signatures: checked.signatures,
            tree_hashes: checked.tree_hashes,
            checkpoints: checked.checkpoints,
            cases: checked.cases,
            cases_open: checked.cases.saturating_sub(checked.cases_closed),
            cases_closed: checked.cases_closed,
            policies: checked.policies,
            places: checked.places,
            places_missing: checked.places_missing,
            parts: checked.parts,
            commands: checked.commands,
            blobs: checked.blobs,
            blob_bytes: checked.blob_bytes,
            blobs_unseen: checked.blobs_unseen,
            seconds: took.as_secs_f64(),
        },
    })
}

/// The report of a verification that could not be done.
#[must_use]
pub fn unknown(reason: &str) -> String {
    print(&Json {
        verdict: Verdict::Unknown.name(),
        trust: None,
        origin: None,
        key: None,
        size: 0,
        root: None,
        checkpoint: None,
        complete: false,
        copy: None,
        findings: Vec::new(),
        findings_total: 0,
        notes: Vec::new(),
        notes_total: 0,
        reason: Some(reason),
        checked: Counts::default(),
    })
}

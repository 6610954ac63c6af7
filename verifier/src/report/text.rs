//! The report as text, the verdict first.

use std::io::{self, Write};
use std::time::Duration;

use countersign_proto::reading::text::{counted, printable};

use super::{Report, Trust, Verdict};
use crate::finding::{Code, Finding};
use crate::source::Copied;
use crate::walk::Checked;

/// Findings of one code that are printed; the rest is counted. `--json` has more.
const MAX_LINES: usize = 20;

/// Writes the report of a verification that took this long.
///
/// # Errors
/// What the writer says.
pub fn report(out: &mut dyn Write, report: &Report, took: Duration) -> io::Result<()> {
    let findings = &report.findings;
    match report.verdict() {
        Verdict::Intact => writeln!(out, "INTACT: {} entries", report.size)?,
        Verdict::Findings | Verdict::Unknown => writeln!(
            out,
            "FINDINGS: {} in {} entries",
            findings.damage_total(),
            report.size
        )?,
    }
    facts(out, report)?;
    section(out, "findings", findings.damage(), findings.damage_total())?;
    section(out, "notes", findings.notes(), findings.notes_total())?;
    counts(out, report, took)
}

/// Writes why a verification could not be done.
///
/// # Errors
/// What the writer says.
pub fn unknown(out: &mut dyn Write, reason: &str) -> io::Result<()> {
    writeln!(out, "UNKNOWN: {reason}")
}

fn facts(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let root = report
        .root
        .map_or("unknown".to_owned(), |root| root.to_string());
    let signed = report
        .checkpoint
        .as_ref()
        .map_or(0, |checkpoint| checkpoint.size());
    writeln!(out, "trust:      {}", report.trust)?;
    writeln!(out, "origin:     {}", report.key.origin())?;
    writeln!(out, "key:        {}", report.key)?;
    if let Some(copied) = &report.copied {
        copy(out, copied)?;
    }
    writeln!(out, "size:       {}", report.size)?;
    writeln!(out, "root:       {root}")?;
    writeln!(out, "checkpoint: of size {signed}")?;
    let promised = match (&report.copied, report.floor) {
        (Some(copied), _) if !copied.whole => {
            "entries were chosen, and nothing says how many there are".to_owned()
        }
        (Some(copied), _) => {
            let last = copied.end.saturating_sub(1);
            format!("judged by the range of entries {} to {last}", copied.first)
        }
        (None, Some(floor)) => format!("judged by {floor} promised entries"),
        (None, None) => "no size was promised".to_owned(),
    };
    let complete = match (&report.copied, report.complete) {
        (_, true) => "yes",
        (Some(copied), false) if !copied.whole => "unknown",
        (_, false) => "no",
    };
    writeln!(out, "complete:   {complete} ({promised})")?;
    if report.trust != Trust::Pinned {
        writeln!(
            out,
            "            Give --key to be sure of the key, and --checkpoint or \
             --remember to see a cut of \
             the whole log."
        )?;
    }
    Ok(())
}

/// What the copy holds, and who took it.
fn copy(out: &mut dyn Write, copied: &Copied) -> io::Result<()> {
    let last = copied.end.saturating_sub(1);
    let which = if copied.whole { "all" } else { "some" };
    writeln!(
        out,
        "copy:       {} of entries {} to {last} in {}",
        which,
        copied.first,
        counted(copied.files, "file", "files")
    )?;
    match &copied.recorded {
        Some(recorded) => writeln!(
            out,
            "taken:      by {}, as entry {} says",
            printable(&recorded.actor),
            recorded.index
        ),
        None => writeln!(
            out,
            "taken:      by whom is not shown here; manifest.proof in the folder of an export does"
        ),
    }
}

fn section(out: &mut dyn Write, name: &str, kept: &[Finding], total: u64) -> io::Result<()> {
    if kept.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{name}:")?;
    let mut codes: Vec<Code> = Vec::new();
    for finding in kept {
        if !codes.contains(&finding.code) {
            codes.push(finding.code);
        }
    }
    for code in codes {
        let of_code: Vec<&Finding> = kept.iter().filter(|finding| finding.code == code).collect();
        for finding in of_code.iter().take(MAX_LINES) {
            let index = finding
                .index
                .map_or("-".to_owned(), |index| index.to_string());
            writeln!(out, "  {} [{index}] {}", code.code(), finding.message)?;
        }
        let more = of_code.len().saturating_sub(MAX_LINES);
        if more > 0 {
            writeln!(out, "  {} and {more} more", code.code())?;
        }
        writeln!(out, "    {} {}", code.meaning(), code.advice())?;
    }
    let dropped = total.saturating_sub(u64::try_from(kept.len()).unwrap_or(u64::MAX));
    if dropped > 0 {
        writeln!(out, "  {dropped} more were counted only")?;
    }
    Ok(())
}

fn counts(out: &mut dyn Write, report: &Report, took: Duration) -> io::Result<()> {
    let checked = &report.checked;
    writeln!(
        out,
        "\nchecked:    {} segments, {} commits, {} entries, {} bytes, {} signatures, \
         {} tree hashes, \
         {} checkpoints in {:.3} s",
        checked.segments,
        checked.commits,
        checked.entries,
        checked.bytes,
        checked.signatures,
        checked.tree_hashes,
        checked.checkpoints,
        took.as_secs_f64()
    )?;
    traces(out, checked)?;
    if checked.cases == 0 && checked.policies == 0 {
        return Ok(());
    }
    writeln!(
        out,
        "            {} cases replayed by the rules ({} open, {} closed), {} policies",
        checked.cases,
        checked.cases.saturating_sub(checked.cases_closed),
        checked.cases_closed,
        checked.policies
    )
}

fn traces(out: &mut dyn Write, checked: &Checked) -> io::Result<()> {
    if checked.places > 0 || checked.places_missing > 0 {
        writeln!(
            out,
            "            {} places of queues, {} told to be left out",
            checked.places, checked.places_missing
        )?;
    }
    if checked.parts == 0 && checked.commands == 0 {
        return Ok(());
    }
    writeln!(
        out,
        "            {} parts and {} commands of sessions, {} blobs ({} bytes)",
        checked.parts, checked.commands, checked.blobs, checked.blob_bytes
    )?;
    if checked.blobs_unseen > 0 {
        writeln!(
            out,
            "            {} blobs were not looked at: verify the data folder for that",
            checked.blobs_unseen
        )?;
    }
    Ok(())
}

//! The auditor of the demo: verifies folders, and damaged copies of them.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use countersign_chain::key::VerifierKey;
use countersign_ledger::node::MAIN;
use countersign_verifier::check::{Request, check};
use countersign_verifier::report::{Report, Verdict};
use countersign_verifier::source::folder::Folder;

use super::damage::{Damage, Shown};
use crate::output::{counted, grouped, printable};

/// The checkpoint that the auditor kept.
#[derive(Debug, Clone)]
pub(crate) struct Remembered {
    pub(crate) path: PathBuf,
    pub(crate) note: String,
}

/// One damage and what the verifier made of it.
#[derive(Debug)]
pub(crate) struct Trial {
    pub(crate) damage: Damage,
    /// What was done.
    told: String,
    /// Number of findings.
    findings: u64,
    /// The one that shows the damage.
    pub(crate) shown: Option<Shown>,
    /// Verdict under the key alone.
    alone: Verdict,
}

/// Verifies the folder of a log on threads of its own.
pub(crate) async fn verify(
    log: &Path,
    key: &VerifierKey,
    remembered: Option<&Remembered>,
) -> anyhow::Result<Report> {
    let (log, key) = (log.to_owned(), Some(key.clone()));
    let supplied = remembered
        .map(|kept| {
            (
                kept.path.display().to_string(),
                kept.note.clone().into_bytes(),
            )
        })
        .into_iter()
        .collect();
    let verify = move || {
        let mut source = Folder::open(&log, MAIN)?;
        let request = Request {
            key,
            supplied,
            ..Request::default()
        };
        anyhow::Ok(check(&mut source, &request, &mut |_step| {})?)
    };
    tokio::task::spawn_blocking(verify)
        .await
        .context("the verifier panicked")?
}

/// Whether nothing was found, and nothing is missing that was promised.
pub(crate) fn is_intact(report: &Report) -> bool {
    report.verdict() == Verdict::Intact && report.complete
}

/// A verdict with its numbers.
pub(crate) fn tell(out: &mut dyn Write, report: &Report) -> std::io::Result<()> {
    let checked = &report.checked;
    writeln!(
        out,
        "   {}: {} entries, {} with as many checkpoints, {} signatures hold,\n   \
         {}, {} bytes; {}",
        report.verdict().name().to_uppercase(),
        grouped(checked.entries),
        counted(checked.commits, "commit", "commits"),
        grouped(checked.signatures),
        counted(checked.segments, "segment", "segments"),
        grouped(checked.bytes),
        if report.complete {
            "nothing is missing that was promised"
        } else {
            "entries are missing"
        }
    )?;
    if checked.cases > 0 {
        let cases = counted(checked.cases, "case", "cases");
        let closed = grouped(checked.cases_closed);
        writeln!(
            out,
            "   {cases} replayed by the rules and the policy, {closed} closed"
        )?;
    }
    for finding in report.findings.damage() {
        writeln!(
            out,
            "   {} {}",
            finding.code.code(),
            printable(&finding.message)
        )?;
    }
    Ok(())
}

/// Damages a copy and verifies it, under the key alone and with what the auditor remembers.
pub(crate) async fn attempt(
    damage: Damage,
    copy: &Path,
    near: u64,
    (key, remembered): (&VerifierKey, &Remembered),
) -> anyhow::Result<Trial> {
    let inflict = {
        let copy = copy.to_owned();
        move || damage.inflict(&copy, near)
    };
    let done = tokio::task::spawn_blocking(inflict)
        .await
        .context("the cheat panicked")??;
    let alone = verify(copy, key, None).await?.verdict();
    let report = verify(copy, key, Some(remembered)).await?;
    Ok(Trial {
        damage,
        shown: done.shown_by(&report),
        told: done.told,
        findings: report.findings.damage_total(),
        alone,
    })
}

/// What was done and what was found.
pub(crate) fn tell_trial(out: &mut dyn Write, trial: &Trial) -> std::io::Result<()> {
    writeln!(out, "\n   {}  {}", trial.damage.name(), trial.told)?;
    match &trial.shown {
        None => writeln!(
            out,
            "     NOT FOUND: {} other findings",
            grouped(trial.findings)
        )?,
        Some(shown) => {
            writeln!(
                out,
                "     found  {}: {}",
                shown.code,
                printable(&shown.message)
            )?;
        }
    }
    if trial.alone == Verdict::Intact && trial.shown.is_some() {
        writeln!(
            out,
            "            The key alone does not tell: under it this copy is as good as the log. \
             The remembered \
             checkpoint does."
        )?;
    }
    out.flush()
}

//! What people and scripts are told of an export.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use countersign_proto::reading::text::rfc3339;
use countersign_verifier::export::{Exported, Far, Recorded};
use serde_json::json;
use tokio::time::Instant;

use crate::output::{Progress, counted, grouped, json_line};

/// How often progress is told.
const EVERY: Duration = Duration::from_millis(500);

/// Tells how far an export is, and what became of it.
#[derive(Debug)]
pub(super) struct Teller {
    json: bool,
    quiet: bool,
    line: Progress,
    start: Instant,
    told: Instant,
    total: u64,
    bytes: u64,
    entries: u64,
}

impl Teller {
    pub(super) fn new(json: bool, quiet: bool) -> Self {
        let start = Instant::now();
        Self {
            json,
            quiet,
            line: Progress::new(),
            start,
            told: start,
            total: 0,
            bytes: 0,
            entries: 0,
        }
    }

    /// So many bytes are to be read; 0 when that is not known.
    pub(super) const fn begin(&mut self, total: u64) {
        self.total = total;
    }

    /// More was checked and exported.
    pub(super) fn step(&mut self, far: Far) {
        self.bytes = self.bytes.saturating_add(far.bytes);
        self.entries = self.entries.saturating_add(far.entries);
        if self.quiet || self.told.elapsed() < EVERY {
            return;
        }
        self.told = Instant::now();
        if self.json {
            let line = json!({
                "progress": {
                    "entries": self.entries,
                    "bytes": self.bytes,
                    "total_bytes": Some(self.total).filter(|total| *total > 0),
                    "seconds": self.seconds(),
                }
            });
            // Progress is a courtesy; whoever closed the output is told at the end.
            drop(json_line(&mut io::stdout(), &line));
        } else {
            self.line.show(&self.text());
        }
    }

    fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    fn text(&self) -> String {
        const WIDTH: u64 = 24;
        let part = |of: u64| self.bytes.saturating_mul(of).checked_div(self.total);
        let bar = part(WIDTH).map(|done| {
            let done = usize::try_from(done.min(WIDTH)).unwrap_or(0);
            let left = 24_usize.saturating_sub(done);
            let percent = part(100).unwrap_or(0).min(100);
            format!("{}{} {percent:3} %  ", "█".repeat(done), "░".repeat(left))
        });
        let millis = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let speed = self
            .entries
            .saturating_mul(1_000)
            .checked_div(millis.max(1));
        format!(
            "{}{} entries, {} entries/s",
            bar.unwrap_or_default(),
            grouped(self.entries),
            grouped(speed.unwrap_or(0))
        )
    }

    /// It is done.
    pub(super) fn end(
        &mut self,
        out: &mut dyn Write,
        folder: &Path,
        exported: &Exported,
        recorded: Option<Recorded>,
    ) -> anyhow::Result<()> {
        self.line.clear();
        if self.json {
            return Ok(json_line(out, &self.result(folder, exported, recorded))?);
        }
        let Some(manifest) = &exported.manifest else {
            let size = exported.report.size;
            writeln!(
                out,
                "No entry was chosen, so nothing was exported: the log has the entries 0 to {}{}.",
                grouped(size.saturating_sub(1)),
                exported
                    .times
                    .map_or_else(String::new, |(first, last)| format!(
                        ", from {} to {}",
                        rfc3339(first),
                        rfc3339(last)
                    )),
            )?;
            return Ok(());
        };
        let folder = folder.display();
        let files = u64::try_from(manifest.files.len()).unwrap_or(u64::MAX);
        writeln!(
            out,
            "Exported {} of the entries {} to {} to {} in {folder}; {} written, {} kept.",
            counted(manifest.rows, "row", "rows"),
            grouped(manifest.first),
            grouped(manifest.end.saturating_sub(1)),
            counted(files, "file", "files"),
            grouped(exported.written),
            grouped(exported.kept),
        )?;
        match recorded {
            Some(recorded) => writeln!(
                out,
                "Entry {} of the log tells of it; its proof is in {folder}/manifest.proof.",
                recorded.index
            )?,
            None => writeln!(out, "No entry of the log tells of it.")?,
        }
        if exported.behind > 0 {
            let behind = counted(exported.behind, "entry", "entries");
            writeln!(
                out,
                "The folder held this export already. The log has {behind} more: give --since-last \
                 to add what came since."
            )?;
        }
        Ok(())
    }

    fn result(
        &self,
        folder: &Path,
        exported: &Exported,
        recorded: Option<Recorded>,
    ) -> serde_json::Value {
        let manifest = exported.manifest.as_ref();
        json!({
            "result": if manifest.is_some() { "exported" } else { "nothing" },
            "folder": folder.display().to_string(),
            "first": manifest.map(|it| it.first),
            "end": manifest.map(|it| it.end),
            "rows": manifest.map(|it| it.rows),
            "files": manifest.map(|it| it.files.len()),
            "bytes": manifest.map(countersign_export::manifest::Manifest::bytes),
            "manifest_sha256": manifest.map(|it| it.digest().to_string()),
            "files_written": exported.written,
            "files_kept": exported.kept,
            "entries_behind": exported.behind,
            "log_entries": exported.report.size,
            "recorded_by": recorded.map(|it| it.index),
            "seconds": self.seconds(),
        })
    }

    /// It could not be done.
    pub(super) fn failed(
        &mut self,
        out: &mut dyn Write,
        error: &anyhow::Error,
    ) -> anyhow::Result<()> {
        self.line.clear();
        if self.json {
            let error = format!("{error:#}");
            json_line(out, &json!({ "result": "failed", "error": error }))?;
        }
        Ok(())
    }
}

//! Exports: a walk along a log that hands its entries to a preset, and the folder that the files
//! lie in.
//!
//! Nothing is handed over that was not verified, and the manifest is written when the whole log
//! was. While the log is read and checked, one thread makes rows of what was checked before, and
//! another one writes them, so that memory holds a few thousand entries and one row group.
//!
//! Where files end depends on the entries and the order alone. So a run that was stopped goes on
//! with the files that are there, and a repeat gives the same bytes. A file gets its name when the
//! disk has all of it.

mod batch;
mod case;
mod folder;
mod lines;
mod lock;
mod nodes;
mod plan;
mod record;
mod taker;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;

use countersign_chain::time::UnixMicros;
use countersign_export::limits::{FILE_BYTES, FILE_ROWS};
use countersign_export::manifest::{self, Manifest};
use countersign_export::preset::{Preset, PresetError};
use countersign_proto::reading::text::counted;

use crate::check::{self, CheckError, Request, Step, Walked};
use crate::finding::Findings;
use crate::report::Report;
use crate::source::Source;
use case::CaseLook;
pub use folder::FolderError;
use folder::{Folder, State};
pub(crate) use lock::LOCK;
use plan::Plan;
pub use record::{RecordError, Recorded, record};
use taker::Taker;

/// Batches that wait for the next thread: each has a few thousand entries.
const WAITING: usize = 2;
/// Findings that an error shows.
const SHOWN: usize = 5;

/// Which entries, and how they are put into files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Folder of the export.
    pub out: PathBuf,
    /// Name of the log, with which the names of the files begin.
    pub log: String,
    /// Index of the first entry.
    pub from: u64,
    /// Index behind the last entry; `None` for the end of the log.
    pub end: Option<u64>,
    /// Entries at or after this time.
    pub since: Option<UnixMicros>,
    /// Entries before this time.
    pub until: Option<UnixMicros>,
    /// Entries of this case alone.
    pub case: Option<u64>,
    /// Whether an export that is in the folder is made longer.
    pub mode: Mode,
    /// How entries are put into files.
    pub layout: Layout,
    /// Whether the log is told of the export.
    pub recorded: bool,
}

impl Order {
    /// Every entry of a log, in files of the usual size, of which the log is not told.
    #[must_use]
    pub fn whole(out: impl Into<PathBuf>, log: impl Into<String>) -> Self {
        Self {
            out: out.into(),
            log: log.into(),
            from: 0,
            end: None,
            since: None,
            until: None,
            case: None,
            mode: Mode::Same,
            layout: Layout {
                rows: FILE_ROWS,
                bytes: FILE_BYTES,
                by_day: false,
            },
            recorded: false,
        }
    }
}

/// What happens to an export that is in the folder already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It must be the same one: what is there is checked, and what is missing written.
    Same,
    /// What came since is added.
    SinceLast,
}

/// Where files end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// A file ends behind the commit that brings it to so many rows.
    pub rows: u64,
    /// A file ends behind the commit that brings it to so many bytes of records.
    pub bytes: u64,
    /// A file holds entries of one day of UTC.
    pub by_day: bool,
}

/// What became of an export.
#[derive(Debug)]
pub struct Exported {
    /// The manifest, as it lies in the folder; `None` when there is nothing to export.
    pub manifest: Option<Manifest>,
    /// Number of files that were written now.
    pub written: u64,
    /// Number of files that were there.
    pub kept: u64,
    /// Entries of the log behind those of the export, when the one in the folder was only repeated.
    pub behind: u64,
    /// Times of the first entry of the log and of the last one.
    pub times: Option<(UnixMicros, UnixMicros)>,
    /// What was verified.
    pub report: Report,
}

/// Why there is no export.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The log cannot be read.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// The log does not verify.
    #[error(
        "the log does not verify, so nothing more was exported; {}, the first: {shown}; run \
         `countersign verify` on it for all of them",
        counted(*total, "finding", "findings")
    )]
    Damaged {
        /// The first ones.
        shown: String,
        /// How many there are until now.
        total: u64,
    },
    /// The folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Rows cannot be made or written.
    #[error("cannot write {path}: {error}")]
    Preset {
        /// The file, or the folder.
        path: PathBuf,
        /// Why not.
        error: PresetError,
    },
    /// The number that was asked for is not that of a case.
    #[error(
        "entry {number} opened no case{}; nothing was exported",
        match of {
            0 => ", and belongs to none".to_owned(),
            of => format!(": it belongs to case {of}, give --case {of}"),
        }
    )]
    NoCase {
        /// What was asked for.
        number: u64,
        /// The case that the entry belongs to; 0 for none.
        of: u64,
    },
    /// The number that was asked for is that of no entry.
    #[error("there is no case {0}: the log ends before it; nothing was exported")]
    BeyondLog(u64),
    /// Somebody asked for it.
    #[error(
        "stopped; {files} files are whole, and the same command goes on behind them. There is no \
         manifest of this export yet"
    )]
    Stopped {
        /// Files that are whole.
        files: u64,
    },
}

/// How far an export is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Far {
    /// Bytes of the log that were checked since the last step.
    pub bytes: u64,
    /// Entries that were checked since the last step.
    pub entries: u64,
}

/// Exports a log. `step` is told how far it is; `stop` ends it early.
///
/// # Errors
/// [`ExportError`]. Files that are whole stay, and a repeat of the call goes on behind them.
pub fn export<P: Preset>(
    source: &mut dyn Source,
    (order, request): (&Order, &Request),
    preset: &P,
    step: &mut dyn FnMut(Far),
    stop: &AtomicBool,
) -> Result<Exported, ExportError> {
    let key = check::key_of(source, request)?;
    let order = &Order {
        layout: layout(order.layout, preset),
        ..order.clone()
    };
    let head = head(order, preset, key.to_string());
    let (folder, state) = Folder::open(&order.out, &head, preset.extension())?;
    let plan = Plan::new(&folder, order, &state)?;
    folder.begin(&head, &state)?;
    let (to_rows, from_taker) = sync_channel(WAITING);
    let (to_files, from_rows) = sync_channel(WAITING);
    let looks_back = |kind| preset.looks_back(kind);
    let how = (order.layout.by_day, &looks_back as &dyn Fn(u16) -> bool);
    let mut taker = Taker::new(order, how, plan, to_rows, stop);
    let mut lines = lines::Files::new(&folder, preset, head.clone());
    let (walked, made, written) = thread::scope(|scope| {
        let made = scope.spawn(|| lines::make_rows(preset, from_taker, to_files));
        let written = scope.spawn(|| lines.write_all(from_rows));
        let mut step = |it: Step| {
            step(Far {
                bytes: it.bytes,
                entries: it.entries,
            });
        };
        let mut look = CaseLook::new(&mut taker, order.case);
        let walked = check::check_with(source, request, &mut step, &mut look);
        let looked = (look.wrong(), look.times());
        let seen = taker.finish(matches!(walked, Ok(Walked::Whole(_))));
        let walked = walked.map(|walked| (walked, seen, looked));
        (walked, made.join(), written.join())
    });
    // What the writer says comes first: the others stop because of it.
    ended(written)?;
    ended(made).map_err(|error| ExportError::Preset {
        path: order.out.clone(),
        error,
    })?;
    let (walked, seen, (no_case, times)) = walked?;
    let seen = seen?;
    let report = whole(walked, stop, lines.count())?;
    let (kept, written) = (lines.kept, lines.written);
    let manifest = seen.map(|seen| lines.manifest(&seen));
    let is_empty = manifest.as_ref().is_none_or(|manifest| manifest.rows == 0);
    if let Some(no_case) = no_case.filter(|_| is_empty) {
        folder.nothing(&state)?;
        return Err(no_case);
    }
    let manifest = manifest.map(|it| folder.end(it, &state)).transpose()?;
    if manifest.is_none() {
        folder.nothing(&state)?;
    }
    Ok(Exported {
        behind: behind(order, &state, report.size),
        times,
        manifest,
        written,
        kept,
        report,
    })
}

/// Entries that came since the export that is in the folder, where it was only repeated.
fn behind(order: &Order, state: &State, size: u64) -> u64 {
    let open = order.mode == Mode::Same && order.end.is_none() && order.until.is_none();
    let whole = state.whole.as_ref().filter(|_| open);
    whole.map_or(0, |whole| size.saturating_sub(whole.end))
}

/// What was asked for, as far as the preset allows it.
fn layout<P: Preset>(asked: Layout, preset: &P) -> Layout {
    Layout {
        rows: asked.rows.min(preset.file_rows()),
        bytes: asked.bytes.min(preset.file_bytes()),
        by_day: asked.by_day || preset.by_day(),
    }
}

/// The manifest before anything is known of the files.
fn head<P: Preset>(order: &Order, preset: &P, vkey: String) -> Manifest {
    Manifest {
        format: manifest::FORMAT.to_owned(),
        preset: preset.name().to_owned(),
        log: order.log.clone(),
        vkey,
        first: order.from,
        end: order.from,
        filter: order
            .case
            .map_or_else(String::new, |case| format!("--case {case}")),
        rows: 0,
        settings: settings(order, &preset.settings()),
        recorded: order.recorded,
        checkpoint: String::new(),
        files: Vec::new(),
    }
}

/// What decides where files begin and end, as on the command line.
fn settings(order: &Order, preset: &str) -> String {
    let Layout {
        rows,
        bytes,
        by_day,
    } = order.layout;
    let mut text = format!(
        "--from {} --file-rows {rows} --file-bytes {bytes}",
        order.from
    );
    if let Some(since) = order.since {
        let since = countersign_proto::reading::text::rfc3339(since);
        text.push_str(&format!(" --since {since}"));
    }
    if by_day {
        text.push_str(" --partition-by-day");
    }
    if !preset.is_empty() {
        text.push_str(&format!(" {preset}"));
    }
    text
}

/// What a thread returned. None panics, and who would is not held up here.
fn ended<E>(joined: thread::Result<Result<(), E>>) -> Result<(), E> {
    joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// The report, when the log is whole.
fn whole(walked: Walked, stop: &AtomicBool, files: u64) -> Result<Report, ExportError> {
    match walked {
        Walked::Whole(report) if report.findings.damage_total() == 0 => Ok(*report),
        Walked::Whole(report) => Err(damaged(&report.findings)),
        Walked::Stopped(findings) if findings.damage_total() > 0 => Err(damaged(&findings)),
        Walked::Stopped(_) => {
            debug_assert!(stop.load(Ordering::Relaxed), "nothing else stops it");
            Err(ExportError::Stopped { files })
        }
    }
}

fn damaged(findings: &Findings) -> ExportError {
    let shown = findings.damage().iter().take(SHOWN);
    let shown: Vec<_> = shown
        .map(|it| format!("{} ({})", it.message, it.code.code()))
        .collect();
    ExportError::Damaged {
        shown: shown.join("; "),
        total: findings.damage_total(),
    }
}

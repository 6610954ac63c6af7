//! From batches of entries to files: one thread makes rows, another one writes them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender};

use countersign_export::manifest::{self, File, Manifest};
use countersign_export::preset::{End, Preset, PresetError, Sheet as _, Shelved, Start};

use super::ExportError;
use super::batch::Batch;
use super::folder::Folder;
use super::taker::Seen;

/// What goes from thread to thread.
#[derive(Debug)]
pub(super) enum Piece<R> {
    /// A range begins.
    Begin(Start),
    /// Entries that are not written now, which rows of later ones need.
    Behind(Batch),
    /// Entries of the range.
    Rows(R),
    /// The range ends.
    End(Close),
    /// A range whose files are there.
    Kept(Vec<File>),
}

/// Where a range ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Close {
    pub(super) end: End,
    /// Leaf hash of its last entry, in hexadecimal.
    pub(super) last_leaf: String,
}

/// Makes rows until there is nothing more, or nobody takes them.
#[expect(
    clippy::needless_pass_by_value,
    reason = "who takes the rows must learn that no more come"
)]
pub(super) fn make_rows<P: Preset>(
    preset: &P,
    from: Receiver<Piece<Batch>>,
    to: SyncSender<Piece<Vec<Shelved<P::Rows>>>>,
) -> Result<(), PresetError> {
    for piece in from {
        let piece = match piece {
            Piece::Begin(start) => Piece::Begin(start),
            Piece::Behind(batch) => {
                preset.see(&batch.items());
                continue;
            }
            Piece::Rows(batch) => Piece::Rows(preset.rows(&batch.items())?),
            Piece::End(close) => Piece::End(close),
            Piece::Kept(files) => Piece::Kept(files),
        };
        if to.send(piece).is_err() {
            break;
        }
    }
    Ok(())
}

/// A file that is being written.
#[derive(Debug)]
struct Open<S> {
    sheet: S,
    part: PathBuf,
    rows: u64,
}

/// The files of an export.
#[derive(Debug)]
pub(super) struct Files<'a, P: Preset> {
    folder: &'a Folder,
    preset: &'a P,
    /// What is known of the export until now.
    manifest: Manifest,
    start: Option<Start>,
    open: BTreeMap<String, Open<P::Sheet>>,
    pub(super) written: u64,
    pub(super) kept: u64,
}

impl<'a, P: Preset> Files<'a, P> {
    pub(super) const fn new(folder: &'a Folder, preset: &'a P, head: Manifest) -> Self {
        Self {
            folder,
            preset,
            manifest: head,
            start: None,
            open: BTreeMap::new(),
            written: 0,
            kept: 0,
        }
    }

    /// Number of files that are whole.
    pub(super) const fn count(&self) -> u64 {
        self.written.saturating_add(self.kept)
    }

    /// Writes what comes, until there is nothing more.
    pub(super) fn write_all(
        &mut self,
        from: Receiver<Piece<Vec<Shelved<P::Rows>>>>,
    ) -> Result<(), ExportError> {
        for piece in from {
            match piece {
                Piece::Begin(start) => self.start = Some(start),
                Piece::Behind(_) => {}
                Piece::Rows(shelved) => {
                    for shelved in shelved {
                        self.write(shelved)?;
                    }
                }
                Piece::End(close) => self.end(&close)?,
                Piece::Kept(files) => {
                    self.kept = self.kept.saturating_add(count(files.len()));
                    files.into_iter().for_each(|file| self.list(file));
                }
            }
        }
        // The walk was stopped.
        for open in std::mem::take(&mut self.open).into_values() {
            self.folder.drop_part(&open.part)?;
        }
        Ok(())
    }

    fn write(&mut self, shelved: Shelved<P::Rows>) -> Result<(), ExportError> {
        let Some(start) = &self.start else {
            return Ok(());
        };
        let shelf = match &start.day {
            None => shelved.shelf,
            Some(day) if shelved.shelf.is_empty() => self.preset.day_folder(day),
            Some(day) => format!("{}/{}", shelved.shelf, self.preset.day_folder(day)),
        };
        if !self.open.contains_key(&shelf) {
            let (part, out) = self.folder.part(&shelf, start.first)?;
            let sheet = self.preset.begin(out, start).map_err(failed(&part))?;
            let rows = 0;
            self.open.insert(shelf.clone(), Open { sheet, part, rows });
        }
        if let Some(open) = self.open.get_mut(&shelf) {
            open.sheet
                .write(&shelved.rows)
                .map_err(failed(&open.part))?;
            open.rows = open.rows.saturating_add(shelved.count);
        }
        Ok(())
    }

    /// All files of the range are whole: they get their names, and are listed.
    fn end(&mut self, close: &Close) -> Result<(), ExportError> {
        let Some(start) = self.start.take() else {
            return Ok(());
        };
        for (shelf, open) in std::mem::take(&mut self.open) {
            let Open { sheet, part, rows } = open;
            let out = sheet.finish(&close.end).map_err(failed(&part))?;
            let written = out.close().map_err(|error| failed(&part)(error.into()))?;
            let path = self.folder.name(&shelf, start.first, close.end.end);
            self.folder.keep(&part, &path)?;
            self.written = self.written.saturating_add(1);
            self.list(File {
                path,
                first: start.first,
                end: close.end.end,
                rows,
                bytes: written.bytes,
                sha256: written.sha256,
                last_leaf: close.last_leaf.clone(),
            });
        }
        self.manifest.checkpoint.clone_from(&close.end.checkpoint);
        self.folder
            .replace(manifest::PARTIAL, &self.manifest.to_text())?;
        Ok(())
    }

    fn list(&mut self, file: File) {
        self.manifest.rows = self.manifest.rows.saturating_add(file.rows);
        self.manifest.end = self.manifest.end.max(file.end);
        self.manifest.files.push(file);
    }

    /// The manifest of all files, for the range that was seen.
    pub(super) fn manifest(&self, seen: &Seen) -> Manifest {
        Manifest {
            first: seen.first,
            end: seen.end,
            checkpoint: seen.checkpoint.clone(),
            ..self.manifest.clone()
        }
    }
}

fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

/// An error about this file.
fn failed(path: &std::path::Path) -> impl FnOnce(PresetError) -> ExportError {
    let path = path.to_owned();
    move |error| ExportError::Preset { path, error }
}

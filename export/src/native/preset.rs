//! The native file as a preset.

use arrow::record_batch::RecordBatch;
use countersign_chain::key::VerifierKey;

use super::meta::Meta;
use super::rows::rows;
use super::writer::Writer;
use crate::item::Item;
use crate::preset::{End, Preset, PresetError, Sheet, Shelved, Start};
use crate::sheet::Out;

/// Files that can be proved row by row.
#[derive(Debug, Clone)]
pub struct Native {
    key: VerifierKey,
}

impl Native {
    /// Files of the log of this key.
    #[must_use]
    pub const fn new(key: VerifierKey) -> Self {
        Self { key }
    }
}

/// A native file that is being written.
#[derive(Debug)]
pub struct NativeSheet {
    key: VerifierKey,
    start: Start,
    writer: Writer<Out>,
}

impl Preset for Native {
    type Rows = RecordBatch;
    type Sheet = NativeSheet;

    fn name(&self) -> &'static str {
        "native"
    }

    fn extension(&self) -> &'static str {
        "parquet"
    }

    fn rows(&self, items: &[Item<'_>]) -> Result<Vec<Shelved<RecordBatch>>, PresetError> {
        Ok(vec![Shelved {
            shelf: String::new(),
            count: u64::try_from(items.len()).unwrap_or(u64::MAX),
            rows: rows(items)?,
        }])
    }

    fn begin(&self, out: Out, start: &Start) -> Result<NativeSheet, PresetError> {
        Ok(NativeSheet {
            key: self.key.clone(),
            start: start.clone(),
            writer: Writer::new(out)?,
        })
    }
}

impl Sheet for NativeSheet {
    type Rows = RecordBatch;

    fn write(&mut self, rows: &RecordBatch) -> Result<(), PresetError> {
        Ok(self.writer.write(rows)?)
    }

    fn finish(self, end: &End) -> Result<Out, PresetError> {
        let meta = Meta {
            key: self.key,
            first: self.start.first,
            end: end.end,
            rows: self.writer.rows(),
            frontier: self.start.frontier,
            checkpoint: end.checkpoint.clone(),
        };
        Ok(self.writer.finish(&meta)?)
    }
}

//! The rows of a row group: read on, and compared with what the file says of them.

use arrow::record_batch::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;

use super::bounds::Bounds;
use super::guard::guarded;
use crate::finding::{Code, Findings, Flaw};

/// The rows of a row group.
#[derive(Debug)]
pub(super) struct Batches {
    reader: Reader,
    told: Told,
}

impl Batches {
    /// What this reader gives, of which the file says this; or why that cannot be read.
    pub(super) const fn new(
        inner: ParquetRecordBatchReader,
        bounds: Result<Bounds, String>,
    ) -> Self {
        Self {
            reader: Reader { inner, ahead: None },
            told: Told(bounds),
        }
    }

    /// The next rows; `None` at the end.
    ///
    /// # Errors
    /// In words, why they cannot be read.
    pub(super) fn next(&mut self) -> Result<Option<RecordBatch>, String> {
        self.reader.next()
    }

    /// What reads on, and what judges what was read: at the same time.
    pub(super) const fn split(&mut self) -> (&mut Reader, &mut Told) {
        (&mut self.reader, &mut self.told)
    }
}

/// Reads rows.
#[derive(Debug)]
pub(super) struct Reader {
    inner: ParquetRecordBatchReader,
    /// What was read before it was asked for.
    ahead: Option<Result<Option<RecordBatch>, String>>,
}

impl Reader {
    fn next(&mut self) -> Result<Option<RecordBatch>, String> {
        self.ahead.take().unwrap_or_else(|| self.read())
    }

    /// Reads what will be asked for next.
    pub(super) fn read_ahead(&mut self) {
        if self.ahead.is_none() {
            self.ahead = Some(self.read());
        }
    }

    fn read(&mut self) -> Result<Option<RecordBatch>, String> {
        guarded(|| {
            let next = self.inner.next().transpose();
            next.map_err(|error| error.to_string())
        })
    }
}

/// What the file says about the rows of a group; or why that cannot be read.
#[derive(Debug)]
pub(super) struct Told(Result<Bounds, String>);

impl Told {
    /// Compares rows with it.
    pub(super) fn judge(&mut self, batch: &RecordBatch, file: &str, findings: &mut Findings) {
        if let Ok(bounds) = &mut self.0 {
            let judged = guarded(|| {
                bounds.take(batch, file, findings);
                Ok(())
            });
            if let Err(why) = judged {
                self.0 = Err(why);
            }
        }
        // Why they cannot be read is told once.
        if let Err(why) = &mut self.0
            && !why.is_empty()
        {
            let why = std::mem::take(why);
            let text = format!("{file}: what it says of its values: {why}");
            findings.add(Code::Copy(Flaw::BadPageIndex), None, text);
        }
    }
}

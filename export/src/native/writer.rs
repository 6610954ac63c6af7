//! From rows to a file. The same batches give the same bytes, whichever version or machine writes
//! them: where row groups end depends on the rows alone.

use std::io::Write;

use arrow::array::{Array as _, BinaryArray};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::meta::Meta;
use super::schema::{columns, schema};
use crate::limits::{GROUP_BYTES, GROUP_ROWS, ZSTD_LEVEL};

/// What the file says that wrote it: the form, not the version of a program, so that the bytes stay
/// the same.
pub const CREATED_BY: &str = "countersign version 1.0.0 (build native-1)";

/// Columns whose values hardly ever repeat in a way that a dictionary is good for, and by whose
/// order nobody searches.
const UNIQUE: [&str; 10] = [
    "idempotency_key",
    "summary",
    "event",
    "record",
    "leaf",
    "prev",
    "commit_root",
    "signature",
    "proof",
    "command",
];

/// Columns that grow from row to row.
const GROWING: [&str; 3] = ["index", "time", "commit_size"];

/// Columns that people look for single values in.
const LOOKED_UP: [&str; 2] = ["case", "actor"];

/// Writes a file.
#[derive(Debug)]
pub struct Writer<W: Write + Send> {
    inner: ArrowWriter<W>,
    rows: u64,
    /// Bytes of records in the row group so far.
    group_bytes: usize,
}

impl<W: Write + Send> Writer<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// [`ParquetError`] when it cannot be written.
    pub fn new(to: W) -> Result<Self> {
        let options = ArrowWriterOptions::new()
            .with_properties(properties()?)
            .with_skip_arrow_metadata(true);
        Ok(Self {
            inner: ArrowWriter::try_new_with_options(to, schema(), options)?,
            rows: 0,
            group_bytes: 0,
        })
    }

    /// Adds rows, of the form of [`super::rows::rows`].
    ///
    /// # Errors
    /// [`ParquetError`] when they cannot be written.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.inner.write(batch)?;
        let rows = u64::try_from(batch.num_rows()).unwrap_or(u64::MAX);
        self.rows = self.rows.saturating_add(rows);
        let records = batch.column_by_name("record");
        let records = records.and_then(|it| it.as_any().downcast_ref::<BinaryArray>());
        let bytes = records.map_or(0, |it| it.value_data().len());
        self.group_bytes = self.group_bytes.saturating_add(bytes);
        if self.inner.in_progress_rows() >= GROUP_ROWS || self.group_bytes >= GROUP_BYTES {
            self.inner.flush()?;
            self.group_bytes = 0;
        }
        Ok(())
    }

    /// Number of rows so far.
    #[must_use]
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// Ends the file, and gives back what it was written to.
    ///
    /// # Errors
    /// [`ParquetError`] when it cannot be written, or when the metadata tell of another number of
    /// rows.
    pub fn finish(mut self, meta: &Meta) -> Result<W> {
        if meta.rows != self.rows {
            let text = format!("{} rows were written; expected {}", self.rows, meta.rows);
            return Err(ParquetError::General(text));
        }
        for (name, value) in meta.to_pairs() {
            let pair = KeyValue::new(name.to_owned(), value);
            self.inner.append_key_value_metadata(pair);
        }
        self.inner.into_inner()
    }
}

fn properties() -> Result<WriterProperties> {
    let distinct = u64::try_from(GROUP_ROWS).unwrap_or(u64::MAX);
    let place = |name: &str| columns().iter().position(|column| column.name == name);
    let index = place("index").and_then(|place| i32::try_from(place).ok());
    let mut properties = WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        .set_statistics_enabled(EnabledStatistics::Page)
        // Row groups end where `Writer::write` says.
        .set_max_row_group_row_count(None)
        .set_max_row_group_bytes(None)
        .set_sorting_columns(Some(vec![SortingColumn {
            column_idx: index.unwrap_or(0),
            descending: false,
            nulls_first: false,
        }]));
    for name in UNIQUE {
        properties = properties
            .set_column_dictionary_enabled(ColumnPath::from(name), false)
            .set_column_statistics_enabled(ColumnPath::from(name), EnabledStatistics::None);
    }
    for name in GROWING {
        properties = properties
            .set_column_dictionary_enabled(ColumnPath::from(name), false)
            .set_column_encoding(ColumnPath::from(name), Encoding::DELTA_BINARY_PACKED);
    }
    for name in LOOKED_UP {
        properties = properties
            .set_column_bloom_filter_enabled(ColumnPath::from(name), true)
            .set_column_bloom_filter_max_ndv(ColumnPath::from(name), distinct);
    }
    // A filter saves reading the dictionary, too.
    Ok(properties
        .set_bloom_filter_for_dictionary_encoded_chunks(true)
        .build())
}

//! A Parquet file of events of one class. The same events give the same bytes.

use std::io::Write;
use std::sync::Arc;

use arrow::array::{Array as _, StringArray};
use arrow::error::ArrowError;
use arrow::json::ReaderBuilder;
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::Result;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::columns::schema;
use super::model::Event;
use super::{Class, Version};
use crate::limits::{PAGE_BYTES, SIEM_GROUP_BYTES, SIEM_GROUP_ROWS, ZSTD_LEVEL};

/// What the file says that wrote it: the form, not the version of a program, so that the bytes stay
/// the same.
const CREATED_BY: &str = "countersign version 1.0.0 (build ocsf-1)";

/// Columns whose values hardly ever repeat, and by whose order nobody searches.
const UNIQUE: [&str; 2] = ["raw_data", "message"];
/// Hashes: as above, where the version has them.
const DIGEST: &str = "raw_data_hash.value";
/// Columns that people look for single values in.
const LOOKED_UP: [&str; 3] = ["metadata.uid", "metadata.correlation_uid", "actor.user.uid"];

/// How the pages of a file are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// What Amazon Security Lake prefers, and most others read.
    Zstd,
    /// What Panther reads.
    Snappy,
}

/// Makes rows of events of one class.
///
/// # Errors
/// [`ArrowError`] when an event has an attribute that its class has no column for.
pub fn batch(
    events: &[Event],
    class: Class,
    version: Version,
) -> std::result::Result<RecordBatch, ArrowError> {
    let schema = schema(class, version);
    // Nothing may get lost on the way: what has no column is an error.
    let mut decoder = ReaderBuilder::new(Arc::clone(&schema))
        .with_batch_size(events.len().max(1))
        .with_strict_mode(true)
        .build_decoder()?;
    decoder.serialize(events)?;
    let batch = decoder.flush()?;
    Ok(batch.unwrap_or_else(|| RecordBatch::new_empty(schema)))
}

/// Writes a file.
#[derive(Debug)]
pub struct Writer<W: Write + Send> {
    inner: ArrowWriter<W>,
    /// Bytes of records in the row group so far.
    group_bytes: usize,
}

impl<W: Write + Send> Writer<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// [`parquet::errors::ParquetError`] when it cannot be written.
    pub fn new(to: W, class: Class, version: Version, packing: Packing) -> Result<Self> {
        let options = ArrowWriterOptions::new()
            .with_properties(properties(version, packing)?)
            .with_skip_arrow_metadata(true);
        let inner = ArrowWriter::try_new_with_options(to, schema(class, version), options)?;
        Ok(Self {
            inner,
            group_bytes: 0,
        })
    }

    /// Adds rows, of the form of [`batch`].
    ///
    /// # Errors
    /// [`parquet::errors::ParquetError`] when they cannot be written.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.inner.write(batch)?;
        let raw = batch.column_by_name("raw_data");
        let raw = raw.and_then(|it| it.as_any().downcast_ref::<StringArray>());
        let bytes = raw.map_or(0, |it| it.value_data().len());
        self.group_bytes = self.group_bytes.saturating_add(bytes);
        if self.inner.in_progress_rows() >= SIEM_GROUP_ROWS || self.group_bytes >= SIEM_GROUP_BYTES
        {
            self.inner.flush()?;
            self.group_bytes = 0;
        }
        Ok(())
    }

    /// Ends the file, and gives back what it was written to.
    ///
    /// # Errors
    /// [`parquet::errors::ParquetError`] when it cannot be written.
    pub fn finish(self) -> Result<W> {
        self.inner.into_inner()
    }
}

fn properties(version: Version, packing: Packing) -> Result<WriterProperties> {
    let packing = match packing {
        Packing::Zstd => Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?),
        Packing::Snappy => Compression::SNAPPY,
    };
    let mut properties = WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_compression(packing)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_data_page_size_limit(PAGE_BYTES)
        .set_dictionary_page_size_limit(PAGE_BYTES)
        // Row groups end where `Writer::write` says.
        .set_max_row_group_row_count(None)
        .set_max_row_group_bytes(None)
        .set_sorting_columns(Some(vec![SortingColumn {
            column_idx: 0,
            descending: false,
            nulls_first: false,
        }]));
    let digest = Some(DIGEST).filter(|_| version >= Version::V1_8);
    for name in UNIQUE.into_iter().chain(digest) {
        properties = properties
            .set_column_dictionary_enabled(path(name), false)
            .set_column_statistics_enabled(path(name), EnabledStatistics::None);
    }
    let distinct = u64::try_from(SIEM_GROUP_ROWS).unwrap_or(u64::MAX);
    for name in LOOKED_UP {
        properties = properties
            .set_column_bloom_filter_enabled(path(name), true)
            .set_column_bloom_filter_max_ndv(path(name), distinct);
    }
    Ok(properties.build())
}

fn path(name: &str) -> ColumnPath {
    ColumnPath::new(name.split('.').map(str::to_owned).collect())
}

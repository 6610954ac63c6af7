//! One file of a copy: what its footer says, and its rows, batch by batch. Nothing that the file
//! says of itself makes more memory be taken than the limits here.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use countersign_export::native::meta::{Meta, PREFIX};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::arrow::parquet_to_arrow_schema;
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ColumnChunkMetaData, FooterTail, PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader,
};
use parquet::file::reader::ChunkReader as _;

use super::bounds::Bounds;
use super::group::Batches;
use super::guard::guarded;
use super::pages;
use super::shape::{self, Shape};
use crate::finding::{Code, Findings, Flaw};
use crate::source::SourceError;

/// Rows of a batch: with entries of the largest size some 64 MiB of records, and a few times that
/// of what is read out of them.
const BATCH_ROWS: usize = 1_024;
/// The largest footer. One of our files has 70 columns of some 200 bytes for each group of 1,024
/// rows of the largest entries, so that 64 MiB are those of 4 million of them.
const MAX_FOOTER: usize = 64 * 1_048_576;
/// The largest page: a batch of writing has at most 8 MiB of records, and the JSON of an event at
/// most six times its bytes.
const MAX_PAGE: u64 = 64 * 1_048_576;
/// The largest pages of all columns together, of which the reader holds one each, and one more of a
/// dictionary.
const MAX_PAGES: u64 = 512 * 1_048_576;
/// Bytes that each row takes at least: its leaf hash and that of the entry before, which nothing
/// makes smaller.
const ROW_BYTES: u64 = 64;
/// What stands at both ends of a file.
pub(super) const MAGIC: &[u8; 4] = b"PAR1";

/// An open file of the form.
#[derive(Debug)]
pub(super) struct NativeFile {
    /// As in reports.
    pub(super) name: String,
    /// What its metadata say.
    pub(super) meta: Meta,
    /// Bytes of its records, as far as its footer is right.
    pub(super) record_bytes: u64,
    /// Leaf hash of its last entry, as a manifest says.
    pub(super) last_leaf: Option<String>,
    file: File,
    metadata: ArrowReaderMetadata,
    /// The same with the indexes of its pages. Rows are read without them.
    indexed: Option<ParquetMetaData>,
    mask: ProjectionMask,
}

impl NativeFile {
    /// Opens a file. What is wrong with it goes into `findings`; `None` when its rows cannot be
    /// judged.
    ///
    /// # Errors
    /// [`SourceError::Io`] when the file cannot be read at all.
    pub(super) fn open(
        path: &Path,
        name: &str,
        findings: &mut Findings,
    ) -> Result<Option<Self>, SourceError> {
        let file = File::open(path).map_err(|error| io(path, error))?;
        let len = file.metadata().map_err(|error| io(path, error))?.len();
        let shown = countersign_proto::reading::text::printable(name);
        let mut bad = |code, why: String| {
            findings.add(code, None, format!("{shown}: {why}"));
        };
        let metadata = match guarded(|| read_footer(&file, len)) {
            Ok(metadata) => metadata,
            Err(why) => {
                bad(Code::Copy(Flaw::BadFile), why);
                return Ok(None);
            }
        };
        let Shape {
            faults,
            known,
            provable,
        } = shape::judge(&metadata);
        let as_others = faults.is_empty();
        for fault in faults {
            bad(Code::Copy(Flaw::BadColumns), fault);
        }
        let meta = judge_meta(&metadata, &mut bad);
        if let Some(meta) = meta.as_ref().filter(|_| as_others) {
            let described = guarded(|| pages::footer::judge(&file, len, (&metadata, meta)));
            for why in described.unwrap_or_else(|why| vec![why]) {
                bad(Code::Copy(Flaw::BadColumns), why);
            }
        }
        let Some(meta) = meta.filter(|_| provable) else {
            return Ok(None);
        };
        let indexed = match guarded(|| indexes(&file, &metadata)) {
            Ok(indexed) => indexed,
            Err(why) => {
                bad(
                    Code::Copy(Flaw::BadPageIndex),
                    format!("its index of pages: {why}"),
                );
                None
            }
        };
        match guarded(|| readable(&metadata)) {
            Ok(readable) => Ok(Some(Self {
                indexed,
                name: name.to_owned(),
                record_bytes: record_bytes(&metadata),
                last_leaf: None,
                mask: ProjectionMask::leaves(metadata.file_metadata().schema_descr(), known),
                metadata: readable,
                meta,
                file,
            })),
            Err(why) => {
                bad(Code::Copy(Flaw::BadFile), why);
                Ok(None)
            }
        }
    }

    /// Number of row groups.
    pub(super) fn groups(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    /// The rows of a row group.
    ///
    /// # Errors
    /// In words, why they cannot be read.
    pub(super) fn group(&self, group: usize) -> Result<Batches, String> {
        guarded(|| {
            let columns = self.metadata.metadata().row_group(group).columns();
            let mut sum = 0_u64;
            for column in columns {
                let largest = pages::largest(&self.file, range(column)?, MAX_PAGE);
                let named = |error| format!("column {}: {error}", column.column_path().string());
                sum = sum.saturating_add(largest.map_err(named)?);
            }
            if sum > MAX_PAGES {
                return Err(format!(
                    "its pages would have {sum} bytes at once; expected at most {MAX_PAGES}"
                ));
            }
            let file = self.file.try_clone().map_err(|error| error.to_string())?;
            let builder =
                ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone());
            let bounds = Bounds::of(&builder, self.indexed.as_ref(), group);
            let reader = builder
                .with_row_groups(vec![group])
                .with_projection(self.mask.clone())
                .with_batch_size(BATCH_ROWS)
                .build();
            Ok(Batches::new(reader.map_err(words)?, bounds.map_err(words)))
        })
    }
}

pub(super) fn io(path: &Path, error: std::io::Error) -> SourceError {
    SourceError::Io {
        path: PathBuf::from(path),
        error,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "errors are mapped with it")]
fn words(error: ParquetError) -> String {
    error.to_string()
}

/// Reads the footer, once its length is known to be in range, and checks that it points into the
/// file.
fn read_footer(file: &File, len: u64) -> Result<ParquetMetaData, String> {
    let tail = len.checked_sub(8).filter(|at| *at >= 4);
    let tail = tail.ok_or("it is too short for a Parquet file")?;
    let start = file.get_bytes(0, 4).map_err(words)?;
    let end = file.get_bytes(tail, 8).map_err(words)?;
    if start.as_ref() != MAGIC.as_slice() {
        return Err("it does not start as a Parquet file".to_owned());
    }
    let end = <&[u8; 8]>::try_from(end.as_ref()).map_err(|_short| "it ends too early")?;
    let footer = FooterTail::try_new(end).map_err(words)?;
    let most = usize::try_from(tail).unwrap_or(usize::MAX).min(MAX_FOOTER);
    if footer.metadata_length() > most {
        return Err(format!(
            "its footer would have {} bytes; expected at most {most}",
            footer.metadata_length()
        ));
    }
    let metadata = ParquetMetaDataReader::new()
        .with_page_index_policy(PageIndexPolicy::Skip)
        .parse_and_finish(file)
        .map_err(words)?;
    let mut rows = 0_u64;
    for group in metadata.row_groups() {
        let number = u64::try_from(group.num_rows())
            .map_err(|_below| "a group has a negative number of rows")?;
        rows = rows.saturating_add(number);
        for column in group.columns() {
            let places = indexes_of(column).into_iter().flatten();
            let mut places = places.chain([range(column)?]);
            if places.any(|(start, bytes)| start.checked_add(bytes).is_none_or(|end| end > tail)) {
                return Err(format!(
                    "column {} lies outside of the file",
                    column.column_path().string()
                ));
            }
        }
    }
    if rows.saturating_mul(ROW_BYTES) > len {
        let room = len.checked_div(ROW_BYTES).unwrap_or(0);
        return Err(format!(
            "it says that it has {rows} rows, and has room for {room}"
        ));
    }
    if u64::try_from(metadata.file_metadata().num_rows()) != Ok(rows) {
        return Err(format!(
            "it says that it has {} rows, and its groups that they have {rows}",
            metadata.file_metadata().num_rows()
        ));
    }
    Ok(metadata)
}

/// Reads the indexes of pages; `None` when there are none.
fn indexes(file: &File, metadata: &ParquetMetaData) -> Result<Option<ParquetMetaData>, String> {
    let mut reader = ParquetMetaDataReader::new_with_metadata(metadata.clone())
        .with_page_index_policy(PageIndexPolicy::Optional);
    reader.read_page_indexes(file).map_err(words)?;
    let indexed = reader.finish().map_err(words)?;
    let both = indexed
        .page_index()
        .is_some_and(|pages| pages.has_column_indexes() && pages.has_offset_indexes());
    Ok(both.then_some(indexed))
}

/// Start and length of what a column has beside its pages; one that has no place is outside of
/// every file.
fn indexes_of(column: &ColumnChunkMetaData) -> [Option<(u64, u64)>; 3] {
    let place = |offset: Option<i64>, len: Option<i32>| {
        let offset = u64::try_from(offset?).unwrap_or(u64::MAX);
        Some((offset, u64::try_from(len.unwrap_or(0)).unwrap_or(u64::MAX)))
    };
    [
        place(column.column_index_offset(), column.column_index_length()),
        place(column.offset_index_offset(), column.offset_index_length()),
        place(column.bloom_filter_offset(), column.bloom_filter_length()),
    ]
}

/// Start and length of a column in the file.
fn range(column: &ColumnChunkMetaData) -> Result<(u64, u64), String> {
    let start = column
        .dictionary_page_offset()
        .unwrap_or_else(|| column.data_page_offset());
    let both = u64::try_from(start)
        .ok()
        .zip(u64::try_from(column.compressed_size()).ok());
    both.ok_or_else(|| format!("column {} has no place", column.column_path().string()))
}

/// Bytes of the records, as the footer says.
fn record_bytes(metadata: &ParquetMetaData) -> u64 {
    let columns = metadata
        .row_groups()
        .iter()
        .flat_map(|group| group.columns());
    let records = columns.filter(|column| column.column_path().string() == "record");
    let sizes = records.map(|column| u64::try_from(column.uncompressed_size()).unwrap_or(0));
    sizes.fold(0, u64::saturating_add)
}

/// Reads what the metadata say, and names what does not belong there.
fn judge_meta(metadata: &ParquetMetaData, bad: &mut impl FnMut(Code, String)) -> Option<Meta> {
    let none = Vec::new();
    let file = metadata.file_metadata();
    let pairs = file.key_value_metadata().unwrap_or(&none);
    for pair in pairs.iter().filter(|pair| !pair.key.starts_with(PREFIX)) {
        let name = countersign_proto::reading::text::printable(&pair.key);
        bad(
            Code::Copy(Flaw::BadMetadata),
            format!("{name} does not belong into its metadata"),
        );
    }
    let pairs = pairs
        .iter()
        .map(|pair| (pair.key.as_str(), pair.value.as_deref()));
    let meta = match Meta::from_pairs(pairs) {
        Ok(meta) => meta,
        Err(error) => {
            bad(Code::Copy(Flaw::BadMetadata), error.to_string());
            return None;
        }
    };
    if u64::try_from(file.num_rows()) != Ok(meta.rows) {
        let text = format!(
            "countersign.rows is {}; it has {} rows",
            meta.rows,
            file.num_rows()
        );
        bad(Code::Copy(Flaw::BadMetadata), text);
    }
    Some(meta)
}

/// Prepares reading. Text and bytes stay where they were unpacked: a dictionary in which many rows
/// share a long value must not become that many long values.
fn readable(metadata: &ParquetMetaData) -> Result<ArrowReaderMetadata, String> {
    let descriptor = metadata.file_metadata().schema_descr();
    let schema = parquet_to_arrow_schema(descriptor, None).map_err(words)?;
    let fields = schema.fields().iter().map(|field| {
        let data_type = field.data_type();
        let data_type = if matches!(data_type, DataType::Utf8 | DataType::LargeUtf8) {
            DataType::Utf8View
        } else if matches!(data_type, DataType::Binary | DataType::LargeBinary) {
            DataType::BinaryView
        } else {
            data_type.clone()
        };
        Field::new(field.name(), data_type, field.is_nullable())
            .with_metadata(field.metadata().clone())
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let options = ArrowReaderOptions::new().with_schema(schema);
    ArrowReaderMetadata::try_new(Arc::new(metadata.clone()), options).map_err(words)
}

//! What a file says about its own values so that readers pass over groups of rows and pages: the
//! smallest and largest value, whether there are any, and Bloom filters. Where it is wrong, a
//! query does not find rows that are there.

use std::ops::Range;

use arrow::array::{Array as _, ArrayRef, AsArray as _, BooleanArray, Scalar, UInt64Array};
use arrow::compute::kernels::cmp::{gt, lt};
use arrow::datatypes::{Schema, UInt64Type};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::bloom_filter::Sbbf;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;

use super::rows::number;
use crate::finding::{Code, Findings, Flaw};

/// Faults of one group of rows that are told.
const MAX_TOLD: usize = 200;

/// Rows, and what is said of a column of theirs.
#[derive(Debug)]
struct Stretch {
    rows: Range<usize>,
    least: ArrayRef,
    most: ArrayRef,
    nulls: Option<usize>,
    /// A page, by its number; `None` for all of the group.
    page: Option<usize>,
    told: bool,
}

/// A column of a group of rows.
struct Column {
    name: String,
    stretches: Vec<Stretch>,
    filter: Option<Sbbf>,
}

/// What is said about one group of rows.
pub(super) struct Bounds {
    group: usize,
    columns: Vec<Column>,
    /// Rows of the group before the next batch.
    row: usize,
    told: usize,
}

impl std::fmt::Debug for Bounds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bounds")
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}

impl Bounds {
    /// Reads what is said about a group. `index` has the indexes of pages, where they can be read;
    /// the schema is that of the batches.
    pub(super) fn of(
        builder: &ParquetRecordBatchReaderBuilder<std::fs::File>,
        index: Option<&ParquetMetaData>,
        group: usize,
    ) -> Result<Self, ParquetError> {
        let metadata = index.unwrap_or_else(|| builder.metadata());
        let schema = builder.schema();
        let mut columns = Vec::new();
        let places = metadata.file_metadata().schema_descr().columns();
        for field in schema.fields() {
            let stretches = stretches(metadata, schema, field.name(), group)?;
            let place = places
                .iter()
                .position(|it| it.path().string() == *field.name());
            let filter = match place {
                Some(place) => builder.get_row_group_column_bloom_filter(group, place)?,
                None => None,
            };
            columns.push(Column {
                name: field.name().clone(),
                stretches,
                filter,
            });
        }
        Ok(Self {
            group,
            columns,
            row: 0,
            told: 0,
        })
    }

    /// Compares the next rows of the group.
    pub(super) fn take(&mut self, batch: &RecordBatch, file: &str, findings: &mut Findings) {
        let rows = self.row..self.row.saturating_add(batch.num_rows());
        self.row = rows.end;
        for column in &mut self.columns {
            let Some(values) = batch.column_by_name(&column.name) else {
                continue;
            };
            let mut faults = Vec::new();
            for stretch in column.stretches.iter_mut().filter(|stretch| !stretch.told) {
                let start = stretch.rows.start.max(rows.start);
                let end = stretch.rows.end.min(rows.end);
                let Some(len) = end.checked_sub(start).filter(|len| *len > 0) else {
                    continue;
                };
                let from = start.saturating_sub(rows.start);
                let hidden = stretch.hides(&values.slice(from, len));
                if let Some(at) = hidden.unwrap_or(Some(0)) {
                    stretch.told = true;
                    let what = match stretch.page {
                        Some(page) => format!("page {page} of column {}", column.name),
                        None => format!("column {}", column.name),
                    };
                    faults.push((from.saturating_add(at), what));
                }
            }
            let missed = column
                .filter
                .as_ref()
                .and_then(|filter| misses(filter, values));
            if let Some(at) = missed {
                column.filter = None;
                faults.push((at, format!("the filter of column {}", column.name)));
            }
            for (at, what) in faults {
                self.told = self.told.saturating_add(1);
                if self.told <= MAX_TOLD {
                    let index = number(batch, at);
                    let text = format!(
                        "{file}: {what}, group {}: what it says of its values leaves out entry \
                         {index}",
                        self.group
                    );
                    findings.add(Code::Copy(Flaw::BadPageIndex), Some(index), text);
                }
            }
        }
    }
}

/// What is said of a column: by the group as a whole, and by each of its pages.
fn stretches(
    metadata: &ParquetMetaData,
    schema: &Schema,
    name: &str,
    group: usize,
) -> Result<Vec<Stretch>, ParquetError> {
    let descriptor = metadata.file_metadata().schema_descr();
    let converter = StatisticsConverter::try_new(name, schema, descriptor)?;
    let of_group = metadata.row_group(group);
    let rows = usize::try_from(of_group.num_rows()).unwrap_or(0);
    let whole = [of_group];
    let mut found = Vec::new();
    let mut add = |rows, (least, most): (&ArrayRef, &ArrayRef), nulls: &UInt64Array, at, page| {
        let known = at < least.len() && at < most.len();
        let count = (at < nulls.len() && nulls.is_valid(at)).then(|| nulls.value(at));
        if known {
            found.push(Stretch {
                rows,
                least: least.slice(at, 1),
                most: most.slice(at, 1),
                nulls: count.and_then(|count| usize::try_from(count).ok()),
                page,
                told: false,
            });
        }
    };
    let (least, most) = (
        converter.row_group_mins(whole)?,
        converter.row_group_maxes(whole)?,
    );
    let nulls = converter.row_group_null_counts(whole)?;
    add(0..rows, (&least, &most), &nulls, 0, None);
    if let Some(pages) = metadata.page_index() {
        let pages = pages.as_ref();
        let groups = [group];
        let counts = converter.data_page_row_counts(pages, metadata.row_groups(), &groups)?;
        let least = converter.data_page_mins(pages, &groups)?;
        let most = converter.data_page_maxes(pages, &groups)?;
        let nulls = converter.data_page_null_counts(pages, &groups)?;
        let mut start = 0_usize;
        for (page, count) in counts.iter().flatten().enumerate() {
            let count = usize::try_from(count.unwrap_or(0)).unwrap_or(usize::MAX);
            let end = start.saturating_add(count);
            add(start..end, (&least, &most), &nulls, page, Some(page));
            start = end;
        }
    }
    Ok(found)
}

impl Stretch {
    /// Place of the first value that does not fit what is said.
    fn hides(&self, values: &ArrayRef) -> Result<Option<usize>, ArrowError> {
        let some = values.len().saturating_sub(values.null_count());
        if let Some(nulls) = self.nulls {
            if nulls == 0 && values.null_count() > 0 {
                return Ok((0..values.len()).find(|at| values.is_null(*at)));
            }
            if nulls >= self.rows.len() && some > 0 {
                return Ok((0..values.len()).find(|at| values.is_valid(*at)));
            }
        }
        if self.least.is_valid(0) {
            let below = lt(values, &Scalar::new(ArrayRef::clone(&self.least)))?;
            if let Some(at) = first(&below) {
                return Ok(Some(at));
            }
        }
        if self.most.is_valid(0) {
            let above = gt(values, &Scalar::new(ArrayRef::clone(&self.most)))?;
            return Ok(first(&above));
        }
        Ok(None)
    }
}

fn first(flags: &BooleanArray) -> Option<usize> {
    (flags.true_count() > 0).then(|| flags.iter().position(|flag| flag == Some(true)))?
}

/// Place of the first value that a filter says is not there.
fn misses(filter: &Sbbf, values: &ArrayRef) -> Option<usize> {
    if let Some(texts) = values.as_string_view_opt() {
        return texts
            .iter()
            .position(|text| text.is_some_and(|text| !filter.check(text)));
    }
    let numbers = values.as_primitive_opt::<UInt64Type>()?;
    let missing = |number: Option<u64>| {
        // A file has signed numbers of the same bits.
        number.is_some_and(|number| !filter.check(&number.cast_signed()))
    };
    numbers.iter().position(missing)
}

//! Every typed column of every row, compared with what the signed record says: it is read out of
//! the record anew, by the code that wrote it. Rows are made of the records only where something
//! differs, to say what.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray as _};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use arrow::util::display::array_value_to_string;
use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::hash::{self, Hash};
use countersign_chain::key::{KeyError, SigningKey, VerifierKey};
use countersign_chain::record::Record;
use countersign_export::item::Item;
use countersign_export::native::read::Columns;
use countersign_export::native::rows::rows;
use countersign_proto::reading::text::{hex, printable};
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};

use super::rows::number;
use crate::finding::{Code, Findings, Flaw};

/// Rows that one core compares at once. With the largest entries some 8 MiB of records, and a few
/// times that of what is read out of them.
const PIECE: usize = 128;
/// Bytes of a value that are told.
const MAX_TOLD: usize = 120;
/// Columns that say what signs a row: they are not read out of its record.
const OF_COMMIT: [&str; 5] = ["commit_size", "commit_root", "key_id", "signature", "proof"];

/// Compares columns with records.
#[derive(Debug)]
pub(super) struct Comparer {
    /// Rows are made of entries with what signs them. What is made of this one is not compared.
    stand_in: SignedCheckpoint,
    /// Id of the key, as rows name it.
    key_id: String,
}

impl Comparer {
    /// For a log that is signed with this key.
    ///
    /// # Errors
    /// [`KeyError`] does not happen: any 32 bytes are a key.
    pub(super) fn new(key: &VerifierKey) -> Result<Self, KeyError> {
        let nobody = SigningKey::from_seed(key.origin().clone(), &[0; 32])?;
        Ok(Self {
            stand_in: SignedCheckpoint::sign(0, hash::empty_root(), &nobody),
            key_id: key.id().to_string(),
        })
    }

    /// Compares all rows of a batch; returns the leaf hashes of its records.
    pub(super) fn compare(&self, batch: &RecordBatch, findings: &mut Findings) -> Vec<Hash> {
        let pieces = batch.num_rows().div_ceil(PIECE);
        let columns = Columns::of(batch);
        let compared: Vec<(Vec<Hash>, Findings)> = (0..pieces)
            .into_par_iter()
            .map(|piece| {
                let start = piece.saturating_mul(PIECE);
                let end = start.saturating_add(PIECE).min(batch.num_rows());
                self.piece((batch, columns.as_ref()), start..end)
            })
            .collect();
        let mut leaves = Vec::with_capacity(batch.num_rows());
        for (some, found) in compared {
            leaves.extend(some);
            findings.append(found);
        }
        leaves
    }

    /// Compares some rows of a batch; returns the leaf hashes of their records.
    fn piece(
        &self,
        (batch, columns): (&RecordBatch, Option<&Columns<'_>>),
        rows: Range<usize>,
    ) -> (Vec<Hash>, Findings) {
        let mut found = Findings::default();
        let Some(records) = batch
            .column_by_name("record")
            .and_then(|it| it.as_binary_view_opt())
        else {
            return (Vec::new(), found);
        };
        let bytes = |row: usize| records.is_valid(row).then(|| records.value(row));
        let records: Vec<&[u8]> = rows.clone().map(|row| bytes(row).unwrap_or(&[])).collect();
        let leaves = hash::leaves_of(&records);
        let mut places = Vec::with_capacity(records.len());
        let mut items = Vec::with_capacity(records.len());
        for ((place, bytes), leaf) in rows.clone().zip(&records).zip(&leaves) {
            match Record::parse(bytes) {
                Ok(record) => {
                    places.push(place);
                    items.push(Item::new(record, *leaf, &self.stand_in));
                }
                Err(error) => {
                    let index = number(batch, place);
                    let text = format!("entry {index}: column record is no record: {error}");
                    found.add(Code::Copy(Flaw::ColumnChanged), Some(index), text);
                }
            }
        }
        self.keys(batch, rows, &mut found);
        if !columns.is_some_and(|columns| are_same(columns, &places, &items)) {
            differences(batch, (&places, &items), &mut found);
        }
        (leaves, found)
    }

    /// Every row names the key.
    fn keys(&self, batch: &RecordBatch, rows: Range<usize>, found: &mut Findings) {
        let keys = batch
            .column_by_name("key_id")
            .and_then(|it| it.as_string_view_opt());
        let Some(keys) = keys else {
            return;
        };
        for row in rows {
            let key = if keys.is_valid(row) {
                keys.value(row)
            } else {
                ""
            };
            if key != self.key_id {
                let index = number(batch, row);
                let text = format!(
                    "entry {index}: column key_id is {}; expected {}",
                    told(key),
                    self.key_id
                );
                found.add(Code::Copy(Flaw::ColumnChanged), Some(index), text);
            }
        }
    }
}

/// Whether rows at these places hold what their records say.
fn are_same(columns: &Columns<'_>, places: &[usize], items: &[Item<'_>]) -> bool {
    let mut text = Vec::new();
    let mut rows = places.iter().zip(items);
    rows.all(|(place, item)| columns.are_of(*place, item, &mut text))
}

/// Names every value of rows at these places that is another one than their records say.
fn differences(
    batch: &RecordBatch,
    (places, items): (&[usize], &[Item<'_>]),
    found: &mut Findings,
) {
    let expected = match rows(items) {
        Ok(expected) => expected,
        Err(error) => {
            let text = format!("columns could not be read out of records: {error}");
            return found.add(Code::Copy(Flaw::ColumnChanged), None, text);
        }
    };
    let schema = expected.schema();
    for (field, expected) in schema.fields().iter().zip(expected.columns()) {
        let name = field.name().as_str();
        let Some(got) = batch.column_by_name(name) else {
            continue;
        };
        if OF_COMMIT.contains(&name) {
            continue;
        }
        for ((row, place), item) in places.iter().enumerate().zip(items) {
            let (got, expected) = (got.slice(*place, 1), expected.slice(row, 1));
            if is_same(&got, &expected) {
                continue;
            }
            let index = item.record.index().get();
            let text = format!(
                "entry {index}: column {name} is {}; the record says {}",
                value(&got),
                value(&expected)
            );
            found.add(Code::Copy(Flaw::ColumnChanged), Some(index), text);
        }
    }
}

/// Whether two columns hold the same values. Text and bytes that were read are views.
fn is_same(got: &ArrayRef, expected: &ArrayRef) -> bool {
    match (got.data_type(), expected.data_type()) {
        (DataType::Utf8View, DataType::Utf8) => got
            .as_string_view()
            .iter()
            .eq(expected.as_string::<i32>().iter()),
        (DataType::BinaryView, DataType::Binary) => got
            .as_binary_view()
            .iter()
            .eq(expected.as_binary::<i32>().iter()),
        _ => got == expected,
    }
}

/// The one value of a column, for people.
fn value(column: &ArrayRef) -> String {
    if column.is_null(0) {
        return "without a value".to_owned();
    }
    if let Some(bytes) = bytes(column) {
        let start = bytes.get(..MAX_TOLD / 2).unwrap_or(bytes);
        let more = if start.len() < bytes.len() { "…" } else { "" };
        return format!("{}{more} ({} bytes)", hex(start), bytes.len());
    }
    let text: Result<String, ArrowError> = array_value_to_string(column, 0);
    let text = text.unwrap_or_default();
    if matches!(column.data_type(), DataType::Utf8View | DataType::Utf8) {
        told(&text)
    } else {
        text
    }
}

fn bytes(column: &ArrayRef) -> Option<&[u8]> {
    if let Some(views) = column.as_binary_view_opt() {
        return views.iter().next()?;
    }
    if let Some(values) = column.as_binary_opt::<i32>() {
        return values.iter().next()?;
    }
    column.as_fixed_size_binary_opt()?.iter().next()?
}

/// As much of a text as is told.
fn told(text: &str) -> String {
    let mut start: String = text.chars().take(MAX_TOLD).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    format!("\"{}\"", printable(&start))
}

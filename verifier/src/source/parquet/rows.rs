//! The columns of a batch that prove its rows.

use arrow::array::{
    Array as _, AsArray as _, BinaryViewArray, FixedSizeBinaryArray, PrimitiveArray, RecordBatch,
};
use arrow::datatypes::UInt64Type;
use countersign_chain::hash::Hash;

use crate::copy::{Row, Seal};

/// Those columns. That they have these types was looked at when the file was opened.
#[derive(Debug)]
pub(super) struct Rows<'a> {
    indexes: &'a PrimitiveArray<UInt64Type>,
    records: &'a BinaryViewArray,
    leaves: &'a FixedSizeBinaryArray,
    sizes: &'a PrimitiveArray<UInt64Type>,
    roots: &'a FixedSizeBinaryArray,
    signatures: &'a FixedSizeBinaryArray,
    proofs: &'a BinaryViewArray,
}

impl<'a> Rows<'a> {
    pub(super) fn of(batch: &'a RecordBatch) -> Option<Self> {
        let fixed = |name: &str| batch.column_by_name(name)?.as_fixed_size_binary_opt();
        let view = |name: &str| batch.column_by_name(name)?.as_binary_view_opt();
        let numbers = |name: &str| batch.column_by_name(name)?.as_primitive_opt::<UInt64Type>();
        Some(Self {
            indexes: numbers("index")?,
            records: view("record")?,
            leaves: fixed("leaf")?,
            sizes: numbers("commit_size")?,
            roots: fixed("commit_root")?,
            signatures: fixed("signature")?,
            proofs: view("proof")?,
        })
    }

    /// The row at a place.
    fn row(&self, place: usize) -> Option<Row<'a>> {
        let hash = |column: &'a FixedSizeBinaryArray| Hash::from_slice(at(column, place)?);
        Some(Row {
            index: self.indexes.values().get(place).copied()?,
            record: self
                .records
                .is_valid(place)
                .then(|| self.records.value(place))?,
            leaf: hash(self.leaves)?,
            seal: Seal {
                size: self.sizes.values().get(place).copied()?,
                root: hash(self.roots)?,
                signature: at(self.signatures, place)?.try_into().ok()?,
            },
            proof: self
                .proofs
                .is_valid(place)
                .then(|| self.proofs.value(place)),
        })
    }

    /// All rows, in order.
    pub(super) fn all(&self) -> Vec<Row<'a>> {
        (0..self.indexes.len())
            .filter_map(|place| self.row(place))
            .collect()
    }
}

fn at(column: &FixedSizeBinaryArray, place: usize) -> Option<&[u8]> {
    (place < column.len() && column.is_valid(place)).then(|| column.value(place))
}

/// Index of a row by its column.
pub(super) fn number(batch: &RecordBatch, place: usize) -> u64 {
    let indexes = batch.column_by_name("index");
    let indexes = indexes.and_then(|it| it.as_primitive_opt::<UInt64Type>());
    indexes
        .and_then(|it| it.values().get(place).copied())
        .unwrap_or(0)
}

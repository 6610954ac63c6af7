//! Rows that were read from a file, compared with the entries that they should be of. Nothing is
//! made for that but the two texts of an event: where all is well, that is much faster than making
//! the rows again. What differs is told by who makes them.

use std::borrow::Cow;

use arrow::array::{
    Array, AsArray as _, BinaryViewArray, FixedSizeBinaryArray, StringViewArray, UInt16Array,
};
use arrow::datatypes::UInt16Type;
use arrow::record_batch::RecordBatch;
use countersign_proto::reading::fields_of;

use super::cell::{Cell, Number, Text, Time};
use super::columns::{Facts, ReadFacts};
use super::rows::micros;
use crate::item::Item;

/// A column of one type of values.
#[derive(Debug)]
pub(super) struct Read<'a, C: Cell> {
    column: &'a C::Read,
    /// Whether no row has a value: of an event there are few columns that do.
    empty: bool,
}

impl<'a, C: Cell> Read<'a, C> {
    /// `None` where it is missing, or of another type.
    pub(super) fn of(batch: &'a RecordBatch, name: &str) -> Option<Self> {
        let column = batch.column_by_name(name)?;
        let known = *column.data_type() == C::read_type();
        let column: &C::Read = column.as_any().downcast_ref().filter(|_| known)?;
        Some(Self {
            column,
            empty: column.null_count() == column.len(),
        })
    }

    /// Whether a row has this value, or none.
    pub(super) fn is(&self, row: usize, value: Option<&C::Value<'_>>) -> bool {
        match value {
            None => self.empty || self.column.is_null(row),
            Some(value) => {
                !self.empty && self.column.is_valid(row) && C::is(self.column, row, value)
            }
        }
    }
}

/// The columns that are read out of records.
#[derive(Debug)]
pub struct Columns<'a> {
    index: Read<'a, Number>,
    time: Read<'a, Time>,
    kind: &'a UInt16Array,
    name: Read<'a, Text>,
    case: Read<'a, Number>,
    actor: Read<'a, Text>,
    via: Read<'a, Text>,
    key: &'a BinaryViewArray,
    facts: ReadFacts<'a>,
    summary: &'a StringViewArray,
    event: &'a StringViewArray,
    record: &'a BinaryViewArray,
    leaf: &'a FixedSizeBinaryArray,
    prev: &'a FixedSizeBinaryArray,
}

impl<'a> Columns<'a> {
    /// Those of a batch in which text and bytes are views; `None` where one is missing, or of
    /// another type.
    #[must_use]
    pub fn of(batch: &'a RecordBatch) -> Option<Self> {
        let hash = |name: &str| {
            let column = batch.column_by_name(name)?.as_fixed_size_binary_opt()?;
            (column.value_length() == 32).then_some(column)
        };
        let bytes = |name: &str| batch.column_by_name(name)?.as_binary_view_opt();
        let text = |name: &str| batch.column_by_name(name)?.as_string_view_opt();
        let kind = batch.column_by_name("kind")?;
        Some(Self {
            index: Read::of(batch, "index")?,
            time: Read::of(batch, "time")?,
            kind: kind.as_primitive_opt::<UInt16Type>()?,
            name: Read::of(batch, "name")?,
            case: Read::of(batch, "case")?,
            actor: Read::of(batch, "actor")?,
            via: Read::of(batch, "via")?,
            key: bytes("idempotency_key")?,
            facts: ReadFacts::of(batch)?,
            summary: text("summary")?,
            event: text("event")?,
            record: bytes("record")?,
            leaf: hash("leaf")?,
            prev: hash("prev")?,
        })
    }

    /// Whether every value of a row, which the batch has, is what [`super::rows::rows`] makes of
    /// this entry. `text` is room that is used again. What signs the entry is not looked at.
    #[must_use]
    pub fn are_of(&self, row: usize, item: &Item<'_>, text: &mut Vec<u8>) -> bool {
        self.are_of_entry(row, item)
            && self.are_of_event(row, item, text)
            && bytes_are(self.record, row, Some(item.record.bytes()))
            && hash_is(self.leaf, row, item.leaf.as_bytes())
            && hash_is(self.prev, row, item.record.prev().as_bytes())
    }

    fn are_of_entry(&self, row: usize, item: &Item<'_>) -> bool {
        let record = &item.record;
        self.index.is(row, Some(&record.index().get()))
            && self.time.is(row, Some(&micros(record.time())))
            && self.kind.is_valid(row)
            && self.kind.value(row) == record.kind().get()
            && self.name.is(row, Some(&item.name()))
            && self.case.is(row, item.case().as_ref())
            && self.actor.is(row, Some(&Cow::Borrowed(record.actor())))
            && self.via.is(row, item.via().map(Cow::Borrowed).as_ref())
            && bytes_are(self.key, row, item.key())
    }

    fn are_of_event(&self, row: usize, item: &Item<'_>, text: &mut Vec<u8>) -> bool {
        let known = item.event.as_ref();
        let facts = known.map(Facts::of).unwrap_or_default();
        if !self.facts.are(row, &facts) {
            return false;
        }
        text.clear();
        let fields = fields_of(known, item.record.payload());
        let written = serde_json::to_writer(&mut *text, &fields);
        written.is_ok()
            && text_is(self.event, row, text)
            && text_is(self.summary, row, item.summary().as_bytes())
    }
}

fn text_is(column: &StringViewArray, row: usize, text: &[u8]) -> bool {
    column.is_valid(row) && column.value(row).as_bytes() == text
}

fn bytes_are(column: &BinaryViewArray, row: usize, value: Option<&[u8]>) -> bool {
    match value {
        None => column.is_null(row),
        Some(value) => column.is_valid(row) && column.value(row) == value,
    }
}

fn hash_is(column: &FixedSizeBinaryArray, row: usize, hash: &[u8; 32]) -> bool {
    column.is_valid(row) && column.value(row) == hash
}

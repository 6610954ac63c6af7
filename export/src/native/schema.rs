//! The columns of the native file: name, type and meaning, in one place.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use super::cell::UTC;
use super::columns::Facts;

/// A column of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub data_type: DataType,
    /// Whether a row may have no value.
    pub nullable: bool,
    /// What stands in it.
    pub about: &'static str,
}

/// A column in which every row has a value.
const fn always(name: &'static str, data_type: DataType, about: &'static str) -> Column {
    Column {
        name,
        data_type,
        nullable: false,
        about,
    }
}

/// A column in which rows may have no value.
const fn sometimes(name: &'static str, data_type: DataType, about: &'static str) -> Column {
    Column {
        name,
        data_type,
        nullable: true,
        about,
    }
}

/// What every entry has: the columns before those of events.
fn of_entry() -> Vec<Column> {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into()));
    vec![
        always(
            "index",
            DataType::UInt64,
            "Position of the entry in the log",
        ),
        always("time", time, "When the ledger took it"),
        always("kind", DataType::UInt16, "Number of the kind of its event"),
        always("name", DataType::Utf8, "Name of that kind"),
        sometimes(
            "case",
            DataType::UInt64,
            "Index of the entry that opened its case",
        ),
        always("actor", DataType::Utf8, "Principal who acted"),
        sometimes(
            "via",
            DataType::Utf8,
            "Client that carried it, where it is another one",
        ),
        sometimes(
            "idempotency_key",
            DataType::Binary,
            "Key by which a repeat was told",
        ),
    ]
}

/// How an entry is proved, and its event as text: the columns behind those of events.
fn of_proof() -> Vec<Column> {
    let hash = DataType::FixedSizeBinary(32);
    let signature = DataType::FixedSizeBinary(64);
    let sibling = "Inclusion proof in the tree of `commit_size`, 32 bytes for each hash, from the \
                   leaf up; where the rows alone do not lead to the root";
    vec![
        always(
            "summary",
            DataType::Utf8,
            "The event in a few words, at most 256 bytes; all of it is in `event`",
        ),
        always("event", DataType::Utf8, "The event as a JSON object"),
        always(
            "record",
            DataType::Binary,
            "The record: the bytes that are hashed",
        ),
        always("leaf", hash.clone(), "Leaf hash of the record"),
        always(
            "prev",
            hash.clone(),
            "Leaf hash of the entry before; zeros for entry 0",
        ),
        always(
            "commit_size",
            DataType::UInt64,
            "Size of the log after the commit of the entry",
        ),
        always("commit_root", hash, "Root of the log after it"),
        always(
            "key_id",
            DataType::Utf8,
            "Id of the key that signed size and root",
        ),
        always(
            "signature",
            signature,
            "The Ed25519 signature of their checkpoint",
        ),
        sometimes("proof", DataType::Binary, sibling),
    ]
}

static COLUMNS: LazyLock<Vec<Column>> = LazyLock::new(|| {
    let facts = Facts::columns();
    of_entry()
        .into_iter()
        .chain(facts)
        .chain(of_proof())
        .collect()
});

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let field = |it: &Column| Field::new(it.name, it.data_type.clone(), it.nullable);
    Arc::new(Schema::new(columns().iter().map(field).collect::<Vec<_>>()))
});

/// The columns, in order.
#[must_use]
pub fn columns() -> &'static [Column] {
    &COLUMNS
}

/// The columns as a schema.
#[must_use]
pub fn schema() -> SchemaRef {
    SchemaRef::clone(&SCHEMA)
}

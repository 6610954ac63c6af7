//! Whether the columns of a file are those of the form: each one by its name and type.

use std::fmt::Write as _;

use countersign_export::native::schema::schema;
use parquet::arrow::ArrowSchemaConverter;
use parquet::file::metadata::ParquetMetaData;
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};

/// Columns without which nothing can be proved.
pub(super) const NEEDED: [&str; 7] = [
    "index",
    "record",
    "leaf",
    "commit_size",
    "commit_root",
    "signature",
    "proof",
];
/// Columns of other forms that are named.
const MAX_NAMED: usize = 100;

/// How the columns of a file compare with those of the form.
#[derive(Debug)]
pub(super) struct Shape {
    /// What is wrong, in words.
    pub(super) faults: Vec<String>,
    /// Places of the columns that are right.
    pub(super) known: Vec<usize>,
    /// Whether those are among them without which nothing can be proved.
    pub(super) provable: bool,
}

/// Compares the columns.
pub(super) fn judge(metadata: &ParquetMetaData) -> Shape {
    let got = metadata.file_metadata().schema_descr();
    let expected = match ArrowSchemaConverter::new().convert(&schema()) {
        Ok(expected) => expected,
        Err(error) => return unprovable(error.to_string()),
    };
    let mut faults = Vec::new();
    let mut known = Vec::new();
    let mut right: Vec<&str> = Vec::new();
    for column in expected.columns() {
        match find(got, column.name()).as_slice() {
            [] => faults.push(format!("column {} is missing", column.name())),
            [at] => match got.columns().get(*at) {
                Some(found) if is_same(found, column) => {
                    known.push(*at);
                    right.push(column.name());
                }
                found => faults.push(format!(
                    "column {} is {}; expected {}",
                    column.name(),
                    found.map_or_else(String::new, |found| describe(found)),
                    describe(column)
                )),
            },
            many => faults.push(format!(
                "column {} stands {} times",
                column.name(),
                many.len()
            )),
        }
    }
    for column in got.columns() {
        if find(&expected, &column.path().string()).is_empty() {
            let name = column.path().string();
            let name = countersign_proto::reading::text::printable(&name);
            faults.push(format!("column {name} does not belong there"));
        }
    }
    if faults.is_empty() && !in_order(got, &expected) {
        faults.push("its columns stand in another order".to_owned());
    }
    if faults.is_empty() && got.root_schema() != expected.root_schema() {
        faults.push("what its columns stand in is of another form".to_owned());
    }
    faults.truncate(MAX_NAMED);
    known.sort_unstable();
    let provable = NEEDED.iter().all(|name| right.contains(name));
    if !provable {
        faults.push("without all of its columns its rows cannot be proved".to_owned());
    }
    Shape {
        faults,
        known,
        provable,
    }
}

fn unprovable(why: String) -> Shape {
    Shape {
        faults: vec![why],
        known: Vec::new(),
        provable: false,
    }
}

fn in_order(got: &SchemaDescriptor, expected: &SchemaDescriptor) -> bool {
    let names = got.columns().iter().zip(expected.columns());
    names
        .into_iter()
        .all(|(got, expected)| got.name() == expected.name())
}

/// Places of the columns of this name.
fn find(schema: &SchemaDescriptor, name: &str) -> Vec<usize> {
    let columns = schema.columns().iter().enumerate();
    let named = columns.filter(|(_, column)| column.path().string() == name);
    named.map(|(at, _)| at).collect()
}

fn is_same(got: &ColumnDescriptor, expected: &ColumnDescriptor) -> bool {
    got.self_type() == expected.self_type()
        && got.max_def_level() == expected.max_def_level()
        && got.max_rep_level() == expected.max_rep_level()
}

fn describe(column: &ColumnDescriptor) -> String {
    let mut text = column.physical_type().to_string();
    if let Some(logical) = column.logical_type_ref() {
        // Writing into text does not fail.
        write!(text, " {logical:?}").unwrap_or_default();
    }
    if column.self_type().is_optional() {
        text.push_str(", without a value in some rows");
    }
    text
}

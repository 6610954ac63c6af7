//! Files that are read, changed and written anew.

use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, BinaryArray, BooleanArray, FixedSizeBinaryArray,
    Int32Array, StringArray, TimestampMicrosecondArray, UInt16Array, UInt64Array, new_null_array,
};
use arrow::compute::{concat, concat_batches, take};
use arrow::datatypes::{
    DataType, Field, Int32Type, Schema, TimestampMicrosecondType, UInt16Type, UInt64Type,
};
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::file::metadata::KeyValue;

/// A file, taken apart.
#[derive(Clone)]
pub(super) struct Table {
    pub(super) rows: RecordBatch,
    pub(super) meta: Vec<(String, Option<String>)>,
}

impl Table {
    pub(super) fn read(file: &[u8]) -> Self {
        let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::copy_from_slice(file));
        let reader = reader.expect("a file");
        let pairs = reader.metadata().file_metadata().key_value_metadata();
        let meta = pairs.expect("metadata").iter();
        let meta = meta
            .map(|pair| (pair.key.clone(), pair.value.clone()))
            .collect();
        let schema = Arc::clone(reader.schema());
        let batches: Result<Vec<_>, _> = reader.build().expect("columns").collect();
        let batches = batches.expect("rows");
        Self {
            rows: concat_batches(&schema, &batches).expect("of one form"),
            meta,
        }
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let options = ArrowWriterOptions::new().with_skip_arrow_metadata(true);
        let schema = self.rows.schema();
        let mut writer =
            ArrowWriter::try_new_with_options(Vec::new(), schema, options).expect("room");
        writer.write(&self.rows).expect("room");
        for (name, value) in &self.meta {
            writer.append_key_value_metadata(KeyValue::new(name.clone(), value.clone()));
        }
        writer.into_inner().expect("room")
    }

    pub(super) fn len(&self) -> usize {
        self.rows.num_rows()
    }

    pub(super) fn columns(&self) -> Vec<(String, bool)> {
        let schema = self.rows.schema();
        let fields = schema.fields().iter();
        fields
            .map(|field| (field.name().clone(), field.is_nullable()))
            .collect()
    }

    pub(super) fn index(&self, row: usize) -> u64 {
        let column = self.rows.column_by_name("index").expect("there");
        column.as_primitive::<UInt64Type>().value(row)
    }

    /// The rows in another order, or some of them.
    pub(super) fn reordered(&self, places: &[usize]) -> Self {
        let places = places
            .iter()
            .map(|place| u64::try_from(*place).expect("small"));
        let places = UInt64Array::from_iter_values(places);
        let columns = self.rows.columns().iter();
        let columns = columns.map(|column| take(column, &places, None).expect("in range"));
        self.with(columns.collect())
    }

    fn with(&self, columns: Vec<ArrayRef>) -> Self {
        Self {
            rows: RecordBatch::try_new(self.rows.schema(), columns).expect("of the form"),
            meta: self.meta.clone(),
        }
    }

    /// With another column in place of one.
    pub(super) fn replaced(&self, name: &str, column: ArrayRef) -> Self {
        let at = self.rows.schema().index_of(name).expect("there");
        let mut columns = self.rows.columns().to_vec();
        columns[at] = column;
        self.with(columns)
    }

    /// With another value in some rows of a column; `None` when the change says nothing there.
    pub(super) fn changed(&self, name: &str, rows: &[usize], change: Change) -> Option<Self> {
        let column = self.rows.column_by_name(name).expect("there");
        let mut parts = Vec::new();
        let mut at = 0;
        for row in rows {
            parts.push(column.slice(at, row - at));
            parts.push(change.of(&column.slice(*row, 1))?);
            at = row + 1;
        }
        parts.push(column.slice(at, column.len() - at));
        let parts: Vec<_> = parts.iter().map(|part| part.as_ref()).collect();
        Some(self.replaced(name, concat(&parts).expect("of one type")))
    }

    /// Without a column.
    pub(super) fn without(&self, name: &str) -> Self {
        let at = self.rows.schema().index_of(name).expect("there");
        let mut rows = self.rows.clone();
        rows.remove_column(at);
        Self {
            rows,
            meta: self.meta.clone(),
        }
    }

    /// With a column under another name, or of another type.
    pub(super) fn retyped(&self, name: &str, field: Field, column: ArrayRef) -> Self {
        let schema = self.rows.schema();
        let at = schema.index_of(name).expect("there");
        let mut fields: Vec<_> = schema.fields().iter().cloned().collect();
        let mut columns = self.rows.columns().to_vec();
        (fields[at], columns[at]) = (Arc::new(field), column);
        self.shaped(fields, columns)
    }

    /// With one more column.
    pub(super) fn extended(&self, field: Field, column: ArrayRef) -> Self {
        let mut fields: Vec<_> = self.rows.schema().fields().iter().cloned().collect();
        let mut columns = self.rows.columns().to_vec();
        fields.push(Arc::new(field));
        columns.push(column);
        self.shaped(fields, columns)
    }

    fn shaped(&self, fields: Vec<Arc<Field>>, columns: Vec<ArrayRef>) -> Self {
        let schema = Arc::new(Schema::new(fields));
        Self {
            rows: RecordBatch::try_new(schema, columns).expect("of the form"),
            meta: self.meta.clone(),
        }
    }
}

/// What is done to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Another value; one where there is none.
    Other,
    /// None, where there is one.
    Nothing,
}

impl Change {
    fn of(self, value: &ArrayRef) -> Option<ArrayRef> {
        match self {
            Self::Other => Some(other(value)),
            Self::Nothing if value.is_null(0) => None,
            Self::Nothing => Some(new_null_array(value.data_type(), 1)),
        }
    }
}

fn other(value: &ArrayRef) -> ArrayRef {
    let none = value.is_null(0);
    let turned = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        match bytes.last_mut() {
            Some(last) => *last ^= 1,
            None => bytes.push(1),
        }
        bytes
    };
    match value.data_type() {
        DataType::Utf8 if none => Arc::new(StringArray::from(vec!["x"])),
        DataType::Utf8 => {
            let text = format!("{}x", value.as_string::<i32>().value(0));
            Arc::new(StringArray::from(vec![text]))
        }
        DataType::Binary => {
            let bytes = if none {
                vec![1]
            } else {
                turned(value.as_binary::<i32>().value(0))
            };
            Arc::new(BinaryArray::from(vec![bytes.as_slice()]))
        }
        DataType::FixedSizeBinary(_) => {
            let bytes = turned(value.as_fixed_size_binary().value(0));
            let values = std::iter::once(bytes);
            Arc::new(FixedSizeBinaryArray::try_from_iter(values).expect("of a size"))
        }
        DataType::UInt64 => {
            let number = if none {
                1
            } else {
                value.as_primitive::<UInt64Type>().value(0) ^ 1
            };
            Arc::new(UInt64Array::from(vec![number]))
        }
        DataType::UInt16 => {
            let number = value.as_primitive::<UInt16Type>().value(0) ^ 1;
            Arc::new(UInt16Array::from(vec![number]))
        }
        DataType::Int32 => {
            let number = if none {
                1
            } else {
                value.as_primitive::<Int32Type>().value(0) ^ 1
            };
            Arc::new(Int32Array::from(vec![number]))
        }
        DataType::Boolean => {
            let flag = none || !value.as_boolean().value(0);
            Arc::new(BooleanArray::from(vec![flag]))
        }
        DataType::Timestamp(_, _) => {
            let micros = if none {
                1
            } else {
                value.as_primitive::<TimestampMicrosecondType>().value(0) + 1
            };
            Arc::new(TimestampMicrosecondArray::from(vec![micros]).with_timezone("UTC"))
        }
        // No column has another type.
        data_type => new_null_array(data_type, 1),
    }
}

/// A file in which pages hold as much as a writer can be made to put into one, packed.
pub(super) fn packed(table: &Table) -> Vec<u8> {
    let level = parquet::basic::ZstdLevel::try_new(19).expect("a level");
    let properties = parquet::file::properties::WriterProperties::builder()
        .set_compression(parquet::basic::Compression::ZSTD(level))
        .set_dictionary_enabled(true)
        .set_column_dictionary_enabled("summary".into(), false)
        .set_data_page_size_limit(usize::MAX)
        .set_write_batch_size(1 << 20)
        .build();
    let options = ArrowWriterOptions::new()
        .with_properties(properties)
        .with_skip_arrow_metadata(true);
    let schema = table.rows.schema();
    let mut writer = ArrowWriter::try_new_with_options(Vec::new(), schema, options).expect("room");
    writer.write(&table.rows).expect("room");
    for (name, value) in &table.meta {
        writer.append_key_value_metadata(KeyValue::new(name.clone(), value.clone()));
    }
    writer.into_inner().expect("room")
}

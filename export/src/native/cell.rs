//! The types of values of the event columns.

use std::borrow::Cow;

use arrow::array::{
    Array, ArrayRef, BooleanArray, BooleanBuilder, Int32Array, Int32Builder, StringBuilder,
    StringViewArray, TimestampMicrosecondArray, TimestampMicrosecondBuilder, UInt64Array,
    UInt64Builder,
};
use arrow::datatypes::{DataType, TimeUnit};
use std::sync::Arc;

/// Times are in this zone.
pub const UTC: &str = "UTC";

/// A type of values: what it is in memory, and in a file.
pub trait Cell {
    /// One value, as it is read out of an event.
    type Value<'a>: Clone + std::fmt::Debug + PartialEq;
    /// Collects the values of a batch.
    type Builder: Default + std::fmt::Debug;
    /// A column that was read from a file.
    type Read: Array + 'static;

    /// Its type in a file.
    fn data_type() -> DataType;

    /// An empty column.
    fn builder() -> Self::Builder {
        Self::Builder::default()
    }

    /// Adds a value, or none.
    fn append(builder: &mut Self::Builder, value: Option<&Self::Value<'_>>);

    /// The column.
    fn finish(builder: Self::Builder) -> ArrayRef;

    /// Its type once it was read from a file: text stays where it was unpacked.
    fn read_type() -> DataType {
        Self::data_type()
    }

    /// Whether a row, which has a value, has this one.
    fn is(column: &Self::Read, row: usize, value: &Self::Value<'_>) -> bool;
}

/// UTF-8 text.
#[derive(Debug, Clone, Copy)]
pub struct Text;

/// A number from 0.
#[derive(Debug, Clone, Copy)]
pub struct Number;

/// A number of 32 bits that may be below 0.
#[derive(Debug, Clone, Copy)]
pub struct Signed;

/// True or false.
#[derive(Debug, Clone, Copy)]
pub struct Flag;

/// Microseconds of UTC since 1970.
#[derive(Debug, Clone, Copy)]
pub struct Time;

impl Cell for Text {
    type Value<'a> = Cow<'a, str>;
    type Builder = StringBuilder;
    type Read = StringViewArray;

    fn data_type() -> DataType {
        DataType::Utf8
    }

    fn append(builder: &mut StringBuilder, value: Option<&Cow<'_, str>>) {
        builder.append_option(value);
    }

    fn finish(mut builder: StringBuilder) -> ArrayRef {
        Arc::new(builder.finish())
    }

    fn read_type() -> DataType {
        DataType::Utf8View
    }

    fn is(column: &StringViewArray, row: usize, value: &Cow<'_, str>) -> bool {
        column.value(row) == value
    }
}

impl Cell for Number {
    type Value<'a> = u64;
    type Builder = UInt64Builder;
    type Read = UInt64Array;

    fn data_type() -> DataType {
        DataType::UInt64
    }

    fn append(builder: &mut UInt64Builder, value: Option<&u64>) {
        builder.append_option(value.copied());
    }

    fn finish(mut builder: UInt64Builder) -> ArrayRef {
        Arc::new(builder.finish())
    }

    fn is(column: &UInt64Array, row: usize, value: &u64) -> bool {
        column.value(row) == *value
    }
}

impl Cell for Signed {
    type Value<'a> = i32;
    type Builder = Int32Builder;
    type Read = Int32Array;

    fn data_type() -> DataType {
        DataType::Int32
    }

    fn append(builder: &mut Int32Builder, value: Option<&i32>) {
        builder.append_option(value.copied());
    }

    fn finish(mut builder: Int32Builder) -> ArrayRef {
        Arc::new(builder.finish())
    }

    fn is(column: &Int32Array, row: usize, value: &i32) -> bool {
        column.value(row) == *value
    }
}

impl Cell for Flag {
    type Value<'a> = bool;
    type Builder = BooleanBuilder;
    type Read = BooleanArray;

    fn data_type() -> DataType {
        DataType::Boolean
    }

    fn append(builder: &mut BooleanBuilder, value: Option<&bool>) {
        builder.append_option(value.copied());
    }

    fn finish(mut builder: BooleanBuilder) -> ArrayRef {
        Arc::new(builder.finish())
    }

    fn is(column: &BooleanArray, row: usize, value: &bool) -> bool {
        column.value(row) == *value
    }
}

impl Cell for Time {
    type Value<'a> = i64;
    type Builder = TimestampMicrosecondBuilder;
    type Read = TimestampMicrosecondArray;

    fn data_type() -> DataType {
        DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into()))
    }

    fn append(builder: &mut TimestampMicrosecondBuilder, value: Option<&i64>) {
        builder.append_option(value.copied());
    }

    fn finish(mut builder: TimestampMicrosecondBuilder) -> ArrayRef {
        Arc::new(builder.finish().with_timezone(UTC))
    }

    fn is(column: &TimestampMicrosecondArray, row: usize, value: &i64) -> bool {
        column.value(row) == *value
    }
}

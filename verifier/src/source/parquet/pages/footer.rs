//! What a footer says of its columns, compared byte by byte with that of a file made anew.
//!
//! Readers differ in which parts of a description they use. What ours passes over, another one may
//! need: a bit that fell over there would leave a file that is proved here and that others refuse.

use std::fs::File;

use countersign_export::native::meta::Meta;
use countersign_export::native::schema::schema;
use countersign_export::native::writer::{CREATED_BY, Writer};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::ChunkReader as _;

use super::{Compact, LIST, STRUCT};

// Fields of `FileMetaData` in parquet-format that say what the columns are.
const VERSION: i64 = 1;
const SCHEMA: i64 = 2;
const ORDERS: i64 = 7;
/// Length of the footer, and the mark at the end of the file.
const TAIL: usize = 8;

/// The bytes of a footer that say what the columns are.
#[derive(Debug, Default, PartialEq, Eq)]
struct Columns<'a> {
    version: &'a [u8],
    /// What all stand in, then each column.
    schema: Vec<&'a [u8]>,
    orders: &'a [u8],
}

/// What is described by other bytes than a writer of the form gives, in words; nothing when the
/// file does not say that it was written in the form.
///
/// # Errors
/// In words, why it cannot be read.
pub(in crate::source::parquet) fn judge(
    file: &File,
    len: u64,
    (metadata, meta): (&ParquetMetaData, &Meta),
) -> Result<Vec<String>, String> {
    if metadata.file_metadata().created_by() != Some(CREATED_BY) {
        return Ok(Vec::new());
    }
    let tail = len.checked_sub(8).ok_or("it ends too early")?;
    let size = file.get_bytes(tail, 4).map_err(|error| error.to_string())?;
    let size = size
        .iter()
        .rev()
        .fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let start = tail
        .checked_sub(size)
        .ok_or("its footer begins before it")?;
    let size = usize::try_from(size).map_err(|error| error.to_string())?;
    let there = file.get_bytes(start, size);
    let there = there.map_err(|error| error.to_string())?;
    let none = Meta {
        rows: 0,
        ..meta.clone()
    };
    let anew = Writer::new(Vec::new()).and_then(|writer| writer.finish(&none));
    let anew = anew.map_err(|error| error.to_string())?;
    Ok(differences(&there, footer(&anew).unwrap_or_default()))
}

/// The footer of a whole file.
fn footer(file: &[u8]) -> Option<&[u8]> {
    let tail = file.len().checked_sub(TAIL)?;
    let size = file.get(tail..)?.first_chunk::<4>()?;
    let size = usize::try_from(u32::from_le_bytes(*size)).ok()?;
    file.get(tail.checked_sub(size)?..tail)
}

fn differences(there: &[u8], anew: &[u8]) -> Vec<String> {
    const MORE: &str = "other readers may refuse the file, or read something else";
    let (Some(there), Some(anew)) = (Columns::parse(there), Columns::parse(anew)) else {
        return vec![format!("its footer is not of the form: {MORE}")];
    };
    let mut found = Vec::new();
    if there.version != anew.version || there.orders != anew.orders {
        found.push(format!(
            "its version or the order of its values is another: {MORE}"
        ));
    }
    if there.schema.len() != anew.schema.len() {
        found.push(format!("its columns are not described as they are: {MORE}"));
    }
    let names = schema();
    let pairs = there.schema.iter().zip(&anew.schema).enumerate();
    for (place, _) in pairs.filter(|(_, (there, anew))| there != anew) {
        let field = place.checked_sub(1).and_then(|at| names.fields().get(at));
        let what = field.map_or_else(
            || "what its columns stand in".to_owned(),
            |field| format!("column {}", field.name()),
        );
        found.push(format!(
            "{what} is not described as a writer of the form does it: {MORE}"
        ));
    }
    found
}

impl<'a> Columns<'a> {
    fn parse(footer: &'a [u8]) -> Option<Self> {
        let mut reader = Compact {
            bytes: footer,
            at: 0,
        };
        let mut found = Self::default();
        let mut field = 0;
        while let Some(kind) = reader.field(&mut field)? {
            let start = reader.at;
            match (field, kind) {
                (SCHEMA, LIST) => found.schema = structs(&mut reader)?,
                _ => reader.skip(kind, 0)?,
            }
            let bytes = footer.get(start..reader.at)?;
            match field {
                VERSION => found.version = bytes,
                ORDERS => found.orders = bytes,
                _ => {}
            }
        }
        Some(found)
    }
}

/// The bytes of each struct of a list.
fn structs<'a>(reader: &mut Compact<'a>) -> Option<Vec<&'a [u8]>> {
    let head = reader.byte()?;
    let count = match head >> 4 {
        15 => reader.varint()?,
        short => u64::from(short),
    };
    if head & 0x0f != STRUCT {
        return None;
    }
    let mut all = Vec::new();
    for _ in 0..count {
        let start = reader.at;
        reader.skip(STRUCT, 1)?;
        all.push(reader.bytes.get(start..reader.at)?);
    }
    Some(all)
}

//! From entries to rows.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, FixedSizeBinaryBuilder, StringBuilder, TimestampMicrosecondArray,
    UInt16Array, UInt64Array,
};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use countersign_chain::hash::Hash;
use countersign_chain::key::KeyId;
use countersign_chain::time::UnixMicros;
use countersign_proto::reading::fields_of;

use super::cell::UTC;
use super::columns::{FactColumns, Facts};
use super::schema::schema;
use crate::item::Item;
use crate::limits::SUMMARY;

/// Bytes of a name of a kind or of a principal, for the room that is made before.
const NAME: usize = 24;

/// Makes rows of entries.
///
/// # Errors
/// [`ArrowError`] when the columns do not fit together, which they do.
pub fn rows(items: &[Item<'_>]) -> Result<RecordBatch, ArrowError> {
    let mut columns = of_entry(items);
    let mut facts = FactColumns::default();
    let none = Facts::default();
    for item in items {
        match &item.event {
            Ok(known) => facts.append(&Facts::of(known)),
            Err(_) => facts.append(&none),
        }
    }
    columns.extend(facts.finish());
    columns.extend(of_event(items)?);
    columns.extend(of_proof(items)?);
    RecordBatch::try_new(schema(), columns)
}

/// What every entry has, in the order of the schema.
fn of_entry(items: &[Item<'_>]) -> Vec<ArrayRef> {
    let records = || items.iter().map(|item| &item.record);
    let times = records().map(|record| micros(record.time()));
    let texts = || StringBuilder::with_capacity(items.len(), items.len().saturating_mul(NAME));
    let [mut names, mut actors, mut vias] = [texts(), texts(), texts()];
    let mut keys = BinaryBuilder::new();
    for item in items {
        names.append_value(item.name());
        actors.append_value(item.record.actor());
        vias.append_option(item.via());
        keys.append_option(item.key());
    }
    let cases = items.iter().map(Item::case);
    vec![
        Arc::new(UInt64Array::from_iter_values(
            records().map(|record| record.index().get()),
        )),
        Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone(UTC)),
        Arc::new(UInt16Array::from_iter_values(
            records().map(|record| record.kind().get()),
        )),
        Arc::new(names.finish()),
        Arc::new(cases.collect::<UInt64Array>()),
        Arc::new(actors.finish()),
        Arc::new(vias.finish()),
        Arc::new(keys.finish()),
    ]
}

/// When the ledger took it, in microseconds since 1970.
pub(super) fn micros(time: UnixMicros) -> i64 {
    i64::try_from(time.get()).unwrap_or(i64::MAX)
}

/// The event as text.
fn of_event(items: &[Item<'_>]) -> Result<Vec<ArrayRef>, ArrowError> {
    let bytes = record_bytes(items);
    let words = items.len().saturating_mul(SUMMARY).min(bytes);
    let mut summaries = StringBuilder::with_capacity(items.len(), words);
    let mut events = StringBuilder::with_capacity(items.len(), bytes.saturating_mul(2));
    let mut text = Vec::new();
    for item in items {
        let known = item.event.as_ref();
        summaries.append_value(item.summary());
        text.clear();
        let fields = fields_of(known, item.record.payload());
        serde_json::to_writer(&mut text, &fields)
            .map_err(|error| ArrowError::JsonError(error.to_string()))?;
        let text = std::str::from_utf8(&text);
        events.append_value(text.map_err(|error| ArrowError::JsonError(error.to_string()))?);
    }
    Ok(vec![
        Arc::new(summaries.finish()),
        Arc::new(events.finish()),
    ])
}

fn record_bytes(items: &[Item<'_>]) -> usize {
    let lens = items.iter().map(|item| item.record.bytes().len());
    lens.fold(0, usize::saturating_add)
}

/// How the entry is proved.
fn of_proof(items: &[Item<'_>]) -> Result<Vec<ArrayRef>, ArrowError> {
    let fixed = |width| FixedSizeBinaryBuilder::with_capacity(items.len(), width);
    let mut records = BinaryBuilder::with_capacity(items.len(), record_bytes(items));
    let [mut leaves, mut prevs, mut roots] = [fixed(32), fixed(32), fixed(32)];
    let mut signers = StringBuilder::with_capacity(items.len(), items.len().saturating_mul(NAME));
    // All entries of a log are signed by one key, but nothing here depends on that.
    let mut signer: Option<(KeyId, String)> = None;
    let mut signatures = fixed(64);
    let mut proofs = BinaryBuilder::new();
    for item in items {
        records.append_value(item.record.bytes());
        leaves.append_value(item.leaf.as_bytes())?;
        prevs.append_value(item.record.prev().as_bytes())?;
        roots.append_value(item.commit.root().as_bytes())?;
        let id = item.commit.signer();
        let (_, text) = match &mut signer {
            Some(known) if known.0 == id => known,
            other => other.insert((id, id.to_string())),
        };
        signers.append_value(text);
        signatures.append_value(item.commit.signature())?;
        proofs.append_option(item.proof.as_deref().map(joined));
    }
    let sizes = items.iter().map(|item| item.commit.size());
    Ok(vec![
        Arc::new(records.finish()),
        Arc::new(leaves.finish()),
        Arc::new(prevs.finish()),
        Arc::new(UInt64Array::from_iter_values(sizes)),
        Arc::new(roots.finish()),
        Arc::new(signers.finish()),
        Arc::new(signatures.finish()),
        Arc::new(proofs.finish()),
    ])
}

/// The hashes of a proof, one after the other.
fn joined(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

//! From entries to rows.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, FixedSizeBinaryBuilder, StringBuilder, TimestampMicrosecondArray,
    UInt16Array, UInt64Array,
};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use countersign_chain::hash::Hash;
use countersign_proto::reading;

use super::cell::UTC;
use super::columns::{FactColumns, Facts};
use super::schema::schema;
use crate::item::Item;

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
    columns.extend(of_event(items));
    columns.extend(of_proof(items)?);
    RecordBatch::try_new(schema(), columns)
}

/// What every entry has, in the order of the schema.
fn of_entry(items: &[Item<'_>]) -> Vec<ArrayRef> {
    let records = || items.iter().map(|item| &item.record);
    let micros = |time: u64| i64::try_from(time).unwrap_or(i64::MAX);
    let times = records().map(|record| micros(record.time().get()));
    let mut names = StringBuilder::new();
    let mut actors = StringBuilder::new();
    let mut vias = StringBuilder::new();
    let mut keys = BinaryBuilder::new();
    for record in records() {
        names.append_value(reading::kind_text(record.kind().get()));
        actors.append_value(record.actor());
        vias.append_option(Some(record.via()).filter(|via| !via.is_empty()));
        keys.append_option(Some(record.idem()).filter(|key| !key.is_empty()));
    }
    let cases = records().map(|record| Some(record.case()).filter(|case| *case != 0));
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

/// The event as text.
fn of_event(items: &[Item<'_>]) -> Vec<ArrayRef> {
    let mut summaries = StringBuilder::new();
    let mut events = StringBuilder::new();
    for item in items {
        let known = item.event.as_ref();
        summaries.append_value(reading::summary_of(known));
        events.append_value(reading::event_of(known, item.record.payload()).to_string());
    }
    vec![Arc::new(summaries.finish()), Arc::new(events.finish())]
}

/// How the entry is proved.
fn of_proof(items: &[Item<'_>]) -> Result<Vec<ArrayRef>, ArrowError> {
    let fixed = |width| FixedSizeBinaryBuilder::with_capacity(items.len(), width);
    let mut records = BinaryBuilder::new();
    let [mut leaves, mut prevs, mut roots] = [fixed(32), fixed(32), fixed(32)];
    let mut signers = StringBuilder::new();
    let mut signatures = fixed(64);
    let mut proofs = BinaryBuilder::new();
    for item in items {
        records.append_value(item.record.bytes());
        leaves.append_value(item.leaf.as_bytes())?;
        prevs.append_value(item.record.prev().as_bytes())?;
        roots.append_value(item.commit.root().as_bytes())?;
        signers.append_value(item.commit.signer().to_string());
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

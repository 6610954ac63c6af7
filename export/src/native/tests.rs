//! The file as a whole: what goes in comes out, and the same goes in as the same bytes.

use arrow::array::{Array as _, ArrayRef, AsArray as _, new_null_array};
use arrow::compute::{cast, concat};
use arrow::datatypes::{DataType, Int32Type, UInt16Type, UInt64Type};
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::commit::{Commit, CommitBuilder, Draft, LogHead};
use countersign_chain::key::SigningKey;
use countersign_chain::kind::Kind;
use countersign_chain::origin::Origin;
use countersign_chain::record::Record;
use countersign_chain::time::UnixMicros;
use countersign_chain::tree::Frontier;
use countersign_proto::event::{Known, kinds};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::ReaderProperties;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::file::serialized_reader::ReadOptionsBuilder;

use super::columns::Facts;
use super::meta::{Meta, MetaError};
use super::read::Columns;
use super::rows::rows;
use super::schema::{columns, schema};
use super::writer::Writer;
use crate::item::Item;

#[expect(
    unreachable_pub,
    reason = "the system tests have it as a module of their library"
)]
#[path = "../../../tests/src/samples.rs"]
mod samples;

fn key() -> SigningKey {
    let origin = Origin::parse("log.example/main").expect("an origin");
    SigningKey::from_seed(origin, &[7; 32]).expect("a key")
}

/// A log of every kind of event, twice, and one entry that nobody can read, in three commits.
fn log() -> Vec<(Commit, SignedCheckpoint)> {
    let events = samples::samples();
    let mut head = LogHead::empty();
    let mut log = Vec::new();
    for (nth, events) in [&events[..1], &events[..], &events[..]]
        .into_iter()
        .enumerate()
    {
        let mut builder = CommitBuilder::after(&head);
        for (place, known) in events.iter().enumerate() {
            let (kind, payload) = known.to_event().into_parts().expect("one event");
            push(&mut builder, nth * 100 + place, kind.get(), &payload);
        }
        push(&mut builder, 999, 159, b"unknown");
        let commit = builder.finish(&key()).expect("entries");
        head = commit.head().clone();
        let size = head.size();
        let signed = SignedCheckpoint::sign(size, head.frontier().root(), &key());
        log.push((commit, signed));
    }
    log
}

fn push(builder: &mut CommitBuilder, n: usize, kind: u16, payload: &[u8]) {
    let micros = 1_790_000_000_000_000 + u64::try_from(n).expect("small");
    let draft = Draft {
        kind: Kind::new(kind).expect("a kind"),
        now: UnixMicros::new(micros).expect("a time"),
        case: 0,
        actor: "agent:db-prod-1",
        via: if n.is_multiple_of(2) { "bot:slack" } else { "" },
        idem: if n.is_multiple_of(3) { b"key" } else { b"" },
        payload,
    };
    builder.push(&draft).expect("it fits");
}

fn items(log: &[(Commit, SignedCheckpoint)]) -> Vec<Item<'_>> {
    let mut items = Vec::new();
    for (commit, signed) in log {
        for (record, leaf) in commit.records().zip(commit.leaves()) {
            let record = Record::parse(record).expect("a record");
            items.push(Item::new(record, *leaf, signed));
        }
    }
    items
}

fn meta(items: &[Item<'_>]) -> Meta {
    let last = items.last().expect("entries");
    Meta {
        key: key().verifier().clone(),
        first: 0,
        end: last.record.index().get() + 1,
        rows: u64::try_from(items.len()).expect("small"),
        frontier: Some(Frontier::new()),
        checkpoint: last.commit.text().to_owned(),
    }
}

fn write(items: &[Item<'_>], batch: usize) -> Bytes {
    let mut writer = Writer::new(Vec::new()).expect("room");
    for items in items.chunks(batch) {
        writer.write(&rows(items).expect("rows")).expect("room");
    }
    writer.finish(&meta(items)).expect("room").into()
}

fn read(file: &Bytes) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(file.clone()).expect("a file");
    let mut batches = reader.with_batch_size(10_000).build().expect("columns");
    let batch = batches.next().expect("rows").expect("readable");
    assert!(batches.next().is_none());
    batch
}

#[test]
fn what_is_written_is_read_with_its_types_and_metadata() {
    let log = log();
    let items = items(&log);
    let file = write(&items, 50);
    let batch = read(&file);
    assert_eq!(batch.num_rows(), items.len());
    let fields = |schema: &arrow::datatypes::Schema| {
        let fields = schema.fields().iter();
        let parts = |it: &std::sync::Arc<arrow::datatypes::Field>| {
            (it.name().clone(), it.data_type().clone(), it.is_nullable())
        };
        fields.map(parts).collect::<Vec<_>>()
    };
    assert_eq!(fields(&batch.schema()), fields(&schema()));
    let again = rows(&items).expect("rows");
    for (place, column) in columns().iter().enumerate() {
        assert_eq!(batch.column(place), again.column(place), "{}", column.name);
    }
    let reader = SerializedFileReader::new(file).expect("a file");
    let pairs = reader.metadata().file_metadata().key_value_metadata();
    let pairs = pairs.expect("metadata").iter();
    let pairs = pairs.map(|pair| (pair.key.as_str(), pair.value.as_deref()));
    assert_eq!(Meta::from_pairs(pairs), Ok(meta(&items)));
}

#[test]
fn rows_hold_the_bytes_that_prove_them() {
    let log = log();
    let items = items(&log);
    let batch = read(&write(&items, 1_000));
    let binary = |name: &str| {
        batch
            .column_by_name(name)
            .expect(name)
            .as_binary::<i32>()
            .clone()
    };
    let fixed = |name: &str| {
        batch
            .column_by_name(name)
            .expect(name)
            .as_fixed_size_binary()
            .clone()
    };
    let (records, leaves, signatures) = (binary("record"), fixed("leaf"), fixed("signature"));
    let (roots, prevs) = (fixed("commit_root"), fixed("prev"));
    let sizes = batch
        .column_by_name("commit_size")
        .expect("there")
        .as_primitive::<UInt64Type>();
    for (row, item) in items.iter().enumerate() {
        let record = Record::parse(records.value(row)).expect("a record");
        assert_eq!(record.leaf().as_bytes(), leaves.value(row));
        assert_eq!(record.prev().as_bytes(), prevs.value(row));
        let origin = key().verifier().origin().clone();
        let checkpoint = countersign_chain::checkpoint::Checkpoint {
            origin,
            size: sizes.value(row),
            root: countersign_chain::hash::Hash::from_slice(roots.value(row)).expect("32"),
        };
        let signature = signatures.value(row).try_into().expect("64 bytes");
        let note = checkpoint.to_note(key().verifier().id(), signature);
        let opened = SignedCheckpoint::open(&note, key().verifier()).expect("signed");
        assert_eq!(&opened, item.commit);
    }
}

/// A batch in which text and bytes are views, as the verifier reads it.
fn viewed(batch: &RecordBatch) -> RecordBatch {
    let columns = batch.schema_ref().fields().iter().zip(batch.columns());
    let columns = columns.map(|(field, column)| {
        let column = match column.data_type() {
            DataType::Utf8 => cast(column, &DataType::Utf8View),
            DataType::Binary => cast(column, &DataType::BinaryView),
            _ => Ok(ArrayRef::clone(column)),
        };
        (field.name(), column.expect("a view"), true)
    });
    RecordBatch::try_from_iter_with_nullable(columns).expect("columns of one length")
}

#[test]
fn rows_that_were_read_are_those_of_their_entries_and_of_no_others() {
    let log = log();
    let items = items(&log);
    let batch = viewed(&rows(&items).expect("rows"));
    let read = Columns::of(&batch).expect("all columns");
    let mut text = Vec::new();
    for (row, item) in items.iter().enumerate() {
        for (other, item) in items.iter().enumerate() {
            let same = read.are_of(row, item, &mut text);
            assert_eq!(same, row == other, "row {row}, entry {other}");
        }
        assert!(read.are_of(row, item, &mut text));
    }
}

#[test]
fn a_changed_value_of_any_column_is_noticed() {
    const OF_COMMIT: [&str; 5] = ["commit_size", "commit_root", "key_id", "signature", "proof"];
    let log = log();
    let items = items(&log);
    let batch = viewed(&rows(&items).expect("rows"));
    let (mut text, mut changed) = (Vec::new(), 0);
    for (place, column) in columns().iter().enumerate() {
        // Each row gets the value of the next one, and each one that has a value loses it.
        let values = batch.column(place);
        let turned = [values.slice(1, values.len() - 1), values.slice(0, 1)];
        let turned = concat(&[&turned[0], &turned[1]]).expect("one column");
        for other in [turned, new_null_array(values.data_type(), values.len())] {
            let mut damaged = batch.columns().to_vec();
            damaged[place] = ArrayRef::clone(&other);
            let damaged = RecordBatch::try_new(batch.schema(), damaged).expect("columns");
            let read = Columns::of(&damaged).expect("all columns");
            for (row, item) in items.iter().enumerate() {
                let same = values.slice(row, 1) == other.slice(row, 1);
                let same = same || OF_COMMIT.contains(&column.name);
                let said = read.are_of(row, item, &mut text);
                assert_eq!(said, same, "{}, row {row}", column.name);
                changed += u32::from(!same);
            }
        }
        let schema = batch.schema();
        let kept = (0..schema.fields().len()).filter(|other| *other != place);
        let without = batch.project(&kept.collect::<Vec<_>>()).expect("columns");
        let needed = !OF_COMMIT.contains(&column.name);
        assert_eq!(Columns::of(&without).is_none(), needed, "{}", column.name);
    }
    assert!(changed > 1_000, "{changed} values were changed");
}

#[test]
fn the_same_entries_give_the_same_bytes() {
    let log = log();
    let items = items(&log);
    assert_eq!(write(&items, 40), write(&items, 40));
}

#[test]
fn single_values_are_found_by_filters_and_statistics() {
    let log = log();
    let file = write(&items(&log), 1_000);
    let options = ReadOptionsBuilder::new()
        .with_page_index()
        .with_reader_properties(
            ReaderProperties::builder()
                .set_read_bloom_filter(true)
                .build(),
        );
    let reader = SerializedFileReader::new_with_options(file, options.build()).expect("a file");
    let group = reader.get_row_group(0).expect("one");
    let place = |name: &str| columns().iter().position(|it| it.name == name).expect(name);
    let actors = group
        .get_column_bloom_filter(place("actor"))
        .expect("a filter");
    assert!(actors.check(&"agent:db-prod-1"));
    assert!(!actors.check(&"agent:nobody"));
    assert!(group.get_column_bloom_filter(place("case")).is_some());
    assert!(group.get_column_bloom_filter(place("name")).is_none());
    let metadata = reader.metadata();
    assert!(metadata.page_index().is_some());
    let sorted = metadata.row_group(0).sorting_columns().expect("sorted");
    assert_eq!((sorted.len(), sorted[0].column_idx), (1, 0));
}

#[test]
fn every_kind_says_something_in_columns_of_its_own() {
    let samples = samples::samples();
    assert_eq!(samples.len(), kinds().count());
    for known in &samples {
        assert_ne!(Facts::of(known), Facts::default(), "{}", known.name());
        // What is decoded again gives the same.
        let (kind, payload) = known.to_event().into_parts().expect("one event");
        let again = Known::decode(kind.get(), &payload).expect("a sound sample");
        assert_eq!(Facts::of(&again), Facts::of(known), "{}", known.name());
    }
    let batch = rows(&items(&log())).expect("rows");
    for (column, array) in columns().iter().zip(batch.columns()) {
        let all_null = array.null_count() == array.len();
        let expected = matches!(column.name, "case" | "proof");
        assert_eq!(all_null, expected, "{} is never filled", column.name);
    }
}

#[test]
fn columns_hold_the_fields_of_events() {
    let log = log();
    let batch = rows(&items(&log)).expect("rows");
    let kinds = batch
        .column_by_name("kind")
        .expect("kind")
        .as_primitive::<UInt16Type>();
    let row = |kind: u16| {
        (0..kinds.len())
            .find(|row| kinds.value(*row) == kind)
            .expect("there")
    };
    let text = |name: &str, kind: u16| {
        let column = batch.column_by_name(name).expect(name).as_string::<i32>();
        let row = row(kind);
        column.is_valid(row).then(|| column.value(row).to_owned())
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(text("person", 20), some("ada"));
    assert_eq!(text("approvals", 20), some("security:1, team-leads:2"));
    assert_eq!(text("affected", 20), some("shop, billing"));
    assert_eq!(text("decision", 21), some("approve"));
    assert_eq!(text("verified_by", 21), some("slack-signature-v0"));
    assert_eq!(text("person", 60), some("ada"));
    assert_eq!(text("person", 140), None);
    assert_eq!(text("name", 159), some("kind 159"));
    assert_eq!(text("digest", 62), some(&"b1".repeat(32)));
    let status = batch
        .column_by_name("exit_status")
        .expect("there")
        .as_primitive::<Int32Type>();
    assert_eq!(status.value(row(63)), -1);
    assert!(text("event", 159).expect("JSON").contains("payload_hex"));
}

#[test]
fn metadata_that_do_not_fit_are_named() {
    let log = log();
    let meta = meta(&items(&log));
    let good = meta.to_pairs();
    let read = |pairs: &[(&'static str, String)]| {
        Meta::from_pairs(
            pairs
                .iter()
                .map(|(name, value)| (*name, Some(value.as_str()))),
        )
    };
    assert_eq!(read(&good), Ok(meta.clone()));
    for place in 0..good.len() {
        let name = good[place].0;
        let mut pairs = good.clone();
        pairs.remove(place);
        assert_eq!(read(&pairs), Err(MetaError::Missing(name)));
        pairs = good.clone();
        pairs.push(good[place].clone());
        assert_eq!(read(&pairs), Err(MetaError::Twice(name.to_owned())));
        // A checkpoint is text here, and proved elsewhere.
        if name != "countersign.checkpoint" {
            for value in ["", "-1", "+1", "01", "18446744073709551615", "x", "TRUE"] {
                pairs = good.clone();
                if pairs[place].1 != value {
                    value.clone_into(&mut pairs[place].1);
                    assert!(read(&pairs).is_err(), "{name} {value:?}");
                }
            }
        }
    }
    let mut pairs = good.clone();
    pairs.push(("countersign.more", String::new()));
    assert!(matches!(read(&pairs), Err(MetaError::Unknown(_))));
    pairs = good;
    pairs.push(("ARROW:schema", String::new()));
    assert_eq!(read(&pairs), Ok(meta));
}

#[test]
fn a_file_with_another_number_of_rows_than_it_tells_is_not_ended() {
    let log = log();
    let items = items(&log);
    let writer = Writer::new(Vec::new()).expect("room");
    let error = writer.finish(&meta(&items)).expect_err("no rows");
    assert!(error.to_string().contains("0 rows were written"), "{error}");
}

#[test]
fn the_page_tells_of_every_column() {
    let page = include_str!("../../../docs/export.md");
    let behind = page.split_once("by a test -->\n").expect("a mark").1;
    let table = behind.split_once("\n<!-- end").expect("a mark").0;
    let mut expected = vec![
        "| Column | Type | May be null | What stands in it |".to_owned(),
        "|---|---|---|---|".to_owned(),
    ];
    for column in columns() {
        let kind = match &column.data_type {
            DataType::UInt64 => "uint64",
            DataType::UInt16 => "uint16",
            DataType::Int32 => "int32",
            DataType::Utf8 => "string",
            DataType::Boolean => "bool",
            DataType::Binary => "binary",
            DataType::FixedSizeBinary(32) => "fixed(32)",
            DataType::FixedSizeBinary(64) => "fixed(64)",
            DataType::Timestamp(..) => "timestamp(us, UTC)",
            other => panic!("{}: {other} has no word in docs/export.md", column.name),
        };
        let null = if column.nullable { "yes" } else { "" };
        expected.push(format!(
            "| `{}` | {kind} | {null} | {} |",
            column.name, column.about
        ));
    }
    assert_eq!(table.lines().collect::<Vec<_>>(), expected);
}

//! pyarrow, DuckDB, Polars and chDB read what was written, with the right types and counts. Every
//! kind of event is in the file.

use std::path::Path;
use std::process::Command;

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::commit::{CommitBuilder, Draft, LogHead};
use countersign_chain::key::SigningKey;
use countersign_chain::origin::Origin;
use countersign_chain::record::Record;
use countersign_chain::time::UnixMicros;
use countersign_chain::tree::Frontier;
use countersign_export::item::Item;
use countersign_export::native::meta::Meta;
use countersign_export::native::rows::rows;
use countersign_export::native::schema::columns;
use countersign_export::native::writer::Writer;
use countersign_proto::event::kinds;
use countersign_tests::folder::ORIGIN;
use countersign_tests::process::tool;
use countersign_tests::samples::samples;

/// The type as docs/export.md names it, which a test compares with the code.
fn type_of(column: &str) -> String {
    let page = include_str!("../../../docs/export.md");
    let start = format!("| `{column}` | ");
    let row = page.lines().find_map(|line| line.strip_prefix(&start));
    let row = row.expect("the page tells of every column");
    row.split(" | ").next().expect("a type").to_owned()
}

/// Writes a file with an entry of every kind; returns their number.
fn write(path: &Path) -> usize {
    let origin = Origin::parse(ORIGIN).expect("an origin");
    let key = SigningKey::from_seed(origin, &[7; 32]).expect("a key");
    let mut builder = CommitBuilder::after(&LogHead::empty());
    for known in samples() {
        let (kind, payload) = known.to_event().into_parts().expect("one event");
        let index = builder.next_index();
        let draft = Draft {
            kind,
            now: UnixMicros::new(1_790_000_000_000_000 + index).expect("a time"),
            case: index / 2,
            actor: "agent:db-prod-1",
            via: "",
            idem: b"",
            payload: &payload,
        };
        builder.push(&draft).expect("it fits");
    }
    let commit = builder.finish(&key).expect("entries");
    let size = commit.head().size();
    let signed = SignedCheckpoint::sign(size, commit.head().frontier().root(), &key);
    let items: Vec<_> = commit
        .records()
        .zip(commit.leaves())
        .map(|(record, leaf)| Item::new(Record::parse(record).expect("ours"), *leaf, &signed))
        .collect();
    let file = std::fs::File::create(path).expect("room");
    let mut writer = Writer::new(file).expect("room");
    writer.write(&rows(&items).expect("rows")).expect("room");
    let meta = Meta {
        key: key.verifier().clone(),
        first: 0,
        end: size,
        rows: size,
        frontier: Some(Frontier::new()),
        checkpoint: signed.text().to_owned(),
    };
    writer.finish(&meta).expect("room");
    items.len()
}

#[test]
fn other_programs_read_every_kind_with_its_types() {
    let room = tempfile::tempdir().expect("room");
    let path = room.path().join("every-kind.parquet");
    let rows = write(&path);
    assert_eq!(rows, kinds().count());
    let expected: Vec<_> = columns()
        .iter()
        .map(|it| serde_json::json!([it.name, type_of(it.name), it.nullable]))
        .collect();
    let kinds: Vec<_> = kinds().collect();
    let expected = serde_json::json!({ "rows": rows, "columns": expected, "kinds": kinds });
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(tool("COUNTERSIGN_TEST_PYTHON"))
        .arg(root.join("peers/parquet_native.py"))
        .arg(&path)
        .arg(expected.to_string())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("it is installed");
    let text = String::from_utf8_lossy(&output.stdout);
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{why}");
    assert!(text.starts_with("counted: "), "{text}");
    print!("{text}");
}

//! Files that were made to break a reader, and bits that fell over.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray, UInt64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field};
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};

use super::super::copying::{Entries, codes, verify_bytes};
use super::rewrite::Table;

#[test]
fn columns_of_another_form_are_named() {
    let log = Entries::lines(20, 5);
    let table = Table::read(&log.whole(0, log.size()));
    let rows = table.len();
    let text = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value; rows])) };
    let kind = table.rows.column_by_name("kind").expect("there");
    let wider = cast(kind, &DataType::Int64).expect("a number");
    let actor = Arc::clone(table.rows.column_by_name("actor").expect("there"));
    let cases: [(&str, &str, Table); 5] = [
        ("missing", "column actor is missing", table.without("actor")),
        (
            "retyped",
            "column kind is ",
            table.retyped("kind", Field::new("kind", DataType::Int64, false), wider),
        ),
        (
            "renamed",
            "column Actor does not belong there",
            table.retyped(
                "actor",
                Field::new("Actor", DataType::Utf8, false),
                Arc::clone(&actor),
            ),
        ),
        (
            "nullable",
            "column actor is ",
            table.retyped("actor", Field::new("actor", DataType::Utf8, true), actor),
        ),
        (
            "extra",
            "column note does not belong there",
            table.extended(Field::new("note", DataType::Utf8, false), text("fine")),
        ),
    ];
    for (what, part, changed) in cases {
        let report = verify_bytes(&changed.write());
        let found = report.findings.damage();
        let named = found
            .iter()
            .any(|finding| finding.code.code() == "bad-columns" && finding.message.contains(part));
        assert!(named, "{what}: {found:?}");
        // The other columns still prove the rows.
        assert_eq!(report.checked.entries, 21, "{what}");
    }
    let report = verify_bytes(&table.without("record").write());
    let found = format!("{:?}", report.findings.damage());
    assert!(found.contains("column record is missing"), "{found}");
    assert!(found.contains("cannot be proved"), "{found}");
}

#[test]
fn what_is_no_parquet_file_is_a_finding() {
    let none: [&[u8]; 5] = [
        b"",
        b"PAR1",
        b"PAR1PAR1",
        b"PAR1\xff\xff\xff\x7fPAR1",
        b"hello, world",
    ];
    for bytes in none {
        let report = verify_bytes(bytes);
        assert!(
            codes(&report).0.contains(&"bad-file"),
            "{bytes:?}: {:?}",
            report.findings
        );
    }
    // A footer that promises two thousand million bytes.
    let mut long = vec![0; 1_000];
    long[..4].copy_from_slice(b"PAR1");
    long[992..996].copy_from_slice(&0x7fff_ffff_u32.to_le_bytes());
    long[996..].copy_from_slice(b"PAR1");
    let report = verify_bytes(&long);
    assert!(format!("{:?}", report.findings).contains("its footer would have"));
}

#[test]
fn a_file_that_would_fill_the_memory_is_refused() {
    let log = Entries::lines(2_000, 500);
    let table = Table::read(&log.whole(0, log.size()));
    // A page of 80 MiB that packs into some kilobytes.
    let long = "x".repeat(40_000);
    let column: ArrayRef = Arc::new(StringArray::from(vec![long.as_str(); table.len()]));
    let bytes = super::rewrite::packed(&table.replaced("summary", column));
    assert!(bytes.len() < 4_000_000, "{} bytes", bytes.len());
    let report = verify_bytes(&bytes);
    let found = format!("{:?}", report.findings.damage());
    assert!(
        found.contains("column summary: the page at offset"),
        "{found}"
    );
    // A thousand million rows in a few bytes.
    let rows = 1 << 16;
    let none = Table {
        rows: table.rows.slice(0, 0),
        meta: table.meta.clone(),
    };
    let report = verify_bytes(&none.write());
    assert!(report.findings.damage_total() > 0);
    let same = vec![0; rows];
    let report = verify_bytes(&super::rewrite::packed(&table.reordered(&same)));
    let found = format!("{:?}", report.findings.damage().first());
    assert!(found.contains("has room for"), "{found}");
}

#[test]
fn numbers_at_their_limits_do_no_harm() {
    let log = Entries::lines(20, 5);
    let table = Table::read(&log.whole(1, log.size()));
    for number in [0, 1, u64::MAX, u64::MAX - 1, 1 << 63, (1 << 63) - 1] {
        let column = || -> ArrayRef { Arc::new(UInt64Array::from(vec![number; table.len()])) };
        for name in ["index", "commit_size"] {
            let report = verify_bytes(&table.replaced(name, column()).write());
            assert!(report.findings.damage_total() > 0, "{name} {number}");
        }
    }
    let times: ArrayRef = Arc::new(Int64Array::from(vec![i64::MIN; table.len()]));
    let time = table.rows.column_by_name("time").expect("there");
    let times = cast(&times, time.data_type()).expect("a time");
    let report = verify_bytes(&table.replaced("time", times).write());
    assert!(
        codes(&report)
            .0
            .iter()
            .all(|code| *code == "column-changed")
    );
}

/// Whether the rows and the metadata of a file are those of another one.
fn reads_the_same(bytes: &[u8], sound: &Table) -> bool {
    let read = std::panic::catch_unwind(|| Table::read(bytes));
    read.is_ok_and(|table| table.rows == sound.rows && table.meta == sound.meta)
}

/// Bytes that no reader uses to find rows may change: the test says how many of them there are.
#[test]
fn bits_that_fall_over_are_found_or_change_nothing() {
    let log = Entries::every_kind(6);
    let sound = log.whole(1, log.size());
    let table = Table::read(&sound);
    let flips: Vec<usize> = (0..sound.len()).step_by(64).collect();
    let outcomes: Vec<(usize, bool)> = flips
        .into_par_iter()
        .map(|at| {
            let mut bytes = sound.clone();
            bytes[at] ^= 1 << (at / 64 % 8);
            (at, verify_bytes(&bytes).findings.damage_total() > 0)
        })
        .collect();
    let (found, missed): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(|(_, found)| *found);
    let wrong: Vec<usize> = missed
        .iter()
        .map(|(at, _)| *at)
        .filter(|at| {
            let mut bytes = sound.clone();
            bytes[*at] ^= 1 << (at / 64 % 8);
            !reads_the_same(&bytes, &table)
        })
        .collect();
    println!(
        "counted: bits of a file of {} bytes: {} flipped, {} found, {} change no row, {} missed",
        sound.len(),
        found.len() + missed.len(),
        found.len(),
        missed.len() - wrong.len(),
        wrong.len()
    );
    assert!(wrong.is_empty(), "bits at {wrong:?}");
}

/// What this reader passes over in a description of columns, others need: nothing there may change.
#[test]
fn every_byte_that_describes_columns_is_guarded() {
    let log = Entries::lines(6, 6);
    let sound = log.whole(1, log.size());
    let tail = sound.len() - 8;
    let size = u32::from_le_bytes(sound[tail..tail + 4].try_into().expect("four bytes"));
    let start = tail - usize::try_from(size).expect("small");
    let last = Table::read(&sound)
        .columns()
        .last()
        .expect("a column")
        .0
        .clone();
    let footer = &sound[start..tail];
    let name = footer
        .windows(last.len())
        .position(|it| it == last.as_bytes());
    let end = start + name.expect("it is named") + last.len();
    let missed: Vec<usize> = (start..end)
        .into_par_iter()
        .filter(|at| {
            let mut bytes = sound.clone();
            bytes[*at] ^= 1 << (at % 8);
            verify_bytes(&bytes).findings.damage_total() == 0
        })
        .collect();
    println!(
        "counted: bytes that describe columns: {} changed, {} missed",
        end - start,
        missed.len()
    );
    assert!(
        end - start > 1_000 && missed.is_empty(),
        "bytes at {missed:?}"
    );
}

#[test]
fn a_file_that_ends_early_is_a_finding() {
    let log = Entries::every_kind(6);
    let sound = log.whole(0, log.size());
    let cuts: Vec<usize> = (0..sound.len()).step_by(61).collect();
    let tried = cuts.len();
    let taken: Vec<usize> = cuts
        .into_par_iter()
        .filter(|cut| !codes(&verify_bytes(&sound[..*cut])).0.contains(&"bad-file"))
        .collect();
    assert!(
        tried > 100 && taken.is_empty(),
        "{tried} tried, {taken:?} taken"
    );
}

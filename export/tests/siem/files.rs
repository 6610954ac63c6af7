//! Parquet files of OCSF events: what is in them, where they lie, how large their parts are, and
//! what readers that share no code with ours make of them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

use arrow::array::AsArray;
use arrow::datatypes::{Int32Type, Int64Type};
use countersign_export::limits::{PAGE_BYTES, SIEM_GROUP_ROWS};
use countersign_export::ocsf::lake::{Lake, Place, PlaceError};
use countersign_export::ocsf::{Version, columns, file};
use countersign_export::preset::{End, Preset, Sheet, Start};
use countersign_export::sheet::Out;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::judges::judged;
use super::mapping;
use super::samples::Samples;

fn lake() -> Lake {
    Lake::security_lake(Place::new("cs", "eu-central-1", "external").expect("fine"))
}

/// Writes samples as the driver does: a file for each shelf, of one day.
fn written(preset: &Lake, samples: &Samples, folder: &Path, day: &str) -> BTreeMap<String, u64> {
    let items = samples.items();
    let start = Start {
        first: 0,
        day: Some(day.to_owned()),
        frontier: None,
    };
    let end = End {
        end: items.len() as u64,
        checkpoint: String::new(),
    };
    let mut sheets = BTreeMap::new();
    let mut counts = BTreeMap::new();
    for some in items.chunks(100) {
        for shelved in preset.rows(some).expect("rows") {
            let at = format!("{}/{}", shelved.shelf, preset.day_folder(day));
            let sheet = sheets.entry(at.clone()).or_insert_with(|| {
                fs::create_dir_all(folder.join(&at)).expect("a folder");
                let path = folder.join(&at).join("entries.parquet");
                let out = Out::new(File::create_new(path).expect("a file"));
                preset.begin(out, &start).expect("a sheet")
            });
            sheet.write(&shelved.rows).expect("written");
            *counts.entry(at).or_default() += shelved.count;
        }
    }
    for sheet in sheets.into_values() {
        let out = sheet.finish(&end).expect("finished");
        out.close().expect("closed");
    }
    counts
}

#[test]
fn four_readers_get_back_every_event_of_every_kind_and_the_validator_takes_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let samples = Samples::all();
    for version in Version::ALL {
        let at = folder.path().join("panther").join(version.as_str());
        written(&Lake::panther(version), &samples, &at, "2026-09-21");
        let mut lines = String::new();
        for event in mapping::events(&samples, version) {
            lines.push_str(&event.to_string());
            lines.push('\n');
        }
        fs::write(at.join("events.jsonl"), lines).expect("written");
    }
    let at = folder.path().join("security-lake").join("1.3.0");
    written(&lake(), &samples, &at, "2026-09-21");
    let lines = folder.path().join("panther/1.3.0/events.jsonl");
    fs::copy(lines, at.join("events.jsonl")).expect("copied");
    print!("{}", judged("ocsf_files.py", &[folder.path()]));
}

#[test]
fn files_for_security_lake_keep_its_limits() {
    let folder = tempfile::tempdir().expect("a folder");
    let samples = Samples::many(20, 60_000);
    let counts = written(&lake(), &samples, folder.path(), "2026-09-21");
    assert_eq!(counts.len(), 6);
    assert_eq!(counts.values().sum::<u64>(), samples.names.len() as u64);
    let long = tempfile::tempdir().expect("a folder");
    written(&lake(), &Samples::long(50), long.path(), "2026-09-21");
    let mut groups = 0;
    for root in [folder.path(), long.path()] {
        for shelf in counts.keys() {
            let parts: Vec<_> = shelf.split('/').collect();
            let [ext, source, region, account, day] = parts[..] else {
                panic!("{shelf}");
            };
            assert_eq!(
                (ext, region, account, day),
                (
                    "ext",
                    "region=eu-central-1",
                    "accountId=external",
                    "eventDay=20260921"
                )
            );
            assert!(source.len() <= 20, "{source}");
            let path = root.join(shelf).join("entries.parquet");
            groups += checked(&path, Compression::ZSTD(Default::default()));
        }
    }
    assert!(groups > 12, "some files have more than one group: {groups}");
}

/// Checks sizes and order; returns the number of row groups.
fn checked(path: &Path, packing: Compression) -> usize {
    let reader = SerializedFileReader::new(File::open(path).expect("there")).expect("Parquet");
    let mut last = i64::MIN;
    let mut class = None;
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).expect("a group");
        let meta = group.metadata();
        let rows = usize::try_from(meta.num_rows()).expect("positive");
        assert!(rows <= SIEM_GROUP_ROWS + 1_000);
        assert!(meta.compressed_size() < 256 << 20);
        assert_eq!(meta.sorting_columns().expect("sorted")[0].column_idx, 0);
        for column in 0..group.num_columns() {
            let found = std::mem::discriminant(&meta.column(column).compression());
            assert_eq!(found, std::mem::discriminant(&packing));
            let mut pages = group.get_column_page_reader(column).expect("pages");
            while let Some(page) = pages.get_next_page().expect("a page") {
                let bytes = page.buffer().len();
                assert!(bytes <= 2 * PAGE_BYTES, "{path:?} {column}: {bytes}");
            }
        }
    }
    for batch in ParquetRecordBatchReaderBuilder::try_new(File::open(path).expect("there"))
        .expect("Parquet")
        .build()
        .expect("rows")
    {
        let batch = batch.expect("rows");
        let times = batch.column_by_name("time").expect("a column");
        let classes = batch.column_by_name("class_uid").expect("a column");
        let classes = classes.as_primitive::<Int32Type>();
        for (time, uid) in times
            .as_primitive::<Int64Type>()
            .values()
            .iter()
            .zip(classes.values())
        {
            assert!(*time >= last, "{time} after {last}");
            last = *time;
            assert_eq!(*class.get_or_insert(*uid), *uid);
        }
    }
    reader.num_row_groups()
}

#[test]
fn the_same_entries_give_the_same_bytes() {
    let (one, two) = (tempfile::tempdir(), tempfile::tempdir());
    let (one, two) = (one.expect("a folder"), two.expect("a folder"));
    let counts = written(&lake(), &Samples::all(), one.path(), "2026-09-21");
    written(&lake(), &Samples::all(), two.path(), "2026-09-21");
    for shelf in counts.keys() {
        let read = |root: &Path| fs::read(root.join(shelf).join("entries.parquet")).expect("there");
        assert_eq!(read(one.path()), read(two.path()), "{shelf}");
    }
}

#[test]
fn an_attribute_without_a_column_is_an_error_and_not_lost() {
    let samples = Samples::all();
    let mut mapper = countersign_export::ocsf::Mapper::new(Version::V1_3);
    let items = samples.items();
    let mapped = mapper.map(&items[0]);
    let class = mapped.activity.class();
    assert!(file::batch(std::slice::from_ref(&mapped.event), class, Version::V1_3).is_ok());
    let mut event = mapped.event;
    event.exit_code = Some(7);
    let error = file::batch(&[event], class, Version::V1_3).expect_err("no such column");
    assert!(error.to_string().contains("exit_code"), "{error}");
}

#[test]
fn no_column_is_left_without_a_use() {
    let samples = Samples::all();
    for version in Version::ALL {
        let events = mapping::events(&samples, version);
        for class in countersign_export::ocsf::Class::ALL {
            let mut unused: Vec<_> = columns::schema(class, version)
                .fields()
                .iter()
                .map(|field| field.name().clone())
                .collect();
            for event in events
                .iter()
                .filter(|it| it["class_uid"] == class.uid(version))
            {
                unused.retain(|name| event.get(name).is_none());
            }
            let known = ["start_time", "end_time", "status_code", "status_detail"];
            unused.retain(|name| !known.contains(&name.as_str()));
            assert!(unused.is_empty(), "{class:?} {version}: {unused:?}");
        }
    }
}

#[test]
fn places_that_security_lake_would_not_take_are_refused_by_their_part() {
    for account in ["123456789012", "external", "external_acme-1"] {
        assert!(
            Place::new("countersign", "eu-central-1", account).is_ok(),
            "{account}"
        );
    }
    for source in ["", "countersign-prod", "a/b", "über"] {
        let error = Place::new(source, "eu-central-1", "external").expect_err(source);
        assert!(matches!(error, PlaceError::Source(_)), "{error}");
    }
    for region in ["", "eu/central", "EU"] {
        let error = Place::new("cs", region, "external").expect_err(region);
        assert!(matches!(error, PlaceError::Region(_)), "{error}");
    }
    for account in [
        "",
        "1234",
        "external_",
        "externals",
        "external_../x",
        "12345678901a",
    ] {
        let error = Place::new("cs", "eu-central-1", account).expect_err(account);
        assert!(matches!(error, PlaceError::Account(_)), "{error}");
    }
}

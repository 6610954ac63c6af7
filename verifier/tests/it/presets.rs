//! Exports of honest logs for SIEMs: every entry is there once, in files whose bytes are the same
//! whether a run was stopped or not, and entries tell whose access they are about wherever the
//! export begins.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use countersign_export::lines::Lines;
use countersign_export::ocsf::Version;
use countersign_export::ocsf::lake::{Lake, Place};
use countersign_export::preset::Preset;
use countersign_verifier::check::Request;
use countersign_verifier::export::{Exported, Layout, Order, export};
use countersign_verifier::source::folder::Folder;
use serde_json::Value;

use super::folder::Log;
use super::honest::STORIES;
use super::legality::log_of;
use super::world::World;

/// A log with this story.
fn log(name: &str) -> (Log, u64) {
    let mut world = World::new();
    let story = STORIES.iter().find(|(known, _)| *known == name);
    story.expect("there is one").1(&mut world);
    (log_of(&world.log, 3), world.size())
}

fn order(out: &Path, from: u64) -> Order {
    Order {
        from,
        layout: Layout {
            rows: 5,
            bytes: 1 << 30,
            by_day: false,
        },
        ..Order::whole(out, "main")
    }
}

fn run<P: Preset>(log: &Log, order: &Order, preset: &P) -> Exported {
    let mut source = Folder::open(log.dir.path(), "main").expect("a log");
    let what = (order, &Request::default());
    let stop = AtomicBool::new(false);
    export(&mut source, what, preset, &mut |_| {}, &stop).expect("a sound log")
}

/// The files that the manifest lists, with their bytes.
fn files(out: &Path, exported: &Exported) -> BTreeMap<String, Vec<u8>> {
    let manifest = exported.manifest.as_ref().expect("there are entries");
    let read = |path: &String| fs::read(out.join(path)).expect("there");
    let files = manifest.files.iter();
    files
        .map(|file| (file.path.clone(), read(&file.path)))
        .collect()
}

/// Takes each file away in turn; a run that goes on must give the very bytes again.
fn check<P: Preset>(new: impl Fn() -> P) -> (u64, usize) {
    let (log, size) = log("several at once");
    let out = tempfile::tempdir().expect("a folder");
    let order = order(out.path(), 0);
    let exported = run(&log, &order, &new());
    let before = files(out.path(), &exported);
    let rows = exported.manifest.as_ref().expect("there are entries").rows;
    assert_eq!(rows, size, "{}", new().name());
    for path in before.keys() {
        fs::remove_file(out.path().join(path)).expect("it was there");
        let again = run(&log, &order, &new());
        assert!(again.written > 0 && again.kept > 0, "{path}");
        assert_eq!(files(out.path(), &again), before, "{path}");
    }
    (rows, before.len())
}

fn lake() -> Lake {
    let place = Place::new("countersign", "eu-central-1", "external");
    Lake::security_lake(place.expect("fine"))
}

#[test]
fn a_run_that_goes_on_gives_the_bytes_of_one_that_was_never_stopped() {
    let counts = [
        check(Lines::json),
        check(|| Lines::ocsf(Version::V1_8)),
        check(Lines::cef),
        check(Lines::syslog),
        check(|| Lake::panther(Version::V1_9)),
        check(lake),
    ];
    let (rows, files) = counts
        .iter()
        .fold((0, 0), |(rows, files), it| (rows + it.0, files + it.1));
    println!("counted: {rows} rows in {files} files of 6 presets, each file written again");
}

#[test]
fn wherever_an_export_begins_entries_tell_whose_access_they_are_about() {
    for story in ["extended", "revoked", "break-glass", "overrun"] {
        let (log, size) = log(story);
        let mut told = 0;
        for from in 0..size {
            let out = tempfile::tempdir().expect("a folder");
            let preset = Lines::ocsf(Version::V1_3);
            let exported = run(&log, &order(out.path(), from), &preset);
            for bytes in files(out.path(), &exported).into_values() {
                let text = String::from_utf8(bytes).expect("it is text");
                for line in text.lines() {
                    let event: Value = serde_json::from_str(line).expect("it is JSON");
                    if let Some(name) = event["user"]["name"].as_str() {
                        assert_ne!(name, "unknown", "{story} from {from}: {line}");
                        told += 1;
                    }
                }
            }
        }
        assert!(told > 0, "{story}");
    }
}

#[test]
fn an_export_is_not_gone_on_with_in_another_form() {
    let (log, _) = log("denied");
    let out = tempfile::tempdir().expect("a folder");
    let order = order(out.path(), 0);
    run(&log, &order, &Lines::ocsf(Version::V1_3));
    let mut source = Folder::open(log.dir.path(), "main").expect("a log");
    let (request, stop) = (Request::default(), AtomicBool::new(false));
    let preset = Lines::ocsf(Version::V1_8);
    let error = export(&mut source, (&order, &request), &preset, &mut |_| {}, &stop);
    let error = error.expect_err("another version").to_string();
    assert!(
        error.contains("--ocsf 1.3.0") || error.contains("another"),
        "{error}"
    );
}

#[test]
fn files_for_security_lake_lie_in_their_places() {
    let (log, _) = log("approved and used");
    let out = tempfile::tempdir().expect("a folder");
    let exported = run(&log, &order(out.path(), 0), &lake());
    let files = files(out.path(), &exported);
    for path in files.keys() {
        let parts: Vec<_> = path.split('/').collect();
        assert_eq!(parts.len(), 6, "{path}");
        assert_eq!(parts[0], "ext");
        assert!(
            parts[1].starts_with("countersign-") && parts[1].len() <= 20,
            "{path}"
        );
        assert_eq!(parts[2..4], ["region=eu-central-1", "accountId=external"]);
        let day = parts[4].strip_prefix("eventDay=").expect("a day");
        assert!(
            day.len() == 8 && day.bytes().all(|it| it.is_ascii_digit()),
            "{path}"
        );
        assert!(parts[5].ends_with(".parquet"), "{path}");
    }
    let sources: Vec<_> = files
        .keys()
        .filter_map(|path| path.split('/').nth(1))
        .collect();
    assert!(sources.contains(&"countersign-access") && sources.contains(&"countersign-auth"));
}

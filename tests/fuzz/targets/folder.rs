//! The verifier over the folder of a log. Input: changes of a good log, each of which must be told.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use countersign_fuzz::input::Input;
use countersign_fuzz::log::{changed, image};
use countersign_fuzz::{make, seeds};
use countersign_verifier::check::{Request, check};
use countersign_verifier::report::{Verdict, json, text};
use countersign_verifier::source::folder::Folder;
use libfuzzer_sys::fuzz_target;

/// The files of a good log, all of whose commits are sealed.
static GOOD: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| image(&[&[1, 2], &[3, 1]]));

fn plant() {
    countersign_fuzz::log::plant_changes(&GOOD);
    seeds::plant([Vec::new()]);
}

/// Writes the files into a folder in memory.
fn write(files: &[(String, Vec<u8>)]) -> PathBuf {
    let folder = seeds::scratch().join("log");
    // It is not there the first time.
    drop(fs::remove_dir_all(&folder));
    for name in ["segments", "tree"] {
        fs::create_dir_all(folder.join(name)).expect("a folder in memory");
    }
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).expect("room");
    }
    folder
}

fuzz_target!(init: plant(), |data: &[u8]| {
    let mut input = Input::new(data);
    let pinned = input.byte() % 4 != 3;
    let files = changed(&GOOD, &mut input);
    let folder = write(&files);
    let request = Request {
        key: pinned.then(|| make::key().verifier().clone()),
        ..Request::default()
    };
    let Ok(mut source) = Folder::open_with(&folder, "main", 0) else {
        assert!(files.iter().all(|(name, _)| name != "IDENTITY"), "the folder has an identity");
        return;
    };
    let Ok(report) = check(&mut source, &request, &mut |_step| {}) else {
        assert!(!pinned, "with a pinned key something can always be said");
        return;
    };
    let mut out = Vec::new();
    text::report(&mut out, &report, Duration::ZERO).expect("a vector");
    let json = json::report(&report, Duration::ZERO);
    serde_json::from_str::<serde_json::Value>(&json).expect("a report is JSON");
    let intact = report.verdict() == Verdict::Intact;
    if files == *GOOD {
        assert!(intact, "a good log is accused: {json}");
    }
    if pinned && intact {
        judged_intact(&files, report.size);
    }
});

/// An intact log has every byte of every segment that the good one has, and nothing else.
fn judged_intact(files: &[(String, Vec<u8>)], size: u64) {
    assert_eq!(size, 7, "entries are missing");
    for (name, good) in GOOD
        .iter()
        .filter(|(name, _)| name.starts_with("segments/"))
    {
        let found = files.iter().find(|(found, _)| found == name);
        let found = found.map(|(_, bytes)| bytes.as_slice()).unwrap_or_default();
        // The zeros behind the last frame may be fewer or more.
        let trim = |bytes: &[u8]| bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0);
        let len = trim(good).max(trim(found)) + 1;
        assert_eq!(found.get(..len), good.get(..len), "{name} was changed");
    }
}

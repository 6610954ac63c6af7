//! Files: whole lines, each entry once, through rotation and kills.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::site::{HURRY, Site, until};
use countersign_tests::random::Random;

fn sinks(more: &str) -> String {
    format!(
        "[[sink]]\nname = \"copy\"\n{HURRY}batch = {{ entries = 25, wait = \"5ms\" }}\n\
         [sink.file]\nfolder = \"copies\"\n{more}\n"
    )
}

/// Names and texts of all files, in order. One that was removed meanwhile is none.
fn files(folder: &Path) -> Vec<(String, String)> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<(String, String)> = entries
        .map(|entry| entry.expect("readable"))
        .filter(|entry| entry.file_name() != ".copy.lock")
        .filter_map(|entry| {
            let name = entry.file_name().into_string().expect("a plain name");
            match std::fs::read_to_string(entry.path()) {
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                text => Some((name, text.expect("text"))),
            }
        })
        .collect();
    files.sort();
    files
}

/// Number of lines.
fn count(folder: &Path) -> usize {
    files(folder)
        .iter()
        .map(|(_, text)| text.matches('\n').count())
        .sum()
}

/// Indexes of all whole lines.
fn indexes(folder: &Path) -> Vec<u64> {
    let mut all = Vec::new();
    for (_, text) in files(folder) {
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        for line in whole.lines() {
            let value: Value = serde_json::from_str(line).expect("a whole line");
            all.push(value["index"].as_u64().expect("a number"));
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn files_hold_each_entry_once_through_rotation_and_kills() {
    const KILLS: usize = 40;
    let site = Site::start().await;
    let folder = site.folder().join("copies");
    let config = site.config("files", &sinks("max_bytes = \"20KiB\""));
    let mut end = site.append(1_500).await;
    let mut random = Random::new(77);
    let mut working = 0;
    for kill in 0..KILLS {
        let before = count(&folder);
        let running = site.run(&config);
        if kill % 2 == 0 {
            until("it works", || count(&folder) > before).await;
            tokio::time::sleep(Duration::from_micros(random.below(30_000))).await;
        } else {
            tokio::time::sleep(Duration::from_micros(random.below(200_000))).await;
        }
        running.kill();
        working += usize::from(count(&folder) > before);
        end = site.append(60).await;
    }
    let running = site.run(&config);
    until("everything is there", || {
        count(&folder) >= usize::try_from(end).expect("few")
    })
    .await;
    running.stop();
    let expected: Vec<u64> = (0..end).collect();
    assert_eq!(indexes(&folder), expected, "each once, in order");
    let files = files(&folder);
    println!(
        "counted: sink into files: {KILLS} kills, {working} while it worked: {end} entries in {} \
         files, each once",
        files.len()
    );
    assert!(files.len() > 10);
    for (name, text) in &files {
        assert!(text.ends_with('\n') && text.len() <= 20 << 10, "{name}");
        let first: Value =
            serde_json::from_str(text.lines().next().expect("a line")).expect("JSON");
        let index = first["index"].as_u64().expect("a number");
        assert_eq!(*name, format!("copy-{index:019}.log"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_behind_the_cursor_is_kept_mended_or_cut() {
    let site = Site::start().await;
    let folder = site.folder().join("copies");
    let config = site.config("mend", &sinks("rotate_every = \"36500d\""));
    let end = site.append(100).await;
    let running = site.run(&config);
    until("everything is there", || {
        count(&folder) == usize::try_from(end).expect("few")
    })
    .await;
    running.stop();
    let name = files(&folder)[0].0.clone();
    let path = folder.join(&name);
    let cursor = site.folder().join("mend-state/copy/cursor.json");
    let state = std::fs::read(&cursor).expect("there");
    let whole = std::fs::read_to_string(&path).expect("there");
    let next = site.append(50).await;
    for tail in ["{\"half", "nonsense\nmore nonsense\n", ""] {
        std::fs::write(&cursor, &state).expect("room");
        std::fs::write(&path, format!("{whole}{tail}")).expect("room");
        let running = site.run(&config);
        until("everything is there", || {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            text.ends_with('\n') && text.lines().count() == usize::try_from(next).expect("few")
        })
        .await;
        running.stop();
        assert_eq!(indexes(&folder), (0..next).collect::<Vec<_>>(), "{tail:?}");
    }
    // With the cursor of before and all lines there, nothing changes.
    let finished = std::fs::read_to_string(&path).expect("there");
    std::fs::write(&cursor, &state).expect("room");
    let running = site.run(&config);
    until("the cursor moves", || {
        let text = std::fs::read_to_string(&cursor).unwrap_or_default();
        serde_json::from_str::<Value>(&text).is_ok_and(|it| it["next"] == next)
    })
    .await;
    running.stop();
    assert_eq!(std::fs::read_to_string(&path).expect("there"), finished);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_newest_files_are_kept_where_that_is_asked_for() {
    let site = Site::start().await;
    let folder = site.folder().join("copies");
    let config = site.config("keep", &sinks("max_bytes = \"8KiB\"\nkeep = 3"));
    let end = site.append(300).await;
    let running = site.run(&config);
    until("the last is there", || {
        files(&folder)
            .last()
            .is_some_and(|(_, text)| text.contains(&format!("\"index\":{},", end - 1)))
    })
    .await;
    running.stop();
    assert_eq!(files(&folder).len(), 3);
}

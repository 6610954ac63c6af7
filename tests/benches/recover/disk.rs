//! What a log takes on the disk, and what a process writes there.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use countersign_chain::segment::parse_file_name;

/// Bytes that this process had written to the device so far, as Linux counts them: when a page of
/// the cache becomes dirty, or at once where the cache is passed by.
pub(crate) fn written() -> u64 {
    let io = std::fs::read_to_string("/proc/self/io").expect("Linux");
    let line = io
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes: "));
    line.and_then(|number| number.parse().ok())
        .expect("Linux has this field")
}

/// All files below a folder; none when it is missing.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in folder.read_dir().into_iter().flatten() {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// Bytes of the blocks of all files below a folder.
pub(crate) fn taken(folder: &Path) -> u64 {
    let blocks = |path: &PathBuf| path.metadata().map_or(0, |file| file.blocks());
    files(folder).iter().map(blocks).sum::<u64>() * 512
}

/// Bytes of the segments, without the room behind the data of each.
pub(crate) fn segments(log: &Path) -> u64 {
    let is_segment = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.and_then(parse_file_name).is_some()
    };
    let segments = files(&log.join("segments")).into_iter().filter(is_segment);
    let data = segments.map(|path| {
        let bytes = std::fs::read(path).expect("readable");
        let last = bytes.iter().rposition(|byte| *byte != 0);
        u64::try_from(last.map_or(0, |last| last + 1)).expect("small")
    });
    data.sum()
}

/// Has the page cache forget all files below a folder.
pub(crate) fn forget(folder: &Path) {
    for path in files(folder) {
        let file = File::open(path).expect("readable");
        // Only what is on the disk can be forgotten.
        file.sync_all().expect("a healthy disk");
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).expect("a file");
    }
}

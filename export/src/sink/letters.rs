//! What receivers refuse for good: a file with a line for each entry that was put aside.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use countersign_proto::reading::text::rfc3339;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::clock::Clock;
use super::parcel::Parcel;
use super::{encoding, store};
use crate::limits::MAX_LETTERS;
use crate::line::native;

const FILE: &str = "dead-letters.jsonl";
const LOCK: &str = "dead-letters.lock";

/// An entry that was put aside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Letter {
    /// Its index.
    pub index: u64,
    /// When it was put aside, in RFC 3339.
    pub put_aside: String,
    /// What the receiver said.
    pub reason: String,
    /// The entry as native JSON.
    pub entry: Value,
}

/// The file of one sink.
#[derive(Debug, Clone)]
pub struct Letters {
    folder: PathBuf,
}

impl Letters {
    /// The file in the folder of a sink.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    /// Waits until no other process changes the file.
    fn lock(&self) -> io::Result<File> {
        let file = store::open(&self.folder.join(LOCK), store::OWN)?;
        file.lock()?;
        Ok(file)
    }

    /// Everything that is put aside, by index. An entry that was put aside twice is there once.
    ///
    /// # Errors
    /// Whatever the file system reports; `InvalidData` names the line that is none.
    pub fn read(&self) -> io::Result<BTreeMap<u64, Letter>> {
        let text = match std::fs::read_to_string(self.path()) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(error),
        };
        let mut letters = BTreeMap::new();
        // A crash may have left the last line unfinished: its entry was not passed over then.
        let whole = text
            .rfind('\n')
            .and_then(|end| text.get(..end))
            .unwrap_or_default();
        for (number, line) in whole.lines().enumerate() {
            let letter: Letter = serde_json::from_str(line).map_err(|error| {
                let number = number.saturating_add(1);
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("line {number}: {error}"),
                )
            })?;
            letters.insert(letter.index, letter);
        }
        Ok(letters)
    }

    /// Puts entries aside, down to the device.
    ///
    /// # Errors
    /// Whatever the file system reports; `StorageFull` when the file is as large as it may get.
    pub(super) fn add(&self, parcels: &[Parcel], why: &str, clock: &Clock) -> io::Result<()> {
        let put_aside = rfc3339(clock.now());
        let mut lines = Vec::new();
        for parcel in parcels {
            let entry =
                encoding::with_item(parcel.entry(), |item| serde_json::to_value(native(item)));
            let letter = Letter {
                index: parcel.index(),
                put_aside: put_aside.clone(),
                reason: why.to_owned(),
                entry: entry.map_err(io::Error::other)??,
            };
            serde_json::to_writer(&mut lines, &letter)?;
            lines.push(b'\n');
        }
        self.append(&lines)
    }

    fn append(&self, lines: &[u8]) -> io::Result<()> {
        let _locked = self.lock()?;
        let mut file = store::open(&self.path(), store::OWN)?;
        let end = whole_lines(&mut file)?;
        let more = u64::try_from(lines.len()).unwrap_or(u64::MAX);
        if end.saturating_add(more) > MAX_LETTERS {
            return Err(io::Error::new(
                io::ErrorKind::StorageFull,
                format!(
                    "{FILE} would have more than {MAX_LETTERS} bytes; send what is in it again \
                     with --retry, or move it away"
                ),
            ));
        }
        file.set_len(end)?;
        file.seek(SeekFrom::Start(end))?;
        file.write_all(lines)?;
        file.sync_all()?;
        store::sync_folder(&self.folder)
    }

    /// Takes entries out of the file.
    ///
    /// # Errors
    /// Whatever the file system reports.
    pub fn remove(&self, delivered: &[u64]) -> io::Result<()> {
        let _locked = self.lock()?;
        let mut letters = self.read()?;
        letters.retain(|index, _| !delivered.contains(index));
        let mut lines = Vec::new();
        for letter in letters.values() {
            serde_json::to_writer(&mut lines, letter)?;
            lines.push(b'\n');
        }
        store::replace(&self.path(), &lines)
    }
}

/// Where the last whole line ends.
fn whole_lines(file: &mut File) -> io::Result<u64> {
    const STEP: u64 = 4_096;
    let mut end = file.metadata()?.len();
    let mut buffer = Vec::new();
    while end > 0 {
        let from = end.saturating_sub(STEP);
        file.seek(SeekFrom::Start(from))?;
        buffer.clear();
        file.take(end.saturating_sub(from))
            .read_to_end(&mut buffer)?;
        if let Some(at) = buffer.iter().rposition(|byte| *byte == b'\n') {
            let lines = u64::try_from(at)
                .map_err(io::Error::other)?
                .saturating_add(1);
            return Ok(from.saturating_add(lines));
        }
        end = from;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(index: u64, reason: &str) -> Vec<u8> {
        let letter = Letter {
            index,
            put_aside: "2026-01-31T12:00:00.000000Z".to_owned(),
            reason: reason.to_owned(),
            entry: json!({ "index": index }),
        };
        let mut line = serde_json::to_vec(&letter).expect("JSON");
        line.push(b'\n');
        line
    }

    #[test]
    fn what_is_put_aside_is_there_once_until_it_is_taken_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let letters = Letters::new(folder.path());
        assert!(letters.read().expect("no file").is_empty());
        for (index, reason) in [(4, "a"), (9, "b"), (4, "again")] {
            letters.append(&line(index, reason)).expect("room");
        }
        let all = letters.read().expect("fine");
        assert_eq!(all.keys().copied().collect::<Vec<_>>(), [4, 9]);
        assert_eq!(all[&4].reason, "again");
        letters.remove(&[4]).expect("room");
        let left = letters.read().expect("fine");
        assert_eq!(left.keys().copied().collect::<Vec<_>>(), [9]);
    }

    #[test]
    fn half_a_line_is_passed_over_and_written_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let letters = Letters::new(folder.path());
        let (whole, half) = (line(4, "a"), line(5, &"long".repeat(3_000)));
        for cut in [1, 20, 5_000, half.len() - 1] {
            let mut text = whole.clone();
            text.extend_from_slice(&half[..cut]);
            std::fs::write(letters.path(), &text).expect("room");
            assert_eq!(letters.read().expect("fine").len(), 1, "{cut}");
            letters.append(&line(6, "c")).expect("room");
            let all = letters.read().expect("fine");
            assert_eq!(all.keys().copied().collect::<Vec<_>>(), [4, 6], "{cut}");
        }
        std::fs::write(letters.path(), b"nothing\n").expect("room");
        let error = letters.read().expect_err("no JSON").to_string();
        assert!(error.contains("line 1"), "{error}");
    }
}

//! The files themselves: lines get to the end of one, down to the device.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::sink::store::{self, Owner};

const ENDING: &str = "log";
/// Permissions of a file: a shipper in the group may read it.
const MODE: u32 = 0o640;
/// Digits of an index in a name, so that names sort.
const DIGITS: usize = 19;

/// Where a file ends, as far as the cursor knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// Name of the file.
    name: String,
    /// Bytes of whole lines.
    pub(super) length: u64,
    /// Which multiple of the length of time its entries belong to.
    pub(super) period: u64,
}

/// Lines for one file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Stretch {
    /// Index and multiple of the length of time that a file begins with; `None` for the file that
    /// is open.
    pub(super) begins: Option<(u64, u64)>,
    pub(super) lines: Vec<u8>,
}

/// Writes the files of a sink. Every call may wait for the disk.
#[derive(Debug)]
pub(super) struct Writer {
    folder: PathBuf,
    prefix: String,
    keep: Option<usize>,
    open: Option<Open>,
    /// Held while files are written; the name of its file begins with a dot.
    owner: Option<Owner>,
}

/// The file that is being written.
#[derive(Debug)]
struct Open {
    file: File,
    mark: Mark,
}

impl Writer {
    pub(super) const fn new(folder: PathBuf, prefix: String, keep: Option<usize>) -> Self {
        Self {
            folder,
            prefix,
            keep,
            open: None,
            owner: None,
        }
    }

    /// Keeps what keeps others from writing files of these names.
    pub(super) fn own(&mut self, owner: Owner) {
        self.owner = Some(owner);
    }

    /// Where the file ends that is open.
    pub(super) fn mark(&self) -> Option<&Mark> {
        self.open.as_ref().map(|open| &open.mark)
    }

    /// Writes lines down to the device; returns where they end. After an error what stands there
    /// already is found out by comparing, as after a crash.
    pub(super) fn write(&mut self, stretches: &[Stretch]) -> io::Result<String> {
        let before = self.mark().cloned();
        let written = stretches.iter().try_for_each(|stretch| {
            if let Some((index, period)) = stretch.begins {
                self.begin(index, period)?;
            }
            self.put(&stretch.lines)
        });
        if written.is_err() {
            self.open = None;
            if let Some(before) = before {
                // Where that fails, the next file begins at the next entry.
                self.reopen(before).unwrap_or_default();
            }
        }
        written?;
        serde_json::to_string(&self.mark()).map_err(io::Error::other)
    }

    /// Begins a file. Its name is durable before anything points to it.
    fn begin(&mut self, index: u64, period: u64) -> io::Result<()> {
        let name = format!("{}-{index:0DIGITS$}.{ENDING}", self.prefix);
        let file = store::open(&self.folder.join(&name), MODE)?;
        store::sync_folder(&self.folder)?;
        self.open = Some(Open {
            file,
            mark: Mark {
                name,
                length: 0,
                period,
            },
        });
        Ok(())
    }

    /// Whether only some files are kept.
    pub(super) const fn forgets(&self) -> bool {
        self.keep.is_some()
    }

    /// Brings lines to the end of the file, down to the device.
    fn put(&mut self, lines: &[u8]) -> io::Result<()> {
        let Some(open) = self.open.as_mut().filter(|_| !lines.is_empty()) else {
            return Ok(());
        };
        let there = matching(&open.file, open.mark.length, lines)?;
        let at = open.mark.length.saturating_add(there);
        let more = usize::try_from(there)
            .ok()
            .and_then(|there| lines.get(there..));
        if let Some(more) = more.filter(|more| !more.is_empty()) {
            // What stands there does not agree: it was never counted, and is cut off.
            if open.file.metadata()?.len() > at {
                open.file.set_len(at)?;
            }
            open.file.write_all_at(more, at)?;
        }
        open.file.sync_all()?;
        let added = u64::try_from(lines.len()).map_err(io::Error::other)?;
        open.mark.length = open.mark.length.saturating_add(added);
        Ok(())
    }

    /// Removes the oldest files beyond those that are kept. The one that is open stays, and those
    /// behind it: a run after a crash goes on there.
    pub(super) fn clean(&self) -> io::Result<()> {
        let (Some(keep), Some(mark)) = (self.keep, self.mark()) else {
            return Ok(());
        };
        let mut names = self.names()?;
        names.sort();
        let over = names.len().saturating_sub(keep);
        let old = names.into_iter().take(over);
        for name in old.filter(|name| *name < mark.name) {
            std::fs::remove_file(self.folder.join(name))?;
        }
        Ok(())
    }

    /// Names of the files that this sink has written.
    fn names(&self) -> io::Result<Vec<String>> {
        let entries = std::fs::read_dir(&self.folder)?.collect::<io::Result<Vec<_>>>()?;
        let names = entries
            .into_iter()
            .filter_map(|entry| entry.file_name().into_string().ok());
        let ours = |name: &String| {
            let number = name
                .strip_prefix(&self.prefix)
                .and_then(|rest| rest.strip_prefix('-'))
                .and_then(|rest| rest.strip_suffix(ENDING))
                .and_then(|rest| rest.strip_suffix('.'));
            number.is_some_and(|it| it.len() == DIGITS && it.bytes().all(|c| c.is_ascii_digit()))
        };
        Ok(names.filter(ours).collect())
    }

    /// Goes on in the file that a mark speaks of; when it was moved away or cut, a new one begins.
    pub(super) fn reopen(&mut self, mark: Mark) -> io::Result<()> {
        let path = self.folder.join(&mark.name);
        let length = match std::fs::metadata(&path) {
            Ok(about) => about.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        if length < mark.length || mark.length == 0 {
            let file = mark.name;
            tracing::warn!(file, "the file was moved away or cut; a new one begins");
            return Ok(());
        }
        let file = store::open(&path, MODE)?;
        self.open = Some(Open { file, mark });
        Ok(())
    }
}

/// How many of these bytes stand in the file at this place already.
fn matching(file: &File, from: u64, bytes: &[u8]) -> io::Result<u64> {
    const STEP: usize = 65_536;
    let mut buffer = vec![0; STEP.min(bytes.len())];
    let mut known = 0_u64;
    for chunk in bytes.chunks(STEP) {
        let there = file.read_at(&mut buffer, from.saturating_add(known))?;
        let pairs = buffer.iter().take(there).zip(chunk);
        let same = pairs.take_while(|(left, right)| left == right).count();
        known = known.saturating_add(u64::try_from(same).map_err(io::Error::other)?);
        if same < chunk.len() {
            break;
        }
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch(begins: Option<u64>, line: &str) -> Stretch {
        Stretch {
            begins: begins.map(|index| (index, 0)),
            lines: line.as_bytes().to_vec(),
        }
    }

    #[test]
    fn old_files_go_only_when_the_cursor_is_behind_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let new = || Writer::new(folder.path().to_owned(), "copy".to_owned(), Some(1));
        let mut writer = new();
        let first = writer.write(&[stretch(Some(1), "a\n")]).expect("room");
        let more = [2, 3, 4].map(|index| stretch(Some(index), "b\n"));
        writer.write(&more).expect("room");
        // A run after a crash still finds the file that the cursor before speaks of.
        assert_eq!(writer.names().expect("readable").len(), 4);
        let mut again = new();
        let mark: Option<Mark> = serde_json::from_str(&first).expect("a mark");
        again.reopen(mark.expect("a file is open")).expect("there");
        again.clean().expect("readable");
        assert_eq!(again.names().expect("readable").len(), 4, "none is older");
        writer.clean().expect("readable");
        let left = writer.names().expect("readable");
        assert_eq!(left, [writer.mark().expect("open").name.clone()]);
    }
}

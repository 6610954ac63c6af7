//! Files of one line for each entry.
//!
//! A file is named by the index of its first entry, and where it ends follows from the entries
//! alone: their size, and the multiples of a length of ledger time. So a run after a crash writes
//! the same bytes to the same places: what is there already is compared and kept, half a line is
//! finished, and no entry is there twice. What is written is on the device before the cursor moves.

mod writer;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use super::config::kinds::FileConfig;
use super::parcel::Parcel;
use super::store::Owner;
use super::{Outcome, Sink, store};
use crate::limits::MIN_FILE_BYTES;
use writer::{Mark, Stretch, Writer};

/// Writes files.
#[derive(Debug)]
pub(super) struct Files {
    folder: PathBuf,
    prefix: String,
    rules: Rules,
    /// One caller at a time uses it, from threads that may wait for the disk.
    writer: Arc<Mutex<Writer>>,
}

impl Files {
    pub(super) fn new(config: &FileConfig, sink: &str) -> Result<Self, String> {
        let max_bytes = config.max_bytes.get();
        if max_bytes < MIN_FILE_BYTES {
            return Err(format!(
                "expected file.max_bytes to be at least {MIN_FILE_BYTES}B, got {max_bytes}B"
            ));
        }
        let prefix = config.prefix.clone().unwrap_or_else(|| sink.to_owned());
        let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if prefix.is_empty() || !prefix.bytes().all(good) || prefix.starts_with('.') {
            return Err(format!(
                "expected letters, digits, -, _ and . in file.prefix, got {prefix:?}"
            ));
        }
        if config.keep == Some(0) {
            return Err("expected 1 or more in file.keep, got 0; without it all are kept".into());
        }
        let keep = config.keep.and_then(|keep| usize::try_from(keep).ok());
        let writer = Writer::new(config.folder.clone(), prefix.clone(), keep);
        Ok(Self {
            folder: config.folder.clone(),
            prefix,
            rules: Rules {
                max_bytes,
                period: config.rotate_every.micros(),
            },
            writer: Arc::new(Mutex::new(writer)),
        })
    }

    /// Keeps others from writing files of these names.
    fn take(&self) -> Result<(), String> {
        let (folder, prefix) = (self.folder.display(), &self.prefix);
        let made = store::make_folder(&self.folder);
        made.map_err(|error| format!("cannot make {folder}: {error}"))?;
        let taken = Owner::take_file(&self.folder.join(format!(".{prefix}.lock")));
        let taken = taken.map_err(|error| format!("cannot lock {folder}: {error}"))?;
        let owner = taken.ok_or_else(|| {
            format!(
                "another sink writes files with the prefix {prefix} into {folder}; stop that one, \
                 or choose another prefix"
            )
        })?;
        self.writer.lock().own(owner);
        Ok(())
    }
}

/// When a file is over.
#[derive(Debug, Clone, Copy)]
struct Rules {
    max_bytes: u64,
    /// Microseconds.
    period: u64,
}

impl Rules {
    /// Cuts lines into files, of which one may be open and end at a mark.
    fn cut<'a>(
        self,
        mark: Option<&Mark>,
        lines: impl Iterator<Item = (u64, u64, &'a str)>,
    ) -> Vec<Stretch> {
        let mut at = mark.map(|mark| (mark.length, mark.period));
        let mut stretches = vec![Stretch::default()];
        for (index, micros, line) in lines {
            let weight = u64::try_from(line.len()).unwrap_or(u64::MAX);
            let weight = weight.saturating_add(1);
            let period = micros.checked_div(self.period).unwrap_or(0);
            let room =
                |length: &u64| *length == 0 || length.saturating_add(weight) <= self.max_bytes;
            let length = at.filter(|(_, of)| *of == period).map(|(length, _)| length);
            let length = length.filter(room).unwrap_or_else(|| {
                stretches.push(Stretch {
                    begins: Some((index, period)),
                    lines: Vec::new(),
                });
                0
            });
            at = Some((length.saturating_add(weight), period));
            if let Some(stretch) = stretches.last_mut() {
                stretch.lines.extend_from_slice(line.as_bytes());
                stretch.lines.push(b'\n');
            }
        }
        stretches
    }
}

impl Sink for Files {
    async fn deliver(&mut self, parcels: &[Parcel]) -> Outcome {
        let lines = parcels.iter().map(|parcel| {
            let micros = parcel.entry().time().get();
            (parcel.index(), micros, parcel.text())
        });
        let stretches = self.rules.cut(self.writer.lock().mark(), lines);
        let writer = Arc::clone(&self.writer);
        let written = tokio::task::spawn_blocking(move || writer.lock().write(&stretches)).await;
        match written.map_err(io::Error::other).flatten() {
            Ok(mark) => Outcome::Delivered { mark: Some(mark) },
            Err(error) => Outcome::later(format!(
                "cannot write in {}: {error}",
                self.folder.display()
            )),
        }
    }

    fn forgets(&self) -> bool {
        self.writer.lock().forgets()
    }

    fn forget(&mut self) -> io::Result<()> {
        self.writer.lock().clean()
    }

    fn resume(&mut self, mark: Option<&str>) -> Result<(), String> {
        self.take()?;
        let Some(mark) = mark else {
            return Ok(());
        };
        let mark: Option<Mark> = serde_json::from_str(mark)
            .map_err(|error| format!("the mark in the cursor cannot be read: {error}"))?;
        let reopened = mark.map(|mark| self.writer.lock().reopen(mark));
        let reopened = reopened.transpose();
        reopened.map_err(|error| format!("cannot open {}: {error}", self.folder.display()))?;
        Ok(())
    }

    async fn probe(&mut self) -> Result<String, String> {
        let folder = self.folder.display();
        let written = store::make_folder(&self.folder).and_then(|()| {
            let probe = self.folder.join(".countersign-probe");
            std::fs::write(&probe, b"countersign\n")?;
            std::fs::remove_file(probe)
        });
        written.map_err(|error| format!("cannot write in {folder}: {error}"))?;
        Ok(format!("files can be written in {folder}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_over_by_its_bytes_or_its_time() {
        let rules = Rules {
            max_bytes: 10,
            period: 100,
        };
        let lines = [
            (7, 250, "1234"),
            (8, 260, "1234"),
            (9, 270, "1234"),
            (10, 301, "1"),
            (11, 301, "longer than a file"),
            (12, 302, "2"),
        ];
        let cut = |mark: Option<&Mark>| {
            let stretches = rules.cut(mark, lines.into_iter());
            let text = |lines: &[u8]| String::from_utf8_lossy(lines).replace('\n', "|");
            let shown = stretches.iter().map(|it| (it.begins, text(&it.lines)));
            shown
                .filter(|(begins, text)| begins.is_some() || !text.is_empty())
                .collect::<Vec<_>>()
        };
        let rest = [
            (Some((10, 3)), "1|".to_owned()),
            (Some((11, 3)), "longer than a file|".to_owned()),
            (Some((12, 3)), "2|".to_owned()),
        ];
        let mut expected = vec![
            (Some((7, 2)), "1234|1234|".to_owned()),
            (Some((9, 2)), "1234|".to_owned()),
        ];
        expected.extend(rest.clone());
        assert_eq!(cut(None), expected);
        let mark = |length: u64, period: u64| -> Mark {
            let text = format!("{{\"name\":\"f\",\"length\":{length},\"period\":{period}}}");
            serde_json::from_str(&text).expect("a mark")
        };
        assert_eq!(cut(Some(&mark(4, 1))), expected, "of another time");
        assert_eq!(cut(Some(&mark(6, 2))), expected, "full");
        let mut goes_on = vec![
            (None, "1234|".to_owned()),
            (Some((8, 2)), "1234|1234|".to_owned()),
        ];
        goes_on.extend(rest);
        assert_eq!(cut(Some(&mark(5, 2))), goes_on);
    }
}

//! Files whose names carry the time of their beginning, as those of PostgreSQL: `pg-*.csv`.
//!
//! The file that was written last is the one in use. Its writer has left it when a file is there
//! that was written later. Names that are used again each week, and begun anew then, come in the
//! right order too.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::tail::siblings::written;

/// Which files of a folder belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Series {
    folder: PathBuf,
    prefix: String,
    suffix: String,
}

/// When a file was last written, and its name: files are ordered by that.
type Rank = ((i64, i64), String);

impl Series {
    /// The series that a path with one `*` in its file name stands for; `None` for another path.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let (prefix, suffix) = path.file_name()?.to_str()?.split_once('*')?;
        (!suffix.contains('*')).then(|| Self {
            folder: path.parent().unwrap_or(Path::new("/")).to_path_buf(),
            prefix: prefix.to_owned(),
            suffix: suffix.to_owned(),
        })
    }

    /// The file of this name; `None` when it is none of the series.
    pub(crate) fn file(&self, name: &str) -> Option<PathBuf> {
        self.has(name).then(|| self.folder.join(name))
    }

    /// The file that was written first.
    pub(crate) fn oldest(&self) -> io::Result<Option<PathBuf>> {
        Ok(self
            .ranks()?
            .into_iter()
            .next()
            .map(|(_, name)| self.folder.join(name)))
    }

    /// The file after the one of this name, which is not there any more. Only the names can tell.
    pub(crate) fn after_missing(&self, name: &str) -> io::Result<Option<PathBuf>> {
        let later = self
            .ranks()?
            .into_iter()
            .find(|(_, other)| other.as_str() > name);
        Ok(later.map(|(_, name)| self.folder.join(name)))
    }

    /// The next file that was written after `current`, and whether there are more behind it. A file
    /// that was removed meanwhile is followed by what is later by its name.
    pub(crate) fn after(&self, current: &Path) -> io::Result<Option<(PathBuf, bool)>> {
        let name = current
            .file_name()
            .and_then(OsStr::to_str)
            .unwrap_or_default();
        let ranks = self.ranks()?;
        let here = ranks.iter().position(|(_, other)| other == name);
        let later: Vec<&Rank> = match here {
            Some(here) => ranks.iter().skip(here + 1).collect(),
            None => ranks
                .iter()
                .filter(|(_, other)| other.as_str() > name)
                .collect(),
        };
        let next = later.first().map(|(_, name)| self.folder.join(name));
        Ok(next.map(|next| (next, later.len() > 1)))
    }

    fn has(&self, name: &str) -> bool {
        let long_enough = name.len() >= self.prefix.len() + self.suffix.len();
        long_enough && name.starts_with(&self.prefix) && name.ends_with(&self.suffix)
    }

    fn ranks(&self) -> io::Result<Vec<Rank>> {
        let mut ranks = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| self.has(name)) else {
                continue;
            };
            match entry.metadata() {
                Ok(meta) if meta.is_file() => ranks.push((written(&meta), name.to_owned())),
                Ok(_) => {}
                // Retention removes files while we look.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        ranks.sort();
        Ok(ranks)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn a_path_with_one_star_in_its_name_is_a_series() {
        let series = Series::of(Path::new("/x/pg-*.csv")).unwrap();
        assert_eq!(series.file("pg-1.csv"), Some(PathBuf::from("/x/pg-1.csv")));
        for other in ["pg-1.csv.gz", "pg.csv", "pg-1.log", "pg-csv"] {
            assert_eq!(series.file(other), None, "{other}");
        }
        for other in ["/x/pg.csv", "/x*/pg.csv", "/x/*-*.csv", "/"] {
            assert_eq!(Series::of(Path::new(other)), None, "{other}");
        }
    }

    #[test]
    fn files_are_ordered_by_when_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, at: u64| {
            let file = fs::File::create(folder.path().join(name)).unwrap();
            file.set_modified(UNIX_EPOCH + Duration::from_secs(at))
                .unwrap();
        };
        let series = Series::of(&folder.path().join("pg-*.csv")).unwrap();
        assert_eq!(series.oldest().unwrap(), None);
        // Named by weekday: Monday is used again.
        for (name, at) in [
            ("pg-Tue.csv", 2),
            ("pg-Wed.csv", 3),
            ("pg-Mon.csv", 4),
            ("x", 9),
        ] {
            put(name, at);
        }
        fs::create_dir(folder.path().join("pg-dir.csv")).unwrap();
        let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        assert_eq!(
            series.oldest().unwrap().as_ref().map(name).unwrap(),
            "pg-Tue.csv"
        );
        let after = |current: &str| {
            let next = series.after(&folder.path().join(current)).unwrap();
            next.map(|(next, more)| (name(&next), more))
        };
        assert_eq!(after("pg-Tue.csv"), Some(("pg-Wed.csv".to_owned(), true)));
        assert_eq!(after("pg-Wed.csv"), Some(("pg-Mon.csv".to_owned(), false)));
        assert_eq!(after("pg-Mon.csv"), None);
        // Removed: the later names are what is left.
        assert_eq!(after("pg-Thu.csv"), Some(("pg-Tue.csv".to_owned(), true)));
        assert_eq!(
            series
                .after_missing("pg-Tue.csv")
                .unwrap()
                .as_ref()
                .map(name)
                .unwrap(),
            "pg-Wed.csv"
        );
        assert_eq!(series.after_missing("pg-Zzz.csv").unwrap(), None);
    }
}

//! The file that took the place of one which is still being read.

use std::fs::{File, Metadata};
use std::io;

use crate::tail::file::{self, Contents};
use crate::tail::state::Place;

/// A file that is not read yet. It is held open, so that a rotation does not take it away, and its
/// beginning and size are known, so that a truncation is noticed.
#[derive(Debug)]
pub(crate) struct Successor {
    file: File,
    /// As it was at the last look.
    seen: Place,
    /// What became of it since the first look.
    contents: Contents,
    /// Whether files before it could not be held.
    after_gap: bool,
}

impl Successor {
    pub(crate) fn new(file: File, after_gap: bool) -> io::Result<Self> {
        Ok(Self {
            seen: file::place(&file)?,
            file,
            contents: Contents::Kept,
            after_gap,
        })
    }

    /// Compares the file with what it was.
    pub(crate) fn look(&mut self) -> io::Result<()> {
        match file::contents(&self.file, &self.seen, self.seen.offset)? {
            Contents::Kept => {}
            changed => self.contents = changed,
        }
        self.seen = file::place(&self.file)?;
        Ok(())
    }

    pub(crate) fn metadata(&self) -> io::Result<Metadata> {
        self.file.metadata()
    }

    /// The file as it was at the last look.
    pub(crate) const fn seen(&self) -> &Place {
        &self.seen
    }

    /// What became of it since the first look.
    pub(crate) const fn contents(&self) -> Contents {
        self.contents
    }

    pub(crate) const fn is_after_gap(&self) -> bool {
        self.after_gap
    }

    pub(crate) fn into_file(self) -> File {
        self.file
    }
}

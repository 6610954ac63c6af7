//! One open file: what it is, what is read of it, and its lines.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

use bytes::Bytes;
use countersign_chain::hash::digest;
use rustix::fs::{Mode, OFlags};

use crate::limits::{FINGERPRINT_BYTES, MAX_RAW, PASS_BYTES};
use crate::tail::state::{Fingerprint, Place};

/// A file that is being read.
#[derive(Debug)]
pub(crate) struct Open {
    file: File,
    /// Beginning of the line that is being read.
    place: Place,
    /// Bytes of this line that were given out as parts.
    given: u64,
    /// Number of these parts.
    parts: u64,
    /// Bytes that were read.
    buffer: Vec<u8>,
    /// Number of these that were given out.
    used: usize,
}

/// A line, or a part of one that is too long.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Where it begins.
    pub(crate) offset: u64,
    /// Its bytes without the line end.
    pub(crate) bytes: Bytes,
    /// Number of the part, from 1; 0 for a whole line.
    pub(crate) part: u64,
    /// How it ends.
    pub(crate) end: LineEnd,
}

/// How a line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineEnd {
    /// With a newline.
    Newline,
    /// In another part.
    Part,
    /// With the file.
    File,
}

impl Open {
    /// Reads a file from its beginning.
    pub(crate) fn begin(file: File, generation: u64) -> io::Result<Self> {
        let meta = file.metadata()?;
        let fingerprint = Fingerprint::none();
        let (device, inode) = (meta.dev(), meta.ino());
        Ok(Self::at(
            file,
            Place {
                device,
                inode,
                fingerprint,
                generation,
                offset: 0,
            },
        ))
    }

    /// Reads a file from a place that is in it.
    pub(crate) const fn at(file: File, place: Place) -> Self {
        Self {
            file,
            place,
            given: 0,
            parts: 0,
            buffer: Vec::new(),
            used: 0,
        }
    }

    /// Where the line that is being read begins.
    pub(crate) const fn place(&self) -> Place {
        self.place
    }

    pub(crate) fn metadata(&self) -> io::Result<Metadata> {
        self.file.metadata()
    }

    /// Whether the file still has what was read of it.
    pub(crate) fn contents(&self) -> io::Result<Contents> {
        contents(&self.file, &self.place, self.read_to())
    }

    /// Begins the same file anew.
    pub(crate) fn restart(&mut self) {
        self.place.generation += 1;
        self.place.offset = 0;
        self.place.fingerprint = Fingerprint::none();
        (self.given, self.parts) = (0, 0);
        self.buffer.clear();
        self.used = 0;
    }

    /// Reads on; returns the number of bytes, 0 at the end.
    pub(crate) fn fill(&mut self) -> io::Result<usize> {
        self.buffer.drain(..self.used);
        self.used = 0;
        let (start, at) = (self.buffer.len(), self.read_to());
        self.buffer.resize(start + PASS_BYTES, 0);
        let mut read = 0;
        let result = loop {
            match self
                .file
                .read_at(&mut self.buffer[start + read..], at + wide(read))
            {
                Ok(0) => break Ok(read),
                Ok(count) => read += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        self.buffer.truncate(start + read);
        result
    }

    /// The next line that is whole, or the next part of a long one.
    pub(crate) fn next_line(&mut self) -> Option<Line> {
        let newline = self
            .left()
            .iter()
            .take(MAX_RAW + 1)
            .position(|byte| *byte == b'\n');
        match newline {
            Some(at) => Some(self.give(at, LineEnd::Newline)),
            None if self.left().len() > MAX_RAW => Some(self.give(MAX_RAW, LineEnd::Part)),
            None => None,
        }
    }

    /// Whether there is something behind the last line end.
    pub(crate) fn is_within_line(&self) -> bool {
        !self.left().is_empty() || self.given > 0
    }

    /// What is left at the end of the file.
    pub(crate) fn last_line(&mut self) -> Option<Line> {
        if !self.is_within_line() {
            return None;
        }
        Some(self.give(self.left().len(), LineEnd::File))
    }

    fn give(&mut self, len: usize, end: LineEnd) -> Line {
        if self.place.offset == 0 && self.given == 0 {
            // Before the first line is given out: its key needs to know the file.
            self.place.fingerprint = Fingerprint::of(self.left());
        }
        let offset = self.place.offset + self.given;
        let bytes = Bytes::copy_from_slice(&self.left()[..len]);
        self.used += len + usize::from(end == LineEnd::Newline);
        let part = if end == LineEnd::Part || self.parts > 0 {
            self.parts + 1
        } else {
            0
        };
        if end == LineEnd::Part {
            self.given += wide(len);
            self.parts += 1;
        } else {
            self.place.offset = offset + wide(len) + u64::from(end == LineEnd::Newline);
            (self.given, self.parts) = (0, 0);
        }
        Line {
            offset,
            bytes,
            part,
            end,
        }
    }

    fn read_to(&self) -> u64 {
        self.place.offset + self.given + wide(self.left().len())
    }

    fn left(&self) -> &[u8] {
        &self.buffer[self.used..]
    }
}

/// What became of a file since it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contents {
    /// It begins as it did and has everything that was read.
    Kept,
    /// It ends before what was read.
    Shorter,
    /// It begins with other bytes.
    Other,
}

/// Compares a file with the beginning that a place knows, and with what was read up to `read_to`.
pub(crate) fn contents(file: &File, place: &Place, read_to: u64) -> io::Result<Contents> {
    if file.metadata()?.len() < read_to {
        return Ok(Contents::Shorter);
    }
    let mut beginning = vec![0; place.fingerprint.len];
    match file.read_exact_at(&mut beginning, 0) {
        Ok(()) if digest(&beginning) == place.fingerprint.sha256 => Ok(Contents::Kept),
        Ok(()) => Ok(Contents::Other),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Contents::Shorter),
        Err(error) => Err(error),
    }
}

/// A file as it is now, up to its end.
pub(crate) fn place(file: &File) -> io::Result<Place> {
    let meta = file.metadata()?;
    let mut beginning = [0; FINGERPRINT_BYTES];
    let mut len = 0;
    while len < FINGERPRINT_BYTES {
        match file.read_at(&mut beginning[len..], wide(len)) {
            Ok(0) => break,
            Ok(count) => len += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Place {
        device: meta.dev(),
        inode: meta.ino(),
        fingerprint: Fingerprint::of(&beginning[..len]),
        generation: 0,
        offset: meta.len(),
    })
}

/// Whether these are the device and inode of a place. The number of a device can be another after
/// the machine was started anew; the fingerprint then decides.
pub(crate) fn same_inode(meta: &Metadata, place: &Place) -> bool {
    meta.ino() == place.inode && (meta.dev() == place.device || place.fingerprint.len > 0)
}

/// Opens a regular file; `None` when there is none at the path.
pub(crate) fn open(path: &Path) -> io::Result<Option<File>> {
    match open_regular(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Opening a pipe would wait for its writer, and opening a device can move something: the type is
/// looked at before. What is put there in between is opened without waiting, and looked at again.
fn open_regular(path: &Path) -> io::Result<File> {
    regular(&fs::metadata(path)?)?;
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let meta = file.metadata()?;
    regular(&meta)?;
    // Files of /proc and /sys have contents and no size: each look would find them truncated.
    if meta.len() == 0 && file.read_at(&mut [0], 0)? > 0 && file.metadata()?.len() == 0 {
        return Err(io::Error::other(
            "it has contents and no size, so it is no log",
        ));
    }
    Ok(file)
}

fn regular(meta: &Metadata) -> io::Result<()> {
    if meta.is_file() {
        return Ok(());
    }
    Err(io::Error::other("it is no regular file"))
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

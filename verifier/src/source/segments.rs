//! The segment files of a folder: which there are, in what order they belong, and reading one in
//! windows.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use countersign_chain::frame::{Frame, Nonce};
use countersign_chain::hash::{self, Hash};
use countersign_chain::limits::SEGMENT_HEADER;
use countersign_chain::segment::{SegmentHeader, file_name, parse_file_name};

use super::SourceError;
use crate::finding::{Code, Findings};
use crate::window::{
    Follow, Framing, Hop, Opens, Span, Stop, Window, data_end, hop, is_zero, next_frame,
    peek_follow, peek_nonce,
};

/// Files that a ledger prepares and renames to the next segment. They hold no entries.
const NEXT_SEGMENT: [&str; 2] = ["spare", "making"];
/// Times that the newest segment is looked at again without new data, while a running ledger may be
/// writing there.
const MAX_REREADS: u32 = 64;

/// Bytes behind the end of the data that are looked at at once: they stay near the processor.
const TAIL: usize = 262_144;

/// A segment file at its place in the log.
#[derive(Debug, Clone)]
pub(super) struct SegmentFile {
    pub(super) path: PathBuf,
    /// First index, by the header where it holds, by the name where it does not.
    pub(super) first: u64,
    pub(super) header: Option<SegmentHeader>,
    /// Size when the folder was listed.
    pub(super) len: u64,
}

impl SegmentFile {
    fn opens(&self) -> Opens {
        Opens {
            first: self.first,
            prev: self.header.as_ref().map(|header| header.prev),
        }
    }

    /// What the header says about the last entry of the segment before.
    pub(super) fn follow(&self) -> Option<Follow> {
        let header = self.header.as_ref()?;
        let (index, prev) = (header.first, header.prev);
        Some(Follow { index, prev })
    }
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> SourceError + '_ {
    move |error| SourceError::Io {
        path: path.to_owned(),
        error,
    }
}

/// Lists the segments in the order of the log.
pub(super) fn list(
    folder: &Path,
    findings: &mut Findings,
) -> Result<Vec<SegmentFile>, SourceError> {
    let mut named = Vec::new();
    for entry in fs::read_dir(folder).map_err(io_error(folder))? {
        let entry = entry.map_err(io_error(folder))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        match parse_file_name(&name) {
            Some(first) => named.push((first, entry.path())),
            None if NEXT_SEGMENT.contains(&name.as_str()) => {}
            None => findings.add(Code::UnknownFile, None, format!("segments/{name}")),
        }
    }
    named.sort_unstable();
    let mut placed = Vec::new();
    let mut astray = Vec::new();
    for (first, path) in named {
        let file = inspect(first, path, findings)?;
        if file.first == first {
            placed.push(file);
        } else {
            astray.push((first, file));
        }
    }
    // A segment under a wrong name is read where its header places it, unless that place is taken.
    for (name, file) in astray {
        let taken = placed.iter().any(|other| other.first == file.first);
        let text = format!(
            "segments/{}: header says that it starts with entry {}{}",
            file_name(name),
            file.first,
            if taken { ", and another file does" } else { "" }
        );
        findings.add(Code::BadHeader, Some(name), text);
        if !taken {
            placed.push(file);
        }
    }
    placed.sort_by_key(|file| file.first);
    Ok(placed)
}

fn inspect(first: u64, path: PathBuf, findings: &mut Findings) -> Result<SegmentFile, SourceError> {
    let file = File::open(&path).map_err(io_error(&path))?;
    let len = file.metadata().map_err(io_error(&path))?.len();
    let head = read(&file, 0, SEGMENT_HEADER, Vec::new()).map_err(io_error(&path))?;
    let header = match SegmentHeader::parse(&head) {
        Ok(header) => Some(header),
        Err(error) => {
            let code = Code::of_format(error.code(), Code::BadHeader);
            let text = format!("segments/{}: {error}", file_name(first));
            findings.add(code, Some(first), text);
            None
        }
    };
    Ok(SegmentFile {
        path,
        first: header.as_ref().map_or(first, |header| header.first),
        header,
        len,
    })
}

/// Reads up to `len` bytes at an offset; fewer only at the end of the file. They go where `bytes`
/// were: fresh memory for each window would cost as much as reading it.
fn read(file: &File, offset: u64, len: usize, mut bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    if bytes.capacity() < len {
        // The kernel gives memory that is zero already, and only when it is written to.
        bytes = vec![0; len];
    }
    bytes.resize(len, 0);
    let mut filled = 0_usize;
    while let Some(room) = bytes.get_mut(filled..).filter(|room| !room.is_empty()) {
        let at = offset.saturating_add(u64::try_from(filled).unwrap_or(u64::MAX));
        match file.read_at(room, at) {
            Ok(0) => break,
            Ok(got) => filled = filled.saturating_add(got),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// A segment that is being read.
#[derive(Debug)]
pub(super) struct Reading {
    segment: SegmentFile,
    file: File,
    nonce: Nonce,
    offset: u64,
    window: usize,
    opened: bool,
    finished: bool,
    newest: bool,
    rereads: u32,
    /// How far the data reached at the last look.
    reached: u64,
    /// Offset and digest of the first bytes that are no whole frame, when the newest segment was
    /// last read.
    seen: Option<(u64, Hash)>,
}

impl Reading {
    /// Starts behind the header. `newest` marks the last segment: a running ledger may be writing
    /// there.
    pub(super) fn open(
        segment: SegmentFile,
        window: usize,
        newest: bool,
    ) -> Result<Self, SourceError> {
        let file = File::open(&segment.path).map_err(io_error(&segment.path))?;
        let nonce = match &segment.header {
            Some(header) => header.nonce,
            None => first_nonce(&file).map_err(io_error(&segment.path))?,
        };
        Ok(Self {
            segment,
            file,
            nonce,
            offset: u64::try_from(SEGMENT_HEADER).unwrap_or(u64::MAX),
            window,
            opened: false,
            finished: false,
            newest,
            rereads: 0,
            reached: 0,
            seen: None,
        })
    }

    /// The next commits; `None` at the end of the segment. `behind` is what follows the segment,
    /// and `spare` has room for the bytes.
    pub(super) fn next(
        &mut self,
        behind: Option<Follow>,
        spare: &mut Vec<Vec<u8>>,
        findings: &mut Findings,
    ) -> Result<Option<Window>, SourceError> {
        while !self.finished {
            let room = spare.pop().unwrap_or_default();
            let bytes = self.read(self.offset, self.window, room)?;
            let at_eof = bytes.len() < self.window;
            let found = hop(&bytes, &self.nonce, at_eof);
            self.advance(self.offset_of(found.end));
            if self.newest && self.is_unsettled(&bytes, &found) {
                spare.push(bytes);
                continue;
            }
            if found.stop == Stop::NeedsMore {
                return Ok(Some(self.partial(bytes, found)));
            }
            let end = self.offset_of(found.end);
            let window = self.cut(bytes, found.spans, behind);
            match self.tail(end)? {
                Tail::Clean => self.finished = true,
                Tail::Frame(_) | Tail::Dirty(_) if self.newest && self.reread() => {
                    // What was no frame yet in the window may be one by now, followed by more.
                    self.offset = end;
                }
                Tail::Frame(at) => self.offset = at,
                Tail::Dirty(at) => {
                    self.finished = true;
                    self.report_dirty(end, at, findings);
                }
            }
            return Ok(Some(window));
        }
        Ok(None)
    }

    /// Whether this was the last window of the segment.
    pub(super) const fn is_finished(&self) -> bool {
        self.finished
    }

    fn read(&self, offset: u64, len: usize, room: Vec<u8>) -> Result<Vec<u8>, SourceError> {
        let fail = || io_error(&self.segment.path);
        let size = self.file.metadata().map_err(fail())?.len();
        let left = usize::try_from(size.saturating_sub(offset)).unwrap_or(usize::MAX);
        read(&self.file, offset, len.min(left), room).map_err(fail())
    }

    fn offset_of(&self, at: usize) -> u64 {
        self.offset
            .saturating_add(u64::try_from(at).unwrap_or(u64::MAX))
    }

    /// Data that grows is a reason to look again as often as before.
    fn advance(&mut self, end: u64) {
        if end > self.reached {
            self.reached = end;
            self.rereads = 0;
        }
    }

    /// Whether another look at the same bytes is worth it.
    fn reread(&mut self) -> bool {
        self.rereads = self.rereads.saturating_add(1);
        self.rereads <= MAX_REREADS
    }

    /// Whether bytes that are no whole frame were read differently, or not at all, before. A ledger
    /// that writes at the same time needs another look: a read can miss a frame and see the next
    /// one.
    fn is_unsettled(&mut self, bytes: &[u8], found: &Hop) -> bool {
        let Some((at, torn)) = self.first_torn(bytes, found) else {
            return false;
        };
        let now = (self.offset_of(at), hash::digest(torn));
        self.seen.replace(now) != Some(now) && self.reread()
    }

    /// The first bytes that are no whole frame, and where they start.
    fn first_torn<'a>(&self, bytes: &'a [u8], found: &Hop) -> Option<(usize, &'a [u8])> {
        for span in &found.spans {
            let end = span.start.saturating_add(span.len);
            let frame = bytes.get(span.start..end).unwrap_or_default();
            if !matches!(Frame::parse(frame, &self.nonce), Ok(Some(_))) {
                return Some((span.start, frame));
            }
        }
        let behind = bytes.get(found.end..).unwrap_or_default();
        let dirty = found.stop == Stop::DataEnd && !is_zero(behind);
        dirty.then(|| {
            (
                found.end,
                behind.get(..data_end(behind)).unwrap_or_default(),
            )
        })
    }

    /// The window before a frame that needs more bytes. Its last span is read again with the next
    /// window, which then knows what follows it.
    fn partial(&mut self, bytes: Vec<u8>, found: Hop) -> Window {
        let Hop { mut spans, end, .. } = found;
        let mut behind = None;
        let mut next = end;
        if spans.is_empty() {
            // Not one frame in a whole window: it is handed over as one damaged commit.
            next = bytes.len();
            let (start, len) = (0, bytes.len());
            spans.push(Span { start, len });
        } else if spans.len() > 1
            && let Some(last) = spans.pop()
        {
            next = last.start;
            behind = peek_follow(bytes.get(next..).unwrap_or_default());
        }
        let next = self.offset_of(next);
        let window = self.cut(bytes, spans, behind);
        self.offset = next;
        Window {
            newest: false,
            ..window
        }
    }

    fn cut(&mut self, bytes: Vec<u8>, spans: Vec<Span>, follow: Option<Follow>) -> Window {
        let opens = (!self.opened).then(|| self.segment.opens());
        self.opened = true;
        Window {
            bytes,
            spans,
            nonce: self.nonce,
            segment: self.segment.first,
            offset: self.offset,
            opens,
            follow,
            framing: Framing::Stored,
            newest: self.newest,
        }
    }

    /// Looks for bytes behind the end of the data, to the end of the file.
    fn tail(&self, from: u64) -> Result<Tail, SourceError> {
        if self.is_clean(from)? {
            return Ok(Tail::Clean);
        }
        let mut at = from;
        loop {
            let bytes = self.read(at, self.window, Vec::new())?;
            if let Some(dirty) = bytes.iter().position(|byte| *byte != 0) {
                let offset = |add: usize| at.saturating_add(u64::try_from(add).unwrap_or(0));
                let skip = if at == from { 8 } else { 0 };
                return Ok(match next_frame(&bytes, skip, &self.nonce) {
                    Some(frame) => Tail::Frame(offset(frame)),
                    None => Tail::Dirty(offset(dirty)),
                });
            }
            if bytes.len() < self.window {
                return Ok(Tail::Clean);
            }
            at = at.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        }
    }

    /// Whether there are only zero bytes to the end of the file. A segment has room for more, so
    /// that these may be many.
    fn is_clean(&self, from: u64) -> Result<bool, SourceError> {
        let (mut at, mut bytes) = (from, Vec::new());
        loop {
            bytes = self.read(at, TAIL, bytes)?;
            if bytes.is_empty() || !is_zero(&bytes) {
                return Ok(bytes.is_empty());
            }
            at = at.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        }
    }

    fn report_dirty(&self, end: u64, at: u64, findings: &mut Findings) {
        let name = file_name(self.segment.first);
        let text = format!("segments/{name}: data ends at byte {end}, and byte {at} is not zero");
        findings.add(Code::DirtyTail, None, text);
    }
}

enum Tail {
    Clean,
    /// A whole frame stands behind zero bytes.
    Frame(u64),
    Dirty(u64),
}

/// Nonce of the first frame, for a segment whose header does not hold.
fn first_nonce(file: &File) -> io::Result<Nonce> {
    let at = u64::try_from(SEGMENT_HEADER).unwrap_or(u64::MAX);
    let bytes = read(file, at, 64, Vec::new())?;
    Ok(peek_nonce(&bytes).unwrap_or(Nonce([0; 16])))
}

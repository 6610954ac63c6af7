//! Takes a damaged frame apart as far as it goes: which field is wrong, and what the records and
//! the checkpoint are all the same. Records and checkpoint say on their own how long they are and
//! where they belong, so that one wrong field of the frame hides nothing.

use countersign_chain::checkpoint::Checkpoint;
use countersign_chain::frame::{self, Frame, FrameError, Nonce};
use countersign_chain::hash::{self, Hash};
use countersign_chain::limits::{
    FRAME_HEAD, MAX_COMMIT_ENTRIES, MAX_FRAME_BODY, MAX_RECORD, MIN_FRAME_BODY,
};
use countersign_chain::origin::Origin;

use crate::finding::Code;
use crate::window::{ENTRIES_AT, INDEX_AT, PREV_AT, array, data_end, is_zero, peek_nonce};

/// Offset of `first` in a frame.
const FIRST_AT: usize = FRAME_HEAD + 16;
/// Offset of `count` in a frame.
const COUNT_AT: usize = FRAME_HEAD + 24;
/// Offset of the length of the actor in a record: version 1, flags 1, kind 2, index 8, time 8, prev
/// 32, case 8.
const ACTOR_LEN_AT: usize = 60;

/// One thing that is wrong with the frame itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) code: Code,
    /// Position of the entry in the commit, where it is about one.
    pub(crate) position: Option<usize>,
    pub(crate) message: String,
}

/// A record as it stands, whether or not it can be parsed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) leaf: Hash,
    /// Leaf hash of the entry before, as the bytes say.
    pub(crate) prev: Option<Hash>,
}

impl<'a> Piece<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let (leaf, prev) = (hash::leaf(bytes), array(bytes, PREV_AT));
        Self {
            bytes,
            leaf,
            prev: prev.map(Hash::from_bytes),
        }
    }

    /// The index that the bytes say.
    pub(crate) fn index(&self) -> Option<u64> {
        array(self.bytes, INDEX_AT).map(u64::from_be_bytes)
    }
}

/// What could be taken out of a frame.
#[derive(Debug, Clone)]
pub(crate) struct Salvaged<'a> {
    /// Index of the first record.
    pub(crate) first: u64,
    pub(crate) pieces: Vec<Piece<'a>>,
    /// The checkpoint as text, where it is text.
    pub(crate) note: Option<&'a str>,
    pub(crate) problems: Vec<Problem>,
    /// Bytes of the frame, padding included.
    pub(crate) len: usize,
}

/// What is known about the place where a frame should stand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) nonce: &'a Nonce,
    pub(crate) origin: &'a Origin,
    /// Index of the next entry of the log.
    pub(crate) expected: u64,
}

/// Takes the frame at the start of `bytes` apart; `None` when nothing can be told.
pub(crate) fn take_apart<'a>(bytes: &'a [u8], place: &Place<'_>) -> Option<Salvaged<'a>> {
    let whole = Frame::salvage(bytes, place.nonce).filter(|frame| frame.len() <= bytes.len());
    let Some(frame) = whole else {
        return by_content(bytes, place);
    };
    let pieces: Vec<_> = frame
        .records()
        .iter()
        .map(|record| Piece::new(record))
        .collect();
    let mut problems = Vec::new();
    let first = voted_first(&pieces, &frame, place.expected);
    if first != frame.first() {
        problems.push(Problem {
            code: Code::BadFrame,
            position: None,
            message: format!(
                "frame starts with entry {}; its records with {first}",
                frame.first()
            ),
        });
    } else if let Err(error) = Frame::parse(bytes, place.nonce) {
        problems.push(problem(&error));
    }
    Some(Salvaged {
        first,
        pieces,
        note: Some(frame.note()),
        problems,
        len: frame.len(),
    })
}

pub(crate) fn problem(error: &FrameError) -> Problem {
    Problem {
        code: Code::of_format(error.code(), Code::BadFrame),
        position: None,
        message: error.to_string(),
    }
}

/// The first index. Where the frame and its place in the log differ, the checkpoint and what most
/// records say about themselves decide.
fn voted_first(pieces: &[Piece<'_>], frame: &Frame<'_>, expected: u64) -> u64 {
    let stated = frame.first();
    if stated == expected {
        return stated;
    }
    let signed = Checkpoint::peek(frame.note()).map(|checkpoint| checkpoint.size);
    let count = u64::try_from(pieces.len()).unwrap_or(u64::MAX);
    let says = |candidate: u64| {
        let votes = pieces.iter().zip(candidate..);
        let own = votes.filter(|(piece, index)| piece.index() == Some(*index));
        let ends_there = signed == Ok(candidate.saturating_add(count));
        own.count().saturating_add(usize::from(ends_there))
    };
    let own = pieces.first().and_then(Piece::index).unwrap_or(stated);
    let mut best = (says(stated), stated);
    for candidate in [expected, own] {
        let votes = says(candidate);
        if votes > best.0 {
            best = (votes, candidate);
        }
    }
    best.1
}

/// Takes a frame apart whose own fields lead nowhere, by what records and checkpoint look like.
fn by_content<'a>(bytes: &'a [u8], place: &Place<'_>) -> Option<Salvaged<'a>> {
    let stated_first = array(bytes, FIRST_AT).map(u64::from_be_bytes)?;
    let first_record = bytes.get(ENTRIES_AT.saturating_add(2)..)?;
    let own = array(first_record, INDEX_AT).map(u64::from_be_bytes);
    let first = [place.expected, stated_first]
        .into_iter()
        .find(|first| own == Some(*first))
        .unwrap_or(place.expected);
    let body = Body { bytes, place };
    let mut problems = Vec::new();
    let mut pieces = Vec::new();
    let mut at = ENTRIES_AT;
    while !body.is_note(at) {
        let index = first.checked_add(u64::try_from(pieces.len()).ok()?)?;
        let (record, stated) = body.record(at, index)?;
        if stated != Some(record.len()) {
            problems.push(Problem {
                code: Code::BadFrame,
                position: Some(pieces.len()),
                message: format!(
                    "length of the record is given as {}; the record has {} bytes",
                    stated.unwrap_or_default(),
                    record.len()
                ),
            });
        }
        at = at.checked_add(2)?.checked_add(record.len())?;
        pieces.push(Piece::new(record));
        if pieces.len() > MAX_COMMIT_ENTRIES {
            return None;
        }
    }
    let note = body.note(at)?;
    let note_len = array(bytes, at).map(u16::from_be_bytes).map(usize::from)?;
    if note_len != note.len() {
        problems.push(Problem {
            code: Code::BadFrame,
            position: None,
            message: format!(
                "length of the checkpoint is given as {note_len}; it has {} bytes",
                note.len()
            ),
        });
    }
    let end = at.checked_add(2)?.checked_add(note.len())?;
    let body_len = end.checked_sub(FRAME_HEAD)?;
    problems.extend(head_problems(bytes, place, first, pieces.len(), body_len));
    if problems.is_empty() {
        problems.extend(Frame::parse(bytes, place.nonce).err().as_ref().map(problem));
    }
    Some(Salvaged {
        first,
        pieces,
        note: std::str::from_utf8(note).ok(),
        problems,
        len: frame::padded_len(body_len).min(bytes.len()),
    })
}

/// Compares the fields in front of the entries with what the entries say.
fn head_problems(
    bytes: &[u8],
    place: &Place<'_>,
    first: u64,
    count: usize,
    body_len: usize,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut add = |code, message: String| {
        let position = None;
        problems.push(Problem {
            code,
            position,
            message,
        });
    };
    if !bytes.starts_with(&frame::MAGIC) {
        add(Code::BadMagic, FrameError::BadMagic.to_string());
    }
    let length = |at| array(bytes, at).map_or(0, |field| u64::from(u32::from_be_bytes(field)));
    let stated = usize::try_from(length(4)).unwrap_or(usize::MAX);
    if stated != body_len {
        let in_range = (MIN_FRAME_BODY..=MAX_FRAME_BODY).contains(&stated);
        let code = if in_range {
            Code::BadFrame
        } else {
            Code::BadFrameLength
        };
        add(
            code,
            format!("frame length is {stated}; expected {body_len}"),
        );
    }
    if peek_nonce(bytes) != Some(*place.nonce) {
        add(Code::ForeignFrame, FrameError::Foreign.to_string());
    }
    let stated = array(bytes, FIRST_AT).map_or(0, u64::from_be_bytes);
    if stated != first {
        let text = format!("frame starts with entry {stated}; its records with {first}");
        add(Code::BadFrame, text);
    }
    let stated = length(COUNT_AT);
    if u64::try_from(count).ok() != Some(stated) {
        let text = format!("frame gives its number of entries as {stated}; it has {count}");
        add(Code::BadFrame, text);
    }
    problems
}

struct Body<'a, 'p> {
    bytes: &'a [u8],
    place: &'p Place<'p>,
}

impl<'a> Body<'a, '_> {
    /// Whether a checkpoint of the log stands here, behind its length.
    fn is_note(&self, at: usize) -> bool {
        let text = self.bytes.get(at.saturating_add(2)..).unwrap_or_default();
        let origin = self.place.origin.as_str().as_bytes();
        text.strip_prefix(origin)
            .is_some_and(|rest| rest.starts_with(b"\n"))
    }

    /// Whether record `index` stands here, behind its length.
    fn is_record(&self, at: usize, index: u64) -> bool {
        let record = self.bytes.get(at.saturating_add(2)..).unwrap_or_default();
        array(record, INDEX_AT).map(u64::from_be_bytes) == Some(index)
    }

    fn leads_on(&self, at: usize, index: u64) -> bool {
        self.is_note(at) || self.is_record(at, index)
    }

    /// Record `index` with the length that the frame gives for it: by that length where it leads
    /// on, by the lengths inside the record where they do.
    fn record(&self, at: usize, index: u64) -> Option<(&'a [u8], Option<usize>)> {
        let stated = array(self.bytes, at)
            .map(u16::from_be_bytes)
            .map(usize::from);
        let start = at.checked_add(2)?;
        let own = own_length(self.bytes.get(start..)?);
        let next = index.checked_add(1)?;
        let lengths = [stated, own].into_iter().flatten();
        let len = lengths
            .filter(|len| *len <= MAX_RECORD)
            .find(|len| self.leads_on(start.saturating_add(*len), next))?;
        let record = self.bytes.get(start..start.checked_add(len)?)?;
        Some((record, stated))
    }

    /// The checkpoint here: by its length where that ends the data, up to its last newline
    /// otherwise.
    fn note(&self, at: usize) -> Option<&'a [u8]> {
        let text = self.bytes.get(at.checked_add(2)?..)?;
        let stated = array(self.bytes, at)
            .map(u16::from_be_bytes)
            .map(usize::from)?;
        let by_length = text.split_at_checked(stated);
        if let Some((note, behind)) = by_length
            && note.ends_with(b"\n")
            && is_zero(behind.get(..behind.len().min(8)).unwrap_or_default())
        {
            return Some(note);
        }
        let data = text.get(..data_end(text))?;
        let end = data.iter().rposition(|byte| *byte == b'\n')?;
        data.get(..end.checked_add(1)?)
    }
}

/// Length of a record by its own fields.
fn own_length(record: &[u8]) -> Option<usize> {
    let mut at = ACTOR_LEN_AT;
    for _field in ["actor", "via", "idem"] {
        let len = array(record, at).map(u16::from_be_bytes)?;
        at = at.checked_add(2)?.checked_add(usize::from(len))?;
    }
    let len = array(record, at).map(u32::from_be_bytes)?;
    at.checked_add(4)?.checked_add(usize::try_from(len).ok()?)
}

//! The rows of the index. Integers are big-endian, so that keys sort by number.
//!
//! ```text
//! value = source index u64 | source leaf [32] | body | first 8 bytes of SHA-256(key | all before)
//!
//! row      key                             body
//! state    0x00                            format u16 = 1 | bundles u64 | chunks u64 | origin
//! bundle   0x01 | bundle u64               min u64 | max u64 | term u64 × n, ascending
//! chunk    0x02 | chunk u64                min u64 | max u64
//! block    0x03 | chunk u64 | first u64    last u64 | (term u64 | set) × n, ascending
//! ```
//!
//! The state says how many bundles and folded chunks there are. Both count from 0 without gaps. The
//! blocks of a chunk cover all terms: the first starts at 0, each ends before the next, the last at
//! 2^64 - 1. So a row that is missing shows. All rows but the state are written once.

use countersign_chain::hash::{self, Hash};

use super::bundle::{Source, Span, Summary, Term};
use super::db::Row;
use super::index::IndexError;
use super::set::Set;

const FORMAT: u16 = 1;
/// Key of the state.
pub(super) const STATE: &[u8] = &[0];
const SOURCE: usize = 40;
const CHECK: usize = 8;

/// What the state row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Progress {
    /// Bundles that have a row.
    pub(super) bundles: u64,
    /// Chunks that are folded.
    pub(super) chunks: u64,
    /// Last entry of the last bundle.
    pub(super) source: Source,
}

pub(super) fn bundle_key(bundle: u64) -> Vec<u8> {
    [&[1][..], &bundle.to_be_bytes()].concat()
}

pub(super) fn chunk_key(chunk: u64) -> Vec<u8> {
    [&[2][..], &chunk.to_be_bytes()].concat()
}

pub(super) fn block_key(chunk: u64, first: Term) -> Vec<u8> {
    [&[3][..], &chunk.to_be_bytes(), &first.0.to_be_bytes()].concat()
}

/// Puts source and checksum around a body.
fn seal(key: Vec<u8>, source: &Source, body: &[u8]) -> Row {
    let mut value = Vec::with_capacity(SOURCE + body.len() + CHECK);
    value.extend_from_slice(&source.index.to_be_bytes());
    value.extend_from_slice(source.leaf.as_bytes());
    value.extend_from_slice(body);
    let check = checksum(&key, &value);
    value.extend_from_slice(&check);
    (key, value)
}

/// Checks a value and gives source and body.
fn open<'a>(key: &[u8], value: &'a [u8]) -> Result<(Source, &'a [u8]), IndexError> {
    let damaged = || IndexError::Damaged("row does not match its checksum");
    let (sealed, check) = value.split_last_chunk::<CHECK>().ok_or_else(damaged)?;
    if checksum(key, sealed) != *check {
        return Err(damaged());
    }
    let (source, body) = sealed.split_first_chunk::<SOURCE>().ok_or_else(damaged)?;
    let (index, leaf) = source.split_first_chunk().ok_or_else(damaged)?;
    let source = Source {
        index: u64::from_be_bytes(*index),
        leaf: Hash::from_slice(leaf).ok_or_else(damaged)?,
    };
    Ok((source, body))
}

fn checksum(key: &[u8], value: &[u8]) -> [u8; CHECK] {
    let digest = hash::digest(&[key, value].concat());
    let mut check = [0; CHECK];
    check.copy_from_slice(&digest.as_bytes()[..CHECK]);
    check
}

fn number(bytes: &mut &[u8]) -> Result<u64, IndexError> {
    let (head, tail) = bytes.split_first_chunk().ok_or(SHORT)?;
    *bytes = tail;
    Ok(u64::from_be_bytes(*head))
}

const SHORT: IndexError = IndexError::Damaged("row ends before its fields do");

pub(super) fn state_row(progress: &Progress, origin: &str) -> Row {
    let mut body = FORMAT.to_be_bytes().to_vec();
    body.extend_from_slice(&progress.bundles.to_be_bytes());
    body.extend_from_slice(&progress.chunks.to_be_bytes());
    body.extend_from_slice(origin.as_bytes());
    seal(STATE.to_vec(), &progress.source, &body)
}

/// Reads the state of the log with this origin.
pub(super) fn parse_state(value: &[u8], origin: &str) -> Result<Progress, IndexError> {
    let (source, body) = open(STATE, value)?;
    let (format, mut rest) = body.split_first_chunk().ok_or(SHORT)?;
    let format = u16::from_be_bytes(*format);
    if format != FORMAT {
        return Err(IndexError::OtherFormat(format));
    }
    let (bundles, chunks) = (number(&mut rest)?, number(&mut rest)?);
    if rest != origin.as_bytes() {
        return Err(IndexError::OtherOrigin {
            expected: origin.to_owned(),
            got: String::from_utf8_lossy(rest).into_owned(),
        });
    }
    Ok(Progress {
        bundles,
        chunks,
        source,
    })
}

pub(super) fn bundle_row(summary: &Summary) -> Row {
    let mut body = span_bytes(summary.span);
    for term in &summary.terms {
        body.extend_from_slice(&term.0.to_be_bytes());
    }
    seal(bundle_key(summary.number), &summary.source, &body)
}

/// Reads the row of bundle `number`, whose key is `key`.
pub(super) fn parse_bundle(number: u64, key: &[u8], value: &[u8]) -> Result<Summary, IndexError> {
    if key != bundle_key(number) {
        return Err(IndexError::Damaged("bundle row is missing"));
    }
    let (source, mut body) = open(key, value)?;
    let span = parse_span(&mut body)?;
    let (terms, rest) = body.as_chunks();
    if !rest.is_empty() {
        return Err(SHORT);
    }
    let terms = terms
        .iter()
        .map(|term| Term(u64::from_be_bytes(*term)))
        .collect();
    Ok(Summary {
        number,
        source,
        span,
        terms,
    })
}

pub(super) fn chunk_row(chunk: u64, source: &Source, span: Span) -> Row {
    seal(chunk_key(chunk), source, &span_bytes(span))
}

pub(super) fn parse_chunk(chunk: u64, value: &[u8]) -> Result<(Source, Span), IndexError> {
    let (source, mut body) = open(&chunk_key(chunk), value)?;
    let span = parse_span(&mut body)?;
    if !body.is_empty() {
        return Err(IndexError::Damaged("row goes on behind its fields"));
    }
    Ok((source, span))
}

fn span_bytes(span: Span) -> Vec<u8> {
    [span.min.to_be_bytes(), span.max.to_be_bytes()].concat()
}

fn parse_span(body: &mut &[u8]) -> Result<Span, IndexError> {
    let (min, max) = (number(body)?, number(body)?);
    Ok(Span { min, max })
}

/// `entries` are `term | set`, already encoded.
pub(super) fn block_row(chunk: u64, source: &Source, ends: (Term, Term), entries: &[u8]) -> Row {
    let (first, last) = ends;
    let body = [&last.0.to_be_bytes()[..], entries].concat();
    seal(block_key(chunk, first), source, &body)
}

/// Appends an entry of a block.
pub(super) fn block_entry(out: &mut Vec<u8>, term: Term, set: &Set) {
    out.extend_from_slice(&term.0.to_be_bytes());
    set.encode_into(out);
}

/// The bundles of `chunk` where `term` occurs, from the row with the largest key up to that of the
/// term.
pub(super) fn find_in_block(
    chunk: u64,
    term: Term,
    row: Option<Row>,
) -> Result<(Source, Set), IndexError> {
    let missing = || IndexError::Damaged("block row is missing");
    let (key, value) = row.ok_or_else(missing)?;
    if !key.starts_with(&block_key(chunk, term)[..9]) {
        return Err(missing());
    }
    let (source, mut body) = open(&key, &value)?;
    if number(&mut body)? < term.0 {
        return Err(missing());
    }
    while !body.is_empty() {
        let found = number(&mut body)?;
        let set = Set::decode(&mut body).ok_or(SHORT)?;
        if found == term.0 {
            return Ok((source, set));
        }
    }
    Ok((source, Set::EMPTY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_row_holds_nothing_behind_its_span() {
        let (source, span) = (Source::NONE, Span { min: 1, max: 2 });
        let (key, value) = chunk_row(7, &source, span);
        assert_eq!(parse_chunk(7, &value).ok(), Some((source, span)));
        let body = [&span_bytes(span)[..], &[0]].concat();
        let (_, longer) = seal(key, &source, &body);
        assert!(parse_chunk(7, &longer).is_err());
    }
}

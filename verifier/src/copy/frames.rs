//! Rows that follow each other are put together again as the commits that they were: the walk then
//! judges them like those of a folder.

use countersign_chain::frame::{MAGIC, Nonce, padded_len};
use countersign_chain::hash::Hash;
use countersign_chain::key::VerifierKey;
use countersign_chain::limits::{FRAME_HEAD, MAX_COMMIT_ENTRIES, MAX_RECORD};

use super::{Row, Seal};
use crate::finding::{Code, Findings, Flaw};
use crate::window::{ENTRIES_AT, Follow, Framing, INDEX_AT, PREV_AT, Span, Window, array};

/// Rebuilt frames belong to no segment file.
const NONCE: Nonce = Nonce([0; 16]);

/// Rows of a commit that is not complete yet.
#[derive(Debug)]
struct Run {
    first: u64,
    count: u64,
    seal: Seal,
    /// Where its frame starts.
    start: usize,
    /// Whether the key signed the seal, once somebody asked.
    signed: Option<bool>,
}

impl Run {
    fn next(&self) -> u64 {
        self.first.saturating_add(self.count)
    }

    fn is_signed(&mut self, key: &VerifierKey) -> bool {
        let seal = &self.seal;
        *self.signed.get_or_insert_with(|| seal.open(key).is_ok())
    }
}

/// Makes commits of rows.
#[derive(Debug)]
pub(crate) struct Frames {
    key: VerifierKey,
    run: Option<Run>,
    /// The frames so far. That of the run has its records, and room for its head.
    bytes: Vec<u8>,
    spans: Vec<Span>,
    /// What a row says that stands in no commit.
    behind: Option<Follow>,
    /// What stands behind the last row, by its own column `leaf`.
    last: Option<Follow>,
}

impl Frames {
    /// Of a log that is signed with this key.
    pub(crate) fn new(key: VerifierKey) -> Self {
        Self {
            key,
            run: None,
            bytes: Vec::new(),
            spans: Vec::new(),
            behind: None,
            last: None,
        }
    }

    /// Ends the run before a row that is in no complete commit.
    pub(crate) fn end_before(&mut self, row: &Row<'_>) {
        self.flush();
        let prev = array(row.record, PREV_AT).map(Hash::from_bytes);
        let index = row.index;
        let follow = prev.map(|prev| Follow { index, prev });
        self.behind = self.behind.or(follow);
    }

    /// Bytes of commits that were not taken yet.
    pub(crate) fn len(&self) -> usize {
        self.run.as_ref().map_or(self.bytes.len(), |run| run.start)
    }

    /// Adds a row. One whose commit columns contradict those of the rows beside it is a finding,
    /// and stands with them.
    pub(crate) fn push(&mut self, row: &Row<'_>, findings: &mut Findings) {
        let Ok(len) = u16::try_from(row.record.len()) else {
            let text = format!(
                "entry {}: column record has {} bytes; expected at most {MAX_RECORD}",
                row.index,
                row.record.len()
            );
            findings.add(Code::RecordTooLong, Some(row.index), text);
            return self.flush();
        };
        self.place(row, findings);
        self.last = Some(Follow {
            index: row.index.saturating_add(1),
            prev: row.leaf,
        });
        self.bytes.extend_from_slice(&len.to_be_bytes());
        self.bytes.extend_from_slice(row.record);
        if let Some(run) = &mut self.run {
            run.count = run.count.saturating_add(1);
            if run.seal.size == run.next() {
                self.flush();
            }
        }
    }

    /// Makes the run the one that the row belongs to.
    fn place(&mut self, row: &Row<'_>, findings: &mut Findings) {
        let most = u64::try_from(MAX_COMMIT_ENTRIES).unwrap_or(u64::MAX);
        let mut run = self.run.take();
        if let Some(run) = &mut run
            && run.next() == row.index
            && run.count < most
            && self.belongs(run, row, findings)
        {
            // Goes on.
        } else {
            self.run = run.take();
            self.flush();
            let start = self.bytes.len();
            self.bytes.resize(start.saturating_add(ENTRIES_AT), 0);
            run = Some(Run {
                first: row.index,
                count: 0,
                seal: row.seal,
                start,
                signed: None,
            });
        }
        self.run = run;
    }

    /// Whether the row, which follows the run, is of the same commit. A run ends with its commit,
    /// so that one of the two is wrong where they differ: the one that the key did not sign.
    fn belongs(&self, run: &mut Run, row: &Row<'_>, findings: &mut Findings) -> bool {
        if run.seal == row.seal {
            return true;
        }
        if run.is_signed(&self.key) {
            let within = row.index < run.seal.size;
            if within {
                contradicts(row.index, (&row.seal, &run.seal), findings);
            }
            return within;
        }
        let signed = row.seal.open(&self.key).is_ok();
        if signed {
            for index in run.first..run.next() {
                contradicts(index, (&run.seal, &row.seal), findings);
            }
            run.seal = row.seal;
            run.signed = Some(true);
        }
        signed
    }

    /// Ends the run, whether its commit is complete or not.
    pub(crate) fn flush(&mut self) {
        let Some(run) = self.run.take() else {
            return;
        };
        let (start, bytes) = (run.start, &mut self.bytes);
        let note = run.seal.note(&self.key);
        // An origin has at most 255 bytes, a note of one signature some 500.
        let len = u16::try_from(note.len()).unwrap_or(u16::MAX);
        bytes.extend_from_slice(&len.to_be_bytes());
        bytes.extend_from_slice(note.as_bytes());
        let body = bytes.len().saturating_sub(start).saturating_sub(FRAME_HEAD);
        let count = u32::try_from(run.count).unwrap_or(u32::MAX);
        let head = [
            &MAGIC,
            u32::try_from(body)
                .unwrap_or(u32::MAX)
                .to_be_bytes()
                .as_slice(),
            // There is no checksum.
            &[0; 4],
            &NONCE.0,
            &run.first.to_be_bytes(),
            &count.to_be_bytes(),
        ]
        .concat();
        if let Some(place) = bytes
            .get_mut(start..)
            .and_then(|it| it.get_mut(..head.len()))
        {
            place.copy_from_slice(&head);
        }
        let len = padded_len(body);
        bytes.resize(start.saturating_add(len), 0);
        self.spans.push(Span { start, len });
    }

    /// The commits so far. What is known of the next one is said with them.
    pub(crate) fn window(&mut self) -> Window {
        // The run stays, at the start of the next window.
        let rest = self.bytes.split_off(self.len());
        let record = ENTRIES_AT.saturating_add(2);
        let index = array(&rest, record.saturating_add(INDEX_AT)).map(u64::from_be_bytes);
        let prev = array(&rest, record.saturating_add(PREV_AT)).map(Hash::from_bytes);
        if let Some(run) = &mut self.run {
            run.start = 0;
        }
        let begun = index.zip(prev).map(|(index, prev)| Follow { index, prev });
        let follow = begun.or(self.behind.take()).or(self.last);
        Window {
            bytes: std::mem::replace(&mut self.bytes, rest),
            spans: std::mem::take(&mut self.spans),
            nonce: NONCE,
            segment: 0,
            offset: 0,
            opens: None,
            follow,
            framing: Framing::Rebuilt,
            newest: false,
        }
    }
}

/// Names the columns of an entry that contradict what its commit signed.
fn contradicts(index: u64, (got, signed): (&Seal, &Seal), findings: &mut Findings) {
    for (column, got, expected) in got.differences(signed) {
        let text = format!(
            "entry {index}: column {column} is {got}; what signs the entries beside it says \
             {expected}"
        );
        findings.add(Code::Copy(Flaw::ColumnChanged), Some(index), text);
    }
}

//! Recordings of sessions: parts and commands count from 1, come from who started the session, and
//! are what its end says.

use std::collections::HashMap;

use countersign_chain::record::Record;
use countersign_chain::time::UnixMicros;
use countersign_proto::v1;

use super::Blob;
use crate::finding::{Code, Findings};
use crate::walk::Checked;

/// Microseconds after the end of a session in which the rest of its recording may come: a day. The
/// spool sends on its own way, and may have been cut off.
const PATIENCE: u64 = 24 * 3_600_000_000;

/// Which entry, and whose.
#[derive(Debug)]
pub(super) struct Entry {
    index: u64,
    time: UnixMicros,
    case: u64,
    actor: Box<str>,
}

impl Entry {
    pub(super) fn of(record: &Record<'_>) -> Self {
        Self {
            index: record.index().get(),
            time: record.time(),
            case: record.case(),
            actor: record.actor().into(),
        }
    }
}

/// A part of what a session showed.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) number: u64,
    pub(super) output_bytes: u64,
    pub(super) redactions: u64,
    pub(super) blob: Blob,
}

/// What an entry says of a session.
#[derive(Debug)]
pub(super) enum Act {
    /// It is its start.
    Started(Entry),
    /// The end of this session, with what was recorded.
    Ended(Entry, u64, Option<v1::Recording>),
    /// A command: session, number and secrets.
    Command(Entry, u64, u64, u64),
    /// A part of this session.
    Part(Entry, u64, Part),
    /// It cannot be read.
    Lost(u64),
}

/// Numbers that must follow each other.
#[derive(Debug, Clone, Copy)]
struct Count {
    newest: u64,
    /// Damage that was met before the newest.
    losses: u64,
}

/// The end of a session.
#[derive(Debug)]
struct End {
    index: u64,
    time: UnixMicros,
    /// `None` when the end tells of no recording.
    recording: Option<v1::Recording>,
}

/// What is known of a session.
#[derive(Debug)]
struct Session {
    actor: Box<str>,
    case: u64,
    parts: Count,
    commands: Count,
    output_bytes: u64,
    redactions: u64,
    end: Option<Box<End>>,
    /// Whether every number was seen, so that sums can be compared.
    whole: bool,
}

/// The sessions whose recordings are not complete.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    open: HashMap<u64, Session>,
    losses: u64,
}

impl Sessions {
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Entries are lost from here on.
    pub(super) const fn lost(&mut self) {
        self.losses = self.losses.saturating_add(1);
    }

    /// Takes what an entry says.
    pub(super) fn take(&mut self, act: Act, findings: &mut Findings, checked: &mut Checked) {
        match act {
            Act::Started(entry) => self.started(entry),
            Act::Ended(entry, session, recording) => {
                self.ended(&entry, (session, recording), findings);
            }
            Act::Command(entry, session, number, redactions) => {
                checked.commands = checked.commands.saturating_add(1);
                let what = ("command", number);
                self.one(&entry, session, what, (0, redactions), findings);
            }
            Act::Part(entry, session, part) => {
                checked.parts = checked.parts.saturating_add(1);
                judge_blob(&entry, (session, &part), findings, checked);
                let (what, sums) = (("part", part.number), (part.output_bytes, part.redactions));
                self.one(&entry, session, what, sums, findings);
            }
            Act::Lost(_) => self.lost(),
        }
    }

    fn started(&mut self, entry: Entry) {
        let none = Count {
            newest: 0,
            losses: self.losses,
        };
        let session = Session {
            actor: entry.actor,
            case: entry.case,
            parts: none,
            commands: none,
            output_bytes: 0,
            redactions: 0,
            end: None,
            whole: true,
        };
        self.open.insert(entry.index, session);
    }

    /// A part or a command came.
    fn one(
        &mut self,
        entry: &Entry,
        id: u64,
        (what, number): (&str, u64),
        (output_bytes, redactions): (u64, u64),
        findings: &mut Findings,
    ) {
        let index = entry.index;
        let mut add = |code, why: String| {
            let text = format!("entry {index}: {what} {number} of session {id} {why}");
            findings.add(code, Some(index), text);
        };
        let Some(session) = self.open.get_mut(&id) else {
            // Behind damage the start may be what was lost.
            if self.losses == 0 || id >= index {
                let why = "belongs to no session, or to one whose recording was complete";
                add(Code::RecordingStray, why.to_owned());
            }
            return;
        };
        if session.actor != entry.actor || session.case != entry.case {
            let why = format!(
                "is by {} in case {}; the session is by {} in case {}",
                entry.actor, entry.case, session.actor, session.case
            );
            // What a stranger says does not count for the recording.
            return add(Code::RecordingForeign, why);
        }
        let is_part = what == "part";
        let count = if is_part {
            &mut session.parts
        } else {
            &mut session.commands
        };
        let sure = count.losses == self.losses;
        let next = count.newest.saturating_add(1);
        session.whole &= number == next;
        if number < next {
            let why = format!("stands here, and {next} comes next");
            return add(Code::RecordingTwice, why);
        }
        if number > next && sure {
            let why = format!("stands here, and {next} comes next");
            add(Code::RecordingHole, why);
        }
        *count = Count {
            newest: number,
            losses: self.losses,
        };
        session.output_bytes = session.output_bytes.saturating_add(output_bytes);
        session.redactions = session.redactions.saturating_add(redactions);
        let recording = session.end.as_ref().and_then(|end| end.recording.as_ref());
        let told = recording.map(|told| if is_part { told.parts } else { told.commands });
        if let Some(told) = told.filter(|told| number > *told) {
            let why = format!("is one too many: its end tells of {told}");
            add(Code::RecordingStray, why);
        }
        self.settle(id, findings);
    }

    /// A session is over.
    fn ended(
        &mut self,
        entry: &Entry,
        (id, recording): (u64, Option<v1::Recording>),
        findings: &mut Findings,
    ) {
        // Who may end it, and that it ends once, are rules of the workflow.
        let Some(session) = self.open.get_mut(&id).filter(|open| open.end.is_none()) else {
            return;
        };
        if let Some(told) = &recording {
            let pairs = [
                ("parts", session.parts.newest, told.parts),
                ("commands", session.commands.newest, told.commands),
            ];
            for (what, seen, told) in pairs.into_iter().filter(|(_, seen, told)| seen > told) {
                let text = format!(
                    "entry {}: the end of session {id} tells of {told} {what}; {seen} stand before \
                     it",
                    entry.index
                );
                findings.add(Code::RecordingMismatch, Some(entry.index), text);
                session.whole = false;
            }
        }
        session.end = Some(Box::new(End {
            index: entry.index,
            time: entry.time,
            recording,
        }));
        self.settle(id, findings);
    }

    /// Compares sums and forgets the session, when everything came that its end tells of.
    fn settle(&mut self, id: u64, findings: &mut Findings) {
        let Some(session) = self.open.get(&id) else {
            return;
        };
        let Some(end) = &session.end else {
            return;
        };
        let Some(told) = &end.recording else {
            return;
        };
        if session.parts.newest < told.parts || session.commands.newest < told.commands {
            return;
        }
        let pairs = [
            ("bytes of output", session.output_bytes, told.output_bytes),
            ("secrets taken out", session.redactions, told.redactions),
        ];
        let differs = pairs.into_iter().filter(|(_, seen, told)| seen != told);
        for (what, seen, told) in differs.filter(|_| session.whole) {
            let text = format!(
                "entry {}: the end of session {id} tells of {told} {what}; its entries tell of \
                 {seen}",
                end.index
            );
            findings.add(Code::RecordingMismatch, Some(end.index), text);
        }
        self.open.remove(&id);
    }

    /// Reports recordings of which something has not come, when the log's time is `now`.
    pub(super) fn finish(&self, now: UnixMicros, findings: &mut Findings) {
        let mut waiting: Vec<(&End, u64, &Session)> = self
            .open
            .iter()
            .filter_map(|(id, session)| Some((session.end.as_deref()?, *id, session)))
            .collect();
        waiting.sort_by_key(|(end, ..)| end.index);
        for (end, id, session) in waiting {
            let Some(told) = &end.recording else {
                continue;
            };
            // What was lost to damage may be what has not come.
            let short = |count: Count, told| count.newest < told && count.losses == self.losses;
            if !short(session.parts, told.parts) && !short(session.commands, told.commands) {
                continue;
            }
            let text = format!(
                "entry {}: the end of session {id} tells of {} parts and {} commands; the last \
                 ones that came are {} and {}",
                end.index, told.parts, told.commands, session.parts.newest, session.commands.newest
            );
            let late = now.get().saturating_sub(end.time.get()) > PATIENCE;
            let code = if late {
                Code::RecordingIncomplete
            } else {
                Code::RecordingAwaited
            };
            findings.add(code, Some(end.index), text);
        }
    }
}

/// Reports what became of the blob of a part.
fn judge_blob(
    entry: &Entry,
    (session, part): (u64, &Part),
    findings: &mut Findings,
    checked: &mut Checked,
) {
    let index = entry.index;
    let (code, why) = match &part.blob {
        Blob::Unseen => {
            checked.blobs_unseen = checked.blobs_unseen.saturating_add(1);
            return;
        }
        Blob::Holds(bytes) => {
            checked.blobs = checked.blobs.saturating_add(1);
            checked.blob_bytes = checked.blob_bytes.saturating_add(*bytes);
            return;
        }
        Blob::Missing(why) => (Code::BlobMissing, format!("cannot be read: {why}")),
        Blob::Changed(digest) => (Code::BlobChanged, format!("has digest {digest}")),
        Blob::Length(bytes) => (Code::BlobLength, format!("has {bytes} bytes")),
    };
    checked.blobs = checked.blobs.saturating_add(1);
    let number = part.number;
    let text = format!("entry {index}: the blob of part {number} of session {session} {why}");
    findings.add(code, Some(index), text);
}

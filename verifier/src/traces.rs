//! What entries leave behind that others must fit: places of queues, recordings of sessions, and
//! the blobs that they commit to.

pub(crate) mod blobs;
mod places;
mod sessions;

use countersign_chain::record::Record;
use countersign_chain::time::UnixMicros;
use countersign_proto::event::{Kinded as _, Known};
use countersign_proto::v1;

use self::blobs::{Blob, BlobFolder};
use self::places::{Place, Places};
use self::sessions::{Act, Entry, Sessions};
use crate::finding::{Code, Findings};
use crate::payload::Oddity;
use crate::walk::Checked;

/// What the entries of a commit leave behind, in their order.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    places: Vec<Place>,
    acts: Vec<Act>,
}

impl Marks {
    /// Takes an entry; `read` is what it says, where it was decoded. Blobs are looked at here, on
    /// whichever core this is.
    pub(crate) fn see(
        &mut self,
        record: &Record<'_>,
        read: Option<&Result<Known, Oddity>>,
        blobs: &BlobFolder,
    ) {
        places::see(&mut self.places, record);
        let kind = record.kind().get();
        match read {
            Some(Ok(Known::SpoolGap(gap))) => places::see_gap(&mut self.places, record, gap),
            Some(Ok(Known::SessionStarted(_))) => self.acts.push(Act::Started(Entry::of(record))),
            Some(Ok(Known::SessionEnded(ended))) => {
                let (session, recording) = (ended.session, ended.recording);
                self.acts
                    .push(Act::Ended(Entry::of(record), session, recording));
            }
            Some(Ok(Known::CommandExecuted(command))) => {
                let (session, number) = (command.session, command.number);
                let entry = Entry::of(record);
                self.acts
                    .push(Act::Command(entry, session, number, command.redactions));
            }
            Some(Ok(Known::SessionOutput(output))) => {
                let part = sessions::Part {
                    number: output.part,
                    output_bytes: output.output_bytes,
                    redactions: output.redactions,
                    blob: blobs.look(&output.blob_sha256, output.blob_bytes),
                };
                let entry = Entry::of(record);
                self.acts.push(Act::Part(entry, output.session, part));
            }
            Some(Err(Oddity::Malformed(_))) if is_trace(kind) => {
                self.acts.push(Act::Lost(record.index().get()));
            }
            Some(Ok(_) | Err(_)) | None => {}
        }
    }
}

/// Kinds whose content is followed.
const fn is_trace(kind: u16) -> bool {
    matches!(
        kind,
        v1::SessionStarted::KIND
            | v1::SessionEnded::KIND
            | v1::CommandExecuted::KIND
            | v1::SessionOutput::KIND
            | v1::SpoolGap::KIND
    )
}

/// All of it, up to some entry.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    places: Places,
    sessions: Sessions,
    /// The first entry that could not be read.
    lost: Option<u64>,
}

impl Traces {
    /// Takes what the entries of a commit leave behind.
    pub(crate) fn take(&mut self, marks: Marks, findings: &mut Findings, checked: &mut Checked) {
        for place in marks.places {
            self.places.take(place, findings, checked);
        }
        for act in marks.acts {
            if let Act::Lost(index) = act {
                self.lost(index);
            } else {
                self.sessions.take(act, findings, checked);
            }
        }
    }

    /// This entry cannot be read: what it left behind is not known.
    pub(crate) fn lost(&mut self, index: u64) {
        self.lost.get_or_insert(index);
        self.places.lost();
        self.sessions.lost();
    }

    /// Reports what is only known at the end, when the log's time is `now`.
    pub(crate) fn finish(&self, now: UnixMicros, findings: &mut Findings, checked: &Checked) {
        self.sessions.finish(now, findings);
        let any = checked.places > 0 || !self.sessions.is_empty() || checked.parts > 0;
        if let Some(lost) = self.lost.filter(|_| any) {
            let text = format!(
                "from entry {lost} on, what it may have said of queues and sessions is not known"
            );
            findings.add(Code::TracesUnchecked, Some(lost), text);
        }
    }
}

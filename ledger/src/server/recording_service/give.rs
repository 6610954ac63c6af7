//! GetRecording: first the entry that says who looks, then what is looked at.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use countersign_chain::idem::IdempotencyKey;
use countersign_chain::kind::Kind;
use countersign_chain::limits::MAX_IDEM;
use countersign_chain::record::Record;
use countersign_proto::convert;
use countersign_proto::event::{Event, Kinded as _, Known};
use countersign_proto::reason::{Reason, field_violation};
use countersign_proto::v1;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::{View, view_of};
use crate::blobs::BlobId;
use crate::filter::Filter;
use crate::identity::peer::Peer;
use crate::limits::{GIVEN_AHEAD, GIVEN_ENTRIES, PAGE_BYTES, SCAN_ENTRIES};
use crate::log::{Log, Mode, NewEntry};
use crate::server::log_service::receipt;
use crate::server::log_service::scan::{Bounds, scan};
use crate::server::looker::Looker;
use crate::server::readers::{Readers, Reading};
use crate::server::{Standing, refuse};

type Answers = ReceiverStream<Result<v1::GetRecordingResponse, Status>>;

/// What for somebody may look.
const PURPOSES: [&str; 3] = ["play", "grep", "export"];

/// Serves one call.
pub(super) struct Giver {
    pub(super) log: Arc<Log>,
    pub(super) peer: Arc<Peer>,
    pub(super) looker: Looker,
    pub(super) readers: Readers,
    pub(super) standing: Standing,
}

impl Giver {
    /// Writes that the caller looks, and starts the stream.
    pub(super) async fn start(self, request: v1::GetRecordingRequest) -> Result<Answers, Status> {
        let key = check(&request)?;
        let session = request.session;
        let case = self.case_of(session).await?;
        let viewed = v1::RecordingViewed {
            session,
            purpose: request.purpose,
        };
        let index = self.write(&viewed, case, key).await?;
        let (out, answers) = mpsc::channel(GIVEN_AHEAD);
        drop(tokio::spawn(async move {
            if let Err(status) = self.give(index, (session, case), &out).await {
                // Fails when the caller is gone.
                drop(out.send(Err(status)).await);
            }
        }));
        Ok(ReceiverStream::new(answers))
    }

    /// The case of a session that the caller may look at.
    async fn case_of(&self, session: u64) -> Result<u64, Status> {
        let view = view_of(&self.log, &self.looker)?;
        if session >= self.log.accepted_size() {
            return Err(unknown(session));
        }
        // It may have begun a moment ago.
        let sealed = self.log.wait_sealed(session.saturating_add(1)).await;
        sealed.map_err(|error| refuse::submit(&error, |_position| "session".to_owned()))?;
        let log = Arc::clone(&self.log);
        let work = move || {
            let unknown = || unknown(session);
            let (bytes, _checkpoint) = log.entry(session).map_err(|e| refuse::lookup(&e))?;
            let record = parse(session, &bytes)?;
            let event = Known::decode(record.kind().get(), record.payload());
            let Ok(Known::SessionStarted(started)) = event else {
                return Err(unknown());
            };
            match view {
                View::Of(person) if person != started.person => Err(unknown()),
                View::Of(_) | View::Everything => Ok(record.case()),
            }
        };
        self.read(work).await
    }

    async fn write(
        &self,
        viewed: &v1::RecordingViewed,
        case: u64,
        key: IdempotencyKey,
    ) -> Result<u64, Status> {
        let path = |_position| "session".to_owned();
        let (kind, payload) = Event::from_message(viewed)
            .into_parts()
            .map_err(|error| refuse::internal(&error))?;
        let entry = NewEntry::new(kind, self.looker.actor.clone(), payload);
        let entry = entry.map_err(|error| refuse::internal(&error))?;
        let mut entry = entry.in_case(case).with_key(key);
        if let Some(bot) = &self.looker.via {
            let via = entry.via(bot.clone());
            entry = via.map_err(|error| refuse::internal(&error))?;
        }
        let pending = self.log.submit(vec![entry], Mode::Each).await;
        let pending = pending.map_err(|error| refuse::submit(&error, path))?;
        let runs = pending.accepted().await;
        let runs = runs.map_err(|error| refuse::submit(&error, path))?;
        let run = runs
            .first()
            .ok_or_else(|| refuse::internal(&"no receipt"))?;
        let sealed = self.log.wait_sealed(run.size()).await;
        sealed.map_err(|error| refuse::submit(&error, path))?;
        Ok(run.first_index)
    }

    async fn give(
        &self,
        viewed: u64,
        (session, case): (u64, u64),
        out: &mpsc::Sender<Result<v1::GetRecordingResponse, Status>>,
    ) -> Result<(), Status> {
        let log = Arc::clone(&self.log);
        let first = self.read(move || answer(&log, viewed)).await?;
        if out.send(Ok(first)).await.is_err() {
            return Ok(());
        }
        let (mut next, end) = (session, self.log.sealed().size);
        while next < end {
            // A recording may be long: the caller may lose the right to it on the way.
            self.standing.check(&self.peer)?;
            let log = Arc::clone(&self.log);
            let range = next..end;
            let some = self
                .readers
                .run(self.peer.principal.as_str(), Reading::Long, move || {
                    some_of(&log, (session, case), range)
                });
            let (indexes, after) = some.await?;
            for index in indexes {
                let log = Arc::clone(&self.log);
                let part = self.read(move || answer(&log, index)).await?;
                if out.send(Ok(part)).await.is_err() {
                    return Ok(());
                }
            }
            next = after;
        }
        Ok(())
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Status> + Send + 'static,
    ) -> Result<T, Status> {
        let client = self.peer.principal.as_str();
        self.readers.run(client, Reading::Short, work).await
    }
}

fn check(request: &v1::GetRecordingRequest) -> Result<IdempotencyKey, Status> {
    if !PURPOSES.contains(&request.purpose.as_str()) {
        return Err(field_violation(
            Reason::TextInvalid,
            "purpose",
            format!("expected play, grep or export, got {:?}", request.purpose),
            "say what the recording is looked at for",
        ));
    }
    let key = request.idempotency_key.as_bytes();
    IdempotencyKey::parse(key).map_err(|error| {
        field_violation(
            Reason::IdempotencyKeyInvalid,
            "idempotency_key",
            error.to_string(),
            &format!("use at most {MAX_IDEM} bytes of text"),
        )
    })
}

fn unknown(session: u64) -> Status {
    field_violation(
        Reason::SessionUnknown,
        "session",
        format!("{session} is no session that the caller may look at"),
        "`countersign session list` shows those that you may; others take a permit of read_audit",
    )
}

fn parse(index: u64, bytes: &Bytes) -> Result<Record<'_>, Status> {
    Record::parse(bytes).map_err(|error| refuse::damaged(index, error.to_string()))
}

/// Entries of the session in a stretch of the log, and where the next stretch begins. Blocks.
fn some_of(
    log: &Log,
    (session, case): (u64, u64),
    range: Range<u64>,
) -> Result<(Vec<u64>, u64), Status> {
    let filter = Filter {
        case: Some(case),
        kinds: vec![
            v1::SessionStarted::KIND,
            v1::CommandExecuted::KIND,
            v1::SessionOutput::KIND,
            v1::SessionEnded::KIND,
            v1::SessionOverran::KIND,
        ],
        ..Filter::default()
    };
    let bounds = Bounds {
        entries: GIVEN_ENTRIES,
        bytes: PAGE_BYTES,
        scanned: SCAN_ENTRIES,
    };
    let page = scan(log, &filter, range, &bounds).map_err(|error| refuse::lookup(&error))?;
    let of_session = |entry: &&v1::Entry| {
        let bytes = entry.record.clone();
        Record::parse(&bytes).is_ok_and(|record| {
            let of = session_of(record.kind(), record.payload());
            record.index().get() == session || of == Some(session)
        })
    };
    let indexes = page.entries.iter().filter(of_session);
    Ok((indexes.map(|entry| entry.index).collect(), page.next))
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "four kinds tell of a session"
)]
fn session_of(kind: Kind, payload: &[u8]) -> Option<u64> {
    match Known::decode(kind.get(), payload).ok()? {
        Known::CommandExecuted(event) => Some(event.session),
        Known::SessionOutput(event) => Some(event.session),
        Known::SessionEnded(event) => Some(event.session),
        Known::SessionOverran(event) => Some(event.session),
        _ => None,
    }
}

/// One entry with its proof, and what it commits to. Blocks.
fn answer(log: &Log, index: u64) -> Result<v1::GetRecordingResponse, Status> {
    let (bytes, checkpoint) = log.entry(index).map_err(|error| refuse::lookup(&error))?;
    let record = parse(index, &bytes)?;
    let proof = receipt::inclusion(log, index, &record.leaf(), &checkpoint);
    let proof = proof.map_err(|error| refuse::tree(&error))?;
    let (content, missing) = match Known::decode(record.kind().get(), record.payload()) {
        Ok(Known::SessionOutput(output)) => {
            let id = BlobId::parse(&output.blob_sha256);
            match id.map(|id| log.blobs().get(id)) {
                Some(Ok(content)) => (content.into(), String::new()),
                Some(Err(error)) => (Bytes::new(), error.to_string()),
                None => (Bytes::new(), "the entry names no digest".to_owned()),
            }
        }
        _ => (Bytes::new(), String::new()),
    };
    let entry = convert::entry(&bytes);
    let entry = entry.map_err(|error| refuse::damaged(index, error.to_string()))?;
    Ok(v1::GetRecordingResponse {
        entry: Some(entry),
        checkpoint: checkpoint.text().to_owned(),
        inclusion_proof: Some(proof),
        content,
        missing,
    })
}

//! Recordings of sessions: content beside the log, and looking at it.

use bytes::Bytes;
use countersign_chain::sequence::{QueueId, Sequence};
use countersign_proto::event::Known;
use countersign_proto::v1;
use countersign_proto::v1::recording_service_client::RecordingServiceClient;
use sha2::{Digest as _, Sha256};
use tonic::transport::Channel;
use tonic::{Request, Status, Streaming};

use crate::call::{CallError, Repeat};
use crate::client::{Client, log_service};
use crate::entry::Entry;
use crate::key::next_key;
use crate::limits::{CONNECT_TIMEOUT, MAX_ANSWER};
use crate::verify::{Notary, VerifyError};

const PUT: &str = "PutBlob";
const GET: &str = "GetRecording";
const LIST: &str = "ListSessions";
const SEQUENCE: &str = "GetSequence";

/// A verified entry of a session, with the content that it commits to.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// The entry.
    pub entry: Entry,
    /// The blob of a SessionOutput entry, checked against its digest; or why it cannot be had.
    /// `None` for entries without one.
    pub content: Option<Result<Bytes, String>>,
}

/// A recording as it comes.
#[derive(Debug)]
pub struct RecordingStream {
    answers: Streaming<v1::GetRecordingResponse>,
    notary: Notary,
    /// The entry that says that it is looked at.
    viewed: Entry,
    seen: u64,
}

/// The recording service over a connection.
fn recording_service(channel: Channel) -> RecordingServiceClient<Channel> {
    RecordingServiceClient::new(channel).max_decoding_message_size(MAX_ANSWER)
}

impl Client {
    /// How much of a queue of this client is sealed: the number that comes next, as a verified
    /// entry shows; 0 when the ledger has nothing of it.
    ///
    /// # Errors
    /// [`CallError`]; `Unverified` when the entry is not that of the number before.
    pub async fn sealed_of(&self, queue: QueueId) -> Result<u64, CallError> {
        let request = v1::GetSequenceRequest {
            log: self.shared.log.clone(),
            queue: queue.as_bytes().to_vec().into(),
        };
        let answer = self
            .caller()
            .call(
                SEQUENCE,
                Repeat::Safe,
                request,
                |channel, request| async move { log_service(channel).get_sequence(request).await },
            )
            .await?;
        let Some(number) = answer.next.checked_sub(1) else {
            return Ok(0);
        };
        let index = answer.last.as_ref().map_or(0, |entry| entry.index);
        let shown = v1::GetEntryResponse {
            entry: answer.last,
            checkpoint: answer.checkpoint,
            inclusion_proof: answer.inclusion_proof,
        };
        let entry = Entry::verify(shown, index, &mut self.notary());
        let entry = entry.map_err(CallError::unverified(SEQUENCE))?;
        let place = Sequence::of_key(entry.idempotency_key());
        if place != Some(Sequence { queue, number }) {
            let error = VerifyError::other("place in the queue", number, entry.index());
            return Err(CallError::unverified(SEQUENCE)(error));
        }
        Ok(answer.next)
    }

    /// Stores content that an entry will commit to, 1 byte to 1 MiB.
    ///
    /// # Errors
    /// [`CallError`]; `Unverified` when the ledger took something else.
    pub async fn put_blob(&self, content: Bytes) -> Result<(), CallError> {
        let sha256 = Sha256::digest(&content);
        let request = v1::PutBlobRequest {
            log: self.shared.log.clone(),
            content,
        };
        let answer = self
            .caller()
            .call(PUT, Repeat::Safe, request, |channel, request| async move {
                recording_service(channel).put_blob(request).await
            })
            .await?;
        if answer.sha256 != sha256.as_slice() {
            let error = VerifyError::other("digest", "that of the content", "another");
            return Err(CallError::unverified(PUT)(error));
        }
        Ok(())
    }

    /// One page of sessions, newest first. The token of the answer asks for the next one.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn sessions(
        &self,
        mut request: v1::ListSessionsRequest,
    ) -> Result<v1::ListSessionsResponse, CallError> {
        request.log.clone_from(&self.shared.log);
        self.caller()
            .call(LIST, Repeat::Safe, request, |channel, request| async move {
                recording_service(channel).list_sessions(request).await
            })
            .await
    }

    /// Looks at a recording, which becomes an entry. `purpose` is `play`, `grep` or `export`. A bot
    /// looks for a person and names their principal in `on_behalf_of`; others leave it empty.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn recording(
        &self,
        session: u64,
        purpose: &str,
        on_behalf_of: &str,
    ) -> Result<RecordingStream, CallError> {
        let route = self.caller().endpoints().route();
        let request = Request::new(v1::GetRecordingRequest {
            log: self.shared.log.clone(),
            session,
            purpose: purpose.to_owned(),
            idempotency_key: next_key().map_err(CallError::Random)?,
            on_behalf_of: on_behalf_of.to_owned(),
        });
        let mut service = recording_service(route.channel.clone());
        let refused = |status: &Status| CallError::refused(GET, status);
        let opened = tokio::time::timeout(2 * CONNECT_TIMEOUT, service.get_recording(request));
        let late = |_elapsed| Status::deadline_exceeded("the stream was not opened in time");
        let answers = opened.await.unwrap_or_else(|elapsed| Err(late(elapsed)));
        let mut answers = answers.map_err(|status| refused(&status))?.into_inner();
        let mut notary = self.notary();
        let first = answers.message().await.map_err(|status| refused(&status))?;
        let first = first.ok_or_else(|| {
            CallError::unverified(GET)(VerifyError::Missing("the entry of this view"))
        })?;
        let viewed = read(first, &mut notary).map_err(CallError::unverified(GET))?;
        Ok(RecordingStream {
            answers,
            notary,
            viewed: viewed.entry,
            seen: 0,
        })
    }
}

impl RecordingStream {
    /// The entry that says that it is looked at.
    #[must_use]
    pub const fn viewed(&self) -> &Entry {
        &self.viewed
    }

    /// The next entry of the session; `None` at the end of what was sealed when the call began.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn next(&mut self) -> Result<Option<Recorded>, CallError> {
        let message = self.answers.message().await;
        let message = message.map_err(|status| CallError::refused(GET, &status))?;
        let Some(message) = message else {
            return Ok(None);
        };
        let unverified = CallError::unverified(GET);
        let recorded = read(message, &mut self.notary).map_err(unverified)?;
        let index = recorded.entry.index();
        if index < self.seen {
            let error = VerifyError::Order {
                expected: self.seen,
                got: index,
                exactly: false,
            };
            return Err(CallError::unverified(GET)(error));
        }
        self.seen = index.saturating_add(1);
        Ok(Some(recorded))
    }
}

/// Verifies one answer: the entry against its signature, the content against the entry.
fn read(answer: v1::GetRecordingResponse, notary: &mut Notary) -> Result<Recorded, VerifyError> {
    let v1::GetRecordingResponse {
        entry,
        checkpoint,
        inclusion_proof,
        content,
        missing,
    } = answer;
    let index = entry.as_ref().map_or(0, |entry| entry.index);
    let shown = v1::GetEntryResponse {
        entry,
        checkpoint,
        inclusion_proof,
    };
    let entry = Entry::verify(shown, index, notary)?;
    let content = match entry.known() {
        Ok(Known::SessionOutput(output)) if missing.is_empty() => {
            if Sha256::digest(&content).as_slice() != output.blob_sha256 {
                return Err(VerifyError::other(
                    "content",
                    "what the entry commits to",
                    "something else",
                ));
            }
            Some(Ok(content))
        }
        Ok(Known::SessionOutput(_)) => Some(Err(missing)),
        _ => None,
    };
    Ok(Recorded { entry, content })
}

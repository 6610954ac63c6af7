//! The recording service: every call of `recording.proto`.

mod give;
mod list;

use std::sync::Arc;

use countersign_proto::reason::{Reason, field_violation, refusal};
use countersign_proto::v1;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use tracing::{Instrument as _, info_span};

use crate::identity::peer::Peer;
use crate::limits::MAX_BLOB_BYTES;
use crate::log::Log;
use crate::server::access_service::name_of;
use crate::server::looker::Looker;
use crate::server::readers::{Readers, Reading};
use crate::server::{Logs, Standing, peer, refuse};

/// Serves recordings. Clones share everything.
#[derive(Debug, Clone)]
pub struct RecordingService {
    logs: Logs,
    standing: Standing,
    readers: Readers,
}

type Answer<T> = Result<Response<T>, Status>;

/// What a caller may look at.
#[derive(Debug, Clone, PartialEq, Eq)]
enum View {
    Everything,
    /// Sessions of this person.
    Of(String),
}

impl RecordingService {
    /// Serves the recordings of these logs.
    #[must_use]
    pub const fn new(logs: Logs, standing: Standing, readers: Readers) -> Self {
        Self {
            logs,
            standing,
            readers,
        }
    }

    fn open<T>(&self, request: &Request<T>, log: &str) -> Result<(Arc<Peer>, Arc<Log>), Status> {
        let peer = peer(request)?;
        self.standing.check(&peer)?;
        Ok((peer, Arc::clone(self.logs.get(log)?)))
    }
}

/// Administrators and auditors see everything, and so do people whom the policy permits
/// `read_audit`; others see what is theirs.
fn view_of(log: &Log, looker: &Looker) -> Result<View, Status> {
    if !looker.is_person {
        return Ok(View::Everything);
    }
    let state = log.cases().read().ok_or_else(refuse::replaying)?;
    let person = name_of(&state, looker.actor.as_str());
    let policy = state.policy().map(|in_force| &in_force.policy);
    if policy.is_some_and(|policy| policy.may_read_audit(&person)) {
        return Ok(View::Everything);
    }
    Ok(View::Of(person))
}

fn content(content: &[u8]) -> Result<(), Status> {
    if (1..=MAX_BLOB_BYTES).contains(&content.len()) {
        return Ok(());
    }
    Err(field_violation(
        Reason::PayloadTooLarge,
        "content",
        format!(
            "expected 1 to {MAX_BLOB_BYTES} bytes, got {}",
            content.len()
        ),
        "split the recording into smaller parts",
    ))
}

#[tonic::async_trait]
impl v1::recording_service_server::RecordingService for RecordingService {
    async fn put_blob(&self, request: Request<v1::PutBlobRequest>) -> Answer<v1::PutBlobResponse> {
        let (peer, log) = self.open(&request, &request.get_ref().log)?;
        let request = request.into_inner();
        content(&request.content)?;
        if log.is_disk_low() {
            return Err(refusal(
                Reason::DiskFull,
                "the disk is nearly full",
                "repeat later; the operator makes room",
            ));
        }
        let bytes = request.content.len();
        let span = info_span!("put_blob", log = log.name(), bytes);
        let put = move || {
            let put = log.blobs().put(&request.content);
            put.map_err(|error| refuse::internal(&error))
        };
        let id = self
            .readers
            .run(peer.principal.as_str(), Reading::Short, put)
            .instrument(span)
            .await?;
        let sha256 = id.as_bytes().to_vec().into();
        Ok(Response::new(v1::PutBlobResponse { sha256 }))
    }

    type GetRecordingStream = ReceiverStream<Result<v1::GetRecordingResponse, Status>>;

    async fn get_recording(
        &self,
        request: Request<v1::GetRecordingRequest>,
    ) -> Answer<Self::GetRecordingStream> {
        let (peer, log) = self.open(&request, &request.get_ref().log)?;
        let request = request.into_inner();
        let looker = Looker::of(&request.on_behalf_of, &peer)?;
        let span = info_span!("get_recording", log = log.name(), session = request.session);
        let giver = give::Giver {
            log,
            peer,
            looker,
            readers: self.readers.clone(),
            standing: self.standing.clone(),
        };
        let answers = giver.start(request).instrument(span).await?;
        Ok(Response::new(answers))
    }

    async fn list_sessions(
        &self,
        request: Request<v1::ListSessionsRequest>,
    ) -> Answer<v1::ListSessionsResponse> {
        let (peer, log) = self.open(&request, &request.get_ref().log)?;
        let request = request.into_inner();
        let view = view_of(&log, &Looker::of(&request.on_behalf_of, &peer)?)?;
        let work = move || list::list(&log, &view, &request);
        let answer = self
            .readers
            .run(peer.principal.as_str(), Reading::Long, work)
            .await;
        answer.map(Response::new)
    }
}

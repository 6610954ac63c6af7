//! The log service: every call of `log.proto`, each as decode, call, encode.
//!
//! What may be asked is in the `.proto` file; who may ask, in `identity::role`, and the guard has
//! checked it. Here it is checked who may append which event, and whose receipts are whose.
//!
//! Readers see sealed entries only. Everything that waits for a disk runs on a thread that may
//! wait.

mod append;
mod candidates;
pub(super) mod draft;
pub(super) mod filter;
mod follow;
mod prove;
mod read;
pub(super) mod receipt;
pub(super) mod scan;
mod sequence;
mod stream;
pub(super) mod token;

use std::sync::Arc;

use countersign_proto::v1;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};
use tracing::{Instrument as _, info_span};

use crate::identity::peer::Peer;
use crate::limits::{
    MAX_APPEND_STREAMS, MAX_APPEND_STREAMS_EACH, MAX_FOLLOW_STREAMS, MAX_FOLLOW_STREAMS_EACH,
};
use crate::server::readers::{Readers, Reading};
use crate::server::seats::Seats;
use crate::server::{Logs, Standing, peer, refuse};

/// Serves the logs of a node. Clones share everything.
#[derive(Debug, Clone)]
pub struct LogService {
    logs: Logs,
    standing: Standing,
    shutdown: CancellationToken,
    followers: Seats,
    appenders: Seats,
    readers: Readers,
}

impl LogService {
    /// Serves these logs. Streams end with `SHUTTING_DOWN` when `shutdown` is cancelled.
    #[must_use]
    pub fn new(
        logs: Logs,
        standing: Standing,
        shutdown: CancellationToken,
        readers: Readers,
    ) -> Self {
        let followers = Seats::new(
            ("follow streams", "countersign_follow_streams"),
            MAX_FOLLOW_STREAMS,
            MAX_FOLLOW_STREAMS_EACH,
        );
        let appenders = Seats::new(
            ("append streams", "countersign_append_streams"),
            MAX_APPEND_STREAMS,
            MAX_APPEND_STREAMS_EACH,
        );
        Self {
            logs,
            standing,
            shutdown,
            followers,
            appenders,
            readers,
        }
    }

    /// Who calls, and may still do so now that the request has come: its head may be old.
    fn caller<T>(&self, request: &Request<T>) -> Result<Arc<Peer>, Status> {
        let peer = peer(request)?;
        self.standing.check(&peer)?;
        Ok(peer)
    }

    /// Who reads.
    fn reader<T>(&self, request: &Request<T>) -> Result<Reader, Status> {
        Ok(Reader {
            peer: self.caller(request)?,
            readers: self.readers.clone(),
        })
    }

    /// What an append stream works with.
    fn appender<T>(&self, request: &Request<T>) -> Result<stream::Context, Status> {
        let peer = self.caller(request)?;
        let seat = self.appenders.take(peer.principal.as_str());
        Ok(stream::Context {
            logs: self.logs.clone(),
            peer,
            standing: self.standing.clone(),
            shutdown: self.shutdown.clone(),
            seat: seat.map_err(|error| refuse::full(&error))?,
        })
    }
}

/// A caller that reads, and its turns at it.
#[derive(Debug)]
struct Reader {
    peer: Arc<Peer>,
    readers: Readers,
}

impl Reader {
    async fn read<T: Send + 'static>(
        &self,
        reading: Reading,
        work: impl FnOnce() -> Result<T, Status> + Send + 'static,
    ) -> Result<T, Status> {
        let client = self.peer.principal.as_str();
        self.readers.run(client, reading, work).await
    }
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl v1::log_service_server::LogService for LogService {
    async fn append(&self, request: Request<v1::AppendRequest>) -> Answer<v1::AppendResponse> {
        let (reader, request) = (self.reader(&request)?, request.into_inner());
        let log = self.logs.get(&request.log)?;
        let case = request.draft.as_ref().map_or(0, |draft| draft.case);
        let span = info_span!("append", log = log.name(), case);
        let answer = append::append(log, &reader, request).instrument(span).await;
        answer.map(Response::new)
    }

    async fn append_batch(
        &self,
        request: Request<v1::AppendBatchRequest>,
    ) -> Answer<v1::AppendBatchResponse> {
        let (peer, request) = (self.caller(&request)?, request.into_inner());
        let log = self.logs.get(&request.log)?;
        let span = info_span!(
            "append_batch",
            log = log.name(),
            count = request.drafts.len()
        );
        let answer = append::append_batch(log, &peer, request)
            .instrument(span)
            .await;
        answer.map(Response::new)
    }

    type AppendStreamStream = stream::Answers;

    async fn append_stream(
        &self,
        request: Request<Streaming<v1::AppendStreamRequest>>,
    ) -> Answer<stream::Answers> {
        let context = self.appender(&request)?;
        Ok(Response::new(stream::serve(context, request.into_inner())))
    }

    async fn get_entry(
        &self,
        request: Request<v1::GetEntryRequest>,
    ) -> Answer<v1::GetEntryResponse> {
        let reader = self.reader(&request)?;
        let request = request.into_inner();
        let log = self.logs.get(&request.log)?;
        let span = info_span!("get_entry", log = log.name(), index = request.index);
        read::get_entry(log, &reader, request)
            .instrument(span)
            .await
            .map(Response::new)
    }

    async fn list_entries(
        &self,
        request: Request<v1::ListEntriesRequest>,
    ) -> Answer<v1::ListEntriesResponse> {
        let reader = self.reader(&request)?;
        let request = request.into_inner();
        let log = self.logs.get(&request.log)?;
        let case = request.filter.as_ref().map_or(0, |filter| filter.case);
        let span = info_span!("list_entries", log = log.name(), case);
        read::list_entries(log, &reader, request)
            .instrument(span)
            .await
            .map(Response::new)
    }

    type FollowStream = follow::Batches;

    async fn follow(&self, request: Request<v1::FollowRequest>) -> Answer<follow::Batches> {
        let (peer, request) = (self.caller(&request)?, request.into_inner());
        let log = Arc::clone(self.logs.get(&request.log)?);
        let filter = filter::parse(request.filter).map_err(|error| refuse::filter(&error))?;
        let seat = self.followers.take(peer.principal.as_str());
        let seat = seat.map_err(|error| refuse::full(&error))?;
        let (name, index) = (log.name().to_owned(), request.from_index);
        let context = follow::Context {
            log,
            peer,
            readers: self.readers.clone(),
            standing: self.standing.clone(),
            shutdown: self.shutdown.clone(),
        };
        let span = info_span!("follow", log = name, index);
        let batches = span.in_scope(|| follow::serve(context, seat, filter, index))?;
        Ok(Response::new(batches))
    }

    async fn get_receipt(
        &self,
        request: Request<v1::GetReceiptRequest>,
    ) -> Answer<v1::GetReceiptResponse> {
        let reader = self.reader(&request)?;
        let request = request.into_inner();
        let log = self.logs.get(&request.log)?;
        let span = info_span!("get_receipt", log = log.name());
        read::get_receipt(log, &reader, request)
            .instrument(span)
            .await
            .map(Response::new)
    }

    async fn get_sequence(
        &self,
        request: Request<v1::GetSequenceRequest>,
    ) -> Answer<v1::GetSequenceResponse> {
        let reader = self.reader(&request)?;
        let request = request.into_inner();
        let log = self.logs.get(&request.log)?;
        let span = info_span!("get_sequence", log = log.name());
        sequence::get_sequence(log, &reader, &request)
            .instrument(span)
            .await
            .map(Response::new)
    }

    async fn get_checkpoint(
        &self,
        request: Request<v1::GetCheckpointRequest>,
    ) -> Answer<v1::GetCheckpointResponse> {
        let log = self.logs.get(&request.into_inner().log)?;
        prove::get_checkpoint(log).map(Response::new)
    }

    async fn get_inclusion_proof(
        &self,
        request: Request<v1::GetInclusionProofRequest>,
    ) -> Answer<v1::GetInclusionProofResponse> {
        let reader = self.reader(&request)?;
        let request = request.into_inner();
        let log = self.logs.get(&request.log)?;
        let span = info_span!(
            "get_inclusion_proof",
            log = log.name(),
            index = request.index
        );
        prove::get_inclusion_proof(log, &reader, request)
            .instrument(span)
            .await
            .map(Response::new)
    }

    async fn get_consistency_proof(
        &self,
        request: Request<v1::GetConsistencyProofRequest>,
    ) -> Answer<v1::GetConsistencyProofResponse> {
        let reader = self.reader(&request)?;
        let request = request.into_inner();
        let log = self.logs.get(&request.log)?;
        let span = info_span!("get_consistency_proof", log = log.name());
        prove::get_consistency_proof(log, &reader, request)
            .instrument(span)
            .await
            .map(Response::new)
    }
}

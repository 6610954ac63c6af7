//! The access service: every call of `access.proto`, each as decode, order, encode.
//!
//! The rules are in `countersign-workflow`; the log decides by them and writes what comes of it. An
//! answer tells of nothing that is not durable.

mod actions;
mod business;
mod read;

pub(super) use actions::time;
pub(super) use business::name_of;
pub(super) use read::no_policy;

use std::sync::Arc;

use countersign_chain::idem::IdempotencyKey;
use countersign_chain::limits::MAX_IDEM;
use countersign_proto::event::check_evidence;
use countersign_proto::reason::{Reason, field_violation};
use countersign_proto::v1::{self, AckLevel};
use countersign_workflow::command::{Action, Caller, Command};
use countersign_workflow::view;
use tonic::{Request, Response, Status};
use tracing::{Instrument as _, info_span};

use crate::identity::peer::Peer;
use crate::log::{Log, Run};
use crate::server::log_service::draft::{self, DraftError};
use crate::server::log_service::receipt;
use crate::server::readers::Readers;
use crate::server::world::World;
use crate::server::{Logs, Standing, peer, refuse};

/// Serves access cases. Clones share everything.
#[derive(Debug, Clone)]
pub struct AccessService {
    logs: Logs,
    standing: Standing,
    world: World,
    readers: Readers,
}

type Answer<T> = Result<Response<T>, Status>;

impl AccessService {
    /// Serves the cases of these logs.
    #[must_use]
    pub const fn new(logs: Logs, standing: Standing, world: World, readers: Readers) -> Self {
        Self {
            logs,
            standing,
            world,
            readers,
        }
    }

    /// Who calls, and may still do so now that the request has come.
    fn caller<T>(&self, request: &Request<T>) -> Result<Arc<Peer>, Status> {
        let peer = peer(request)?;
        self.standing.check(&peer)?;
        Ok(peer)
    }

    /// Gives a command, and tells what came of it.
    async fn order(
        &self,
        peer: &Peer,
        call: Option<v1::Call>,
        action: Action,
    ) -> Result<v1::Outcome, Status> {
        let call = call.unwrap_or_default();
        let log = self.logs.get(&call.log)?;
        let span = info_span!("order", log = log.name(), action = action.name());
        let work = async {
            let run = order(log, &self.world, (peer, &call), action).await?;
            outcome(log, &run)
        };
        work.instrument(span).await
    }
}

/// Gives a command to a log and waits until what comes of it is durable.
pub(super) async fn order(
    log: &Log,
    world: &World,
    (peer, call): (&Peer, &v1::Call),
    action: Action,
) -> Result<Run, Status> {
    let (actor, via) =
        draft::speaker(&call.on_behalf_of, peer).map_err(|error| refuse::draft(&error, "call"))?;
    if let Some(evidence) = &call.evidence {
        let refused = match &via {
            Some(_) => check_evidence(evidence).err().map(DraftError::Event),
            None => Some(DraftError::Evidence),
        };
        if let Some(error) = refused {
            return Err(refuse::draft(&error, "call"));
        }
    }
    let key = call.idempotency_key.as_bytes();
    let key = IdempotencyKey::parse(key).ok().filter(|_| !key.is_empty());
    let key = key.ok_or_else(|| {
        field_violation(
            Reason::IdempotencyKeyInvalid,
            "call.idempotency_key",
            format!("expected a key of 1 to {MAX_IDEM} bytes"),
            "choose a new one for each call, and keep it for its repeats",
        )
    })?;
    let facts = world.facts(log);
    let command = Command {
        caller: Caller { actor, via },
        action,
        facts,
        evidence: call.evidence.clone(),
    };
    let path = |_position| "call".to_owned();
    let placed = tokio::time::timeout(Log::QUEUE_PATIENCE, log.order(command, key)).await;
    let pending = placed.map_err(|_elapsed| refuse::queue_full(Log::QUEUE_PATIENCE))?;
    let pending = pending.map_err(|error| refuse::submit(&error, path))?;
    let runs = pending.accepted().await;
    let mut runs = runs.map_err(|error| refuse::submit(&error, path))?;
    match (runs.pop(), runs.is_empty()) {
        (Some(run), true) => Ok(run),
        (first, _) => {
            let count = runs.len() + usize::from(first.is_some());
            Err(refuse::internal(&format!(
                "{count} receipts for one command"
            )))
        }
    }
}

/// What a command led to, as its caller reads it.
pub(super) fn outcome(log: &Arc<Log>, run: &Run) -> Result<v1::Outcome, Status> {
    let level = receipt::reached(log, run.size());
    let level = if level == AckLevel::Sealed {
        level
    } else {
        AckLevel::Accepted
    };
    let receipt = receipt::receipt_run(log, level, run, 0);
    let state = log.cases().read().ok_or_else(refuse::replaying)?;
    let thing = state.thing(run.first_index);
    let id = thing.map_or(0, |(_thing, case)| case);
    let case = state
        .case(id)
        .map(|case| view::case(case, state.setbacks()));
    Ok(v1::Outcome {
        run: Some(receipt),
        case,
    })
}

/// Writes a method that gives a command.
macro_rules! order {
    ($self:ident, $request:ident, $response:ident, $action:expr) => {{
        let (peer, request) = ($self.caller(&$request)?, $request.into_inner());
        let call = request.call.clone();
        let action = $action(request)?;
        let outcome = Some($self.order(&peer, call, action).await?);
        Ok(Response::new(v1::$response { outcome }))
    }};
}

#[tonic::async_trait]
impl v1::access_service_server::AccessService for AccessService {
    async fn request_access(
        &self,
        request: Request<v1::RequestAccessRequest>,
    ) -> Answer<v1::RequestAccessResponse> {
        order!(self, request, RequestAccessResponse, actions::request)
    }

    async fn break_glass(
        &self,
        request: Request<v1::BreakGlassRequest>,
    ) -> Answer<v1::BreakGlassResponse> {
        order!(self, request, BreakGlassResponse, actions::break_glass)
    }

    async fn review(&self, request: Request<v1::ReviewRequest>) -> Answer<v1::ReviewResponse> {
        order!(self, request, ReviewResponse, actions::review)
    }

    async fn retro_review(
        &self,
        request: Request<v1::RetroReviewRequest>,
    ) -> Answer<v1::RetroReviewResponse> {
        order!(self, request, RetroReviewResponse, actions::retro_review)
    }

    async fn cancel_request(
        &self,
        request: Request<v1::CancelRequestRequest>,
    ) -> Answer<v1::CancelRequestResponse> {
        order!(self, request, CancelRequestResponse, actions::cancel)
    }

    async fn extend_grant(
        &self,
        request: Request<v1::ExtendGrantRequest>,
    ) -> Answer<v1::ExtendGrantResponse> {
        order!(self, request, ExtendGrantResponse, actions::extend)
    }

    async fn revoke_grant(
        &self,
        request: Request<v1::RevokeGrantRequest>,
    ) -> Answer<v1::RevokeGrantResponse> {
        order!(self, request, RevokeGrantResponse, actions::revoke)
    }

    async fn finish_grant(
        &self,
        request: Request<v1::FinishGrantRequest>,
    ) -> Answer<v1::FinishGrantResponse> {
        order!(self, request, FinishGrantResponse, actions::finish)
    }

    async fn start_session(
        &self,
        request: Request<v1::StartSessionRequest>,
    ) -> Answer<v1::StartSessionResponse> {
        order!(self, request, StartSessionResponse, actions::start_session)
    }

    async fn end_session(
        &self,
        request: Request<v1::EndSessionRequest>,
    ) -> Answer<v1::EndSessionResponse> {
        order!(self, request, EndSessionResponse, actions::end_session)
    }

    async fn report_provisioning(
        &self,
        request: Request<v1::ReportProvisioningRequest>,
    ) -> Answer<v1::ReportProvisioningResponse> {
        order!(self, request, ReportProvisioningResponse, actions::report)
    }

    async fn submit_feedback(
        &self,
        request: Request<v1::SubmitFeedbackRequest>,
    ) -> Answer<v1::SubmitFeedbackResponse> {
        order!(self, request, SubmitFeedbackResponse, actions::feedback)
    }

    async fn delegate(
        &self,
        request: Request<v1::DelegateRequest>,
    ) -> Answer<v1::DelegateResponse> {
        order!(self, request, DelegateResponse, actions::delegate)
    }

    async fn check_access(
        &self,
        request: Request<v1::CheckAccessRequest>,
    ) -> Answer<v1::CheckAccessResponse> {
        let (peer, request) = (self.caller(&request)?, request.into_inner());
        let log = self.logs.get(&request.log)?;
        read::check(log, self.world.wall(), (&peer, &request)).map(Response::new)
    }

    async fn get_case(&self, request: Request<v1::GetCaseRequest>) -> Answer<v1::GetCaseResponse> {
        let (peer, request) = (self.caller(&request)?, request.into_inner());
        let log = self.logs.get(&request.log)?;
        let wanted = (request.id, &self.world);
        let answer = read::case(log, (&self.readers, &peer), wanted).await;
        answer.map(Response::new)
    }

    async fn list_cases(
        &self,
        request: Request<v1::ListCasesRequest>,
    ) -> Answer<v1::ListCasesResponse> {
        let (peer, request) = (self.caller(&request)?, request.into_inner());
        let log = self.logs.get(&request.log)?;
        let wanted = (request, &self.world);
        let answer = read::list(log, (&self.readers, &peer), wanted).await;
        answer.map(Response::new)
    }

    async fn simulate(
        &self,
        request: Request<v1::SimulateRequest>,
    ) -> Answer<v1::SimulateResponse> {
        let (peer, request) = (self.caller(&request)?, request.into_inner());
        let log = self.logs.get(&request.log)?;
        read::simulate(log, &self.world, (&peer, &request)).map(Response::new)
    }
}

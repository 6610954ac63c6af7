//! The policy service: every call of `policy.proto`.

use std::sync::Arc;

use countersign_proto::convert::timestamp;
use countersign_proto::reason::{Reason, field_violation, refusal};
use countersign_proto::v1;
use countersign_workflow::command::{Action, NewPolicy};
use countersign_workflow::policy::{self, Bundle, Policy, Problem, Report};
use countersign_workflow::state::InForce;
use tonic::{Request, Response, Status};

use crate::identity::peer::Peer;
use crate::limits::MAX_POLICIES_LISTED;
use crate::server::world::World;
use crate::server::{Logs, Standing, access_service, peer, refuse};

/// Serves the policies of logs. Clones share everything.
#[derive(Debug, Clone)]
pub struct PolicyService {
    logs: Logs,
    standing: Standing,
    world: World,
}

type Answer<T> = Result<Response<T>, Status>;

impl PolicyService {
    /// Serves the policies of these logs.
    #[must_use]
    pub const fn new(logs: Logs, standing: Standing, world: World) -> Self {
        Self {
            logs,
            standing,
            world,
        }
    }

    fn caller<T>(&self, request: &Request<T>) -> Result<Arc<Peer>, Status> {
        let peer = peer(request)?;
        self.standing.check(&peer)?;
        Ok(peer)
    }
}

#[tonic::async_trait]
impl v1::policy_service_server::PolicyService for PolicyService {
    async fn put_policy(
        &self,
        request: Request<v1::PutPolicyRequest>,
    ) -> Answer<v1::PutPolicyResponse> {
        let (peer, request) = (self.caller(&request)?, request.into_inner());
        let call = request.call.clone().unwrap_or_default();
        let log = self.logs.get(&call.log)?;
        let compiled = tokio::task::spawn_blocking(move || compile(request));
        let (new, warnings) = compiled.await.map_err(|error| refuse::internal(&error))??;
        let action = Action::PutPolicy(Box::new(new));
        let run = access_service::order(log, &self.world, (&peer, &call), action).await?;
        let outcome = access_service::outcome(log, &run)?;
        let state = log.cases().read().ok_or_else(refuse::replaying)?;
        let policy = state
            .policy_at(run.first_index)
            .map(|in_force| describe(in_force));
        Ok(Response::new(v1::PutPolicyResponse {
            outcome: Some(outcome),
            policy,
            warnings,
        }))
    }

    async fn get_policy(
        &self,
        request: Request<v1::GetPolicyRequest>,
    ) -> Answer<v1::GetPolicyResponse> {
        drop(self.caller(&request)?);
        let request = request.into_inner();
        let log = self.logs.get(&request.log)?;
        let state = log.cases().read().ok_or_else(refuse::replaying)?;
        let found = match request.index {
            0 => state.policy(),
            index => state.policy_at(index),
        };
        let in_force = found.ok_or_else(|| match request.index {
            0 => access_service::no_policy(),
            index => refusal(
                Reason::IdUnknown,
                format!("{index} is no number of a policy"),
                "`countersign policy list` shows the numbers",
            ),
        })?;
        let files = in_force.bundle.files().map(|(name, text)| v1::PolicyFile {
            name: name.to_owned(),
            text: text.to_owned(),
        });
        Ok(Response::new(v1::GetPolicyResponse {
            policy: Some(describe(in_force)),
            files: files.collect(),
        }))
    }

    async fn list_policies(
        &self,
        request: Request<v1::ListPoliciesRequest>,
    ) -> Answer<v1::ListPoliciesResponse> {
        drop(self.caller(&request)?);
        let request = request.into_inner();
        let log = self.logs.get(&request.log)?;
        let state = log.cases().read().ok_or_else(refuse::replaying)?;
        let policies = state.policies().take(MAX_POLICIES_LISTED);
        let policies = policies.map(|in_force| describe(in_force)).collect();
        Ok(Response::new(v1::ListPoliciesResponse { policies }))
    }
}

fn describe(in_force: &InForce) -> v1::Policy {
    v1::Policy {
        index: in_force.index,
        digest: in_force.digest.to_vec().into(),
        since: Some(timestamp(in_force.since)),
        actor: in_force.actor.clone(),
        changes: in_force.changes.clone(),
        forced: in_force.forced,
    }
}

/// Reads a bundle, and says what is wrong with it. Takes some milliseconds.
fn compile(request: v1::PutPolicyRequest) -> Result<(NewPolicy, Vec<String>), Status> {
    let invalid = |message: String| {
        let hint = "`countersign policy check` names file, line and remedy";
        field_violation(Reason::PolicyInvalid, "files", message, hint)
    };
    let files = request.files.into_iter().map(|file| (file.name, file.text));
    let bundle = Bundle::new(files).map_err(|error| invalid(error.to_string()))?;
    let refused = |problems: &[Problem]| {
        let first = problems
            .first()
            .map(ToString::to_string)
            .unwrap_or_default();
        invalid(match problems.len().saturating_sub(1) {
            0 => first,
            more => format!("{first} (and {more} more)"),
        })
    };
    let policy = Policy::compile(&bundle).map_err(|problems| refused(&problems))?;
    // It says more than whether the bundle can be used: a zone that nobody knows, for example.
    let Report { problems, warnings } = policy::check(&bundle);
    if !problems.is_empty() {
        return Err(refused(&problems));
    }
    let packed = bundle.pack().map_err(|error| invalid(error.to_string()))?;
    let new = NewPolicy {
        bundle,
        packed,
        policy: Arc::new(policy),
        force: request.force,
        expected: request.expected,
    };
    Ok((new, warnings.iter().map(ToString::to_string).collect()))
}

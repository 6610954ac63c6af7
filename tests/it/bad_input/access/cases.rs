//! People of the starter policy, and cases of every state.

use std::path::Path;

use countersign_ledger::identity::role::Role;
use countersign_proto::v1::report_provisioning_request::Report;
use countersign_proto::v1::{self, Decision};

use super::call;
use crate::door::{Caller, Door, request};

/// Callers, most of whom the starter policy knows.
pub(crate) struct People {
    pub(crate) admin: Caller,
    /// Engineer and team lead.
    pub(crate) ada: Caller,
    /// Engineers, on call now and then.
    pub(crate) bruno: Caller,
    pub(crate) chen: Caller,
    /// Another account of `chen`.
    pub(crate) wei: Caller,
    pub(crate) gustav: Caller,
    /// Security.
    pub(crate) dana: Caller,
    /// Engineer, team lead and manager.
    pub(crate) fatima: Caller,
    /// Manager.
    pub(crate) hana: Caller,
    /// Nobody whom the policy knows.
    pub(crate) stranger: Caller,
    pub(crate) bot: Caller,
    pub(crate) provisioner: Caller,
}

impl People {
    pub(crate) async fn of(door: &Door) -> Self {
        let user = async |name: &str| {
            let name = format!("{name}@example.com");
            door.caller(Role::User, &name).await
        };
        Self {
            admin: door.admin.clone(),
            ada: user("ada").await,
            bruno: user("bruno").await,
            chen: user("chen").await,
            wei: user("chen.wei").await,
            gustav: user("gustav").await,
            dana: user("dana").await,
            fatima: user("fatima").await,
            hana: user("hana").await,
            stranger: user("stranger").await,
            bot: door.caller(Role::Bot, "chat").await,
            provisioner: door.caller(Role::Provisioner, "iam").await,
        }
    }
}

/// Cases by what is left to be done, and numbers of what belongs to them.
pub(crate) struct Cases {
    /// Index of the policy.
    pub(crate) policy: u64,
    /// Of `bruno`, waits for a team lead.
    pub(crate) pending: u64,
    /// The call that opened it.
    pub(crate) asked_under: v1::Call,
    /// Of `bruno`, waits for a team lead; `dana` has approved in this entry.
    pub(crate) half: (u64, u64),
    /// Of `ada`, active: case, grant, a session that runs and one that is over.
    pub(crate) active: (u64, u64),
    pub(crate) session: u64,
    pub(crate) session_over: u64,
    /// Of `chen`, active: case, grant, and an extension that waits for a team lead.
    pub(crate) extending: (u64, u64, u64),
    /// Of `gustav`, taken at once: case and grant.
    pub(crate) taken: (u64, u64),
    /// Of `chen`, denied by `fatima`.
    pub(crate) denied: u64,
    /// Of `chen`, over, with feedback given and access still there: case and grant.
    pub(crate) ended: (u64, u64),
}

/// Reading in production, which a team lead allows.
pub(crate) fn reading() -> v1::Ask {
    v1::Ask {
        resource: "orders-db".to_owned(),
        permission: "read-only".to_owned(),
        duration_seconds: 3_600,
        reason: "look".to_owned(),
        ticket: "OPS-1".to_owned(),
        ..v1::Ask::default()
    }
}

/// Access that is taken at once, in an incident.
pub(crate) fn taking() -> v1::Ask {
    v1::Ask {
        resource: "web-frontend".to_owned(),
        permission: "break-glass".to_owned(),
        severity: "sev1".to_owned(),
        ..reading()
    }
}

/// Writing in staging, which nobody has to allow.
fn staging() -> v1::Ask {
    v1::Ask {
        resource: "orders-db-staging".to_owned(),
        permission: "read-write".to_owned(),
        ..reading()
    }
}

/// The files of the starter policy.
pub(crate) fn starter() -> Vec<v1::PolicyFile> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../workflow/starter");
    let entries = std::fs::read_dir(folder).expect("the starter policy");
    let files = entries.map(|entry| {
        let path = entry.expect("a file").path();
        let name = path.file_name().and_then(|name| name.to_str());
        v1::PolicyFile {
            name: name.expect("a plain name").to_owned(),
            text: std::fs::read_to_string(&path).expect("a text"),
        }
    });
    files.collect()
}

/// What an order that was taken came to: the first entry, the case and its grant.
fn taken(outcome: Option<v1::Outcome>) -> (u64, u64, u64) {
    let outcome = outcome.expect("an outcome");
    let first = outcome.run.expect("a receipt").first_index;
    let case = outcome.case.unwrap_or_default();
    (first, case.id, case.grant.map_or(0, |grant| grant.id))
}

/// Gives an order that is taken.
macro_rules! good {
    ($caller:expr, $method:ident, $message:expr) => {{
        let answer = $caller.access().$method(request($message)).await;
        let answer = answer.expect(stringify!($method)).into_inner();
        taken(answer.outcome)
    }};
}

async fn ask(who: &Caller, ask: v1::Ask) -> (u64, u64) {
    let message = v1::RequestAccessRequest {
        call: call(),
        ask: Some(ask),
    };
    let (_first, case, grant) = good!(who, request_access, message);
    (case, grant)
}

/// The entry of a decision, and the grant that follows from it.
async fn decide(who: &Caller, number: u64, decision: Decision) -> (u64, u64) {
    let message = v1::ReviewRequest {
        call: call(),
        request: number,
        decision: decision.into(),
        reason: "because".to_owned(),
        ..v1::ReviewRequest::default()
    };
    let (first, _case, grant) = good!(who, review, message);
    (first, grant)
}

async fn session(who: &Caller, grant: u64) -> u64 {
    let message = v1::StartSessionRequest {
        call: call(),
        grant,
        client: "psql".to_owned(),
        source_address: String::new(),
    };
    good!(who, start_session, message).0
}

impl Cases {
    /// Opens them, by people who mean well.
    pub(crate) async fn open(people: &People) -> Self {
        let policy = put(people).await;
        let asked_under = call().expect("a call");
        let asked = v1::RequestAccessRequest {
            call: Some(asked_under.clone()),
            ask: Some(reading()),
        };
        let (_first, pending, _grant) = good!(people.bruno, request_access, asked);
        let high = v1::Ask {
            resource: "payments-db".to_owned(),
            ..reading()
        };
        let half = ask(&people.bruno, high).await.0;
        let review = decide(&people.dana, half, Decision::Approve).await.0;
        let active = ask(&people.ada, staging()).await;
        let session_over = session(&people.ada, active.1).await;
        let ended = v1::EndSessionRequest {
            call: call(),
            session: session_over,
            ..v1::EndSessionRequest::default()
        };
        good!(people.ada, end_session, ended);
        let denied = ask(&people.chen, reading()).await.0;
        decide(&people.fatima, denied, Decision::Deny).await;
        Self {
            policy,
            pending,
            asked_under,
            half: (half, review),
            session: session(&people.ada, active.1).await,
            active,
            session_over,
            extending: extending(people).await,
            taken: at_once(people).await,
            denied,
            ended: over(people).await,
        }
    }
}

async fn put(people: &People) -> u64 {
    let message = v1::PutPolicyRequest {
        call: call(),
        files: starter(),
        ..v1::PutPolicyRequest::default()
    };
    let answer = people.admin.policy().put_policy(request(message)).await;
    taken(answer.expect("a sound policy").into_inner().outcome).0
}

async fn extending(people: &People) -> (u64, u64, u64) {
    let case = ask(&people.chen, reading()).await.0;
    let grant = decide(&people.ada, case, Decision::Approve).await.1;
    let message = v1::ExtendGrantRequest {
        call: call(),
        grant,
        duration_seconds: 600,
        reason: "more".to_owned(),
    };
    let extension = good!(people.chen, extend_grant, message).0;
    (case, grant, extension)
}

async fn at_once(people: &People) -> (u64, u64) {
    let message = v1::BreakGlassRequest {
        call: call(),
        ask: Some(taking()),
    };
    let (_first, case, grant) = good!(people.gustav, break_glass, message);
    (case, grant)
}

async fn over(people: &People) -> (u64, u64) {
    let (case, grant) = ask(&people.chen, staging()).await;
    let there = v1::GrantProvisioned {
        grant,
        ..v1::GrantProvisioned::default()
    };
    let message = v1::ReportProvisioningRequest {
        call: call(),
        report: Some(Report::Provisioned(there)),
    };
    good!(people.provisioner, report_provisioning, message);
    let message = v1::FinishGrantRequest {
        call: call(),
        grant,
        reason: String::new(),
    };
    good!(people.chen, finish_grant, message);
    let message = v1::SubmitFeedbackRequest {
        call: call(),
        case,
        ..v1::SubmitFeedbackRequest::default()
    };
    good!(people.chen, submit_feedback, message);
    (case, grant)
}

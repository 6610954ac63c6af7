//! What is wrong with a call, whatever it asks for: the same rows for every method that changes
//! something, and bytes that are no message for all methods.

use countersign_ledger::identity::role::METHODS;
use countersign_proto::reason::Reason;
use countersign_proto::v1::report_provisioning_request::Report;
use countersign_proto::v1::{self, Call};
use tonic::Status;

use super::cases::{Cases, People, reading, starter};
use super::{call, long, row};
use crate::door::{Caller, request};
use crate::table::Table;

/// Methods that change something.
const METHODS_THAT_WRITE: [&str; 14] = [
    "RequestAccess",
    "BreakGlass",
    "Review",
    "RetroReview",
    "CancelRequest",
    "ExtendGrant",
    "RevokeGrant",
    "FinishGrant",
    "StartSession",
    "EndSession",
    "ReportProvisioning",
    "SubmitFeedback",
    "Delegate",
    "PutPolicy",
];

pub(crate) async fn rows(table: &mut Table<'_>, people: &People, cases: &Cases) {
    for method in METHODS_THAT_WRITE {
        for (what, reason, call) in bad_calls() {
            let answer = send(&people.admin, method, call);
            let what = format!("{method}: {what}");
            table.row(&what, &people.admin, reason, answer).await;
        }
    }
    for (what, reason, actor) in [
        ("an agent", Reason::ActorNotAllowed, "agent:db-1"),
        ("an administrator", Reason::ActorNotAllowed, "admin:root"),
        ("the ledger", Reason::ActorNotAllowed, "ledger"),
        ("a name", Reason::ActorInvalid, "ada"),
    ] {
        let spoken = call().map(|call| Call {
            on_behalf_of: actor.to_owned(),
            ..call
        });
        let answer = send(&people.bot, "RequestAccess", spoken);
        let what = format!("a bot that speaks for {what}");
        table.row(&what, &people.bot, reason, answer).await;
    }
    for (what, actor, reason, change) in bad_evidence() {
        let mut evidence = clicked();
        change(&mut evidence);
        let spoken = call().map(|call| Call {
            on_behalf_of: actor.to_owned(),
            evidence: Some(Box::new(evidence)),
            ..call
        });
        let answer = send(&people.bot, "RequestAccess", spoken);
        table.row(what, &people.bot, reason, answer).await;
    }
    keys(table, people, cases).await;
    unreadable(table, people).await;
}

/// A key stands for one command of one caller: its repeat gets the same refusal and writes nothing,
/// and another command under it is none.
async fn keys(table: &mut Table<'_>, people: &People, cases: &Cases) {
    let who = &people.hana;
    let once = call();
    let cancel = |request: u64| v1::CancelRequestRequest {
        call: once.clone(),
        request,
        reason: String::new(),
    };
    let (first, reason) = (cancel(cases.pending), Reason::NotYours);
    row!(table.told, who, cancel_request(first.clone()), "under a key" => reason);
    row!(table.row, who, cancel_request(first), "the same again" => reason);
    let reused = Reason::IdempotencyKeyReused;
    let finish = v1::FinishGrantRequest {
        call: once.clone(),
        grant: cases.active.1,
        reason: String::new(),
    };
    row!(table.row, who, finish_grant(finish), "under the key of a refusal" => reused);
    of_a_request(table, people, cases).await;
}

async fn of_a_request(table: &mut Table<'_>, people: &People, cases: &Cases) {
    let (who, reused) = (&people.bruno, Reason::IdempotencyKeyReused);
    let spoken = v1::RequestAccessRequest {
        call: Some(cases.asked_under.clone()),
        ask: Some(reading()),
    };
    let what = "something else under the key of a request";
    let other = v1::RequestAccessRequest {
        ask: Some(v1::Ask {
            resource: "web-frontend".to_owned(),
            ..reading()
        }),
        ..spoken.clone()
    };
    row!(table.row, who, request_access(other), what => reused);
    let review = v1::ReviewRequest {
        call: spoken.call,
        request: cases.half.0,
        decision: v1::Decision::Approve.into(),
        ..v1::ReviewRequest::default()
    };
    let what = "under the key of a request";
    row!(table.row, who, review(review), what => reused);
}

/// A click that would be believed.
fn clicked() -> v1::Evidence {
    v1::Evidence {
        platform: "slack".to_owned(),
        user: "U1".to_owned(),
        verified_by: "slack-signature-v0".to_owned(),
        ..v1::Evidence::default()
    }
}

type Spoiled = (&'static str, &'static str, Reason, fn(&mut v1::Evidence));

/// What the evidence is, for whom it speaks, and what is done to it.
fn bad_evidence() -> [Spoiled; 4] {
    let (ada, malformed) = ("user:ada@example.com", Reason::PayloadMalformed);
    [
        ("evidence for nobody", "", Reason::ActorNotAllowed, |_| {}),
        ("evidence of no account", ada, malformed, |it| {
            it.user.clear()
        }),
        ("evidence of a long channel", ada, malformed, |it| {
            it.channel = long(257);
        }),
        ("evidence of half a card", ada, malformed, |it| {
            it.card_sha256 = vec![7; 16].into();
        }),
    ]
}

fn bad_calls() -> Vec<(&'static str, Reason, Option<Call>)> {
    use Reason::{
        ActorInvalid, ActorNotAllowed, IdempotencyKeyInvalid, LogNameInvalid, LogUnknown,
    };
    let with = |change: &dyn Fn(&mut Call)| {
        let mut call = call().unwrap_or_default();
        change(&mut call);
        Some(call)
    };
    let key = |key: String| with(&|call| call.idempotency_key.clone_from(&key));
    let log = |log: &str| with(&|call| call.log = log.to_owned());
    let actor = |actor: &str| with(&|call| call.on_behalf_of = actor.to_owned());
    vec![
        ("no call", IdempotencyKeyInvalid, None),
        ("no key", IdempotencyKeyInvalid, key(String::new())),
        ("a key of 65 bytes", IdempotencyKeyInvalid, key(long(65))),
        ("a log that is not there", LogUnknown, log("other")),
        ("a log in capitals", LogNameInvalid, log("Main")),
        (
            "an admin for a user",
            ActorNotAllowed,
            actor("user:ada@example.com"),
        ),
        ("an admin for no principal", ActorInvalid, actor("ada")),
    ]
}

/// Sends what would be understood if the call was good.
async fn send(caller: &Caller, method: &str, call: Option<Call>) -> Result<(), Status> {
    let mut access = caller.access();
    macro_rules! plain {
        ($method:ident, $message:ident { $($field:ident: $value:expr),* }) => {{
            let mut message = v1::$message::default();
            message.call = call;
            $(message.$field = $value;)*
            access.$method(request(message)).await.map(drop)
        }};
    }
    let gone = || Some(Report::Removed(v1::AccessRemoved::default()));
    match method {
        "RequestAccess" => plain!(request_access, RequestAccessRequest {}),
        "BreakGlass" => plain!(break_glass, BreakGlassRequest {}),
        "Review" => plain!(
            review,
            ReviewRequest {
                decision: v1::Decision::Approve.into()
            }
        ),
        "RetroReview" => plain!(retro_review, RetroReviewRequest {}),
        "CancelRequest" => plain!(cancel_request, CancelRequestRequest {}),
        "ExtendGrant" => plain!(extend_grant, ExtendGrantRequest {}),
        "RevokeGrant" => plain!(revoke_grant, RevokeGrantRequest {}),
        "FinishGrant" => plain!(finish_grant, FinishGrantRequest {}),
        "StartSession" => plain!(start_session, StartSessionRequest {}),
        "EndSession" => plain!(end_session, EndSessionRequest {}),
        "ReportProvisioning" => {
            plain!(
                report_provisioning,
                ReportProvisioningRequest { report: gone() }
            )
        }
        "SubmitFeedback" => plain!(submit_feedback, SubmitFeedbackRequest {}),
        "Delegate" => plain!(
            delegate,
            DelegateRequest {
                end: Some(prost_types::Timestamp::default())
            }
        ),
        _ => {
            let message = v1::PutPolicyRequest {
                call,
                files: starter(),
                ..v1::PutPolicyRequest::default()
            };
            let answer = caller.policy().put_policy(request(message)).await;
            answer.map(drop)
        }
    }
}

/// Bytes that are not the request that the method takes.
async fn unreadable(table: &mut Table<'_>, people: &People) {
    let services = [
        "/countersign.v1.AccessService/",
        "/countersign.v1.PolicyService/",
    ];
    let ours = |path: &str| services.iter().any(|service| path.starts_with(service));
    let mut methods = 0;
    for method in METHODS.iter().filter(|method| ours(method.path)) {
        methods += 1;
        for (what, bytes) in [
            ("no protobuf", b"\xff\xff\xff".to_vec()),
            ("a message that is cut off", b"\x0a\x09abc".to_vec()),
        ] {
            let answer = people.admin.raw(method.path, request(bytes));
            let what = format!("{}: {what}", method.path);
            table
                .row(&what, &people.admin, Reason::PayloadMalformed, answer)
                .await;
        }
    }
    assert_eq!(methods, METHODS_THAT_WRITE.len() + 6, "a method is missing");
}

//! Rows of the access service and the policy service.

// Their own folder, from wherever this file is taken in.
#[path = "access/asks.rs"]
mod asks;
#[path = "access/calls.rs"]
mod calls;
#[path = "access/cases.rs"]
mod cases;
#[path = "access/decisions.rs"]
mod decisions;
#[path = "access/grants.rs"]
mod grants;
#[path = "access/limits.rs"]
pub(crate) mod limits;
#[path = "access/policies.rs"]
mod policies;
#[path = "access/reads.rs"]
mod reads;
#[path = "access/reports.rs"]
mod reports;

use std::sync::atomic::{AtomicUsize, Ordering};

use countersign_proto::reason::Reason;
use countersign_proto::v1;

use crate::door::request;
use crate::table::Table;
use cases::{Cases, People};

/// One row: how it is held, who calls, the call, what it is, and the reason that must come.
macro_rules! row {
    ($table:ident.$how:ident, $who:expr, $method:ident($call:expr), $what:expr => $reason:expr) => {
        let caller = $who;
        let call = crate::door::request($call);
        let answer = async { caller.access().$method(call).await };
        let what = format!("{}: {}", stringify!($method), $what);
        $table.$how(&what, caller, $reason, answer).await;
    };
}
pub(crate) use row;

pub(crate) async fn rows(table: &mut Table<'_>) {
    let people = People::of(table.door).await;
    without_a_policy(table, &people).await;
    policies::bad_bundles(table, &people).await;
    let cases = Cases::open(&people).await;
    policies::rows(table, &people).await;
    calls::rows(table, &people, &cases).await;
    reads::rows(table, &people, &cases).await;
    asks::rows(table, &people).await;
    decisions::rows(table, &people, &cases).await;
    grants::rows(table, &people, &cases).await;
    reports::rows(table, &people, &cases).await;
}

/// A call under a key of its own.
pub(crate) fn call() -> Option<v1::Call> {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let number = CALLS.fetch_add(1, Ordering::SeqCst);
    Some(v1::Call {
        idempotency_key: format!("call-{number}"),
        ..v1::Call::default()
    })
}

/// A text of so many bytes.
pub(crate) fn long(bytes: usize) -> String {
    "x".repeat(bytes)
}

/// Before the first policy nothing can be judged, and no number is one of a case.
async fn without_a_policy(table: &mut Table<'_>, people: &People) {
    let missing = Reason::PolicyMissing;
    let admin = &people.admin;
    let ask = Some(cases::reading());
    let asked = v1::RequestAccessRequest {
        call: call(),
        ask: ask.clone(),
    };
    row!(table.row, admin, request_access(asked), "no policy" => missing);
    let taken = v1::BreakGlassRequest {
        call: call(),
        ask: Some(cases::taking()),
    };
    row!(table.row, admin, break_glass(taken), "no policy" => missing);
    let given = v1::DelegateRequest {
        call: call(),
        to: "ada".to_owned(),
        end: Some(prost_types::Timestamp::default()),
        ..v1::DelegateRequest::default()
    };
    row!(table.row, admin, delegate(given), "no policy" => missing);
    let thought = v1::SimulateRequest {
        ask,
        ..v1::SimulateRequest::default()
    };
    row!(table.row, admin, simulate(thought), "no policy" => missing);
    let unknown = Reason::IdUnknown;
    let shown = v1::GetCaseRequest::default();
    row!(table.row, admin, get_case(shown), "no case" => unknown);
    let asked = v1::GetPolicyRequest::default();
    let answer = async { admin.policy().get_policy(request(asked)).await };
    table
        .row("get_policy: no policy", admin, missing, answer)
        .await;
}

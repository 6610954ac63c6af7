//! Rows of the calls that only look.

use countersign_proto::reason::Reason;
use countersign_proto::v1::{self, Ask, GetCaseRequest, ListCasesRequest, SimulateRequest};
use prost_types::Timestamp;

use super::cases::{Cases, People, reading};
use super::{long, row};
use crate::door::request;
use crate::table::Table;

pub(crate) async fn rows(table: &mut Table<'_>, people: &People, cases: &Cases) {
    logs(table, people).await;
    shown(table, people, cases).await;
    listed(table, people).await;
    simulated(table, people).await;
}

/// Every call takes the name of a log.
async fn logs(table: &mut Table<'_>, people: &People) {
    let who = &people.ada;
    for (log, reason) in [
        ("other", Reason::LogUnknown),
        ("../main", Reason::LogNameInvalid),
    ] {
        macro_rules! of {
            ($service:ident, $method:ident, $message:ident) => {{
                let mut call = v1::$message::default();
                call.log = log.to_owned();
                let answer = async { who.$service().$method(request(call)).await };
                let what = format!("{}: log {log}", stringify!($method));
                table.row(&what, who, reason, answer).await;
            }};
        }
        of!(access, check_access, CheckAccessRequest);
        of!(access, get_case, GetCaseRequest);
        of!(access, list_cases, ListCasesRequest);
        of!(access, simulate, SimulateRequest);
        of!(policy, get_policy, GetPolicyRequest);
        of!(policy, list_policies, ListPoliciesRequest);
    }
}

async fn shown(table: &mut Table<'_>, people: &People, cases: &Cases) {
    for (what, who, id) in [
        ("number 0", &people.admin, 0),
        ("the policy", &people.admin, cases.policy),
        ("the last index", &people.admin, u64::MAX),
        ("somebody else's case", &people.hana, cases.pending),
        ("somebody else's grant", &people.hana, cases.active.1),
        ("a case, to a stranger", &people.stranger, cases.denied),
    ] {
        let call = GetCaseRequest {
            id,
            ..GetCaseRequest::default()
        };
        row!(table.row, who, get_case(call), what => Reason::IdUnknown);
    }
}

async fn listed(table: &mut Table<'_>, people: &People) {
    let who = &people.admin;
    for size in [501, u32::MAX] {
        let call = ListCasesRequest {
            page_size: size,
            ..ListCasesRequest::default()
        };
        let what = format!("a page of {size}");
        row!(table.row, who, list_cases(call), what => Reason::PageSizeInvalid);
    }
    for (what, token) in [
        ("a word", "next".to_owned()),
        ("less than nothing", "-1".to_owned()),
        ("more than any number", "18446744073709551616".to_owned()),
        ("a number and a space", "1 ".to_owned()),
        ("100,000 letters", long(100_000)),
    ] {
        let call = ListCasesRequest {
            page_token: token,
            ..ListCasesRequest::default()
        };
        let what = format!("the token is {what}");
        row!(table.row, who, list_cases(call), what => Reason::PageTokenInvalid);
    }
}

async fn simulated(table: &mut Table<'_>, people: &People) {
    let who = &people.ada;
    for (what, seconds, nanos) in [
        ("before 1970", -1, 0),
        ("with 10^9 nanoseconds", 1, 1_000_000_000),
        ("with less than no nanoseconds", 1, -1),
        ("after all time", i64::MAX, 0),
    ] {
        let call = SimulateRequest {
            ask: Some(Ask {
                start: Some(Timestamp { seconds, nanos }),
                ..reading()
            }),
            ..SimulateRequest::default()
        };
        let what = format!("a start {what}");
        row!(table.row, who, simulate(call), what => Reason::TimeInvalid);
    }
}

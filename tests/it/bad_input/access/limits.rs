//! What is exactly at the limits of the access and the policy service.

use countersign_ledger::clock::Clock as _;
use countersign_proto::v1::{self, Ask, Call};
use prost_types::Timestamp;

use super::cases::{People, reading, starter};
use super::{call, long};
use crate::door::{Door, request};

/// So many seconds after now, to the microsecond.
fn after(door: &Door, seconds: u64) -> Option<Timestamp> {
    let micros = door.clock.wall().get() + seconds * 1_000_000;
    Some(Timestamp {
        seconds: i64::try_from(micros / 1_000_000).expect("a time"),
        nanos: i32::try_from(micros % 1_000_000).expect("small") * 1_000,
    })
}

pub(crate) async fn taken(door: &Door) {
    let people = People::of(door).await;
    put(&people).await;
    let key = "k".repeat(64);
    let wanted = Ask {
        reason: long(2_000),
        ticket: long(256),
        affected: vec![long(256); 32],
        severity: "sev4".to_owned(),
        duration_seconds: 4 * 3_600,
        start: after(door, 90 * 86_400),
        ..reading()
    };
    let asked = v1::RequestAccessRequest {
        call: Some(Call {
            idempotency_key: key,
            ..Call::default()
        }),
        ask: Some(wanted.clone()),
    };
    let answer = people.bruno.access().request_access(request(asked)).await;
    let answer = answer.expect("it is not above any limit").into_inner();
    let case = answer.outcome.and_then(|outcome| outcome.case);
    let case = case.expect("a case");
    assert_eq!(
        (&case.reason, &case.ticket, &case.affected, case.start),
        (
            &wanted.reason,
            &wanted.ticket,
            &wanted.affected,
            wanted.start
        )
    );
    let now = v1::RequestAccessRequest {
        call: call(),
        ask: Some(Ask {
            start: after(door, 0),
            ..reading()
        }),
    };
    let answer = people.bruno.access().request_access(request(now)).await;
    answer.expect("now is not past");
    let given = v1::DelegateRequest {
        call: call(),
        to: "user:emeka@example.com".to_owned(),
        end: after(door, 90 * 86_400),
        reason: long(2_000),
        ..v1::DelegateRequest::default()
    };
    let answer = people.dana.access().delegate(request(given)).await;
    answer.expect("90 days are not too long");
    let page = v1::ListCasesRequest {
        page_size: 500,
        page_token: u64::MAX.to_string(),
        ..v1::ListCasesRequest::default()
    };
    let answer = people.admin.access().list_cases(request(page)).await;
    let cases = answer.expect("500 are not too many").into_inner().cases;
    assert_eq!(cases.len(), 2);
}

/// A bundle of 64 files, one of them with the longest name.
async fn put(people: &People) {
    let mut files = starter();
    files.push(v1::PolicyFile {
        name: long(64),
        text: String::new(),
    });
    let rest = files.len()..64;
    files.extend(rest.map(|number| v1::PolicyFile {
        name: format!("f{number}"),
        text: String::new(),
    }));
    let message = v1::PutPolicyRequest {
        call: call(),
        files,
        ..v1::PutPolicyRequest::default()
    };
    let answer = people.admin.policy().put_policy(request(message)).await;
    answer.expect("64 files are not too many");
}

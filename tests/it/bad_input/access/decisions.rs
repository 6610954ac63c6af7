//! Rows of decisions, and of what takes them away.

use countersign_ledger::clock::Clock as _;
use countersign_proto::reason::Reason;
use countersign_proto::v1::{
    CancelRequestRequest, Decision, DelegateRequest, RetroReviewRequest, ReviewRequest,
};
use prost_types::Timestamp;

use super::cases::{Cases, People};
use super::{call, long, row};
use crate::table::Table;

pub(crate) async fn rows(table: &mut Table<'_>, people: &People, cases: &Cases) {
    numbers(table, people, cases).await;
    texts(table, people, cases).await;
    reviews(table, people, cases).await;
    retro_reviews(table, people, cases).await;
    cancelled(table, people, cases).await;
    delegations(table, people).await;
}

fn review(request: u64, decision: Decision, reason: &str) -> ReviewRequest {
    ReviewRequest {
        call: call(),
        request,
        decision: decision.into(),
        reason: reason.to_owned(),
        ..ReviewRequest::default()
    }
}

fn yes(request: u64) -> ReviewRequest {
    review(request, Decision::Approve, "")
}

fn looked(request: u64, reason: &str) -> RetroReviewRequest {
    RetroReviewRequest {
        call: call(),
        request,
        justified: true,
        reason: reason.to_owned(),
    }
}

fn cancel(request: u64, reason: &str) -> CancelRequestRequest {
    CancelRequestRequest {
        call: call(),
        request,
        reason: reason.to_owned(),
    }
}

/// Numbers of nothing, and of something else.
async fn numbers(table: &mut Table<'_>, people: &People, cases: &Cases) {
    use Reason::{IdUnknown, IdWrongKind};
    let rows = [
        ("number 0", IdUnknown, 0),
        ("the policy", IdUnknown, cases.policy),
        ("the last index", IdUnknown, u64::MAX),
        ("a review", IdWrongKind, cases.half.1),
        ("a grant", IdWrongKind, cases.active.1),
        ("a session", IdWrongKind, cases.session),
    ];
    for (what, reason, number) in rows {
        let who = &people.fatima;
        row!(table.row, who, review(yes(number)), what => reason);
        row!(table.row, who, retro_review(looked(number, "fine")), what => reason);
        row!(table.row, who, cancel_request(cancel(number, "")), what => reason);
    }
    let (what, extension) = ("an extension", cases.extending.2);
    let answer = looked(extension, "fine");
    row!(table.row, &people.dana, retro_review(answer), what => IdWrongKind);
}

async fn texts(table: &mut Table<'_>, people: &People, cases: &Cases) {
    let bad = Reason::TextInvalid;
    let who = &people.ada;
    let pending = cases.pending;
    for (what, number) in [("no decision", 0), ("a decision of five", 5)] {
        let answer = ReviewRequest {
            decision: number,
            ..yes(pending)
        };
        row!(table.row, who, review(answer), what => bad);
    }
    for (what, text) in [("no reason", ""), ("a reason of spaces", "  ")] {
        let answer = review(pending, Decision::Deny, text);
        row!(table.row, who, review(answer), what => bad);
        let answer = looked(cases.taken.0, text);
        row!(table.row, &people.dana, retro_review(answer), what => bad);
    }
    let grown = long(2_001);
    for (what, text) in [
        ("a reason of 2,001 bytes", grown.as_str()),
        ("a reason that rings", "no\u{7}"),
    ] {
        for decision in [Decision::Approve, Decision::Deny] {
            let answer = review(pending, decision, text);
            row!(table.row, who, review(answer), what => bad);
        }
        let answer = looked(cases.taken.0, text);
        row!(table.row, &people.dana, retro_review(answer), what => bad);
        let answer = cancel(pending, text);
        row!(table.row, &people.bruno, cancel_request(answer), what => bad);
    }
    for bytes in [257, 60_000] {
        let answer = ReviewRequest {
            group: long(bytes),
            ..yes(pending)
        };
        let what = format!("a group of {bytes} bytes");
        row!(table.row, who, review(answer), what => bad);
    }
}

/// What the rules are there to prevent: these attempts are entries.
async fn reviews(table: &mut Table<'_>, people: &People, cases: &Cases) {
    use Reason::{AlreadyDecided, AlreadyReviewed, NotAReviewer, PersonUnknown, SelfApproval};
    let (half, extending) = (cases.half.0, &cases.extending);
    let rows = [
        ("an own request", &people.bruno, SelfApproval, cases.pending),
        ("an own extension", &people.chen, SelfApproval, extending.2),
        (
            "from a second account",
            &people.wei,
            SelfApproval,
            extending.2,
        ),
        (
            "of another group",
            &people.hana,
            NotAReviewer,
            cases.pending,
        ),
        ("of no group", &people.gustav, NotAReviewer, half),
        ("a second time", &people.dana, AlreadyReviewed, half),
        ("what was denied", &people.ada, AlreadyDecided, cases.denied),
        (
            "what was granted",
            &people.fatima,
            AlreadyDecided,
            extending.0,
        ),
        (
            "what needs no review",
            &people.dana,
            AlreadyDecided,
            cases.taken.0,
        ),
        ("what is over", &people.dana, AlreadyDecided, cases.ended.0),
        ("of a stranger", &people.stranger, PersonUnknown, half),
        ("of an administrator", &people.admin, PersonUnknown, half),
        ("of a bot for itself", &people.bot, PersonUnknown, half),
    ];
    for (what, who, reason, number) in rows {
        row!(table.told, who, review(yes(number)), what => reason);
    }
    for (what, group) in [
        ("for a group that is not there", "nobody"),
        ("for a group of others", "security"),
    ] {
        let answer = ReviewRequest {
            group: group.to_owned(),
            ..yes(cases.pending)
        };
        row!(table.told, &people.ada, review(answer), what => NotAReviewer);
    }
}

async fn retro_reviews(table: &mut Table<'_>, people: &People, cases: &Cases) {
    use Reason::{NotAReviewer, PersonUnknown, RetroNotOpen, SelfApproval};
    let (taken, who) = (cases.taken.0, &people.dana);
    for (what, case) in [("a request", cases.half.0), ("what is over", cases.ended.0)] {
        let answer = looked(case, "fine");
        row!(table.row, who, retro_review(answer), what => RetroNotOpen);
    }
    let rows = [
        ("an own access", &people.gustav, SelfApproval),
        ("of another group", &people.ada, NotAReviewer),
        ("of a stranger", &people.stranger, PersonUnknown),
        ("of an administrator", &people.admin, PersonUnknown),
    ];
    for (what, who, reason) in rows {
        row!(table.told, who, retro_review(looked(taken, "fine")), what => reason);
    }
}

async fn cancelled(table: &mut Table<'_>, people: &People, cases: &Cases) {
    use Reason::{AlreadyDecided, NotYours, PersonUnknown};
    let rows = [
        ("of somebody else", &people.gustav, NotYours, cases.pending),
        ("by a reviewer", &people.ada, NotYours, cases.extending.2),
        (
            "what was denied",
            &people.chen,
            AlreadyDecided,
            cases.denied,
        ),
        (
            "what was granted",
            &people.chen,
            AlreadyDecided,
            cases.extending.0,
        ),
        ("what is over", &people.chen, AlreadyDecided, cases.ended.0),
        (
            "of a stranger",
            &people.stranger,
            PersonUnknown,
            cases.pending,
        ),
    ];
    for (what, who, reason, number) in rows {
        row!(table.told, who, cancel_request(cancel(number, "")), what => reason);
    }
}

async fn delegations(table: &mut Table<'_>, people: &People) {
    use Reason::{DelegationInvalid, PersonUnknown, TextInvalid, TimeInvalid};
    let wall = table.door.clock.wall().get() / 1_000_000;
    let now = i64::try_from(wall).expect("a time");
    let time = |seconds, nanos| Some(Timestamp { seconds, nanos });
    let good = || DelegateRequest {
        call: call(),
        to: "emeka".to_owned(),
        end: time(now + 3_600, 0),
        ..DelegateRequest::default()
    };
    let to = |to: &str| DelegateRequest {
        to: to.to_owned(),
        ..good()
    };
    let end = |end| DelegateRequest { end, ..good() };
    let start = |start| DelegateRequest { start, ..good() };
    let reason = |reason: String| DelegateRequest { reason, ..good() };
    let quarter = end(time(now + 91 * 86_400, 0));
    let rows = [
        ("to nobody", DelegationInvalid, to("")),
        ("to a stranger", DelegationInvalid, to("user:stranger")),
        ("to a group", DelegationInvalid, to("security")),
        ("to oneself", DelegationInvalid, to("dana")),
        (
            "to oneself by e-mail",
            DelegationInvalid,
            to("user:dana@example.com"),
        ),
        ("to a name of 257 bytes", TextInvalid, to(&long(257))),
        ("to a name of 1 MiB", TextInvalid, to(&long(1 << 20))),
        ("without end", DelegationInvalid, end(None)),
        ("for 91 days", DelegationInvalid, quarter),
        ("an end before 1970", TimeInvalid, end(time(-1, 0))),
        (
            "an end with 10^9 nanoseconds",
            TimeInvalid,
            end(time(1, 1_000_000_000)),
        ),
        ("an end after all time", TimeInvalid, end(time(i64::MAX, 0))),
        ("a start before 1970", TimeInvalid, start(time(-1, 0))),
        ("a reason of 2,001 bytes", TextInvalid, reason(long(2_001))),
        (
            "a reason that rings",
            TextInvalid,
            reason("\u{7}".to_owned()),
        ),
    ];
    for (what, reason, given) in rows {
        row!(table.row, &people.dana, delegate(given), what => reason);
    }
    let what = "of a stranger";
    row!(table.told, &people.stranger, delegate(good()), what => PersonUnknown);
}

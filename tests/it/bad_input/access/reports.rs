//! Rows of what provisioners report, of feedback, and of one who tries without end.

use std::time::Duration;

use countersign_proto::reason::Reason;
use countersign_proto::v1::report_provisioning_request::Report;
use countersign_proto::v1::{
    AccessRemoved, CancelRequestRequest, GrantProvisioned, ProvisioningFailed, RemovalFailed,
    ReportProvisioningRequest, SubmitFeedbackRequest,
};

use super::cases::{Cases, People};
use super::{call, long, row};
use crate::table::Table;

/// Refused attempts of one caller that become entries, in a minute.
const TOLD: usize = 20;

pub(crate) async fn rows(table: &mut Table<'_>, people: &People, cases: &Cases) {
    reports(table, people, cases).await;
    feedback(table, people, cases).await;
    without_end(table, people, cases).await;
}

fn made(grant: u64, target: &str) -> Report {
    Report::Provisioned(GrantProvisioned {
        grant,
        target: target.to_owned(),
        ..GrantProvisioned::default()
    })
}

fn failed(grant: u64, error: &str) -> Report {
    Report::Failed(ProvisioningFailed {
        grant,
        error: error.to_owned(),
        attempt: 1,
    })
}

fn removed(grant: u64, proof: &str) -> Report {
    Report::Removed(AccessRemoved {
        grant,
        proof: proof.to_owned(),
    })
}

fn stuck(grant: u64, error: &str) -> Report {
    Report::RemovalFailed(RemovalFailed {
        grant,
        error: error.to_owned(),
        attempt: 1,
    })
}

async fn reports(table: &mut Table<'_>, people: &People, cases: &Cases) {
    use Reason::{IdUnknown, IdWrongKind, ProvisioningOrder, TextInvalid};
    let (active, over) = (cases.active.1, cases.ended.1);
    let grown = long(2_001);
    let rows = [
        ("nothing", TextInvalid, None),
        ("of grant 0", IdUnknown, Some(made(0, ""))),
        ("of the last index", IdUnknown, Some(removed(u64::MAX, ""))),
        ("of a case", IdWrongKind, Some(made(cases.active.0, ""))),
        ("of a session", IdWrongKind, Some(failed(cases.session, ""))),
        ("of a review", IdWrongKind, Some(stuck(cases.half.1, ""))),
        (
            "removed while it lasts",
            ProvisioningOrder,
            Some(removed(active, "")),
        ),
        (
            "stuck while it lasts",
            ProvisioningOrder,
            Some(stuck(active, "")),
        ),
        (
            "made a second time",
            ProvisioningOrder,
            Some(made(over, "")),
        ),
        (
            "failed when it was made",
            ProvisioningOrder,
            Some(failed(over, "")),
        ),
        (
            "a target of 257 bytes",
            TextInvalid,
            Some(made(active, &long(257))),
        ),
        (
            "an error of 2,001 bytes",
            TextInvalid,
            Some(failed(active, &grown)),
        ),
        (
            "a proof of 2,001 bytes",
            TextInvalid,
            Some(removed(over, &grown)),
        ),
        (
            "a failure of 2,001 bytes",
            TextInvalid,
            Some(stuck(over, &grown)),
        ),
        (
            "a proof that rings",
            TextInvalid,
            Some(removed(over, "\u{7}")),
        ),
    ];
    for (what, reason, report) in rows {
        let told = ReportProvisioningRequest {
            call: call(),
            report,
        };
        let who = &people.provisioner;
        row!(table.row, who, report_provisioning(told), what => reason);
    }
}

fn said(case: u64, comment: &str) -> SubmitFeedbackRequest {
    SubmitFeedbackRequest {
        call: call(),
        case,
        comment: comment.to_owned(),
        ..SubmitFeedbackRequest::default()
    }
}

async fn feedback(table: &mut Table<'_>, people: &People, cases: &Cases) {
    use Reason::{FeedbackNotOpen, IdUnknown, IdWrongKind, PersonUnknown, TextInvalid};
    let (ada, chen, over) = (&people.ada, &people.chen, cases.ended.0);
    let rows = [
        ("on number 0", chen, IdUnknown, 0),
        ("on the last index", chen, IdUnknown, u64::MAX),
        ("on a grant", chen, IdWrongKind, cases.ended.1),
        ("on a session", ada, IdWrongKind, cases.session),
        (
            "before a decision",
            &people.bruno,
            FeedbackNotOpen,
            cases.pending,
        ),
        ("while it lasts", ada, FeedbackNotOpen, cases.active.0),
        ("a second time", chen, FeedbackNotOpen, over),
        ("by who took no part", &people.hana, FeedbackNotOpen, over),
    ];
    for (what, who, reason, case) in rows {
        row!(table.row, who, submit_feedback(said(case, "")), what => reason);
    }
    let grown = long(2_001);
    for (what, text) in [("2,001 bytes", grown.as_str()), ("what rings", "\u{7}")] {
        let said = said(cases.denied, text);
        row!(table.row, chen, submit_feedback(said), what => TextInvalid);
    }
    let (what, who) = ("of a stranger", &people.stranger);
    row!(table.told, who, submit_feedback(said(over, "")), what => PersonUnknown);
}

/// Whoever tries again and again is refused again and again, and fills no log.
async fn without_end(table: &mut Table<'_>, people: &People, cases: &Cases) {
    let who = &people.gustav;
    table.door.clock.pass(Duration::from_secs(61));
    let attempt = || CancelRequestRequest {
        call: call(),
        request: cases.pending,
        reason: String::new(),
    };
    let reason = Reason::NotYours;
    for number in 1..=TOLD {
        let what = format!("attempt {number}");
        row!(table.told, who, cancel_request(attempt()), what => reason);
    }
    for number in TOLD + 1..=TOLD + 5 {
        let what = format!("attempt {number}");
        row!(table.row, who, cancel_request(attempt()), what => reason);
    }
}

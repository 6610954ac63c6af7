//! A case at every moment of its life, and those who look at it.

use std::collections::BTreeMap;

use countersign_chain::time::UnixMicros;
use countersign_chatbot::card::audience::Audience;
use countersign_chatbot::card::moment::{ExtensionOver, Moment, Repair, Verdict};
use countersign_chatbot::card::name::Name;
use countersign_chatbot::card::span::Span;
use countersign_chatbot::card::view::CaseView;
use countersign_proto::v1;
use prost_types::Timestamp;

/// 2026-11-27T06:40:00Z.
const START: i64 = 1_795_761_600;

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).expect("a name")
}

pub(crate) fn at(minutes: i64) -> UnixMicros {
    let micros = (START + minutes * 60) * 1_000_000;
    UnixMicros::new(micros.cast_unsigned()).expect("a time")
}

fn stamp(minutes: i64) -> Option<Timestamp> {
    let seconds = START + minutes * 60;
    Some(Timestamp { seconds, nanos: 0 })
}

fn slot(group: &str) -> v1::Slot {
    let group = group.to_owned();
    v1::Slot { group, count: 1 }
}

fn review(index: u64, person: &str, group: &str, reason: &str) -> v1::ReviewState {
    v1::ReviewState {
        index,
        person: person.to_owned(),
        decision: v1::Decision::Approve.into(),
        group: group.to_owned(),
        reason: reason.to_owned(),
        delegate_of: String::new(),
    }
}

/// A request that waits for two groups.
pub(crate) fn pending() -> v1::Case {
    v1::Case {
        id: 1042,
        status: v1::CaseStatus::Pending.into(),
        person: "ada".to_owned(),
        resource: "prod-db".to_owned(),
        permission: "read".to_owned(),
        duration_seconds: 7_200,
        reason: "Orders are stuck since 06:10.\nI want to see the queue table.".to_owned(),
        ticket: "OPS-311".to_owned(),
        severity: "sev2".to_owned(),
        affected: vec!["checkout".to_owned(), "billing".to_owned()],
        policy: 7,
        obligations: Some(v1::Obligations {
            policies: vec!["prod-read".to_owned()],
            approvals: vec![slot("security"), slot("team-leads")],
            max_duration_seconds: 14_400,
            max_extensions: 2,
            ..v1::Obligations::default()
        }),
        opened: stamp(0),
        request_expires: stamp(60),
        entries: vec![1042],
        ..v1::Case::default()
    }
}

fn half() -> v1::Case {
    v1::Case {
        reviews: vec![review(1043, "grace", "security", "Known incident.")],
        entries: vec![1042, 1043],
        ..pending()
    }
}

fn approved() -> v1::Case {
    let mut case = half();
    let mut second = review(1044, "linus", "team-leads", "");
    second.delegate_of = "margaret".to_owned();
    case.reviews.push(second);
    case.request_expires = None;
    case
}

fn refused(outcome: &str) -> v1::Case {
    v1::Case {
        status: v1::CaseStatus::Refused.into(),
        outcome: outcome.to_owned(),
        request_expires: None,
        ..half()
    }
}

fn denied() -> v1::Case {
    let mut case = refused("denied");
    let mut no = review(1044, "linus", "", "Use the replica.");
    no.decision = v1::Decision::Deny.into();
    case.reviews.push(no);
    case
}

fn scheduled() -> v1::Case {
    v1::Case {
        status: v1::CaseStatus::Scheduled.into(),
        start: stamp(90),
        grant: Some(v1::Grant {
            id: 1045,
            provisioning: "none".to_owned(),
            ..v1::Grant::default()
        }),
        ..approved()
    }
}

fn active(provisioning: &str) -> v1::Case {
    v1::Case {
        status: v1::CaseStatus::Active.into(),
        grant: Some(v1::Grant {
            id: 1045,
            issued: stamp(9),
            end: stamp(129),
            active: true,
            provisioning: provisioning.to_owned(),
            ..v1::Grant::default()
        }),
        sessions: vec![v1::Session::default()],
        ..approved()
    }
}

fn extending() -> v1::Case {
    v1::Case {
        extension: Some(v1::Extension {
            id: 1050,
            duration_seconds: 1_800,
            reason: "The index is still building.".to_owned(),
            expires: stamp(120),
            reviews: vec![review(1051, "grace", "security", "")],
            approvals: vec![slot("security"), slot("team-leads")],
        }),
        ..active("provisioned")
    }
}

fn ended(by: &str, provisioning: &str) -> v1::Case {
    let mut case = active(provisioning);
    case.status = v1::CaseStatus::Ended.into();
    case.outcome = "used".to_owned();
    if let Some(grant) = &mut case.grant {
        grant.active = false;
        by.clone_into(&mut grant.ended_by);
    }
    if provisioning == "removal-failed" {
        case.open_issues = vec!["access could not be removed".to_owned()];
    }
    case
}

fn glass() -> v1::Case {
    let mut case = active("provisioned");
    case.break_glass = true;
    case.reviews.clear();
    case.open_issues = vec!["nobody has reviewed the break-glass access".to_owned()];
    case.retro_review_open = true;
    let obligations = case.obligations.as_mut().expect("they are there");
    obligations.approvals.clear();
    obligations.retro_group = "security".to_owned();
    case
}

fn judged() -> v1::Case {
    v1::Case {
        open_issues: Vec::new(),
        retro_review_open: false,
        ..glass()
    }
}

fn closed() -> v1::Case {
    v1::Case {
        status: v1::CaseStatus::Closed.into(),
        ..ended("finished", "removed")
    }
}

fn text(text: &str) -> String {
    text.to_owned()
}

/// What happens to a case, in the order of its life, and the case then. `words` stand wherever
/// somebody's words can.
pub(crate) fn life(words: &str) -> Vec<(Moment, v1::Case)> {
    let mut life = before();
    life.extend(troubles(words));
    life.extend(afterwards(words));
    life.push((
        Moment::Cancelled {
            reason: text(words),
        },
        refused("cancelled"),
    ));
    life
}

fn before() -> Vec<(Moment, v1::Case)> {
    let group = name("team-leads");
    let left = Span::new(600).expect("ten minutes");
    let over = |how| (Moment::ExtensionOver { how }, active("provisioned"));
    vec![
        (Moment::Opened, pending()),
        (Moment::Reminded { number: 1 }, half()),
        (Moment::Escalated { group }, half()),
        (
            Moment::Reviewed {
                person: name("grace"),
            },
            half(),
        ),
        (Moment::Scheduled { start: at(90) }, scheduled()),
        (Moment::Issued, active("none")),
        (Moment::Denied, denied()),
        (Moment::RequestExpired, refused("expired")),
        (Moment::EndNear { left }, active("provisioned")),
        (Moment::ExtensionAsked, extending()),
        (Moment::Extended { end: at(159) }, active("provisioned")),
        over(ExtensionOver::Denied),
        over(ExtensionOver::Cancelled),
        over(ExtensionOver::Expired),
    ]
}

fn troubles(words: &str) -> Vec<(Moment, v1::Case)> {
    let (error, attempt) = (text(words), 2);
    let failed = Moment::ProvisioningFailed { error, attempt };
    let error = text(words);
    let target = text(words);
    vec![
        (Moment::Provisioned { target }, active("provisioned")),
        (failed, active("failed")),
        (
            Moment::RemovalFailed { error, attempt },
            ended("expired", "removal-failed"),
        ),
        (Moment::SessionOverran, ended("expired", "provisioned")),
        (
            Moment::Drifted {
                target: text(words),
                detail: text("no grant explains it"),
                repair: Repair::Open,
            },
            active("provisioned"),
        ),
        (Moment::BrokeGlass, glass()),
        (Moment::RetroDue, glass()),
        (
            Moment::RetroRecorded {
                person: name("grace"),
                verdict: Verdict::Justified,
                reason: text(words),
            },
            judged(),
        ),
    ]
}

fn afterwards(words: &str) -> Vec<(Moment, v1::Case)> {
    let revoked = Moment::Revoked {
        person: Some(name("grace")),
        reason: text(words),
    };
    let (reason, proof) = (text(words), text(words));
    vec![
        (Moment::GrantExpired, ended("expired", "provisioned")),
        (revoked, ended("revoked", "provisioned")),
        (
            Moment::Finished { reason },
            ended("finished", "provisioned"),
        ),
        (Moment::Removed { proof }, ended("finished", "removed")),
        (Moment::FeedbackAsked, ended("finished", "removed")),
        (Moment::FeedbackGiven, ended("finished", "removed")),
        (Moment::Closed, closed()),
    ]
}

/// Reads a case; the times of its decisions are known.
pub(crate) fn view(case: &v1::Case) -> CaseView {
    let times =
        (1_043..1_060).map(|index| (index, at(i64::try_from(index).expect("small") - 1_042)));
    let times: BTreeMap<u64, UnixMicros> = times.collect();
    CaseView::parse(case, &times).expect("a case")
}

/// The requester, somebody of the group that has not agreed, and a channel.
pub(crate) fn audiences() -> [Audience; 3] {
    [
        Audience::Requester(name("ada")),
        Audience::Reviewer {
            person: name("barbara"),
            groups: [name("team-leads"), name("security")].into(),
        },
        Audience::Onlooker,
    ]
}

//! Policies, requests, reviews, and the people around a case.

use countersign_proto::convert::unix_micros;
use countersign_proto::reading::{decision, text::hex};
use countersign_proto::v1;

use super::{Activity, Event, Ruling, Scene, about, failed, person, ruled, some};
use crate::ocsf::model::{Authorization, Entity, Policy};

const REQUEST: &str = "Access Request";
const BREAK_GLASS: &str = "Break-Glass Access";
const CASE: &str = "Access Case";
const DELEGATION: &str = "Delegation";
const ACCOUNT: &str = "Chat Account";

pub(super) fn policy(event: &v1::PolicyChanged) -> (Activity, Event) {
    let digest = hex(&event.digest);
    let changes = event.changes.join("; ");
    let policy = Policy {
        name: Some("Access policy".to_owned()),
        uid: Some(digest.clone()),
        desc: some(&changes),
    };
    let entity = Entity {
        name: Some("Access policy".to_owned()),
        uid: Some(digest),
        type_id: Some(5),
        r#type: Some("Policy"),
        policy: Some(policy),
        ..Entity::default()
    };
    let changed = Event {
        entity: Some(entity),
        comment: some(&changes),
        ..Event::default()
    };
    match event.previous {
        0 => (Activity::Create, changed),
        _ => (Activity::Update, changed),
    }
}

pub(super) fn requested(event: &v1::AccessRequested, scene: &Scene<'_>) -> (Activity, Event) {
    let name = format!("{} on {}", event.permission, event.resource);
    let mut asked = asks(REQUEST, scene.record.index().get(), name, &event.person);
    asked.comment = some(&event.reason);
    (Activity::Create, asked)
}

pub(super) fn broke_glass(event: &v1::BreakGlassInvoked, scene: &Scene<'_>) -> (Activity, Event) {
    let name = format!("{} on {}", event.permission, event.resource);
    let mut asked = asks(BREAK_GLASS, scene.record.index().get(), name, &event.person);
    asked.comment = some(&event.reason);
    (Activity::Create, asked)
}

fn asks(kind: &'static str, index: u64, name: String, who: &str) -> Event {
    let mut event = about(kind, index.to_string(), name);
    if let Some(entity) = &mut event.entity {
        entity.user = Some(person(who));
    }
    event
}

pub(super) fn reviewed(event: &v1::ReviewRecorded) -> (Activity, Event) {
    let mut review = about(REQUEST, event.request.to_string(), None);
    review.comment = some(&event.reason);
    decided(&mut review, event.decision());
    (Activity::Update, review)
}

pub(super) fn retro_reviewed(event: &v1::RetroReviewRecorded) -> (Activity, Event) {
    let mut review = about(BREAK_GLASS, event.request.to_string(), None);
    review.comment = some(&event.reason);
    match event.justified {
        true => decided(&mut review, v1::Decision::Approve),
        false => decided(&mut review, v1::Decision::Deny),
    }
    (Activity::Update, review)
}

fn decided(event: &mut Event, said: v1::Decision) {
    match said {
        v1::Decision::Approve => ruled(event, Ruling::Approved),
        v1::Decision::Deny => ruled(event, Ruling::Rejected),
        v1::Decision::Unspecified => return,
    }
    let said = Authorization {
        decision: Some(decision(said)),
    };
    event.authorizations = Some(vec![said]);
}

pub(super) fn denied(event: &v1::RequestDenied) -> (Activity, Event) {
    let mut ended = failed(
        about(REQUEST, event.request.to_string(), None),
        None,
        "denied",
    );
    ruled(&mut ended, Ruling::Rejected);
    (Activity::Update, ended)
}

pub(super) fn cancelled(event: &v1::RequestCancelled) -> (Activity, Event) {
    let mut ended = about(REQUEST, event.request.to_string(), None);
    ended.status_detail = Some("cancelled".to_owned());
    ended.comment = some(&event.reason);
    (Activity::Update, ended)
}

pub(super) fn request_expired(event: &v1::RequestExpired) -> (Activity, Event) {
    let ended = failed(
        about(REQUEST, event.request.to_string(), None),
        None,
        "expired",
    );
    (Activity::Update, ended)
}

pub(super) fn reminded(event: &v1::ApproversReminded) -> (Activity, Event) {
    let mut waits = about(REQUEST, event.request.to_string(), None);
    waits.status_detail = Some(format!("reminder {}", event.number));
    (Activity::Entity("Remind"), waits)
}

pub(super) fn escalated(event: &v1::RequestEscalated) -> (Activity, Event) {
    let mut waits = about(REQUEST, event.request.to_string(), None);
    waits.status_detail = some(&event.group).map(|group| format!("escalated to {group}"));
    (Activity::Entity("Escalate"), waits)
}

pub(super) fn feedback(event: &v1::FeedbackSubmitted, scene: &Scene<'_>) -> (Activity, Event) {
    let mut said = about(CASE, scene.record.case().to_string(), None);
    said.comment = some(&event.comment);
    (Activity::Update, said)
}

pub(super) fn closed(event: &v1::CaseClosed, scene: &Scene<'_>) -> (Activity, Event) {
    let mut over = about(CASE, scene.record.case().to_string(), None);
    over.status_detail = Some(event.outcome.clone());
    (Activity::Update, over)
}

pub(super) fn linked(event: &v1::IdentityLinked) -> (Activity, Event) {
    let uid = [&event.platform, &event.tenant, &event.user].map(String::as_str);
    let mut account = about(ACCOUNT, uid.join("/"), event.user.clone());
    if let Some(entity) = &mut account.entity {
        entity.user = Some(person(&event.person));
    }
    match event.ended {
        false => (Activity::Create, account),
        true => (Activity::Delete, account),
    }
}

/// A delegation that ends now or earlier is taken back.
pub(super) fn delegated(event: &v1::DelegationChanged, scene: &Scene<'_>) -> (Activity, Event) {
    let name = format!("{} to {}", event.from, event.to);
    let mut place = about(DELEGATION, name.clone(), name);
    place.comment = some(&event.reason);
    place.start_time = super::millis(event.start.as_ref());
    place.end_time = super::millis(event.end.as_ref());
    let end = event.end.as_ref().and_then(|end| unix_micros(end).ok());
    match end.is_some_and(|end| end <= scene.record.time()) {
        false => (Activity::Create, place),
        true => (Activity::Delete, place),
    }
}

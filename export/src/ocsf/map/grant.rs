//! Grants, and the access that is made of them.

use countersign_proto::reading;
use countersign_proto::v1;

use super::{Activity, Event, Ruling, Scene, UNKNOWN, about, failed, millis, person, resource};
use super::{ruled, some};
use crate::ocsf::Version;
use crate::ocsf::model::Entity;

const GRANT: &str = "Grant";
const SCHEDULED: &str = "Scheduled Grant";
const EXTENSION: &str = "Extension Request";
const ACCESS: &str = "Provisioned Access";

/// Privileges of the person of the case, as far as they are known.
fn privileges(scene: &Scene<'_>) -> Event {
    let of = scene.parties;
    let permission = of.map_or(UNKNOWN, |of| of.permission.as_str());
    let on = of.map_or(UNKNOWN, |of| of.resource.as_str());
    held(
        scene.version,
        of.map_or(UNKNOWN, |of| of.person.as_str()),
        permission,
        on,
    )
}

fn held(version: Version, who: &str, permission: &str, on: &str) -> Event {
    let mut event = Event {
        user: Some(person(who)),
        privileges: Some(vec![permission.to_owned()]),
        ..Event::default()
    };
    let on = resource("Resource", on);
    match version {
        Version::V1_3 => event.resource = Some(on),
        Version::V1_8 | Version::V1_9 => event.resources = Some(vec![on]),
    }
    event
}

pub(super) fn scheduled(event: &v1::GrantScheduled, scene: &Scene<'_>) -> (Activity, Event) {
    let mut grant = about(SCHEDULED, scene.record.index().to_string(), None);
    grant.start_time = millis(event.start.as_ref());
    (Activity::Create, of_holder(grant, scene))
}

fn of_holder(mut event: Event, scene: &Scene<'_>) -> Event {
    if let Some(entity) = &mut event.entity {
        entity.user = Some(scene.holder());
    }
    event
}

pub(super) fn issued(event: &v1::GrantIssued, scene: &Scene<'_>) -> (Activity, Event) {
    let who = &event.person;
    let mut given = held(scene.version, who, &event.permission, &event.resource);
    given.end_time = millis(event.end.as_ref());
    ruled(&mut given, Ruling::Allowed);
    (Activity::Assign, given)
}

pub(super) fn extended(event: &v1::GrantExtended, scene: &Scene<'_>) -> (Activity, Event) {
    let mut given = privileges(scene);
    given.end_time = millis(event.end.as_ref());
    given.status_detail = Some("extended".to_owned());
    ruled(&mut given, Ruling::Allowed);
    (Activity::Assign, given)
}

pub(super) fn revoked(event: &v1::GrantRevoked, scene: &Scene<'_>) -> (Activity, Event) {
    let mut taken = privileges(scene);
    let why = some(&event.reason).map(|reason| format!("revoked: {reason}"));
    taken.status_detail = why.or_else(|| Some("revoked".to_owned()));
    ruled(&mut taken, Ruling::Taken);
    (Activity::Revoke, taken)
}

pub(super) fn finished(event: &v1::GrantFinished, scene: &Scene<'_>) -> (Activity, Event) {
    let mut taken = privileges(scene);
    let how = some(&event.reason).map(|reason| format!("finished: {reason}"));
    taken.status_detail = how.or_else(|| Some("finished".to_owned()));
    (Activity::Revoke, taken)
}

pub(super) fn expired(scene: &Scene<'_>) -> (Activity, Event) {
    let mut taken = privileges(scene);
    taken.status_detail = Some("expired".to_owned());
    (Activity::Revoke, taken)
}

pub(super) fn warned(event: &v1::ExpiryWarned, scene: &Scene<'_>) -> (Activity, Event) {
    let mut grant = about(GRANT, event.grant.to_string(), None);
    grant.end_time = millis(event.end.as_ref());
    (Activity::Entity("Warn of Expiry"), of_holder(grant, scene))
}

pub(super) fn extension(event: &v1::ExtensionRequested, scene: &Scene<'_>) -> (Activity, Event) {
    let mut asked = about(EXTENSION, scene.record.index().to_string(), None);
    asked.comment = some(&event.reason);
    (Activity::Create, of_holder(asked, scene))
}

pub(super) fn provisioned(event: &v1::GrantProvisioned, scene: &Scene<'_>) -> (Activity, Event) {
    let mut made = about(ACCESS, event.grant.to_string(), some(&event.target));
    made.end_time = millis(event.valid_until.as_ref());
    (Activity::Create, of_holder(made, scene))
}

pub(super) fn provisioning_failed(
    event: &v1::ProvisioningFailed,
    scene: &Scene<'_>,
) -> (Activity, Event) {
    let made = failed(
        about(ACCESS, event.grant.to_string(), None),
        None,
        &event.error,
    );
    (Activity::Create, of_holder(made, scene))
}

pub(super) fn removed(event: &v1::AccessRemoved, scene: &Scene<'_>) -> (Activity, Event) {
    let mut gone = about(ACCESS, event.grant.to_string(), None);
    gone.comment = some(&event.proof);
    (Activity::Delete, of_holder(gone, scene))
}

pub(super) fn removal_failed(event: &v1::RemovalFailed, scene: &Scene<'_>) -> (Activity, Event) {
    let stays = failed(
        about(ACCESS, event.grant.to_string(), None),
        None,
        &event.error,
    );
    (Activity::Delete, of_holder(stays, scene))
}

pub(super) fn drifted(event: &v1::AccessDriftDetected) -> (Activity, Event) {
    let entity = Entity {
        name: Some(format!("{} on {}", event.target, event.resource)),
        uid: Some(event.target.clone()),
        type_id: Some(99),
        r#type: Some(ACCESS),
        ..Entity::default()
    };
    let found = Event {
        entity: Some(entity),
        comment: some(&event.detail),
        ..Event::default()
    };
    let code = Some(reading::drift(event.drift()).to_owned());
    let found = match event.mended {
        false => failed(found, code, &event.detail),
        true => Event {
            status_code: code,
            status_detail: Some("mended".to_owned()),
            ..found
        },
    };
    (Activity::Entity("Drift"), found)
}

//! What an entry is in OCSF: class, activity and the attributes that belong to its kind. A kind
//! without a line here does not compile.

mod call;
mod case;
mod grant;
mod log;
mod session;

use countersign_chain::record::Record;
use countersign_proto::event::Known;
use prost_types::Timestamp;

use super::Version;
use super::class::Activity;
use super::context::Parties;
use super::model::{Entity, Event, Resource, User};

/// What stands where a name is not known: OCSF wants one.
pub(super) const UNKNOWN: &str = "unknown";

/// What is around an event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) record: Record<'a>,
    pub(super) origin: &'a str,
    pub(super) version: Version,
    pub(super) parties: Option<&'a Parties>,
}

impl Scene<'_> {
    /// The person of the case.
    fn holder(&self) -> User {
        match self.parties {
            Some(parties) => person(&parties.person),
            None => person(UNKNOWN),
        }
    }

    /// The resource of the case.
    fn resource(&self) -> String {
        let known = self.parties.map(|parties| parties.resource.as_str());
        known.unwrap_or(UNKNOWN).to_owned()
    }

    /// Who carried the entry to the ledger.
    fn carrier(&self) -> String {
        let record = &self.record;
        let via = Some(record.via()).filter(|via| !via.is_empty());
        via.unwrap_or(record.actor()).to_owned()
    }
}

/// Class, activity and attributes of an event.
pub(super) fn map(known: &Known, scene: &Scene<'_>) -> (Activity, Event) {
    match known {
        Known::LogOpened(event) => log::opened(event),
        Known::LogRecovered(event) => log::recovered(event, scene),
        Known::ClockStepped(event) => log::clock_stepped(event, scene),
        Known::DiskLow(event) => log::disk_low(event, scene),
        Known::LogStopped(event) => log::stopped(event, scene),
        Known::CertificateIssued(event) => log::certificate_issued(event),
        Known::CertificateRevoked(event) => log::certificate_revoked(event),
        Known::SpoolGap(event) => log::gap(event, scene),
        Known::AgentStarted(event) => log::agent_started(event, scene),
        Known::AgentStopped(event) => log::agent_stopped(event, scene),
        Known::PolicyChanged(event) => case::policy(event),
        Known::AccessRequested(event) => case::requested(event, scene),
        Known::BreakGlassInvoked(event) => case::broke_glass(event, scene),
        Known::ReviewRecorded(event) => case::reviewed(event),
        Known::RetroReviewRecorded(event) => case::retro_reviewed(event),
        Known::RequestDenied(event) => case::denied(event),
        Known::RequestCancelled(event) => case::cancelled(event),
        Known::RequestExpired(event) => case::request_expired(event),
        Known::ApproversReminded(event) => case::reminded(event),
        Known::RequestEscalated(event) => case::escalated(event),
        Known::FeedbackSubmitted(event) => case::feedback(event, scene),
        Known::CaseClosed(event) => case::closed(event, scene),
        Known::IdentityLinked(event) => case::linked(event),
        Known::DelegationChanged(event) => case::delegated(event, scene),
        Known::GrantScheduled(event) => grant::scheduled(event, scene),
        Known::GrantIssued(event) => grant::issued(event, scene),
        Known::GrantExtended(event) => grant::extended(event, scene),
        Known::GrantRevoked(event) => grant::revoked(event, scene),
        Known::GrantFinished(event) => grant::finished(event, scene),
        Known::GrantExpired(_) => grant::expired(scene),
        Known::ExpiryWarned(event) => grant::warned(event, scene),
        Known::ExtensionRequested(event) => grant::extension(event, scene),
        Known::GrantProvisioned(event) => grant::provisioned(event, scene),
        Known::ProvisioningFailed(event) => grant::provisioning_failed(event, scene),
        Known::AccessRemoved(event) => grant::removed(event, scene),
        Known::RemovalFailed(event) => grant::removal_failed(event, scene),
        Known::AccessDriftDetected(event) => grant::drifted(event),
        Known::SessionStarted(event) => session::started(event, scene),
        Known::SessionEnded(event) => session::ended(event, scene),
        Known::SessionOverran(event) => session::overran(event, scene),
        Known::CommandExecuted(event) => session::command(event, scene),
        Known::SessionOutput(event) => session::output(event),
        Known::RecordingViewed(event) => call::viewed(event, scene),
        Known::ActionRefused(event) => call::refused(event, scene),
        Known::NotificationDelivered(event) => call::notified(event, scene),
        Known::NotificationFailed(event) => call::not_notified(event, scene),
        Known::SinkFailed(event) => call::sink(event, scene),
        Known::ExportCreated(event) => call::exported(event, scene),
        Known::ReportCreated(event) => call::reported(event, scene),
        Known::ExternalEvent(event) => call::external(event, scene),
    }
}

/// An entry that this version cannot read: a call of which nothing is known.
pub(super) fn unreadable(why: &str, scene: &Scene<'_>) -> (Activity, Event) {
    let operation = countersign_proto::reading::kind_text(scene.record.kind().get());
    let mut event = call::to(operation, "", scene);
    event.status_id = Some(0);
    event.status_detail = Some(why.to_owned());
    (Activity::Unknown, event)
}

/// An event about a thing that OCSF has no number for.
fn about(kind: &'static str, uid: impl Into<String>, name: impl Into<Option<String>>) -> Event {
    let entity = Entity {
        uid: Some(uid.into()),
        name: name.into(),
        type_id: Some(99),
        r#type: Some(kind),
        ..Entity::default()
    };
    Event {
        entity: Some(entity),
        ..Event::default()
    }
}

/// A person of the policy.
fn person(name: &str) -> User {
    let (type_id, kind) = match name {
        UNKNOWN => (0, "Unknown"),
        _ => (1, "User"),
    };
    User {
        name: Some(name.to_owned()),
        type_id: Some(type_id),
        r#type: Some(kind),
        ..User::default()
    }
}

/// A resource by its name, which is its id, too.
fn resource(kind: &'static str, name: &str) -> Resource {
    Resource {
        name: Some(name.to_owned()),
        uid: Some(name.to_owned()),
        r#type: Some(kind),
    }
}

/// What is not empty.
fn some(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

/// A time in milliseconds since 1970.
fn millis(time: Option<&Timestamp>) -> Option<i64> {
    let time = time?;
    let part = i64::from(time.nanos).checked_div(1_000_000)?;
    time.seconds.checked_mul(1_000)?.checked_add(part)
}

/// An event that says that something did not work.
fn failed(mut event: Event, code: Option<String>, why: &str) -> Event {
    event.status_id = Some(2);
    event.status_code = code;
    event.status_detail = some(why);
    event
}

/// What somebody or something decided about an action; OCSF knows it in all classes from 1.8 on.
fn ruled(event: &mut Event, action: Ruling) {
    let (action_id, action, disposition_id, disposition) = match action {
        Ruling::Approved => (1, "Allowed", 8, "Approved"),
        Ruling::Allowed => (1, "Allowed", 1, "Allowed"),
        Ruling::Rejected => (2, "Denied", 25, "Rejected"),
        Ruling::Blocked => (2, "Denied", 2, "Blocked"),
        Ruling::Taken => (2, "Denied", 24, "Access Revoked"),
    };
    event.action_id = Some(action_id);
    event.action = Some(action);
    event.disposition_id = Some(disposition_id);
    event.disposition = Some(disposition);
}

/// How it was decided.
#[derive(Debug, Clone, Copy)]
enum Ruling {
    Approved,
    Allowed,
    Rejected,
    Blocked,
    Taken,
}

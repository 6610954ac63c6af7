//! The ledger itself, its certificates, and the agents that bring events in.

use countersign_proto::reading::text::wire;
use countersign_proto::v1;

use super::{Activity, Event, Scene, about, failed, some};
use crate::ocsf::model::Product;

const VENDOR: &str = "Countersign";

fn ledger(scene: &Scene<'_>) -> Event {
    app("Countersign ledger", scene.origin, "")
}

fn agent(scene: &Scene<'_>, version: &str) -> Event {
    app("Countersign agent", scene.record.actor(), version)
}

fn app(name: &str, uid: &str, version: &str) -> Event {
    let app = Product {
        name: Some(name.to_owned()),
        uid: some(uid),
        vendor_name: Some(VENDOR),
        version: some(version),
    };
    Event {
        app: Some(app),
        ..Event::default()
    }
}

pub(super) fn opened(event: &v1::LogOpened) -> (Activity, Event) {
    let log = about("Log", event.vkey.clone(), event.origin.clone());
    (Activity::Create, log)
}

pub(super) fn recovered(event: &v1::LogRecovered, scene: &Scene<'_>) -> (Activity, Event) {
    let mut start = ledger(scene);
    if event.quarantined_bytes > 0 {
        let detail = format!("{} bytes quarantined", event.quarantined_bytes);
        start.status_detail = Some(detail);
    }
    (Activity::Start, start)
}

pub(super) fn stopped(event: &v1::LogStopped, scene: &Scene<'_>) -> (Activity, Event) {
    let mut stop = ledger(scene);
    stop.status_detail = some(&event.reason);
    (Activity::Stop, stop)
}

pub(super) fn clock_stepped(event: &v1::ClockStepped, scene: &Scene<'_>) -> (Activity, Event) {
    let (before, after) = (wire(event.before.as_ref()), wire(event.after.as_ref()));
    let stepped = failed(ledger(scene), None, &format!("from {before} to {after}"));
    (Activity::Application("Clock Stepped"), stepped)
}

pub(super) fn disk_low(event: &v1::DiskLow, scene: &Scene<'_>) -> (Activity, Event) {
    let why = format!("{} bytes are free", event.free_bytes);
    let low = failed(ledger(scene), None, &why);
    (Activity::Application("Disk Low"), low)
}

pub(super) fn gap(event: &v1::SpoolGap, scene: &Scene<'_>) -> (Activity, Event) {
    let lost = failed(agent(scene, ""), None, &event.reason);
    (Activity::Application("Events Lost"), lost)
}

pub(super) fn agent_started(event: &v1::AgentStarted, scene: &Scene<'_>) -> (Activity, Event) {
    (Activity::Start, agent(scene, &event.version))
}

pub(super) fn agent_stopped(event: &v1::AgentStopped, scene: &Scene<'_>) -> (Activity, Event) {
    let mut stop = agent(scene, "");
    stop.status_detail = some(&event.reason);
    (Activity::Stop, stop)
}

pub(super) fn certificate_issued(event: &v1::CertificateIssued) -> (Activity, Event) {
    let made = about("Certificate", event.serial.clone(), event.principal.clone());
    (Activity::Create, made)
}

pub(super) fn certificate_revoked(event: &v1::CertificateRevoked) -> (Activity, Event) {
    let mut ended = about("Certificate", event.serial.clone(), event.principal.clone());
    ended.comment = some(&event.reason);
    (Activity::Delete, ended)
}

//! Sessions: logon, commands, recordings, logoff.

use std::net::{IpAddr, SocketAddr};

use countersign_proto::v1;

use super::{Activity, Event, Scene, about, failed, millis, person, some};
use crate::ocsf::Version;
use crate::ocsf::model::{Actor, Device, Endpoint, Process, Session};

const RECORDING: &str = "Session Recording";

pub(super) fn started(event: &v1::SessionStarted, scene: &Scene<'_>) -> (Activity, Event) {
    let mut session = session(scene.record.index().get(), scene);
    session.created_time = Some(scene.record.time().get().div_euclid(1_000));
    session.is_remote = Some(true);
    let who = match event.person.as_str() {
        "" => scene.holder(),
        name => person(name),
    };
    let logon = Event {
        user: Some(who),
        session: Some(session),
        dst_endpoint: Some(target(scene)),
        src_endpoint: source(&event.source_address),
        is_remote: Some(true),
        logon_type_id: Some(10),
        logon_type: Some("Remote Interactive"),
        ..Event::default()
    };
    (Activity::Logon, logon)
}

/// Where somebody came from: an address, an address with a port, or a name.
fn source(text: &str) -> Option<Endpoint> {
    let name = some(text)?;
    let mut endpoint = Endpoint::default();
    let socket = text.parse::<SocketAddr>().ok();
    let ip = socket.map(|socket| socket.ip());
    match ip.or_else(|| text.parse::<IpAddr>().ok()) {
        Some(ip) => {
            endpoint.ip = Some(ip.to_string());
            endpoint.port = socket.map(|socket| socket.port());
        }
        None => endpoint.name = Some(name),
    }
    Some(endpoint)
}

fn target(scene: &Scene<'_>) -> Endpoint {
    Endpoint {
        name: Some(scene.resource()),
        ..Endpoint::default()
    }
}

fn session(index: u64, scene: &Scene<'_>) -> Session {
    Session {
        uid: Some(index.to_string()),
        issuer: Some(scene.origin.to_owned()),
        ..Session::default()
    }
}

fn of_session(index: u64, scene: &Scene<'_>) -> Event {
    Event {
        user: Some(scene.holder()),
        session: Some(session(index, scene)),
        dst_endpoint: Some(target(scene)),
        ..Event::default()
    }
}

pub(super) fn ended(event: &v1::SessionEnded, scene: &Scene<'_>) -> (Activity, Event) {
    let mut over = of_session(event.session, scene);
    over.status_code = Some(event.exit_status.to_string());
    over.status_detail = some(&event.reason);
    (Activity::Logoff, over)
}

pub(super) fn overran(event: &v1::SessionOverran, scene: &Scene<'_>) -> (Activity, Event) {
    let stays = of_session(event.session, scene);
    let stays = failed(stays, None, "the session outlives its grant");
    (Activity::Session("Overran"), stays)
}

pub(super) fn command(event: &v1::CommandExecuted, scene: &Scene<'_>) -> (Activity, Event) {
    let process = Process {
        uid: Some(format!("{}/{}", event.session, event.number)),
        name: some(&event.source),
        cmd_line: Some(event.command.clone()),
        working_directory: some(&event.directory).filter(|_| scene.version >= Version::V1_8),
        created_time: millis(event.started_at.as_ref()),
        user: Some(scene.holder()),
        session: Some(session(event.session, scene)),
    };
    let device = Device {
        name: Some(scene.resource()),
        type_id: Some(0),
        r#type: Some("Unknown"),
    };
    let status = match event.exit_status {
        Some(0) => 1,
        Some(_) => 2,
        None => 0,
    };
    // Who ran it is the person of the session; the recorder only tells.
    let actor = Actor {
        user: Some(scene.holder()),
        session: Some(session(event.session, scene)),
        app_name: Some(scene.record.actor().to_owned()),
    };
    let ran = Event {
        process: Some(process),
        device: Some(device),
        actor: Some(actor),
        start_time: millis(event.started_at.as_ref()),
        exit_code: event.exit_status,
        status_id: Some(status),
        ..Event::default()
    };
    (Activity::Launch, ran)
}

pub(super) fn output(event: &v1::SessionOutput) -> (Activity, Event) {
    let uid = format!("{}/{}", event.session, event.part);
    (Activity::Create, about(RECORDING, uid, None))
}

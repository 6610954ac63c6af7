//! What is brought in, sent out, read and refused: calls.

use countersign_proto::reading::text::{hex, wire};
use countersign_proto::v1;

use super::{Activity, Event, Ruling, Scene, failed, resource, ruled, some};
use crate::ocsf::model::{Api, Endpoint, Metadata, Request, Resource, Service};

/// A call of an operation; of the ledger when no service is named.
pub(super) fn to(operation: impl Into<String>, service: &str, scene: &Scene<'_>) -> Event {
    let service = some(service).unwrap_or_else(|| "Countersign".to_owned());
    let api = Api {
        operation: Some(operation.into()),
        service: Some(Service {
            name: Some(service),
        }),
        request: None,
    };
    let from = Endpoint {
        name: Some(scene.carrier()),
        ..Endpoint::default()
    };
    Event {
        api: Some(api),
        src_endpoint: Some(from),
        ..Event::default()
    }
}

fn with_request(mut event: Event, uid: &str) -> Event {
    if let (Some(api), Some(uid)) = (&mut event.api, some(uid)) {
        api.request = Some(Request { uid: Some(uid) });
    }
    event
}

fn on(mut event: Event, thing: Resource) -> Event {
    event.resources = Some(vec![thing]);
    event
}

fn thing(kind: &'static str, uid: String, name: Option<String>) -> Resource {
    Resource {
        name,
        uid: Some(uid),
        r#type: Some(kind),
    }
}

pub(super) fn viewed(event: &v1::RecordingViewed, scene: &Scene<'_>) -> (Activity, Event) {
    let recording = thing("Session Recording", event.session.to_string(), None);
    let read = to(&event.purpose, "", scene);
    (Activity::Read, on(read, recording))
}

pub(super) fn exported(event: &v1::ExportCreated, scene: &Scene<'_>) -> (Activity, Event) {
    let range = format!("{}-{}", event.first, event.end);
    let log = thing("Log", range, Some(scene.origin.to_owned()));
    let read = with_request(to("export", "", scene), &hex(&event.manifest_sha256));
    (Activity::Read, on(read, log))
}

pub(super) fn reported(event: &v1::ReportCreated, scene: &Scene<'_>) -> (Activity, Event) {
    let what = match event.report.as_str() {
        "case" => thing("Access Case", event.about.to_string(), None),
        _ => {
            let period = [&event.since, &event.until].map(|time| wire(time.as_ref()));
            thing("Period", period.join("/"), Some(scene.origin.to_owned()))
        }
    };
    let read = with_request(to("report", "", scene), &hex(&event.sha256));
    (Activity::Read, on(read, what))
}

pub(super) fn refused(event: &v1::ActionRefused, scene: &Scene<'_>) -> (Activity, Event) {
    let call = to(&event.action, "", scene);
    let mut call = failed(call, Some(event.code.clone()), &event.message);
    ruled(&mut call, Ruling::Blocked);
    if event.target > 0 {
        call.resources = Some(vec![thing("Entry", event.target.to_string(), None)]);
    }
    (Activity::Call("Refused"), call)
}

pub(super) fn notified(event: &v1::NotificationDelivered, scene: &Scene<'_>) -> (Activity, Event) {
    let message = event.message.as_ref();
    let platform = message.map_or("", |message| message.platform.as_str());
    let id = message.map_or("", |message| message.id.as_str());
    let mut sent = with_request(to("notify", platform, scene), id);
    sent.dst_endpoint = Some(recipient(&event.recipient, platform));
    (Activity::Send, sent)
}

pub(super) fn not_notified(event: &v1::NotificationFailed, scene: &Scene<'_>) -> (Activity, Event) {
    let mut sent = failed(to("notify", &event.platform, scene), None, &event.error);
    sent.dst_endpoint = Some(recipient(&event.recipient, &event.platform));
    (Activity::Send, sent)
}

fn recipient(name: &str, platform: &str) -> Endpoint {
    Endpoint {
        name: Some(name.to_owned()),
        svc_name: some(platform),
        ..Endpoint::default()
    }
}

pub(super) fn sink(event: &v1::SinkFailed, scene: &Scene<'_>) -> (Activity, Event) {
    let mut sent = match event.recovered {
        true => to("deliver", &event.sink, scene),
        false => failed(to("deliver", &event.sink, scene), None, &event.error),
    };
    sent.dst_endpoint = Some(recipient(&event.sink, ""));
    (Activity::Send, sent)
}

/// A fact from outside is brought in. What it says is not interpreted: it is in `message` and in
/// `unmapped`.
pub(super) fn external(event: &v1::ExternalEvent, scene: &Scene<'_>) -> (Activity, Event) {
    let call = with_request(to("append", "", scene), &event.position);
    let mut call = on(call, resource("Log Source", &event.source));
    if !event.malformed.is_empty() {
        call.status_detail = Some(format!("malformed: {}", event.malformed));
    }
    call.start_time = super::millis(event.observed_at.as_ref());
    call.metadata = Some(Metadata {
        original_time: some(&wire(event.observed_at.as_ref())),
        ..Metadata::default()
    });
    (Activity::Send, call)
}

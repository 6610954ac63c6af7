//! Tests of each rule, broken and kept.

use bytes::Bytes;

use super::*;
use crate::reason::{Reason, reason_of};

fn time() -> Option<Timestamp> {
    Some(Timestamp {
        seconds: 1_767_225_600,
        nanos: 0,
    })
}

fn no_time() -> Option<Timestamp> {
    Some(Timestamp {
        seconds: 0,
        nanos: -1,
    })
}

fn certificate() -> v1::CertificateIssued {
    v1::CertificateIssued {
        principal: "agent:db-prod-1".to_owned(),
        serial: "0aff".to_owned(),
        sha256: Bytes::from(vec![7; 32]),
        not_before: time(),
        not_after: time(),
    }
}

fn opened() -> v1::LogOpened {
    v1::LogOpened {
        origin: "a.example/log".to_owned(),
        vkey: "vkey".to_owned(),
        format: 1,
    }
}

/// Each event of the log itself that breaks one rule, and the field it breaks.
fn bad_log() -> Vec<(&'static str, Known)> {
    let recovered = v1::LogRecovered {
        quarantined_bytes: 1,
        ..Default::default()
    };
    let quarantined_sha256 = Bytes::from(vec![7; 32]);
    let stray = v1::LogRecovered {
        quarantined_sha256,
        ..Default::default()
    };
    vec![
        (
            "origin",
            v1::LogOpened {
                origin: "a+b".to_owned(),
                ..opened()
            }
            .into(),
        ),
        (
            "vkey",
            v1::LogOpened {
                vkey: String::new(),
                ..opened()
            }
            .into(),
        ),
        (
            "format",
            v1::LogOpened {
                format: 0,
                ..opened()
            }
            .into(),
        ),
        ("quarantined_sha256", recovered.into()),
        ("quarantined_sha256", stray.into()),
        (
            "before",
            v1::ClockStepped {
                before: None,
                after: time(),
            }
            .into(),
        ),
        (
            "after",
            v1::ClockStepped {
                before: time(),
                after: no_time(),
            }
            .into(),
        ),
    ]
}

/// The same for certificates.
fn bad_certificate() -> Vec<(&'static str, Known)> {
    let issued = |change: &dyn Fn(&mut v1::CertificateIssued)| {
        let mut message = certificate();
        change(&mut message);
        Known::from(message)
    };
    let revoked = v1::CertificateRevoked {
        serial: "0aff".to_owned(),
        ..Default::default()
    };
    vec![
        (
            "principal",
            issued(&|message| message.principal = "x".to_owned()),
        ),
        (
            "serial",
            issued(&|message| message.serial = "0A".to_owned()),
        ),
        ("serial", issued(&|message| message.serial = "a".repeat(41))),
        ("sha256", issued(&|message| message.sha256 = Bytes::new())),
        ("not_before", issued(&|message| message.not_before = None)),
        ("not_after", issued(&|message| message.not_after = None)),
        ("serial", v1::CertificateRevoked::default().into()),
        ("principal", revoked.into()),
    ]
}

/// The same for what agents send.
fn bad_intake() -> Vec<(&'static str, Known)> {
    let mut external = v1::ExternalEvent {
        source: "sshd".to_owned(),
        ..Default::default()
    };
    external.observed_at = no_time();
    vec![
        ("source", v1::ExternalEvent::default().into()),
        ("observed_at", external.into()),
        ("source", v1::SpoolGap::default().into()),
    ]
}

/// The same for what bots tell.
fn bad_delivery() -> Vec<(&'static str, Known)> {
    let linked = |change: &dyn Fn(&mut v1::IdentityLinked)| {
        let text = || "x".to_owned();
        let mut message = v1::IdentityLinked {
            person: text(),
            platform: text(),
            user: text(),
            proof: text(),
            ..Default::default()
        };
        change(&mut message);
        Known::from(message)
    };
    let delivered = |change: &dyn Fn(&mut v1::NotificationDelivered)| {
        let mut message = delivered();
        change(&mut message);
        Known::from(message)
    };
    let failed = v1::NotificationFailed {
        recipient: "ada".to_owned(),
        platform: "slack".to_owned(),
        error: "channel_not_found".to_owned(),
        ..Default::default()
    };
    let place = |message: &mut v1::NotificationDelivered| {
        message
            .message
            .clone_from(&Some(v1::ChatMessage::default()));
    };
    vec![
        ("person", linked(&|message| message.person.clear())),
        ("platform", linked(&|message| message.platform.clear())),
        ("user", linked(&|message| message.user.clear())),
        ("proof", linked(&|message| message.proof.clear())),
        ("recipient", delivered(&|message| message.recipient.clear())),
        ("message", delivered(&|message| message.message = None)),
        ("message.platform", delivered(&place)),
        (
            "card_sha256",
            delivered(&|message| message.card_sha256.clear()),
        ),
        ("recipient", v1::NotificationFailed::default().into()),
        ("attempt", failed.into()),
    ]
}

fn bad_reading() -> Vec<(&'static str, Known)> {
    let exported = |change: &dyn Fn(&mut v1::ExportCreated)| {
        let mut message = v1::ExportCreated {
            preset: "native".to_owned(),
            end: 10,
            entries: 10,
            manifest_sha256: Bytes::from(vec![7; 32]),
            ..Default::default()
        };
        assert_eq!(check(&message.clone().into()), Ok(()));
        change(&mut message);
        Known::from(message)
    };
    let reported = |change: &dyn Fn(&mut v1::ReportCreated)| {
        let mut message = v1::ReportCreated {
            report: "case".to_owned(),
            sha256: Bytes::from(vec![7; 32]),
            ..Default::default()
        };
        assert_eq!(check(&message.clone().into()), Ok(()));
        change(&mut message);
        Known::from(message)
    };
    let sink = |sink: &str, error: &str, recovered| {
        Known::from(v1::SinkFailed {
            sink: sink.to_owned(),
            error: error.to_owned(),
            recovered,
            ..Default::default()
        })
    };
    assert_eq!(check(&sink("siem", "no route", false)), Ok(()));
    assert_eq!(check(&sink("siem", "", true)), Ok(()));
    vec![
        ("preset", exported(&|message| message.preset.clear())),
        ("entries", exported(&|message| message.first = 1)),
        (
            "manifest_sha256",
            exported(&|message| message.manifest_sha256.clear()),
        ),
        ("report", reported(&|message| message.report.clear())),
        (
            "since",
            reported(&|message| message.report = "period".to_owned()),
        ),
        ("sha256", reported(&|message| message.sha256.clear())),
        ("sink", sink("", "no route", false)),
        ("error", sink("siem", "", false)),
        ("error", sink("siem", "no route", true)),
    ]
}

fn delivered() -> v1::NotificationDelivered {
    v1::NotificationDelivered {
        about: 7,
        recipient: "ada".to_owned(),
        message: Some(v1::ChatMessage {
            platform: "slack".to_owned(),
            id: "1700000000.000100".to_owned(),
            ..Default::default()
        }),
        card_sha256: Bytes::from(vec![7; 32]),
        updated: false,
    }
}

#[test]
fn a_broken_rule_names_kind_and_field() {
    let bad = [
        bad_log(),
        bad_certificate(),
        bad_intake(),
        bad_delivery(),
        bad_reading(),
    ];
    for (broken, event) in bad.into_iter().flatten() {
        let error = event.to_event().known().unwrap_err();
        let EventError::Field { name, field, .. } = &error else {
            panic!("expected a field of {event:?}, got {error:?}");
        };
        assert_eq!((*name, *field), (event.name(), broken));
        let status = error.refusal("draft.event");
        assert_eq!(reason_of(&status), Some(Reason::PayloadMalformed));
    }
}

#[test]
fn events_that_keep_the_rules_pass() {
    let source = "sshd".to_owned();
    let digest = Bytes::from(vec![7; 32]);
    let good: [Known; 12] = [
        delivered().into(),
        opened().into(),
        v1::LogRecovered::default().into(),
        v1::LogRecovered {
            quarantined_bytes: 1,
            quarantined_sha256: digest,
            ..Default::default()
        }
        .into(),
        v1::ClockStepped {
            before: time(),
            after: time(),
        }
        .into(),
        v1::DiskLow::default().into(),
        v1::LogStopped::default().into(),
        certificate().into(),
        v1::ExternalEvent {
            source: source.clone(),
            ..Default::default()
        }
        .into(),
        v1::SpoolGap {
            source,
            ..Default::default()
        }
        .into(),
        v1::AgentStarted::default().into(),
        v1::AgentStopped::default().into(),
    ];
    for event in good {
        assert_eq!(event.to_event().known(), Ok(event.clone()));
        assert_eq!(
            event.to_event().kind().map(|kind| kind.get()),
            Some(event.kind())
        );
    }
}

#[test]
fn other_bytes_are_malformed() {
    let error = Known::decode(140, b"\x0a\x05s").unwrap_err();
    assert!(
        matches!(
            &error,
            EventError::Malformed {
                name: "ExternalEvent",
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(error.reason(), Reason::PayloadMalformed);
    let error = Known::decode(140, b"\x0a\x01\xff").unwrap_err();
    assert_eq!(
        error.reason(),
        Reason::PayloadMalformed,
        "source is not UTF-8"
    );
    assert_eq!(
        Known::decode(0, b""),
        Err(EventError::UnknownKind { field: 0 })
    );
}

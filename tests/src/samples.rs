//! One event of every kind, with something in every field: what exports must be able to write.

#[path = "samples/cases.rs"]
mod cases;

use bytes::Bytes;
use countersign_proto::event::{Known, kinds};
use countersign_proto::v1;
use prost_types::Timestamp;

/// An event of every kind, in the order of the kinds.
///
/// # Panics
/// When a kind has none: it must be added here.
#[must_use]
pub fn samples() -> Vec<Known> {
    let mut all: Vec<Known> = of_log();
    all.extend(cases::of_requests());
    all.extend(cases::of_reviews());
    all.extend(cases::of_grants());
    all.extend(cases::of_sessions());
    all.extend(cases::of_access());
    all.extend(of_delivery());
    all.extend(of_intake());
    all.sort_by_key(Known::kind);
    for (kind, name) in kinds() {
        let count = all.iter().filter(|known| known.kind() == kind).count();
        assert_eq!(count, 1, "{name} must stand once in tests/src/samples.rs");
    }
    all
}

/// A moment, some seconds after another.
fn at(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp {
        seconds: 1_790_000_000 + seconds,
        nanos: 123_456_789,
    })
}

fn digest(byte: u8) -> Bytes {
    vec![byte; 32].into()
}

fn of_log() -> Vec<Known> {
    vec![
        v1::LogOpened {
            origin: "ledger.test/prod".into(),
            vkey: "ledger.test/prod+00000000+AQ==".into(),
            format: 1,
        }
        .into(),
        v1::LogRecovered {
            size: 12,
            floor: 11,
            quarantined_bytes: 4_096,
            quarantined_sha256: digest(0xa1),
        }
        .into(),
        v1::ClockStepped {
            before: at(10),
            after: at(-10),
        }
        .into(),
        v1::DiskLow {
            free_bytes: 1_000,
            low_water_bytes: 2_000,
        }
        .into(),
        v1::LogStopped {
            reason: "signal".into(),
        }
        .into(),
        v1::CertificateIssued {
            principal: "agent:db-prod-1".into(),
            serial: "0badcafe".into(),
            sha256: digest(0xa2),
            not_before: at(0),
            not_after: at(86_400),
        }
        .into(),
        v1::CertificateRevoked {
            serial: "0badcafe".into(),
            principal: "agent:db-prod-1".into(),
            reason: "the machine is gone".into(),
        }
        .into(),
        v1::PolicyChanged {
            digest: digest(0xa3),
            bundle: vec![9; 64].into(),
            previous: 3,
            changes: vec!["orders-db: 2 approvals".into(), "new group".into()],
            forced: true,
        }
        .into(),
    ]
}

fn of_delivery() -> Vec<Known> {
    vec![
        v1::IdentityLinked {
            person: "ada".into(),
            platform: "slack".into(),
            tenant: "T0123".into(),
            user: "U0456".into(),
            proof: "link".into(),
            ended: true,
        }
        .into(),
        v1::NotificationDelivered {
            about: 5,
            recipient: "bob".into(),
            message: Some(v1::ChatMessage {
                platform: "slack".into(),
                tenant: "T0123".into(),
                channel: "C0789".into(),
                id: "1790000000.000100".into(),
            }),
            card_sha256: digest(0xc3),
            updated: true,
        }
        .into(),
        v1::NotificationFailed {
            about: 5,
            recipient: "bob".into(),
            platform: "slack".into(),
            error: "channel_not_found".into(),
            attempt: 3,
            given_up: true,
        }
        .into(),
        v1::SinkFailed {
            sink: "splunk".into(),
            index: 7,
            error: "503".into(),
            attempt: 2,
            put_aside: 1,
            recovered: false,
        }
        .into(),
        v1::ExportCreated {
            preset: "native".into(),
            first: 0,
            end: 12,
            entries: 12,
            filter: "--case 5".into(),
            manifest_sha256: digest(0xd1),
            files: 1,
            bytes: 4_096,
        }
        .into(),
        v1::ReportCreated {
            report: "period".into(),
            about: 5,
            since: at(0),
            until: at(86_400),
            sha256: digest(0xd2),
            bytes: 9_000,
        }
        .into(),
    ]
}

fn of_intake() -> Vec<Known> {
    vec![
        v1::ExternalEvent {
            source: "file:/var/log/auth.log".into(),
            position: "17".into(),
            raw: b"sshd: session opened for \xff ada\n".to_vec().into(),
            fields: [("user", "ada"), ("unit", "sshd")]
                .map(|(name, value)| (name.into(), value.into()))
                .into(),
            observed_at: at(-60),
            malformed: "not UTF-8".into(),
        }
        .into(),
        v1::SpoolGap {
            source: "file:/var/log/auth.log".into(),
            lost_events: 3,
            lost_bytes: 300,
            reason: "the disk was full".into(),
            first: Some(v1::Sequence {
                queue: vec![7; 16].into(),
                number: 9,
            }),
        }
        .into(),
        v1::AgentStarted {
            version: "1.0.0".into(),
            sources: vec!["file:/var/log/auth.log".into(), "journal".into()],
        }
        .into(),
        v1::AgentStopped {
            reason: "signal".into(),
        }
        .into(),
    ]
}

//! Events as people and other programs read them: in a few words, and as JSON objects.
//!
//! What is shown of an event is written here once, for listings, exports and whatever else reads.

mod case;
mod delivery;
mod export;
mod field;
mod fields;
pub mod text;

use std::borrow::Cow;

use serde_json::{Value, json};

pub use self::case::{decision, drift, rating, short_digest};
use self::field::fields;
pub use self::field::{Field, Fields};
pub use self::fields::{groups, obligations, recording, slots};
use self::text::{hex, printable, wire};
use crate::event::{Event, EventError, Known, kind_by_name, kind_name, kinds};
use crate::v1;

/// Reads a kind by its number or its name.
///
/// # Errors
/// All names, when it is neither.
pub fn parse_kind(text: &str) -> Result<u16, String> {
    let number = text.parse().ok().filter(|kind| (1..=159).contains(kind));
    let named = || {
        kinds()
            .find(|(_, name)| name.eq_ignore_ascii_case(text))
            .map(|(kind, _)| kind)
    };
    number
        .or_else(|| kind_by_name(text))
        .or_else(named)
        .ok_or_else(|| {
            let names: Vec<_> = kinds().map(|(_, name)| name).collect();
            format!("expected 1 to 159 or one of {}", names.join(", "))
        })
}

/// Name of a kind, or its number.
#[must_use]
pub fn kind_text(kind: u16) -> String {
    kind_name(kind).map_or_else(|| format!("kind {kind}"), str::to_owned)
}

/// An event in a few words, without characters that could steer a terminal.
#[must_use]
pub fn summary(event: &Event) -> String {
    summary_of(event.known().as_ref())
}

/// As [`summary`], of an event that was decoded, or could not be.
#[must_use]
pub fn summary_of(known: Result<&Known, &EventError>) -> String {
    let text = match known {
        Ok(known) => known_summary(known),
        Err(error) => format!("({error})"),
    };
    match printable(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(text) => text,
    }
}

fn known_summary(known: &Known) -> String {
    match known {
        Known::LogOpened(event) => format!("{} opened under {}", event.origin, event.vkey),
        Known::LogRecovered(event) => format!(
            "recovered {} entries, {} bytes quarantined",
            event.size, event.quarantined_bytes
        ),
        Known::ClockStepped(event) => {
            format!(
                "{} -> {}",
                wire(event.before.as_ref()),
                wire(event.after.as_ref())
            )
        }
        Known::DiskLow(event) => {
            format!(
                "{} bytes free of {} wanted",
                event.free_bytes, event.low_water_bytes
            )
        }
        Known::LogStopped(event) => event.reason.clone(),
        Known::CertificateIssued(event) => format!("{} serial {}", event.principal, event.serial),
        Known::CertificateRevoked(event) => {
            format!(
                "{} serial {}: {}",
                event.principal, event.serial, event.reason
            )
        }
        Known::ExternalEvent(event) => external(event),
        Known::SpoolGap(event) => gap(event),
        Known::AgentStarted(event) => {
            let sources = match event.sources.as_slice() {
                [] => "nothing".to_owned(),
                sources => sources.join(", "),
            };
            format!("version {}, reads {sources}", event.version)
        }
        Known::AgentStopped(event) => event.reason.clone(),
        other => delivery::summary(other)
            .or_else(|| export::summary(other))
            .unwrap_or_else(|| case::summary(other)),
    }
}

fn gap(event: &v1::SpoolGap) -> String {
    let lost = match event.lost_events {
        0 => "an unknown number of events is lost".to_owned(),
        known => format!("{known} events are lost"),
    };
    format!("{}: {lost}: {}", event.source, event.reason)
}

fn external(event: &v1::ExternalEvent) -> String {
    let room = event.source.len().saturating_add(event.position.len());
    let mut text = String::with_capacity(room.saturating_add(event.raw.len()).saturating_add(4));
    text.push_str(&event.source);
    if !event.position.is_empty() {
        text.push('@');
        text.push_str(&event.position);
    }
    text.push_str(": ");
    if event.raw.is_empty() {
        let fields = event.fields.iter();
        let fields: Vec<_> = fields
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        text.push_str(&fields.join(" "));
    } else {
        // Most lines are UTF-8, which is looked at faster than it is mended.
        let raw = std::str::from_utf8(&event.raw).map(Cow::Borrowed);
        let raw = raw.unwrap_or_else(|_| String::from_utf8_lossy(&event.raw));
        text.push_str(raw.trim_end_matches(['\r', '\n']));
    }
    text
}

/// An event as a JSON object: its [`fields_of`].
#[must_use]
pub fn event(event: &Event) -> Value {
    let payload = event.parts().map(|(_, payload)| payload.as_ref());
    let known = event.known();
    json!(fields_of(known.as_ref(), payload.unwrap_or_default()))
}

/// The fields of an event that was decoded, or could not be, and the bytes of its message. Bytes
/// that are no UTF-8 stand there in hexadecimal under another name.
#[must_use]
pub fn fields_of<'a>(known: Result<&'a Known, &EventError>, payload: &[u8]) -> Fields<'a> {
    match known {
        Ok(known) => {
            let mut fields = known_fields(known);
            if let Some(evidence) = known.evidence() {
                fields.push("evidence", delivery::evidence(evidence));
            }
            fields
        }
        Err(error) => fields! { "unreadable": error.to_string(), "payload_hex": hex(payload) },
    }
}

fn known_fields(known: &Known) -> Fields<'_> {
    match known {
        Known::LogOpened(event) => fields! {
            "origin": &event.origin,
            "vkey": &event.vkey,
            "format": &event.format,
        },
        Known::LogRecovered(event) => fields! {
            "size": &event.size,
            "floor": &event.floor,
            "quarantined_bytes": &event.quarantined_bytes,
            "quarantined_sha256": hex(&event.quarantined_sha256),
        },
        Known::ClockStepped(event) => fields! {
            "before": wire(event.before.as_ref()),
            "after": wire(event.after.as_ref()),
        },
        Known::DiskLow(event) => fields! {
            "free_bytes": &event.free_bytes,
            "low_water_bytes": &event.low_water_bytes,
        },
        Known::LogStopped(event) => fields! { "reason": &event.reason },
        Known::CertificateIssued(event) => fields! {
            "principal": &event.principal,
            "serial": &event.serial,
            "sha256": hex(&event.sha256),
            "not_before": wire(event.not_before.as_ref()),
            "not_after": wire(event.not_after.as_ref()),
        },
        Known::CertificateRevoked(event) => fields! {
            "serial": &event.serial,
            "principal": &event.principal,
            "reason": &event.reason,
        },
        Known::ExternalEvent(event) => external_fields(event),
        // What is not known is not 0.
        Known::SpoolGap(event) => fields! {
            "source": &event.source,
            "lost_events": Some(&event.lost_events).filter(|lost| **lost != 0),
            "lost_bytes": Some(&event.lost_bytes).filter(|lost| **lost != 0),
            "reason": &event.reason,
        },
        Known::AgentStarted(event) => fields! {
            "version": &event.version,
            "sources": &event.sources,
        },
        Known::AgentStopped(event) => fields! { "reason": &event.reason },
        other => delivery::of(other)
            .or_else(|| export::of(other))
            .unwrap_or_else(|| fields::of(other)),
    }
}

fn external_fields(event: &v1::ExternalEvent) -> Fields<'_> {
    let mut fields = fields! {
        "source": &event.source,
        "position": &event.position,
        "fields": &event.fields,
        "observed_at": wire(event.observed_at.as_ref()),
        "malformed": &event.malformed,
    };
    match std::str::from_utf8(&event.raw) {
        Ok(raw) => fields.push("raw", raw),
        Err(_) => fields.push("raw_hex", hex(&event.raw)),
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_numbers_or_names() {
        assert_eq!(parse_kind("140"), Ok(140));
        assert_eq!(parse_kind("ExternalEvent"), Ok(140));
        assert_eq!(parse_kind("logopened"), Ok(1));
        assert_eq!(parse_kind("159"), Ok(159));
        for text in ["0", "160", "", "Nothing"] {
            let error = parse_kind(text).expect_err(text);
            assert!(error.contains("ExternalEvent"), "{error}");
        }
        assert_eq!(kind_text(140), "ExternalEvent");
        assert_eq!(kind_text(159), "kind 159");
    }

    #[test]
    fn lines_of_a_file_read_as_they_are_and_steer_nothing() {
        let line = v1::ExternalEvent {
            source: "file:/var/log/x".into(),
            position: "17".into(),
            raw: b"hello \x1b[31m\n".to_vec().into(),
            ..v1::ExternalEvent::default()
        };
        let told = summary(&Event::from_message(&line));
        assert_eq!(told, "file:/var/log/x@17: hello \\u{1b}[31m");
        let value = event(&Event::from_message(&line));
        assert_eq!(value["raw"], "hello \u{1b}[31m\n");
    }

    #[test]
    fn an_event_from_outside_is_written_with_all_that_it_says() {
        let line = v1::ExternalEvent {
            source: "x".into(),
            raw: b"one \x07 line".to_vec().into(),
            fields: [("b".to_owned(), "2".to_owned()), ("a".into(), "1".into())].into(),
            malformed: "why".into(),
            observed_at: Some(prost_types::Timestamp::default()),
            ..v1::ExternalEvent::default()
        };
        let written = event(&Event::from_message(&line)).to_string();
        let start = r#"{"source":"x","position":"","fields":{"a":"1","b":"2"},"#;
        let rest =
            r#""observed_at":"1970-01-01T00:00:00Z","malformed":"why","raw":"one \u0007 line"}"#;
        assert_eq!(written, format!("{start}{rest}"));
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_in_hexadecimal() {
        let line = v1::ExternalEvent {
            source: "x".into(),
            raw: vec![0xff, 0x00].into(),
            ..v1::ExternalEvent::default()
        };
        assert_eq!(event(&Event::from_message(&line))["raw_hex"], "ff00");
    }
}

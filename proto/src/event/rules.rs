//! What an event must say beyond being a protobuf message.
//!
//! A rule stands here when an entry without it would mean nothing: the ledger refuses such an
//! event, and a reader finds it when someone else's ledger did not. Rules only ever loosen, because
//! entries stay for ever.

mod case;
mod delivery;
mod export;
#[cfg(test)]
mod tests;

use countersign_chain::origin::Origin;
use countersign_chain::principal::Principal;
use prost_types::Timestamp;

use crate::convert::check_timestamp;
use crate::event::known::Kinded;
use crate::event::{EventError, Known, check_evidence};
use crate::v1;

const SHA256_BYTES: usize = 32;

/// Checks the rules of the event's kind.
pub(super) fn check(event: &Known) -> Result<(), EventError> {
    if let Some(evidence) = event.evidence() {
        check_evidence(evidence)?;
    }
    match event {
        Known::LogOpened(message) => log_opened(message),
        Known::LogRecovered(message) => log_recovered(message),
        Known::ClockStepped(message) => {
            time::<v1::ClockStepped>("before", message.before.as_ref())?;
            time::<v1::ClockStepped>("after", message.after.as_ref())
        }
        Known::CertificateIssued(message) => certificate_issued(message),
        Known::CertificateRevoked(message) => {
            serial::<v1::CertificateRevoked>(&message.serial)?;
            principal::<v1::CertificateRevoked>(&message.principal)
        }
        Known::ExternalEvent(message) => external_event(message),
        Known::SpoolGap(message) => present::<v1::SpoolGap>("source", &message.source),
        Known::DiskLow(_)
        | Known::LogStopped(_)
        | Known::AgentStarted(_)
        | Known::AgentStopped(_) => Ok(()),
        Known::IdentityLinked(_)
        | Known::NotificationDelivered(_)
        | Known::NotificationFailed(_) => delivery::check(event),
        Known::SinkFailed(_) | Known::ExportCreated(_) | Known::ReportCreated(_) => {
            export::check(event)
        }
        other => case::check(other),
    }
}

fn log_opened(message: &v1::LogOpened) -> Result<(), EventError> {
    if let Err(error) = Origin::parse(&message.origin) {
        return broken::<v1::LogOpened>("origin", "an origin", error.to_string());
    }
    present::<v1::LogOpened>("vkey", &message.vkey)?;
    if message.format == 0 {
        return broken::<v1::LogOpened>("format", "a format version from 1", "0".to_owned());
    }
    Ok(())
}

fn log_recovered(message: &v1::LogRecovered) -> Result<(), EventError> {
    if message.quarantined_bytes > 0 {
        return sha256::<v1::LogRecovered>("quarantined_sha256", &message.quarantined_sha256);
    }
    if !message.quarantined_sha256.is_empty() {
        let got = format!("{} bytes", message.quarantined_sha256.len());
        return broken::<v1::LogRecovered>(
            "quarantined_sha256",
            "nothing, as no bytes were quarantined,",
            got,
        );
    }
    Ok(())
}

fn certificate_issued(message: &v1::CertificateIssued) -> Result<(), EventError> {
    principal::<v1::CertificateIssued>(&message.principal)?;
    serial::<v1::CertificateIssued>(&message.serial)?;
    sha256::<v1::CertificateIssued>("sha256", &message.sha256)?;
    time::<v1::CertificateIssued>("not_before", message.not_before.as_ref())?;
    time::<v1::CertificateIssued>("not_after", message.not_after.as_ref())
}

fn external_event(message: &v1::ExternalEvent) -> Result<(), EventError> {
    present::<v1::ExternalEvent>("source", &message.source)?;
    match &message.observed_at {
        None => Ok(()),
        observed_at => time::<v1::ExternalEvent>("observed_at", observed_at.as_ref()),
    }
}

fn present<M: Kinded>(field: &'static str, text: &str) -> Result<(), EventError> {
    if text.is_empty() {
        return broken::<M>(field, "some text", "none".to_owned());
    }
    Ok(())
}

fn principal<M: Kinded>(text: &str) -> Result<(), EventError> {
    match Principal::parse(text) {
        Ok(_) => Ok(()),
        Err(error) => broken::<M>("principal", "a principal", error.to_string()),
    }
}

/// RFC 5280, section 4.1.2.2: a serial number has at most 20 octets.
fn serial<M: Kinded>(text: &str) -> Result<(), EventError> {
    let hex = text
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !hex || text.is_empty() || text.len() > 40 {
        let got = format!("{} bytes", text.len());
        return broken::<M>("serial", "1 to 40 lower-case hexadecimal digits", got);
    }
    Ok(())
}

fn sha256<M: Kinded>(field: &'static str, bytes: &[u8]) -> Result<(), EventError> {
    if bytes.len() != SHA256_BYTES {
        return broken::<M>(field, "32 bytes", format!("{} bytes", bytes.len()));
    }
    Ok(())
}

fn time<M: Kinded>(field: &'static str, time: Option<&Timestamp>) -> Result<(), EventError> {
    let Some(time) = time else {
        return broken::<M>(field, "a time", "none".to_owned());
    };
    match check_timestamp(time) {
        Ok(()) => Ok(()),
        Err(error) => broken::<M>(field, "a time", error.to_string()),
    }
}

fn broken<M: Kinded>(
    field: &'static str,
    expected: &'static str,
    got: String,
) -> Result<(), EventError> {
    Err(EventError::Field {
        name: M::NAME,
        field,
        expected,
        got,
    })
}

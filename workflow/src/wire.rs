//! Values of the workflow in the messages of entries, and back.

use countersign_chain::time::UnixMicros;
use countersign_proto::{convert, v1};
use prost_types::Timestamp;

use crate::command::Ask;
use crate::policy::{Deadline, Facts, Obligations};

/// A time in a message.
#[must_use]
pub fn timestamp(time: UnixMicros) -> Timestamp {
    convert::timestamp(time)
}

/// A time out of a message; `None` when it is unset or no ledger time.
#[must_use]
pub fn time(timestamp: Option<&Timestamp>) -> Option<UnixMicros> {
    timestamp.and_then(|timestamp| convert::unix_micros(timestamp).ok())
}

/// Facts in a message.
#[must_use]
pub fn facts(facts: &Facts) -> v1::Facts {
    let on_call = facts.on_call.iter().map(|(group, people)| v1::OnCall {
        group: group.clone(),
        people: people.iter().cloned().collect(),
    });
    v1::Facts {
        on_call: on_call.collect(),
        hour: u32::from(facts.hour),
        weekday: u32::from(facts.weekday),
        zone: facts.zone.clone(),
    }
}

/// Facts out of a message.
#[must_use]
pub fn facts_of(message: Option<&v1::Facts>) -> Facts {
    let Some(message) = message else {
        return Facts::default();
    };
    let on_call = message.on_call.iter();
    let on_call = on_call.map(|group| {
        let people = group.people.iter().cloned().collect();
        (group.group.clone(), people)
    });
    Facts {
        on_call: on_call.collect(),
        hour: u8::try_from(message.hour).unwrap_or(u8::MAX),
        weekday: u8::try_from(message.weekday).unwrap_or(u8::MAX),
        zone: message.zone.clone(),
    }
}

/// Obligations in a message.
#[must_use]
pub fn obligations(obligations: &Obligations) -> v1::Obligations {
    let approvals = obligations.approvals.iter().map(|(group, count)| v1::Slot {
        group: group.clone(),
        count: *count,
    });
    let escalate = obligations.escalate.as_ref();
    let retro = obligations.retro.as_ref();
    v1::Obligations {
        policies: obligations.policies.clone(),
        approvals: approvals.collect(),
        max_duration_seconds: obligations.max_duration,
        request_ttl_seconds: obligations.request_ttl,
        remind_seconds: obligations.remind.unwrap_or(0),
        escalate_seconds: escalate.map_or(0, |escalate| escalate.after),
        escalate_group: escalate.map_or_else(String::new, |escalate| escalate.group.clone()),
        record_session: obligations.record_session,
        record_input: obligations.record_input,
        warn_seconds: obligations.warn.unwrap_or(0),
        max_extensions: obligations.max_extensions,
        feedback_seconds: obligations.feedback,
        retro_group: retro.map_or_else(String::new, |retro| retro.group.clone()),
        retro_seconds: retro.map_or(0, |retro| retro.after),
        step_up: obligations.step_up,
    }
}

/// Obligations out of a message.
#[must_use]
pub fn obligations_of(message: Option<&v1::Obligations>) -> Obligations {
    let message = message.cloned().unwrap_or_default();
    let approvals = message.approvals.into_iter();
    let some = |seconds: u64| (seconds > 0).then_some(seconds);
    Obligations {
        policies: message.policies,
        approvals: approvals.map(|slot| (slot.group, slot.count)).collect(),
        max_duration: message.max_duration_seconds,
        request_ttl: message.request_ttl_seconds,
        remind: some(message.remind_seconds),
        escalate: deadline(message.escalate_seconds, message.escalate_group),
        record_session: message.record_session,
        record_input: message.record_input,
        warn: some(message.warn_seconds),
        max_extensions: message.max_extensions,
        feedback: message.feedback_seconds,
        retro: deadline(message.retro_seconds, message.retro_group),
        step_up: message.step_up,
    }
}

fn deadline(after: u64, group: String) -> Option<Deadline> {
    (after > 0).then_some(Deadline { after, group })
}

/// What an AccessRequested event asks for.
#[must_use]
pub fn ask_of(message: &v1::AccessRequested) -> Ask {
    Ask {
        resource: message.resource.clone(),
        permission: message.permission.clone(),
        duration: message.duration_seconds,
        reason: message.reason.clone(),
        ticket: message.ticket.clone(),
        severity: message.severity.clone(),
        affected: message.affected.clone(),
        start: time(message.start.as_ref()),
    }
}

/// What a BreakGlassInvoked event asks for.
#[must_use]
pub fn break_glass_ask_of(message: &v1::BreakGlassInvoked) -> Ask {
    Ask {
        resource: message.resource.clone(),
        permission: message.permission.clone(),
        duration: message.duration_seconds,
        reason: message.reason.clone(),
        ticket: message.ticket.clone(),
        severity: message.severity.clone(),
        affected: message.affected.clone(),
        start: None,
    }
}

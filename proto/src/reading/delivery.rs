//! What bots tell: who was told what, whose account is whose, and who clicked.

use super::field::{Fields, fields};
use super::text::{hex, wire};
use crate::event::Known;
use crate::v1;

/// An event of delivery in a few words; `None` for any other one.
pub(super) fn summary(known: &Known) -> Option<String> {
    match known {
        Known::IdentityLinked(event) => Some(format!(
            "{} account {} of {} {} {}",
            event.platform,
            event.user,
            if event.tenant.is_empty() {
                "no organisation"
            } else {
                &event.tenant
            },
            if event.ended {
                "is no longer"
            } else {
                "belongs to"
            },
            event.person
        )),
        Known::NotificationDelivered(event) => {
            let place = event.message.clone().unwrap_or_default();
            Some(format!(
                "{} was {} of entry {} on {}",
                event.recipient,
                if event.updated {
                    "shown the newest state"
                } else {
                    "told"
                },
                event.about,
                place.platform
            ))
        }
        Known::NotificationFailed(event) => Some(format!(
            "{} could not be told of entry {} on {}, try {}{}: {}",
            event.recipient,
            event.about,
            event.platform,
            event.attempt,
            if event.given_up { ", the last" } else { "" },
            event.error
        )),
        _ => None,
    }
}

/// An event of delivery by its fields; `None` for any other one.
pub(super) fn of(known: &Known) -> Option<Fields<'_>> {
    match known {
        Known::IdentityLinked(event) => Some(fields! {
            "person": &event.person,
            "platform": &event.platform,
            "tenant": &event.tenant,
            "user": &event.user,
            "proof": &event.proof,
            "ended": &event.ended,
        }),
        Known::NotificationDelivered(event) => Some(fields! {
            "about": &event.about,
            "recipient": &event.recipient,
            "message": event.message.as_ref().map(|place| fields! {
                "platform": &place.platform,
                "tenant": &place.tenant,
                "channel": &place.channel,
                "id": &place.id,
            }),
            "card_sha256": hex(&event.card_sha256),
            "updated": &event.updated,
        }),
        Known::NotificationFailed(event) => Some(fields! {
            "about": &event.about,
            "recipient": &event.recipient,
            "platform": &event.platform,
            "error": &event.error,
            "attempt": &event.attempt,
            "given_up": &event.given_up,
        }),
        _ => None,
    }
}

/// What a bot knows about who did something.
pub(super) fn evidence(evidence: &v1::Evidence) -> Fields<'_> {
    fields! {
        "platform": &evidence.platform,
        "tenant": &evidence.tenant,
        "user": &evidence.user,
        "channel": &evidence.channel,
        "message": &evidence.message,
        "card_sha256": hex(&evidence.card_sha256),
        "callback_sha256": hex(&evidence.callback_sha256),
        "callback": &evidence.callback,
        "callback_time": wire(evidence.callback_time.as_ref()),
        "verified_by": &evidence.verified_by,
        "link": &evidence.link,
        "passkey": evidence.passkey.as_ref().map(passkey),
    }
}

fn passkey(passkey: &v1::PasskeyAssertion) -> Fields<'_> {
    fields! {
        "credential": hex(&passkey.credential),
        "authenticator_data": hex(&passkey.authenticator_data),
        "client_data_json": String::from_utf8_lossy(&passkey.client_data_json),
        "signature": hex(&passkey.signature),
    }
}

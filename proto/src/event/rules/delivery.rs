//! Rules of the events of delivery, and of whose account is whose.

use super::{broken, present, sha256};
use crate::event::{EventError, Known};
use crate::v1;

/// Checks an event that a bot tells of; any other one passes.
pub(super) fn check(event: &Known) -> Result<(), EventError> {
    match event {
        Known::IdentityLinked(message) => {
            present::<v1::IdentityLinked>("person", &message.person)?;
            present::<v1::IdentityLinked>("platform", &message.platform)?;
            present::<v1::IdentityLinked>("user", &message.user)?;
            present::<v1::IdentityLinked>("proof", &message.proof)
        }
        Known::NotificationDelivered(message) => {
            present::<v1::NotificationDelivered>("recipient", &message.recipient)?;
            let Some(place) = &message.message else {
                return broken::<v1::NotificationDelivered>("message", "a message", none());
            };
            present::<v1::NotificationDelivered>("message.platform", &place.platform)?;
            present::<v1::NotificationDelivered>("message.id", &place.id)?;
            sha256::<v1::NotificationDelivered>("card_sha256", &message.card_sha256)
        }
        Known::NotificationFailed(message) => {
            present::<v1::NotificationFailed>("recipient", &message.recipient)?;
            present::<v1::NotificationFailed>("platform", &message.platform)?;
            present::<v1::NotificationFailed>("error", &message.error)?;
            if message.attempt == 0 {
                let got = "0".to_owned();
                return broken::<v1::NotificationFailed>("attempt", "a number from 1", got);
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn none() -> String {
    "none".to_owned()
}

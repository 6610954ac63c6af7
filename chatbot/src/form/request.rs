//! The fields of a request for access.

use crate::form::offer::Offer;
use crate::form::{Choice, Field, Input, Need, durations, reason};
use crate::limits::{MAX_AFFECTED, MAX_AFFECTED_FIELD, MAX_NAME};
use crate::text::line;

pub(super) const SEVERITIES: [(&str, &str); 4] = [
    ("sev1", "sev1, all is down"),
    ("sev2", "sev2, much is down"),
    ("sev3", "sev3, some of it is down"),
    ("sev4", "sev4, a nuisance"),
];

/// None when there is nothing to ask for.
pub(super) fn fields(offers: &[Offer], severity: Need) -> Option<Vec<Field>> {
    let longest = offers.iter().map(|offer| offer.longest).max()?;
    let severities = SEVERITIES.map(|(value, label)| Choice::new(value, label));
    Some(vec![
        Field {
            key: "access",
            label: "Access",
            hint: String::new(),
            input: Input::Choice(offers.iter().map(choice).collect()),
            need: Need::Required,
        },
        Field {
            key: "duration",
            label: "For how long",
            hint: "The time begins when access is given.".to_owned(),
            input: Input::Choice(durations(longest)),
            need: Need::Required,
        },
        reason("Reason", "Approvers read it.", Need::Required),
        Field {
            key: "ticket",
            label: "Ticket",
            hint: String::new(),
            input: Input::Line(MAX_NAME),
            need: Need::Optional,
        },
        Field {
            key: "severity",
            label: "Severity of the incident",
            hint: String::new(),
            input: Input::Choice(severities.to_vec()),
            need: severity,
        },
        Field {
            key: "affected",
            label: "Other systems that are affected",
            hint: format!("With commas between them, at most {MAX_AFFECTED}."),
            input: Input::Line(MAX_AFFECTED_FIELD),
            need: Need::Optional,
        },
        Field {
            key: "start",
            label: "Wanted from",
            hint: "Empty for as soon as it is approved.".to_owned(),
            input: Input::Instant,
            need: Need::Optional,
        },
    ])
}

/// The permission comes first, so that a long resource is cut and not the permission.
fn choice(offer: &Offer) -> Choice {
    let (permission, resource) = (
        line(offer.permission.as_str()),
        line(offer.resource.as_str()),
    );
    Choice {
        value: offer.value(),
        label: format!("{permission} on {resource}, up to {}", offer.longest),
        group: resource,
    }
}

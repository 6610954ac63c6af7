//! The entries of a case as sentences.

use countersign_client::Entry;
use countersign_proto::event::Known;
use countersign_proto::reading::rating;
use countersign_proto::v1;
use jiff::tz::TimeZone;
use maud::{Markup, html};

use super::time::{moment, span};
use crate::text::{line, lines};

/// What an entry says. Texts of people are set apart.
pub(super) fn words(entry: &Entry, zone: &TimeZone) -> Markup {
    match entry.known() {
        Ok(known) => told(&known, zone),
        Err(_) => {
            html! { "An event of kind " (entry.kind().get()) ", which this version does not know." }
        }
    }
}

/// A reason behind a sentence; nothing without one.
fn because(reason: &str) -> Markup {
    html! { @if !reason.is_empty() { ": " span.reason { (lines(reason)) } } }
}

fn told(known: &Known, zone: &TimeZone) -> Markup {
    match known {
        Known::AccessRequested(it) => html! {
            strong { (it.person) } " asked for " (it.permission) " on " (it.resource) " for "
            (span(it.duration_seconds)) (because(&it.reason))
        },
        Known::BreakGlassInvoked(it) => html! {
            strong { (it.person) } " broke the glass: " (it.permission) " on " (it.resource) " for "
            (span(it.duration_seconds)) (because(&it.reason))
        },
        Known::ReviewRecorded(it) => review(it),
        Known::RequestDenied(_) => html! { "The request was denied." },
        Known::RequestCancelled(it) => html! { "It was taken back" (because(&it.reason)) },
        Known::RequestExpired(_) => html! { "Nobody decided in time." },
        Known::ApproversReminded(it) => html! {
            "Reminder " (it.number) " to " (it.groups.join(", "))
        },
        Known::RequestEscalated(it) => html! { (it.group) " was told that nobody decides." },
        Known::RetroReviewRecorded(it) => html! {
            strong { (it.person) } " judged: "
            @if it.justified { "justified" } @else { "not justified" } (because(&it.reason))
        },
        Known::ActionRefused(it) => html! {
            strong { "Refused: " } (it.action)
            @if !it.person.is_empty() { " by " (it.person) } (because(&it.message))
        },
        Known::FeedbackSubmitted(it) => html! {
            strong { (it.person) } " gave feedback: access sufficient: "
            (rating(it.access_sufficient())) ", wait acceptable: " (rating(it.wait_acceptable()))
            (because(&it.comment))
        },
        Known::CaseClosed(it) => html! { "The case was closed: " (it.outcome) },
        other => of_grant(other, zone),
    }
}

fn review(it: &v1::ReviewRecorded) -> Markup {
    html! {
        strong { (it.person) }
        @if !it.delegate_of.is_empty() { " in the place of " (it.delegate_of) }
        @if it.decision() == v1::Decision::Approve { " approved" } @else { " denied" }
        @if !it.group.is_empty() { " for " (it.group) }
        (because(&it.reason))
    }
}

fn of_grant(known: &Known, zone: &TimeZone) -> Markup {
    match known {
        Known::GrantScheduled(it) => html! {
            "Approved; access begins " (moment(it.start.as_ref(), zone))
        },
        Known::GrantIssued(it) => html! {
            @let end = moment(it.end.as_ref(), zone);
            strong { "Access begins" } " for " (it.person) ", until " (end)
        },
        Known::GrantExtended(it) => html! { "Extended until " (moment(it.end.as_ref(), zone)) },
        Known::GrantRevoked(it) => html! {
            strong { "Access was revoked" }
            @if !it.person.is_empty() { " by " (it.person) } (because(&it.reason))
        },
        Known::GrantFinished(it) => {
            html! { strong { "Access was given back" } (because(&it.reason)) }
        }
        Known::GrantExpired(_) => html! { strong { "Access ended" } ": its time was over." },
        Known::ExpiryWarned(it) => html! {
            "The holder was warned: it ends " (moment(it.end.as_ref(), zone))
        },
        Known::ExtensionRequested(it) => html! {
            "More time was asked for, " (span(it.duration_seconds)) (because(&it.reason))
        },
        other => of_use(other),
    }
}

fn of_use(known: &Known) -> Markup {
    match known {
        Known::SessionStarted(it) => html! {
            strong { (it.person) } " began a session"
            @if !it.client.is_empty() { " with " (line(&it.client)) }
            @if !it.source_address.is_empty() { " from " (line(&it.source_address)) }
        },
        Known::SessionEnded(it) => html! {
            "Session " (it.session) " ended, status " (it.exit_status) (because(&it.reason))
        },
        Known::SessionOverran(it) => html! {
            strong { "Session " (it.session) " runs longer than its grant." }
        },
        Known::CommandExecuted(it) => html! { "Command: " code { (line(&it.command)) } },
        Known::SessionOutput(it) => html! {
            "Part " (it.part) " of the recording of session " (it.session) ", "
            (it.output_bytes) " bytes shown"
        },
        Known::RecordingViewed(it) => html! {
            "The recording of session " (it.session) " was looked at (" (it.purpose) ")"
        },
        Known::GrantProvisioned(it) => html! { "Access exists now" (because(&it.target)) },
        Known::ProvisioningFailed(it) => html! {
            strong { "Access could not be made" } ", attempt " (it.attempt) (because(&it.error))
        },
        Known::AccessRemoved(it) => html! { "Access is removed" (because(&it.proof)) },
        Known::RemovalFailed(it) => html! {
            strong { "Access could not be removed" } ", attempt " (it.attempt) (because(&it.error))
        },
        other => of_delivery(other),
    }
}

fn of_delivery(known: &Known) -> Markup {
    match known {
        Known::NotificationDelivered(it) => html! {
            @let platform = it.message.as_ref().map_or("", |message| &message.platform);
            (it.recipient) " was told in " (platform)
            @if it.updated { ": the message was brought up to date" }
        },
        Known::NotificationFailed(it) => html! {
            (it.recipient) " could not be told in " (it.platform)
            @if it.given_up { ", which was given up" } (because(&it.error))
        },
        // Kinds that belong to no case, or that came after this page was written.
        other => html! { (other.name()) },
    }
}

#[cfg(test)]
mod tests {
    use countersign_proto::event::kinds;

    use super::*;

    fn text(known: &Known) -> String {
        told(known, &TimeZone::UTC).into_string()
    }

    #[test]
    fn no_kind_of_a_case_is_without_words() {
        for (kind, name) in kinds().filter(|(kind, _)| matches!(kind, 20..=39 | 100 | 101)) {
            if let Ok(known) = Known::decode(kind, &[]) {
                assert_ne!(text(&known), name);
            }
        }
        let told = Known::from(v1::NotificationDelivered::default());
        assert_eq!(text(&told), " was told in ");
        let failed = Known::from(v1::NotificationFailed {
            recipient: "ada".to_owned(),
            platform: "slack".to_owned(),
            error: "gone".to_owned(),
            given_up: true,
            ..v1::NotificationFailed::default()
        });
        let words = "ada could not be told in slack, which was given up: ";
        assert!(text(&failed).starts_with(words), "{}", text(&failed));
    }

    #[test]
    fn texts_of_people_are_no_markup() {
        let bad = "<script>alert(1)</script>";
        let told = text(&Known::from(v1::GrantRevoked {
            person: bad.to_owned(),
            reason: bad.to_owned(),
            ..v1::GrantRevoked::default()
        }));
        assert!(!told.contains("<script"), "{told}");
        assert_eq!(told.matches("&lt;script&gt;").count(), 2, "{told}");
    }

    #[test]
    fn texts_of_people_do_not_turn_what_stands_beside_them() {
        let turned = "no \u{202e}evorppa ton od";
        let reason = turned.to_owned();
        let person = "ada".to_owned();
        for known in [
            Known::from(v1::ReviewRecorded {
                person: person.clone(),
                reason: reason.clone(),
                ..v1::ReviewRecorded::default()
            }),
            Known::from(v1::CommandExecuted {
                command: reason.clone(),
                ..v1::CommandExecuted::default()
            }),
            Known::from(v1::ActionRefused {
                person,
                message: reason,
                ..v1::ActionRefused::default()
            }),
        ] {
            let told = text(&known);
            assert!(!told.contains('\u{202e}'), "{told}");
            assert!(told.contains("no \u{fffd}evorppa"), "{told}");
        }
    }
}

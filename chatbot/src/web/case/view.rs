//! The page of a case.

use countersign_chain::time::UnixMicros;
use countersign_client::Entry;
use countersign_proto::event::Known;
use countersign_proto::v1;
use maud::{Markup, html};

use super::Said;
use super::forms;
use crate::bot::shelf::Rules;
use crate::limits::WEB_TIMELINE;
use crate::text::lines as words;
use crate::web::ask::bounds;
use crate::web::page::mark;
use crate::web::story;
use crate::web::time::{moment, relative, span};
use crate::web::trouble::Trouble;
use crate::web::viewer::{May, Viewer};

/// A case, and by what it is shown.
pub(super) struct Look<'a> {
    pub(super) case: &'a v1::Case,
    pub(super) rules: &'a Rules,
    pub(super) now: UnixMicros,
}

/// Changes with the case.
pub(super) fn version(case: &v1::Case) -> String {
    let status: i32 = case.status;
    format!("{} {status}", case.entries.len())
}

/// Whether somebody has given feedback.
pub(super) fn has_answered(entries: &[Entry], person: &str) -> bool {
    entries.iter().any(|entry| {
        matches!(entry.known(), Ok(Known::FeedbackSubmitted(event)) if event.person == person)
    })
}

/// Whether the entry has the signature of a passkey.
fn is_signed_by_hand(entry: &Entry) -> bool {
    let event = entry.known();
    event.is_ok_and(|event| event.evidence().is_some_and(|told| told.passkey.is_some()))
}

/// Whether a yes to what waits has to be signed with a passkey.
pub(super) fn is_signed(case: &v1::Case, entries: &[Entry]) -> bool {
    let of = |asked: Option<&v1::Obligations>| asked.is_some_and(|asked| asked.step_up);
    let Some(extension) = &case.extension else {
        return of(case.obligations.as_ref());
    };
    let mut entries = entries.iter();
    let asked = entries.find(|entry| entry.index() == extension.id);
    match asked.map(Entry::known) {
        Some(Ok(Known::ExtensionRequested(event))) => of(event.obligations.as_ref()),
        _ => of(case.obligations.as_ref()),
    }
}

pub(super) fn page(
    look: &Look<'_>,
    viewer: &Viewer,
    (may, said): (May, &Said),
    entries: &[Entry],
) -> Result<Markup, Trouble> {
    let case = look.case;
    Ok(html! {
        h1 { (case.permission) " on " (case.resource) }
        p.meta { (mark(case)) " case " (case.id) }
        @if let Some(alert) = &said.alert { p.alert role="alert" { (alert) } }
        @if let Some(notice) = said.notice { p.notice role="status" { (notice) } }
        p.changed role="status" hidden data-state=(format!("/case/{}/state", case.id))
            data-version=(version(case)) {
            "This case has changed. "
            a href=(format!("/case/{}", case.id)) { "Show it as it is now" }
        }
        div.columns {
            div {
                (facts(look))
                (approvals(look))
                @if let Some(grant) = &case.grant { (access(look, grant, may)) }
                @if let Some(extension) = &case.extension { (more_time(look, extension)) }
                @if !case.open_issues.is_empty() {
                    section.sheet {
                        h2 { "Still to be done" }
                        ul { @for issue in &case.open_issues { li { (issue) } } }
                    }
                }
            }
            div { (forms::all(case, viewer, may, said)?) }
        }
        (timeline(look, entries))
    })
}

fn row(name: &str, value: &Markup) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

fn facts(look: &Look<'_>) -> Markup {
    let (case, zone) = (look.case, &look.rules.zone);
    let asked = case.obligations.clone().unwrap_or_default();
    let resource = look.rules.policy.resource(&case.resource);
    html! {
        section.sheet {
            h2 { "What is asked" }
            dl {
                (row("Who", &html! { strong { (case.person) } }))
                (row("What", &html! { (case.permission) " on " (case.resource) }))
                @if let Some(facts) = resource {
                    (row("Where", &html! {
                        (facts.environment) ", " (facts.sensitivity) " sensitivity"
                    }))
                }
                (row("How long", &html! { (span(case.duration_seconds)) }))
                (row("Why", &html! { span.reason { (words(&case.reason)) } }))
                @if !case.ticket.is_empty() { (row("Ticket", &html! { (words(&case.ticket)) })) }
                @if !case.severity.is_empty() {
                    (row("Severity", &html! { (words(&case.severity)) }))
                }
                @if !case.affected.is_empty() {
                    (row("Affected", &html! { (words(&case.affected.join(", "))) }))
                }
                @if case.start.is_some() {
                    (row("Not before", &moment(case.start.as_ref(), zone)))
                }
                (row("Asked", &moment(case.opened.as_ref(), zone)))
                @if let Some(end) = &case.request_expires {
                    (row("Decide", &html! {
                        (relative(end, look.now)) " at the latest, " (moment(Some(end), zone))
                    }))
                }
                @if !case.outcome.is_empty() { (row("Outcome", &html! { (case.outcome) })) }
            }
            details {
                summary { "What the policy binds it to" }
                ul {
                    (bounds(&asked))
                    li { "Policy " (case.policy) ": " (asked.policies.join(", ")) }
                }
            }
        }
    }
}

fn approvals(look: &Look<'_>) -> Markup {
    let case = look.case;
    let asked = case.obligations.clone().unwrap_or_default();
    html! {
        section.sheet {
            h2 { "Approvals" }
            @if case.break_glass {
                p { "None were needed: this is break-glass access." }
            } @else if asked.approvals.is_empty() {
                p { "None were needed." }
            } @else {
                (slots(&asked.approvals, &case.reviews))
                (decisions(&case.reviews))
            }
        }
    }
}

fn slots(slots: &[v1::Slot], reviews: &[v1::ReviewState]) -> Markup {
    let given = |group: &str| {
        let for_it = |review: &&v1::ReviewState| {
            review.decision() == v1::Decision::Approve && review.group == group
        };
        reviews.iter().filter(for_it).count()
    };
    html! {
        ul {
            @for slot in slots {
                li { (slot.group) ": " strong { (given(&slot.group)) " of " (slot.count) } }
            }
        }
    }
}

fn decisions(reviews: &[v1::ReviewState]) -> Markup {
    html! {
        @if reviews.is_empty() { p.none { "Nobody has decided yet." } }
        ul {
            @for review in reviews {
                li {
                    strong { (review.person) }
                    @if !review.delegate_of.is_empty() { " in the place of " (review.delegate_of) }
                    @let approves = review.decision() == v1::Decision::Approve;
                    @if approves { " approved" } @else { " denied" }
                    @if !review.group.is_empty() { " for " (review.group) }
                    @if !review.reason.is_empty() { ": " span.reason { (words(&review.reason)) } }
                    " (entry " (review.index) ")"
                }
            }
        }
    }
}

fn access(look: &Look<'_>, grant: &v1::Grant, may: May) -> Markup {
    let zone = &look.rules.zone;
    html! {
        section.sheet {
            h2 { "Access" }
            dl {
                @if grant.active {
                    @if let Some(end) = &grant.end {
                        @let left = relative(end, look.now);
                        @let until = moment(Some(end), zone);
                        (row("Ends", &html! { strong { (left) } ", " (until) }))
                    }
                } @else if grant.ended_by.is_empty() {
                    (row("Begins", &moment(look.case.start.as_ref(), zone)))
                } @else {
                    @let end = moment(grant.end.as_ref(), zone);
                    (row("Ended", &html! { (grant.ended_by) ", " (end) }))
                }
                @if grant.issued.is_some() { (row("Began", &moment(grant.issued.as_ref(), zone))) }
                (row("Grant", &html! { (grant.id) }))
                (row("Provisioning", &html! { (grant.provisioning) }))
            }
            @if !look.case.sessions.is_empty() {
                h3 { "Sessions" }
                ul {
                    @for session in &look.case.sessions {
                        li {
                            (session.id)
                            @if !session.client.is_empty() { " with " (words(&session.client)) }
                            ", "
                            (moment(session.started.as_ref(), zone)) " to "
                            @if session.ended.is_some() { (moment(session.ended.as_ref(), zone)) }
                            @else { "now" }
                            @if may.watch {
                                ", "
                                a href=(format!("/case/{}/session/{}", look.case.id, session.id)) {
                                    "recording"
                                }
                            }
                            @if session.overran { strong { ", longer than its grant" } }
                        }
                    }
                }
            }
        }
    }
}

fn more_time(look: &Look<'_>, extension: &v1::Extension) -> Markup {
    html! {
        section.sheet {
            h2 { "More time is asked for" }
            p {
                (span(extension.duration_seconds)) " more: "
                span.reason { (words(&extension.reason)) }
            }
            @if let Some(end) = &extension.expires {
                p { "Decide " (relative(end, look.now)) " at the latest." }
            }
            (slots(&extension.approvals, &extension.reviews))
            (decisions(&extension.reviews))
        }
    }
}

fn timeline(look: &Look<'_>, entries: &[Entry]) -> Markup {
    let skipped = entries.len().saturating_sub(WEB_TIMELINE);
    let id = look.case.id;
    let shown = entries.last().map_or(0, Entry::index);
    let later = look.case.entries.iter().filter(|index| **index > shown);
    let later = later.count();
    html! {
        section.timeline {
            h2 { "Everything that happened" }
            @if skipped > 0 { p.hint { (skipped) " earlier entries are not shown." } }
            ol {
                @for entry in entries.iter().skip(skipped) { (line(look, id, entry)) }
            }
            @if later > 0 {
                p.hint { (being_sealed(later)) "; reload the page in a moment." }
            }
            @if let Some(last) = entries.last() {
                p.hint {
                    "Read from a log of " (last.checkpoint().size()) " entries, under a "
                    a href="/checkpoint" { "signed checkpoint" } ". Check an entry yourself: "
                    code { "countersign proof " (last.index()) }
                }
            }
        }
    }
}

fn being_sealed(count: usize) -> String {
    match count {
        1 => "1 more is being sealed".to_owned(),
        _ => format!("{count} more are being sealed"),
    }
}

fn line(look: &Look<'_>, id: u64, entry: &Entry) -> Markup {
    let time = countersign_proto::convert::timestamp(entry.time());
    let leaf = entry.leaf().to_string();
    let short: String = leaf.chars().take(12).collect();
    html! {
        li {
            p {
                (moment(Some(&time), &look.rules.zone)) " "
                (story::words(entry, &look.rules.zone))
            }
            p.meta {
                "by " (entry.actor())
                @if !entry.via().is_empty() { " through " (entry.via()) }
                @if is_signed_by_hand(entry) { ", signed with a passkey" }
                " · entry " (entry.index()) " · leaf " code title=(leaf) { (short) }
                " · " a href=(format!("/case/{id}/proof/{}", entry.index())) download { "proof" }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_that_are_not_sealed_yet_are_counted_in_good_words() {
        assert_eq!(being_sealed(1), "1 more is being sealed");
        assert_eq!(being_sealed(2), "2 more are being sealed");
    }
}

//! The case as a page: no script, no font, no picture from elsewhere; made to be printed, too.

use countersign_proto::event::Known;
use countersign_proto::reading;
use countersign_proto::reading::text::{counted, grouped, length, rfc3339};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Evidence, Proved, recording_name};
use crate::story::{Decided, Granted, Session, Story, Told};

/// Nothing but the page itself may be used to show it.
const CONTENT: &str = "default-src 'none'; style-src 'unsafe-inline'";
const STYLE: &str = include_str!("../page.css");

/// The page.
pub(super) fn html(told: &Evidence) -> String {
    let events: Vec<Option<Known>> = told.entries.iter().map(|it| it.event().ok()).collect();
    let of_case = told.entries.iter().zip(&events).filter_map(|(it, event)| {
        let time = it.record().ok()?.time();
        let event = event.as_ref().filter(|_| it.case() == told.case)?;
        let index = it.index();
        Some(Told { index, time, event })
    });
    let story = Story::of(told.case, of_case);
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(CONTENT);
                meta name="viewport" content="width=device-width, initial-scale=1";
                title {
                    "Case " (told.case) ": " (story.asked.person) " on " (story.asked.resource)
                }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { "Case " (told.case) }
                    p { (head(&story)) }
                }
                main {
                    (facts(&story))
                    (exceptions(&story))
                    (decisions(&story.decided))
                    (access(story.granted.as_ref()))
                    @for session in &story.sessions { (sessions(session)) }
                    (timeline(told))
                }
                footer { (proof(told)) }
            }
        }
    };
    markup.into_string()
}

fn head(story: &Story) -> Markup {
    let asked = &story.asked;
    html! {
        strong { (asked.person) }
        @if asked.break_glass { " took " } @else { " asked for " }
        strong { (asked.permission) } " on " strong { (asked.resource) } " for "
        (length(asked.seconds)) ". "
        @if story.outcome.is_empty() { "The case is open." }
        @else { "The case is closed: " (story.outcome) "." }
    }
}

fn facts(story: &Story) -> Markup {
    let asked = &story.asked;
    let policy = format!("entry {}", asked.policy);
    let rows = [
        ("why", asked.reason.as_str()),
        ("ticket", &asked.ticket),
        ("severity", &asked.severity),
        ("judged by the policy of", &policy),
    ];
    html! {
        table.facts { tbody {
            @for (name, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
                tr { th scope="row" { (name) } td { (value) } }
            }
        } }
    }
}

fn exceptions(story: &Story) -> Markup {
    html! {
        @if !story.exceptions.is_empty() {
            section {
                h2 { "What stands out" }
                table {
                    thead { tr { th { "entry" } th { "time" } th { "what" } th { "in words" } } }
                    tbody { @for it in &story.exceptions {
                        tr.out {
                            td.n { (it.index) } td.t { (rfc3339(it.at)) }
                            td { (it.what) } td { (it.detail) }
                        }
                    } }
                }
            }
        }
    }
}

fn decisions(decided: &[Decided]) -> Markup {
    html! {
        section {
            h2 { "Who decided" }
            @if decided.is_empty() { p.none { "Nobody." } }
            @else { table {
                thead { tr {
                    th { "entry" } th { "time" } th { "who" } th { "decision" } th { "why" }
                    th { "known by" }
                } }
                tbody { @for it in decided { tr {
                    td.n { (it.index) } td.t { (rfc3339(it.at)) }
                    td {
                        (it.person)
                        @if !it.delegate_of.is_empty() { " in the place of " (it.delegate_of) }
                    }
                    td {
                        (it.verdict)
                        @if !it.group.is_empty() { " for " (it.group) }
                    }
                    td { (it.reason) }
                    td { @if it.known_by.is_empty() { "own certificate" } @else { (it.known_by) } }
                } } }
            } }
        }
    }
}

fn access(granted: Option<&Granted>) -> Markup {
    html! {
        section {
            h2 { "Access" }
            @match granted {
                None => p.none { "None was given." },
                Some(it) => table.facts { tbody {
                    tr { th scope="row" { "grant" } td { (it.grant) } }
                    tr { th scope="row" { "from" } td { (rfc3339(it.from)) } }
                    @if let Some(until) = it.until {
                        tr { th scope="row" { "until" } td { (rfc3339(until)) } }
                    }
                    @for made in &it.made {
                        tr { th scope="row" { "made" } td { (made) } }
                    }
                    @if let Some((at, how)) = it.ended {
                        tr { th scope="row" { "ended" } td { (rfc3339(at)) ", " (how) } }
                    }
                    @if let Some((at, proof)) = &it.removed {
                        tr { th scope="row" { "removed" } td { (rfc3339(*at)) ": " (proof) } }
                    }
                } },
            }
        }
    }
}

fn sessions(session: &Session) -> Markup {
    html! {
        section {
            h2 { "Session " (session.session) }
            p {
                (session.person)
                @if !session.client.is_empty() { " with " (session.client) }
                @if !session.source_address.is_empty() { " from " (session.source_address) }
                ", from " (rfc3339(session.from))
                @if let Some((at, why, status)) = &session.ended {
                    " to " (rfc3339(*at)) ": " (why) ", status " (status)
                } @else { ", no end is recorded" }
                "."
                @if session.recording.is_some_and(|it| it.parts > 0) {
                    " What it showed is in " code { (recording_name(session.session)) } "."
                }
            }
            @if !session.commands.is_empty() { table {
                thead { tr { th { "entry" } th { "time" } th { "command" } } }
                tbody { @for (index, at, command) in &session.commands { tr {
                    td.n { (index) } td.t { (rfc3339(*at)) } td { code { (command) } }
                } } }
            } }
        }
    }
}

fn timeline(told: &Evidence) -> Markup {
    html! {
        section {
            h2 { "Every entry" }
            table {
                thead { tr {
                    th { "entry" } th { "time" } th { "what" } th { "who" } th { "in words" }
                } }
                tbody { @for proved in &told.entries { (row(told.case, proved)) } }
            }
        }
    }
}

fn row(case: u64, proved: &Proved) -> Markup {
    let Ok(record) = proved.record() else {
        return Markup::default();
    };
    let event = proved.event();
    html! {
        tr.aside[proved.case() != case] {
            td.n { (proved.index()) }
            td.t { (rfc3339(record.time())) }
            td { (reading::kind_text(record.kind().get())) }
            td {
                (record.actor())
                @if !record.via().is_empty() { " via " (record.via()) }
            }
            td {
                (reading::summary_of(event.as_ref()))
                div.leaf { (proved.leaf()) }
            }
        }
    }
}

fn proof(told: &Evidence) -> Markup {
    let entries = u64::try_from(told.entries.len()).unwrap_or(u64::MAX);
    html! {
        p {
            (counted(entries, "entry", "entries")) " of the log "
            code { (told.key.origin()) } ", each with a proof that it is in the tree of size "
            (grouped(told.checkpoint.size())) " with the root " code { (told.checkpoint.root()) }
            ", which the key " code { (told.key) } " has signed. Entries in grey are of "
            "no case, and are here because this one builds on them."
        }
        p {
            "This page says what its maker read from those entries. To prove them, ask those who "
            "run the log for the key by a way that you trust, and run "
            code { "countersign verify FILE.zip --key KEY" } "."
        }
    }
}

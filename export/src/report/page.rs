//! The report as a page: no script, no font, no picture from elsewhere; made to be printed, too.

use countersign_chain::time::UnixMicros;
use countersign_proto::reading::text::{grouped, rfc3339};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::Report;
use super::controls::CONTROLS;
use crate::story::{Exception, Story};

/// Nothing but the page itself may be used to show it.
const CONTENT: &str = "default-src 'none'; style-src 'unsafe-inline'";
const STYLE: &str = include_str!("../page.css");

pub(super) fn html(report: &Report) -> String {
    let (given, not): (Vec<&Story>, Vec<&Story>) =
        report.cases.iter().partition(|case| case.granted.is_some());
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(CONTENT);
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Production access, " (report.period()) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { "Production access" }
                    p { (report.period()) }
                    (tiles(report))
                }
                main {
                    section { h2 { "Access that was given" } (granted(&given)) }
                    section { h2 { "Asked for, and not given" } (refused(&not)) }
                    section { h2 { "What stands out" } (exceptions(report)) }
                    section { h2 { "Acts on the log" } (acts(report)) }
                    section { h2 { "Where this helps" } (controls()) }
                }
                footer { (source(report)) }
            }
        }
    };
    markup.into_string()
}

fn tiles(report: &Report) -> Markup {
    let counts = report.counts();
    let tiles = [
        ("cases", counts.cases),
        ("with access", counts.granted),
        ("break-glass", counts.break_glass),
        ("sessions", counts.sessions),
        ("commands", counts.commands),
        ("things that stand out", counts.exceptions),
    ];
    html! {
        div.tiles { @for (name, count) in tiles {
            div {
                strong { (grouped(u64::try_from(count).unwrap_or(u64::MAX))) }
                span { (name) }
            }
        } }
    }
}

fn none() -> Markup {
    html! { p.none { "Nothing in this period." } }
}

fn why(case: &Story) -> Markup {
    let asked = &case.asked;
    html! {
        (asked.reason)
        @if !asked.ticket.is_empty() { " (" (asked.ticket) ")" }
        @if !asked.severity.is_empty() { ", " (asked.severity) }
    }
}

fn deciders(case: &Story) -> Markup {
    html! {
        @for it in &case.decided {
            div {
                (it.person) " " (it.verdict)
                @if !it.group.is_empty() { " for " (it.group) }
                @if !it.delegate_of.is_empty() { " in the place of " (it.delegate_of) }
            }
        }
        @if case.decided.is_empty() { "nobody" }
    }
}

fn granted(cases: &[&Story]) -> Markup {
    if cases.is_empty() {
        return none();
    }
    html! {
        table {
            thead { tr {
                th { "case" } th { "who" } th { "what" } th { "when" } th { "why" }
                th { "decided by" } th { "used" }
            } }
            tbody { @for case in cases { tr {
                td.n { (case.case) }
                td { (case.asked.person) }
                td { (case.asked.permission) " on " (case.asked.resource) }
                td { @if let Some(it) = &case.granted { (span(it.from, it.ended)) } }
                td { (why(case)) }
                td { (deciders(case)) }
                td { (used(case)) }
            } } }
        }
    }
}

fn span(from: UnixMicros, ended: Option<(UnixMicros, &'static str)>) -> Markup {
    html! {
        div { (rfc3339(from)) }
        @match ended {
            Some((at, how)) => div { "to " (rfc3339(at)) ", " (how) },
            None => div { "not ended in the period" },
        }
    }
}

fn used(case: &Story) -> Markup {
    html! {
        @for it in &case.sessions {
            div {
                "session " (it.session)
                @if !it.client.is_empty() { " with " (it.client) }
                ", " (it.commands.len()) " commands"
            }
        }
        @if case.sessions.is_empty() { "not through a session" }
    }
}

fn refused(cases: &[&Story]) -> Markup {
    if cases.is_empty() {
        return none();
    }
    html! {
        table {
            thead { tr {
                th { "case" } th { "time" } th { "who" } th { "what" } th { "why" } th { "outcome" }
            } }
            tbody { @for case in cases { tr {
                td.n { (case.case) }
                td.t { @if let Some(at) = case.asked.at { (rfc3339(at)) } }
                td { (case.asked.person) }
                td { (case.asked.permission) " on " (case.asked.resource) }
                td { (why(case)) }
                td {
                    @if case.outcome.is_empty() { "open" } @else { (case.outcome) }
                    @for it in &case.decided { div { (it.person) " " (it.verdict) } }
                }
            } } }
        }
    }
}

fn exceptions(report: &Report) -> Markup {
    let of_cases = report.cases.iter();
    let of_cases = of_cases.flat_map(|case| case.exceptions.iter().map(|it| (it, Some(case.case))));
    let others = report.exceptions.iter().map(|it| (it, None));
    let mut all: Vec<(&Exception, Option<u64>)> = of_cases.chain(others).collect();
    all.sort_by_key(|(it, _)| it.index);
    if all.is_empty() {
        return none();
    }
    html! {
        table {
            thead { tr {
                th { "entry" } th { "time" } th { "what" } th { "case" } th { "in words" }
            } }
            tbody { @for (it, case) in all { tr.out {
                td.n { (it.index) } td.t { (rfc3339(it.at)) } td { (it.what) }
                td.n { @if let Some(case) = case { (case) } } td { (it.detail) }
            } } }
        }
    }
}

fn acts(report: &Report) -> Markup {
    if report.log.is_empty() {
        return none();
    }
    html! {
        table {
            thead { tr {
                th { "entry" } th { "time" } th { "what" } th { "who" } th { "in words" }
            } }
            tbody { @for act in &report.log { tr {
                td.n { (act.index) } td.t { (rfc3339(act.at)) } td { (act.name) }
                td { (act.actor) } td { (act.words) }
            } } }
        }
    }
}

fn controls() -> Markup {
    html! {
        p.note {
            "A help to find what an assessor asks for. Whether a control is met is for them to say."
        }
        table {
            thead { tr { th { "standard" } th { "control" } th { "look at" } } }
            tbody { @for it in CONTROLS { tr {
                td { (it.standard) } td.t { (it.number) } td { (it.shown_by) }
            } } }
        }
    }
}

fn source(report: &Report) -> Markup {
    let checkpoint = &report.checkpoint;
    html! {
        p {
            "Read from the log " code { (checkpoint.checkpoint().origin) } ", as of size "
            (grouped(checkpoint.size())) " and root " code { (checkpoint.root()) } ". Numbers are "
            "those of entries. Whoever has the log can read the same from it, and "
            code { "countersign verify" } " tells whether it was changed; "
            code { "countersign case export" } " gives the evidence of one case."
        }
    }
}

//! The two forms, and what a dry run says.

use countersign_proto::v1;
use maud::{Markup, html};

use super::Way;
use super::choice::choices;
use super::wish::SEVERITIES;
use crate::bot::shelf::Rules;
use crate::text::lines;
use crate::web::form::{Faults, Form};
use crate::web::page::{field, hidden};
use crate::web::time::{seconds_of, span};
use crate::web::trouble::Trouble;
use crate::web::viewer::Viewer;

/// What is said above and in a form.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) alert: Option<String>,
    pub(super) faults: Faults,
}

/// Fields that a dry run carries on.
const FIELDS: [&str; 7] = [
    "what", "duration", "reason", "ticket", "severity", "affected", "start",
];

/// The form.
pub(super) fn form(
    (viewer, rules): (&Viewer, &Rules),
    way: Way,
    form: &Form,
    told: &Told,
) -> Result<Markup, Trouble> {
    let all = choices(&rules.policy, viewer.person(rules), way.kind());
    let faults = &told.faults;
    Ok(html! {
        h1 { (way.title()) }
        @if way == Way::BreakGlass { (warning()) }
        @if let Some(alert) = &told.alert { p.alert role="alert" { (alert) } }
        form.sheet method="post" action=(way.path()) novalidate {
            (hidden(viewer)?)
            (field(("what", "What do you need?", ""), faults, |_, described| {
                all.select(form.get("what"), described)
            }))
            (text(("duration", "For how long?", "For example 30m, 1h30m or 2d."), form, faults))
            @let hint = "Those who decide read it, and it stays in the log.";
            (area(("reason", "Why?", hint), form, faults))
            @let hint = "Of another system; the policy may ask for one.";
            (text(("ticket", "Ticket", hint), form, faults))
            (severity(form, faults))
            (text(("affected", "Affected systems", "Separated by commas."), form, faults))
            @if way == Way::Ask { (start(form, rules, faults)) }
            button.main type="submit" name="step" value="check" { "Continue" }
            p.hint { "Nothing is sent yet: the next page says what would come of it." }
        }
    })
}

fn warning() -> Markup {
    html! {
        div.loud {
            p {
                strong { "For emergencies only." }
                " You get access at once, without anybody's approval. Others are told, everything "
                "is in the log, and somebody else has to judge afterwards whether it was justified."
            }
        }
    }
}

fn text(about: (&'static str, &str, &str), form: &Form, faults: &Faults) -> Markup {
    field(about, faults, |name, described| {
        html! {
            input id=(name) name=(name) type="text" value=(form.get(name)) autocomplete="off"
                aria-describedby=[described] aria-invalid=[invalid(name, faults)];
        }
    })
}

fn area(about: (&'static str, &str, &str), form: &Form, faults: &Faults) -> Markup {
    field(about, faults, |name, described| {
        html! {
            textarea id=(name) name=(name) rows="4" aria-describedby=[described]
                aria-invalid=[invalid(name, faults)] { (form.get(name)) }
        }
    })
}

fn invalid(name: &str, faults: &Faults) -> Option<&'static str> {
    faults.contains_key(name).then_some("true")
}

fn severity(form: &Form, faults: &Faults) -> Markup {
    let chosen = form.get("severity");
    field(
        ("severity", "Severity", "Of the incident, if there is one."),
        faults,
        |name, described| {
            html! {
                select id=(name) name=(name) aria-describedby=[described] {
                    option value="" { "none" }
                    @for level in SEVERITIES {
                        option value=(level) selected[level == chosen] { (level) }
                    }
                }
            }
        },
    )
}

fn start(form: &Form, rules: &Rules, faults: &Faults) -> Markup {
    let hint = format!(
        "Leave it empty for as soon as it is approved. Zone: {}.",
        rules.policy.zone()
    );
    field(("start", "Not before", &hint), faults, |name, described| {
        html! {
            input id=(name) name=(name) type="datetime-local" value=(form.get(name))
                aria-describedby=[described] aria-invalid=[invalid(name, faults)];
        }
    })
}

/// What would come of it, and the buttons to do it.
pub(super) fn preview(
    (viewer, rules): (&Viewer, &Rules),
    way: Way,
    form: &Form,
    (answer, faults): (&v1::SimulateResponse, &Faults),
) -> Result<Markup, Trouble> {
    let (resource, permission) = form.get("what").split_once(' ').unwrap_or_default();
    let seconds = seconds_of(form.get("duration")).unwrap_or_default();
    Ok(html! {
        h1 { (way.title()) ": look before you send" }
        @if way == Way::BreakGlass { (warning()) }
        section.sheet {
            p.big {
                (viewer.person(rules)) ", " (permission) " on " (resource) " for " (span(seconds))
            }
            p.reason { (lines(form.get("reason"))) }
            h2 { "What would come of it" }
            (coming(answer))
        }
        form.sheet method="post" action=(way.path()) {
            (hidden(viewer)?)
            @for name in FIELDS {
                input type="hidden" name=(name) value=(form.get(name));
            }
            @if way == Way::BreakGlass {
                @let words = "I know that this is told to others and judged afterwards";
                @let about = ("confirm", words, "");
                (field(about, faults, |name, described| html! {
                    input id=(name) name=(name) type="checkbox" value="yes"
                        aria-describedby=[described];
                }))
                button.danger type="submit" name="step" value="send" { "Take access now" }
            } @else {
                button.main type="submit" name="step" value="send" { "Send the request" }
            }
            button.quiet type="submit" name="step" value="edit" { "Change something" }
        }
    })
}

fn coming(answer: &v1::SimulateResponse) -> Markup {
    let asked = answer.obligations.clone().unwrap_or_default();
    let people = |group: &str| {
        let found = answer
            .reviewers
            .iter()
            .find(|reviewers| reviewers.group == group);
        found
            .map(|found| found.people.join(", "))
            .unwrap_or_default()
    };
    html! {
        ul {
            @if asked.approvals.is_empty() { li { "Nobody has to agree: access begins at once." } }
            @for slot in &asked.approvals {
                @let who = people(&slot.group);
                li {
                    strong { (slot.count) " of " (slot.group) } " must agree: "
                    @if who.is_empty() { "nobody could now" } @else { (who) }
                }
            }
            (bounds(&asked))
            li { "Judged by policy " (answer.policy) ": " (asked.policies.join(", ")) }
        }
    }
}

/// What an access is bound to.
pub(in crate::web) fn bounds(asked: &v1::Obligations) -> Markup {
    html! {
        li { "At most " (span(asked.max_duration_seconds)) ", extensions included" }
        @if !asked.approvals.is_empty() && asked.request_ttl_seconds > 0 {
            li { "Over when nobody has decided after " (span(asked.request_ttl_seconds)) }
        }
        @if asked.escalate_seconds > 0 {
            li { (asked.escalate_group) " is told after " (span(asked.escalate_seconds)) }
        }
        @if asked.record_session {
            li { "Sessions are recorded" @if asked.record_input { ", what is typed too" } }
        }
        @if asked.step_up { li { "Approvals are signed with a passkey" } }
        @if asked.max_extensions > 0 {
            li { "Extensions: " (asked.max_extensions) }
        }
        @if asked.retro_seconds > 0 {
            li {
                (asked.retro_group) " judges it within " (span(asked.retro_seconds))
            }
        }
    }
}

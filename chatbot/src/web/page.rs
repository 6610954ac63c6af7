//! The frame of every page, its style and its script, and small parts that pages share.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{Html, IntoResponse, Response};
use countersign_client::random_key;
use countersign_proto::v1;
use maud::{DOCTYPE, Markup, html};

use super::form::Faults;
use super::time;
use super::trouble::Trouble;
use super::viewer::Viewer;
use crate::bot::shelf::Rules;
use crate::text::lines;

const STYLE: &str = include_str!("style.css");
const ICON: &str = include_str!("icon.svg");
const SCRIPT: &str = include_str!("live.js");
const PASSKEY_SCRIPT: &str = include_str!("passkey.js");
const PLAYER: &str = include_str!("player.js");
/// Browsers keep the files for a few minutes; they hold nothing about anybody.
const SHORTLY: &str = "private, max-age=300";

pub(super) async fn style() -> Response {
    file("text/css; charset=utf-8", STYLE)
}

pub(super) async fn script() -> Response {
    file("text/javascript; charset=utf-8", SCRIPT)
}

pub(super) async fn passkey_script() -> Response {
    file("text/javascript; charset=utf-8", PASSKEY_SCRIPT)
}

pub(super) async fn icon() -> Response {
    file("image/svg+xml", ICON)
}

pub(super) async fn player() -> Response {
    file("text/javascript; charset=utf-8", PLAYER)
}

fn file(kind: &'static str, text: &'static str) -> Response {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, SHORTLY)], text).into_response()
}

pub(super) async fn nowhere() -> Response {
    let body = html! {
        h1 { "There is no such page" }
        p { a href="/" { "Back to the inbox" } }
    };
    (StatusCode::NOT_FOUND, plain("No such page", &body)).into_response()
}

/// A page for whoever looks.
pub(super) fn plain(title: &str, body: &Markup) -> Html<String> {
    frame((title, None), None, "", body)
}

/// A page that leads on by itself; `refresh` is as HTML has it.
pub(super) fn leading(title: &str, refresh: &str, body: &Markup) -> Html<String> {
    frame((title, Some(refresh)), None, "", body)
}

/// A page for somebody who is signed in; `here` is the path in the navigation.
pub(super) fn signed(viewer: &Viewer, title: &str, here: &str, body: &Markup) -> Html<String> {
    frame((title, None), Some(viewer), here, body)
}

fn frame(
    (title, refresh): (&str, Option<&str>),
    viewer: Option<&Viewer>,
    here: &str,
    body: &Markup,
) -> Html<String> {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                @if let Some(refresh) = refresh { meta http-equiv="refresh" content=(refresh); }
                title { (title) " · Countersign" }
                link rel="icon" type="image/svg+xml" href="/icon.svg";
                link rel="stylesheet" href="/style.css";
                script src="/live.js" defer {}
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                header {
                    a.brand href="/" { "Countersign" }
                    @if let Some(viewer) = viewer { (navigation(viewer, here)) }
                }
                main id="main" tabindex="-1" { (body) }
                footer { p { "Every step is an entry of a signed log. No entry, no grant." } }
            }
        }
    };
    Html(markup.into_string())
}

fn navigation(viewer: &Viewer, here: &str) -> Markup {
    let link = |path: &str, words: &str| {
        html! { a href=(path) aria-current=[(path == here).then_some("page")] { (words) } }
    };
    html! {
        nav aria-label="Pages" {
            (link("/", "Inbox"))
            (link("/request", "Ask for access"))
            (link("/break-glass", "Break glass"))
            (link("/passkeys", "Passkeys"))
            (link("/accounts", "Accounts"))
        }
        form.who method="post" action="/sign-out" {
            input type="hidden" name="csrf" value=(viewer.session.csrf);
            span title=(format!("signed in with: {}", viewer.session.by.words())) {
                (viewer.principal())
            }
            button.quiet type="submit" { "Sign out" }
        }
    }
}

/// Hidden fields of a form that changes something: it is of this session, and a second send of it
/// is known.
pub(super) fn hidden(viewer: &Viewer) -> Result<Markup, Trouble> {
    let key = random_key().map_err(|_unavailable| Trouble::Random)?;
    Ok(html! {
        input type="hidden" name="csrf" value=(viewer.session.csrf);
        input type="hidden" name="key" value=(key);
    })
}

/// A field with its label, what it is for, and what is wrong with it.
pub(super) fn field(
    (name, label, hint): (&'static str, &str, &str),
    faults: &Faults,
    input: impl Fn(&str, Option<&str>) -> Markup,
) -> Markup {
    let fault = faults.get(name);
    let mut described = Vec::new();
    if !hint.is_empty() {
        described.push(format!("{name}-hint"));
    }
    if fault.is_some() {
        described.push(format!("{name}-fault"));
    }
    let described = described.join(" ");
    let described = Some(described.as_str()).filter(|ids| !ids.is_empty());
    html! {
        div.field.wrong[fault.is_some()] {
            label for=(name) { (label) }
            @if !hint.is_empty() { p.hint id=(format!("{name}-hint")) { (hint) } }
            (input(name, described))
            @if let Some(fault) = fault {
                p.fault id=(format!("{name}-fault")) { (fault) }
            }
        }
    }
}

/// A mark that tells where a case stands, in words and colour.
pub(super) fn mark(case: &v1::Case) -> Markup {
    let (class, words) = match case.status() {
        v1::CaseStatus::Pending => ("waits", "waits for decisions"),
        v1::CaseStatus::Scheduled => ("waits", "approved, begins later"),
        v1::CaseStatus::Active if case.extension.is_some() => ("active", "active, more time asked"),
        v1::CaseStatus::Active => ("active", "active"),
        v1::CaseStatus::Ended => ("over", "over"),
        v1::CaseStatus::Refused => ("no", "no access given"),
        v1::CaseStatus::Closed => ("over", "closed"),
        v1::CaseStatus::Unspecified => ("over", "unknown"),
    };
    html! {
        span class=(format!("mark {class}")) { (words) }
        @if case.break_glass { " " span.mark.no { "break-glass" } }
    }
}

/// A case in a list.
pub(super) fn card(case: &v1::Case, rules: &Arc<Rules>) -> Markup {
    html! {
        li.card {
            h3 {
                a href=(format!("/case/{}", case.id)) {
                    (case.permission) " on " (case.resource)
                }
            }
            p.meta {
                (mark(case)) " "
                strong { (case.person) } " for " (time::span(case.duration_seconds))
                ", asked " (time::moment(case.opened.as_ref(), &rules.zone))
                ", case " (case.id)
            }
            p.reason { (lines(&case.reason)) }
            @if !case.summary.is_empty() { p.hint { (case.summary) } }
        }
    }
}

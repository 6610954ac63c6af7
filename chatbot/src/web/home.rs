//! The first page: what waits for the viewer, what is theirs, what runs, what was closed.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use countersign_proto::v1;
use maud::{Markup, html};

use super::Inbox;
use super::page::{card, signed};
use super::read::Listed;
use super::trouble::Trouble;
use super::viewer::{May, Viewer};
use crate::bot::shelf::Rules;

pub(super) async fn show(
    State(inbox): State<Arc<Inbox>>,
    viewer: Viewer,
) -> Result<Response, Trouble> {
    let rules = inbox.bot.rules(0).await?;
    let user = || viewer.principal().to_owned();
    let waiting = inbox
        .cases(v1::ListCasesRequest {
            reviewer: user(),
            ..v1::ListCasesRequest::default()
        })
        .await?;
    let mine = inbox
        .cases(v1::ListCasesRequest {
            requester: user(),
            ..v1::ListCasesRequest::default()
        })
        .await?;
    let person = viewer.person(&rules).to_owned();
    let theirs = |case: &v1::Case| May::of(case, &person, &rules, false).see;
    let active = inbox.running(theirs).await?;
    let mut closed = inbox.closed().await?;
    closed.retain(theirs);
    let closed = Listed {
        cases: closed,
        has_more: false,
    };
    let body = html! {
        h1 { "Inbox" }
        @if rules.policy.person_of(viewer.principal()).is_none() {
            p.notice role="status" {
                "The policy does not know " strong { (viewer.principal()) } ", so you can ask for "
                "nothing and decide on nothing. An administrator adds people to its entities.json."
            }
        }
        (list("To review", "Nothing waits for you.", &waiting, &rules))
        (list("Mine", "You have no open case.", &mine, &rules))
        p {
            a.button href="/request" { "Ask for access" }
            @if rules.policy.may_read_audit(&person) {
                a.button href="/insights" { "How access went" }
            }
        }
        (list("Active", "Nobody of yours has access now.", &active, &rules))
        (list("Closed within a week", "Nothing was closed lately.", &closed, &rules))
    };
    Ok(signed(&viewer, "Inbox", "/", &body).into_response())
}

fn list(title: &str, none: &str, listed: &Listed, rules: &Arc<Rules>) -> Markup {
    html! {
        section {
            h2 { (title) @if !listed.cases.is_empty() { " (" (listed.cases.len()) ")" } }
            @if listed.cases.is_empty() {
                p.none { (none) }
            } @else {
                ul.cards { @for case in &listed.cases { (card(case, rules)) } }
            }
            @if listed.has_more {
                p.hint { "There are more; " code { "countersign access list" } " shows all." }
            }
        }
    }
}

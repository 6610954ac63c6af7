//! Signing in and out.

use std::sync::Arc;

use axum::extract::{ConnectInfo, Path, RawQuery, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use countersign_chain::origin::Origin;
use maud::{Markup, html};

use super::Inbox;
use super::door::Caller;
use super::extract::Sent;
use super::form::Form;
use super::guard::cookie;
use super::page;
use super::person::{self, Holder};
use super::sign_in::Whom;
use super::trouble::Trouble;
use super::viewer::Viewer;
use super::way;
use crate::limits::WEB_SESSION_SECONDS;

/// Name of a ledger's first log.
const MAIN: &str = "main";

/// The holder of the certificate with which this connection was made.
fn holder(inbox: &Inbox, caller: &Caller) -> Option<Holder> {
    let der = caller.certificate.as_ref()?;
    let now = inbox.bot.clock().seconds();
    let origin = trust_domain(inbox)?;
    person::of_certificate(der, &origin).filter(|holder| now < holder.not_after)
}

/// The origin of the log `main`, which certificates name whatever log the inbox is about.
fn trust_domain(inbox: &Inbox) -> Option<Origin> {
    let (origin, log) = (inbox.bot.client().key().origin(), inbox.bot.client().log());
    let own = format!("/{log}");
    let main = origin.as_str().strip_suffix(&own).filter(|_| log != MAIN);
    main.map_or_else(|| Some(origin.clone()), |main| Origin::parse(main).ok())
}

/// Who could sign in here, and how.
pub(super) async fn page(
    State(inbox): State<Arc<Inbox>>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Form::parse(query.unwrap_or_default().as_bytes()).unwrap_or_default();
    let next = way::own(query.get("next"));
    let body = html! {
        h1 { "Sign in" }
        @if let Some(provider) = &inbox.provider {
            p {
                a.button href=(way::to("/oidc", next.unwrap_or("/"))) {
                    "Sign in with " (provider.name())
                }
            }
        }
        @match holder(&inbox, &caller) {
            Some(holder) => {
                p { "Your browser showed a certificate of " strong { (holder.user) } "." }
                form method="post" action="/sign-in" {
                    @if let Some(next) = next { input type="hidden" name="next" value=(next); }
                    button.main type="submit" { "Continue as " (holder.user) }
                }
            }
            None if inbox.place.is_tls => {
                p {
                    "Your browser showed no certificate that this ledger has issued to a person. "
                    "Import yours, close the browser's window, and open this page again."
                }
                p.hint {
                    "An administrator issues one with "
                    code { "countersign ca issue --role user --name YOU --out DIR" } "."
                }
            }
            None => p {
                "Open a sign-in link: the terminal in which the inbox was started shows them. "
                "Each works once, for ten minutes; a restart makes new ones."
            }
        }
    };
    page::plain("Sign in", &body).into_response()
}

pub(super) async fn by_certificate(
    State(inbox): State<Arc<Inbox>>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    headers: HeaderMap,
    Sent(body): Sent,
) -> Result<Response, Trouble> {
    let form = Form::parse(&body).ok_or(Trouble::Form)?;
    let Some(holder) = holder(&inbox, &caller) else {
        return Ok(Redirect::to("/sign-in").into_response());
    };
    if inbox.is_revoked(&holder.serial).await? {
        return Err(Trouble::Revoked);
    }
    let next = way::own(form.get("next")).unwrap_or("/");
    Ok(begin(
        &inbox,
        (&caller, &headers),
        (Whom::Certified(holder), next),
    ))
}

/// What a link leads to. It is used up by the button, not by programs that look at links.
pub(super) async fn link(State(inbox): State<Arc<Inbox>>, Path(secret): Path<String>) -> Response {
    match inbox.desk.invited(&secret, inbox.bot.clock().seconds()) {
        None => stale(),
        Some(user) => {
            let body = html! {
                h1 { "Sign in" }
                p { "This link signs you in as " strong { (user) } ". It works once." }
                form method="post" action=(format!("/sign-in/{secret}")) {
                    button.main type="submit" { "Continue as " (user) }
                }
            };
            page::plain("Sign in", &body).into_response()
        }
    }
}

pub(super) async fn by_link(
    State(inbox): State<Arc<Inbox>>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    headers: HeaderMap,
    Path(secret): Path<String>,
) -> Response {
    match inbox.desk.accept(&secret, inbox.bot.clock().seconds()) {
        None => stale(),
        Some(user) => begin(&inbox, (&caller, &headers), (Whom::Invited(user), "/")),
    }
}

fn stale() -> Response {
    let body = html! {
        h1 { "This link does not work any more" }
        p role="alert" {
            "A sign-in link works once, for ten minutes. The terminal in which the inbox runs "
            "shows the others; start it again for new ones."
        }
    };
    (StatusCode::GONE, page::plain("Sign in", &body)).into_response()
}

/// Begins a session, which goes on at this path.
pub(super) fn begin(
    inbox: &Inbox,
    (caller, headers): (&Caller, &HeaderMap),
    (who, next): (Whom, &str),
) -> Response {
    tracing::info!(user = %who.user(), from = %caller.address, "signed in");
    match inbox.desk.begin(who, inbox.bot.clock().seconds()) {
        Ok(secret) => {
            let cookie = cookie(inbox.place.is_secure(headers), &secret, WEB_SESSION_SECONDS);
            ([(SET_COOKIE, cookie)], Redirect::to(next)).into_response()
        }
        Err(error) => {
            tracing::warn!(%error, "nobody can sign in");
            Trouble::Random.into_response()
        }
    }
}

pub(super) async fn sign_out(
    State(inbox): State<Arc<Inbox>>,
    viewer: Viewer,
    headers: HeaderMap,
    Sent(body): Sent,
) -> Result<Response, Trouble> {
    viewer.form(&inbox, &body).await?;
    inbox.desk.end(&viewer.secret);
    let cookie = cookie(inbox.place.is_secure(&headers), "", 0);
    Ok(([(SET_COOKIE, cookie)], goodbye()).into_response())
}

fn goodbye() -> axum::response::Html<String> {
    let body: Markup = html! {
        h1 { "You are signed out" }
        p { a href="/sign-in" { "Sign in again" } }
    };
    page::plain("Signed out", &body)
}

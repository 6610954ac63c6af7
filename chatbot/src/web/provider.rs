//! Signing in with an OpenID provider: to it, and back.

use std::sync::Arc;

use axum::extract::{ConnectInfo, RawQuery, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use countersign_client::random_key;
use maud::html;

use super::Inbox;
use super::door::Caller;
use super::enter::begin;
use super::form::Form;
use super::guard::{cookie_of, way_cookie, way_cookie_name};
use super::page;
use super::sign_in::{Whom, same};
use super::trouble::Trouble;
use super::way;
use crate::limits::OIDC_SECONDS;
use crate::oidc::flow::Flow;

/// Where the provider sends people back to.
const BACK: &str = "/oidc/callback";

/// Leads to the provider.
pub(super) async fn go(
    State(inbox): State<Arc<Inbox>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Trouble> {
    let provider = inbox.provider.as_ref().ok_or(Trouble::Unknown)?;
    let query = Form::parse(query.unwrap_or_default().as_bytes()).unwrap_or_default();
    let next = way::own(query.get("next")).unwrap_or("/");
    let secret = random_key().map_err(|_unavailable| Trouble::Random)?;
    let flow = Flow::new(secret, inbox.bot.clock().seconds(), next);
    match provider.address(&flow, &back(&inbox, &headers)).await {
        Ok(address) => {
            let cookie = way_cookie(
                inbox.place.is_secure(&headers),
                &flow.cookie(),
                OIDC_SECONDS,
            );
            Ok(([(SET_COOKIE, cookie)], Redirect::to(&address)).into_response())
        }
        Err(error) => {
            tracing::warn!(%error, "nobody can sign in with the OpenID provider");
            Ok(failed(
                StatusCode::BAD_GATEWAY,
                "The provider cannot be used at the moment.",
            ))
        }
    }
}

/// Comes back from the provider.
pub(super) async fn back_again(
    State(inbox): State<Arc<Inbox>>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Trouble> {
    let provider = inbox.provider.as_ref().ok_or(Trouble::Unknown)?;
    let query = Form::parse(query.unwrap_or_default().as_bytes()).unwrap_or_default();
    let name = way_cookie_name(inbox.place.is_secure(&headers));
    let now = inbox.bot.clock().seconds();
    let flow = cookie_of(&headers, name).and_then(|cookie| Flow::parse(cookie, now));
    let flow = flow.filter(|flow| {
        same(query.get("state"), &provider.maker.state(flow)) && provider.is(query.get("iss"))
    });
    let (Some(flow), code) = (flow, query.get("code")) else {
        return Ok(failed(
            StatusCode::FORBIDDEN,
            "This browser has not asked for it, or more than ten minutes ago.",
        ));
    };
    if code.is_empty() {
        let error = query.get("error");
        tracing::info!(error, from = %caller.address, "the OpenID provider signed nobody in");
        return Ok(failed(
            StatusCode::FORBIDDEN,
            "The provider did not sign you in.",
        ));
    }
    let user = match provider.user(&flow, (code, &back(&inbox, &headers))).await {
        Ok(user) => user,
        Err(error) => {
            tracing::warn!(%error, from = %caller.address, "a sign-in was refused");
            return Ok(failed(
                StatusCode::FORBIDDEN,
                "What the provider said about you cannot be used. The operator of the inbox finds \
                 the reason in its log messages.",
            ));
        }
    };
    let next = way::own(&flow.next).unwrap_or("/");
    let mut response = begin(&inbox, (&caller, &headers), (Whom::Provided(user), next));
    // The way is over.
    let over = way_cookie(inbox.place.is_secure(&headers), "", 0);
    if let Ok(over) = HeaderValue::from_str(&over) {
        response.headers_mut().append(SET_COOKIE, over);
    }
    Ok(response)
}

/// The address of [`back_again`], by the name that the browser uses; the guard knows it.
fn back(inbox: &Inbox, headers: &HeaderMap) -> String {
    format!("{}{BACK}", inbox.place.origin(headers))
}

fn failed(status: StatusCode, words: &str) -> Response {
    let body = html! {
        h1 { "You are not signed in" }
        p role="alert" { (words) }
        p { a href="/sign-in" { "Sign in" } }
    };
    (status, page::plain("Not signed in", &body)).into_response()
}

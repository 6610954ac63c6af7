//! What every request has to pass and every answer carries, whatever page it is about.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, HOST, HeaderName, HeaderValue,
    ORIGIN, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tokio::time::timeout;

use super::Inbox;
use super::trouble::Trouble;
use crate::limits::{WEB_ANSWER, WEB_READ};

/// What a page may load, and where its forms may go. `connect-src` is for the script that asks
/// whether a case has changed.
const CONTENT: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
                       connect-src 'self'; form-action 'self'; frame-ancestors 'none'; \
                       base-uri 'none'";
const FORM: &str = "application/x-www-form-urlencoded";
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What is always sent. The origin of a form that is sent must reach us, so the referrer is kept
/// for our own pages.
const HEADERS: [(HeaderName, &str); 7] = [
    (CONTENT_SECURITY_POLICY, CONTENT),
    (X_FRAME_OPTIONS, "DENY"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "same-origin"),
    (CACHE_CONTROL, "no-store"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=()",
    ),
];

/// Where the inbox is.
#[derive(Debug)]
pub(super) struct Place {
    /// What a Host header may say, in lower case, and whether browsers speak TLS there: with the
    /// inbox itself, or with a proxy in front of it.
    pub(super) hosts: BTreeMap<String, bool>,
    /// Whether the inbox itself speaks TLS.
    pub(super) is_tls: bool,
}

impl Place {
    /// Whether the browser that has sent these speaks TLS, as far as is known of the host that it
    /// calls.
    pub(super) fn is_secure(&self, headers: &HeaderMap) -> bool {
        let known = self.hosts.get(&host(headers));
        known.copied().unwrap_or(self.is_tls)
    }

    /// The address that the browser calls, without a slash at its end.
    pub(super) fn origin(&self, headers: &HeaderMap) -> String {
        format!("{}://{}", scheme(self.is_secure(headers)), host(headers))
    }
}

pub(super) const fn scheme(is_secure: bool) -> &'static str {
    if is_secure { "https" } else { "http" }
}

/// What the Host header says, in lower case.
fn host(headers: &HeaderMap) -> String {
    text(headers, HOST).unwrap_or_default().to_ascii_lowercase()
}

/// Why a request is not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turned {
    /// For another host.
    Host,
    /// From a page of somebody else.
    Origin,
    /// From a page of the same host, which the browser has by TLS and the inbox does not know so.
    Scheme,
    /// Neither GET, HEAD nor POST.
    Method,
    /// Not a form.
    Content,
}

impl Turned {
    const fn answer(self) -> (StatusCode, &'static str) {
        match self {
            Self::Host => (
                StatusCode::MISDIRECTED_REQUEST,
                "This is not the inbox of that host. Use the address that the inbox printed when \
                 it was started, or let --host name this one.\n",
            ),
            Self::Origin => (
                StatusCode::FORBIDDEN,
                "This form was not sent from a page of the inbox, so nothing was done. Open the \
                 inbox and try again there.\n",
            ),
            Self::Scheme => (
                StatusCode::FORBIDDEN,
                "This form came over https, and the inbox does not know that it is called so: \
                 nothing was done. Behind a proxy that speaks TLS, the configuration of the inbox \
                 has to name this address as inbox_url.\n",
            ),
            Self::Method => (
                StatusCode::METHOD_NOT_ALLOWED,
                "The inbox knows GET, HEAD and POST.\n",
            ),
            Self::Content => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "The inbox takes forms only.\n",
            ),
        }
    }
}

/// Checks a request, lets it through, and puts the headers on its answer.
pub(super) async fn guard(
    State(inbox): State<Arc<Inbox>>,
    request: Request,
    next: Next,
) -> Response {
    let is_secure = inbox.place.is_secure(request.headers());
    let mut response = match check(&inbox.place, request.method(), request.headers()) {
        Err(turned) => turned.answer().into_response(),
        Ok(()) => {
            let (longest, trouble) = patience(request.method(), request.uri().path());
            match timeout(longest, next.run(request)).await {
                Ok(response) => response,
                Err(_) => trouble.into_response(),
            }
        }
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    if is_secure {
        let value = HeaderValue::from_static("max-age=31536000");
        headers.insert(STRICT_TRANSPORT_SECURITY, value);
    }
    response
}

/// How long an answer is waited for, and what is said when there is none.
fn patience(method: &Method, path: &str) -> (Duration, Trouble) {
    // Much is counted for the one, and for the other somebody else is asked.
    let is_long = path == "/insights" || path.starts_with("/oidc");
    match *method == Method::POST {
        true => (WEB_ANSWER, Trouble::Unsure),
        false if is_long => (WEB_ANSWER, Trouble::Silent),
        false => (WEB_READ, Trouble::Silent),
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    // A header that stands twice is like one that says something else.
    let mut all = headers.get_all(name).iter();
    match (all.next(), all.next()) {
        (Some(value), None) => value.to_str().ok(),
        (Some(_), Some(_)) => Some(""),
        (None, _) => None,
    }
}

fn check(place: &Place, method: &Method, headers: &HeaderMap) -> Result<(), Turned> {
    let host = host(headers);
    if !place.hosts.contains_key(&host) {
        return Err(Turned::Host);
    }
    if *method == Method::GET || *method == Method::HEAD {
        return Ok(());
    }
    if *method != Method::POST {
        return Err(Turned::Method);
    }
    let site = text(headers, FETCH_SITE);
    let is_same = site.is_none_or(|site| site == "same-origin");
    match text(headers, ORIGIN) {
        Some(origin) if is_same && origin.eq_ignore_ascii_case(&place.origin(headers)) => {}
        Some(origin) if is_same && origin.eq_ignore_ascii_case(&format!("https://{host}")) => {
            return Err(Turned::Scheme);
        }
        // Every browser of today sends one of them with a form.
        None if is_same && site.is_some() => {}
        _ => return Err(Turned::Origin),
    }
    let content = text(headers, CONTENT_TYPE).unwrap_or_default();
    let kind = content.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case(FORM) {
        Ok(())
    } else {
        Err(Turned::Content)
    }
}

/// Name of the session's cookie. The prefix makes browsers refuse one from another host.
pub(super) const fn cookie_name(is_secure: bool) -> &'static str {
    if is_secure {
        "__Host-countersign"
    } else {
        "countersign"
    }
}

/// A `Set-Cookie` for the session; one with an empty secret ends it.
pub(super) fn cookie(is_secure: bool, secret: &str, seconds: u64) -> String {
    let name = cookie_name(is_secure);
    let secure = if is_secure { "; Secure" } else { "" };
    format!("{name}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
}

/// Name of the cookie of somebody who is at the OpenID provider.
pub(super) const fn way_cookie_name(is_secure: bool) -> &'static str {
    if is_secure {
        "__Host-countersign-way"
    } else {
        "countersign-way"
    }
}

/// A `Set-Cookie` for them. It has to come along when the provider sends them back, so it is not as
/// strict as that of a session, and worth nothing alone.
pub(super) fn way_cookie(is_secure: bool, value: &str, seconds: u64) -> String {
    let name = way_cookie_name(is_secure);
    let secure = if is_secure { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
}

/// The session's secret out of the cookies of a request.
pub(super) fn secret_of(headers: &HeaderMap, is_secure: bool) -> Option<&str> {
    cookie_of(headers, cookie_name(is_secure))
}

/// A cookie of a request.
pub(super) fn cookie_of<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let cookies = headers.get_all(COOKIE).iter();
    let pairs = cookies.filter_map(|value| value.to_str().ok());
    let mut pairs = pairs.flat_map(|value| value.split(';'));
    pairs.find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == wanted).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            let value = HeaderValue::from_str(value).unwrap();
            (HeaderName::from_static(name), value)
        };
        all.iter().map(pair).collect()
    }

    fn judged(method: &Method, all: &[(&'static str, &str)]) -> Result<(), Turned> {
        let hosts = [("127.0.0.1:7490", false), ("inbox.example", true)];
        let place = Place {
            hosts: hosts.map(|(host, tls)| (host.to_owned(), tls)).into(),
            is_tls: false,
        };
        check(&place, method, &headers(all))
    }

    #[test]
    fn behind_a_proxy_with_tls_browsers_say_https() {
        let form = ("content-type", FORM);
        let post = |host, origin| {
            let all = [("host", host), ("origin", origin), form];
            judged(&Method::POST, &all)
        };
        assert_eq!(post("inbox.example", "https://inbox.example"), Ok(()));
        assert_eq!(post("Inbox.Example", "https://inbox.example"), Ok(()));
        let plain = post("inbox.example", "http://inbox.example");
        assert_eq!(plain, Err(Turned::Origin), "nobody in the middle");
        let other = post("inbox.example", "http://127.0.0.1:7490");
        assert_eq!(other, Err(Turned::Origin));
        let unknown = post("127.0.0.1:7490", "https://127.0.0.1:7490");
        assert_eq!(unknown, Err(Turned::Scheme), "it says what is missing");
    }

    #[test]
    fn only_our_own_pages_send_forms() {
        let host = ("host", "127.0.0.1:7490");
        let form = (
            "content-type",
            "application/x-www-form-urlencoded; charset=utf-8",
        );
        let ours = ("origin", "http://127.0.0.1:7490");
        let same = ("sec-fetch-site", "same-origin");
        let post =
            |more: &[(&'static str, &str)]| judged(&Method::POST, &[&[host, form], more].concat());
        assert_eq!(post(&[ours]), Ok(()));
        assert_eq!(post(&[ours, same]), Ok(()));
        assert_eq!(post(&[same]), Ok(()));
        for bad in [
            &[][..],
            &[("origin", "null")],
            &[("origin", "http://evil.example")],
            &[("origin", "http://127.0.0.1:7491")],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
            &[ours, ("sec-fetch-site", "cross-site")],
        ] {
            assert_eq!(post(bad), Err(Turned::Origin), "{bad:?}");
        }
        let json = ("content-type", "application/json");
        assert_eq!(
            judged(&Method::POST, &[host, ours, json]),
            Err(Turned::Content)
        );
        assert_eq!(judged(&Method::POST, &[host, ours]), Err(Turned::Content));
        assert_eq!(
            judged(&Method::PUT, &[host, ours, form]),
            Err(Turned::Method)
        );
    }

    #[test]
    fn who_only_looks_waits_for_a_short_time() {
        for (method, path, longest) in [
            (Method::GET, "/", WEB_READ),
            (Method::HEAD, "/case/7", WEB_READ),
            (Method::GET, "/oidc/callback", WEB_ANSWER),
            (Method::GET, "/insights", WEB_ANSWER),
            (Method::POST, "/request", WEB_ANSWER),
        ] {
            let (time, trouble) = patience(&method, path);
            assert_eq!(time, longest, "{method} {path}");
            let unsure = matches!(trouble, Trouble::Unsure);
            assert_eq!(unsure, method == Method::POST, "{method} {path}");
        }
    }

    #[test]
    fn another_host_is_turned_away() {
        assert_eq!(judged(&Method::GET, &[("host", "127.0.0.1:7490")]), Ok(()));
        for bad in [
            "evil.example:7490",
            "127.0.0.1",
            "",
            "127.0.0.1:7490.evil.example",
        ] {
            assert_eq!(
                judged(&Method::GET, &[("host", bad)]),
                Err(Turned::Host),
                "{bad}"
            );
        }
        assert_eq!(judged(&Method::GET, &[]), Err(Turned::Host));
    }

    #[test]
    fn the_cookie_is_bound_to_this_host_and_to_no_script() {
        let plain = cookie(false, "s3cret", 60);
        assert_eq!(
            plain,
            "countersign=s3cret; Path=/; Max-Age=60; HttpOnly; SameSite=Strict"
        );
        let secure = cookie(true, "s3cret", 60);
        assert!(
            secure.starts_with("__Host-countersign=s3cret; Path=/;"),
            "{secure}"
        );
        assert!(
            secure.ends_with("; Secure") && !secure.contains("Domain"),
            "{secure}"
        );
    }

    #[test]
    fn the_session_is_found_among_other_cookies() {
        let some = headers(&[("cookie", "a=b; countersign=one; c")]);
        assert_eq!(secret_of(&some, false), Some("one"));
        assert_eq!(
            secret_of(&some, true),
            None,
            "without the prefix it is another one"
        );
        assert_eq!(secret_of(&HeaderMap::new(), false), None);
    }

    #[test]
    fn a_header_that_stands_twice_says_nothing() {
        let mut twice = headers(&[("origin", "http://a")]);
        twice.append(ORIGIN, HeaderValue::from_static("http://b"));
        assert_eq!(text(&twice, ORIGIN), Some(""));
    }

    #[test]
    fn nothing_from_elsewhere_may_be_loaded_or_framed() {
        for part in [
            "default-src 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(CONTENT.contains(part), "{part}");
        }
        assert!(!CONTENT.contains("unsafe"), "{CONTENT}");
    }
}

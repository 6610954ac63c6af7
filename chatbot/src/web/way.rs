//! The way of somebody who comes from elsewhere, for example by a link in a chat, to the page that
//! they want.
//!
//! Browsers keep the cookie to themselves when a link of another site is followed. So the first
//! answer is a page of ours that leads to the same address: then the cookie comes along.

use axum::http::Method;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Redirect, Response};
use maud::html;

use super::page;
use crate::limits::WEB_WAY;

/// The answer to somebody without a session: the same page once more, or the door.
pub(super) fn unknown(parts: &Parts) -> Response {
    let wanted = parts.uri.path_and_query().map(|path| path.as_str());
    let Some(wanted) = wanted.and_then(own).filter(|_| parts.method == Method::GET) else {
        return Redirect::to("/sign-in").into_response();
    };
    let from = parts.headers.get("sec-fetch-site");
    if from.is_some_and(|from| from == "cross-site" || from == "same-site") {
        return again(wanted);
    }
    Redirect::to(&to("/sign-in", wanted)).into_response()
}

fn again(wanted: &str) -> Response {
    let body = html! {
        h1 { "One moment" }
        p { a href=(wanted) { "Go on to the inbox" } }
    };
    let refresh = format!("0; url={wanted}");
    page::leading("One moment", &refresh, &body).into_response()
}

/// The address of a page for signing in, that leads on to this one.
pub(super) fn to(page: &str, wanted: &str) -> String {
    if wanted == "/" {
        return page.to_owned();
    }
    let encoded: String = form_urlencoded::byte_serialize(wanted.as_bytes()).collect();
    format!("{page}?next={encoded}")
}

/// A path of this inbox; nothing that leads elsewhere, or that no page of ours is called.
pub(super) fn own(path: &str) -> Option<&str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_?=&%.".contains(&byte);
    let is_ours = path.starts_with('/') && !path.starts_with("//") && path.bytes().all(plain);
    (is_ours && path.len() <= WEB_WAY).then_some(path)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[test]
    fn only_own_paths_lead_on() {
        for path in ["/", "/case/7?a=b", "/link/0123abc"] {
            assert_eq!(own(path), Some(path));
        }
        for path in [
            "",
            "case/7",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\nb",
            "/a;url=b",
            "/\u{e9}",
        ] {
            assert_eq!(own(path), None, "{path:?}");
        }
        assert_eq!(own(&format!("/{}", "a".repeat(WEB_WAY))), None);
    }

    fn answer(method: &str, path: &str, from: Option<&str>) -> (u16, String) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(from) = from {
            request = request.header("sec-fetch-site", from);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let answer = unknown(&parts);
        let location = answer.headers().get("location");
        let location = location.map_or("", |value| value.to_str().unwrap());
        (answer.status().as_u16(), location.to_owned())
    }

    #[test]
    fn who_comes_from_elsewhere_comes_once_more_with_the_cookie() {
        let door = "/sign-in?next=%2Fcase%2F7".to_owned();
        let cross = Some("cross-site");
        assert_eq!(answer("GET", "/case/7", cross), (200, String::new()));
        assert_eq!(
            answer("GET", "/case/7", Some("same-origin")),
            (303, door.clone())
        );
        assert_eq!(answer("GET", "/case/7", None), (303, door));
        assert_eq!(answer("GET", "/", None), (303, "/sign-in".to_owned()));
        assert_eq!(
            answer("POST", "/case/7", cross),
            (303, "/sign-in".to_owned())
        );
        assert_eq!(answer("GET", "//evil.example/", cross).1, "/sign-in");
    }
}

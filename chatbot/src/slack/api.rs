//! Slack's Web API, as far as we call it: JSON over POST, with the token in a header.

mod error;

use std::net::IpAddr;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url, redirect};
use serde_json::{Value, json};
use tokio::time::sleep;
use zeroize::Zeroizing;

pub use error::{ApiError, Fault};

use crate::limits::{SLACK_ANSWER, SLACK_CALL, SLACK_PAUSE, SLACK_TRIES};

/// Where Slack's own API is.
pub const API: &str = "https://slack.com/api/";

/// The API under one token.
pub struct Api {
    client: Client,
    base: Url,
    token: Zeroizing<String>,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Api({})", self.base)
    }
}

/// The address of an API: `https`, or `http` on this machine.
///
/// # Errors
/// A sentence.
pub fn base(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(|url| {
        let secure = url.scheme() == "https" || url.scheme() == "http" && is_loopback(url);
        secure && is_anonymous(url) && url.path().ends_with('/')
    });
    url.ok_or_else(|| {
        format!(
            "expected slack.api_url to be https, or http to a loopback address, without a user \
             and with a slash at its end, got {text:?}"
        )
    })
}

/// Whether the host of an address is this machine, by its number.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let address = host.parse::<IpAddr>();
    address.is_ok_and(|address| address.is_loopback())
}

fn is_anonymous(url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none()
}

impl Api {
    /// The API at this address.
    ///
    /// # Errors
    /// A sentence, when the address is none or TLS cannot be set up.
    pub fn new(address: &str, token: &str) -> Result<Self, String> {
        let base = base(address)?;
        let client = Client::builder();
        // Whoever is on this machine is not reached through a proxy.
        let client = match is_loopback(&base) {
            true => client.no_proxy(),
            false => client,
        };
        let client = client
            .redirect(redirect::Policy::none())
            .timeout(SLACK_CALL)
            .connect_timeout(SLACK_CALL / 3)
            .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self {
            client: client.map_err(|error| format!("cannot set up HTTPS: {error}"))?,
            base,
            token: Zeroizing::new(token.to_owned()),
        })
    }

    /// Calls a method that writes, once.
    ///
    /// # Errors
    /// [`ApiError`], also when Slack answers that it did not do it.
    pub async fn call(&self, method: &'static str, body: &Value) -> Result<Value, ApiError> {
        let json = "application/json; charset=utf-8";
        self.post(method, json, body.to_string()).await
    }

    /// Calls a method that reads, once. Those take forms: Slack reads JSON for most methods that
    /// write, and for few others.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn ask(
        &self,
        method: &'static str,
        fields: &[(&str, &str)],
    ) -> Result<Value, ApiError> {
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let kind = "application/x-www-form-urlencoded";
        self.post(method, kind, form).await
    }

    async fn post(
        &self,
        method: &'static str,
        kind: &'static str,
        body: String,
    ) -> Result<Value, ApiError> {
        let failed = |fault| ApiError { method, fault };
        let url = self.base.join(method);
        let url = url.map_err(|error| failed(Fault::Away(error.to_string())))?;
        let request = self
            .client
            .post(url)
            .bearer_auth(self.token.as_str())
            .header(CONTENT_TYPE, HeaderValue::from_static(kind))
            .body(body);
        let answer = request.send().await;
        let answer = answer.map_err(|error| failed(Fault::of(&error)))?;
        read(answer).await.map_err(failed)
    }

    /// Calls a method that does the same however often it is called, until Slack has time for it.
    ///
    /// # Errors
    /// [`ApiError`] of the last try.
    pub async fn insist(&self, method: &'static str, body: &Value) -> Result<Value, ApiError> {
        let mut pause = Duration::from_millis(250);
        for _ in 1..SLACK_TRIES {
            match self.call(method, body).await {
                Err(error) if error.may_pass() => {
                    let wanted = error.after().unwrap_or(pause);
                    sleep(wanted.min(SLACK_PAUSE)).await;
                    pause *= 4;
                }
                ended => return ended,
            }
        }
        self.call(method, body).await
    }

    /// Posts to an address that Slack gave for answers to one callback. It has no token, and must
    /// be one of Slack's.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn respond(&self, address: &str, body: &Value) -> Result<(), ApiError> {
        let failed = |fault| ApiError {
            method: "response_url",
            fault,
        };
        let url = Url::parse(address).ok().filter(|url| self.is_slacks(url));
        let url = url.ok_or_else(|| failed(Fault::Said("not_an_address_of_slack".to_owned())))?;
        let json = HeaderValue::from_static("application/json; charset=utf-8");
        let request = self.client.post(url).header(CONTENT_TYPE, json);
        let answer = request.body(body.to_string()).send().await;
        let answer = answer.map_err(|error| failed(Fault::of(&error)))?;
        match answer.status() {
            StatusCode::OK => Ok(()),
            status => Err(failed(Fault::Said(format!("HTTP {}", status.as_u16())))),
        }
    }

    /// Whether an address is of the same organisation as the API: its host or below its host.
    fn is_slacks(&self, url: &Url) -> bool {
        if is_loopback(&self.base) {
            return url.scheme() == "http" && is_loopback(url);
        }
        let (Some(host), Some(ours)) = (url.host_str(), self.base.host_str()) else {
            return false;
        };
        let below = host
            .strip_suffix(ours)
            .is_some_and(|front| front.ends_with('.'));
        url.scheme() == "https" && is_anonymous(url) && (host == ours || below)
    }

    /// Opens a modal; its id.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn open_view(&self, trigger: &str, view: &Value) -> Result<String, ApiError> {
        let method = "views.open";
        let body = json!({"trigger_id": trigger, "view": view});
        let answer = self.call(method, &body).await?;
        let id = answer["view"]["id"].as_str().map(str::to_owned);
        id.ok_or(ApiError {
            method,
            fault: Fault::Strange("a view without an id".to_owned()),
        })
    }

    /// Shows something else in a modal.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn update_view(&self, id: &str, view: &Value) -> Result<(), ApiError> {
        let body = json!({"view_id": id, "view": view});
        self.insist("views.update", &body).await.map(drop)
    }
}

async fn read(mut answer: Response) -> Result<Value, Fault> {
    let status = answer.status();
    if status == StatusCode::TOO_MANY_REQUESTS {
        let after = answer.headers().get(RETRY_AFTER);
        let after = after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        return Err(Fault::Limited(after.map(Duration::from_secs)));
    }
    if status != StatusCode::OK {
        // Slack says of its own errors that part of what was asked may be done.
        return Err(match status.is_server_error() {
            true => Fault::Lost(format!("HTTP {}", status.as_u16())),
            false => Fault::Strange(format!("HTTP {}", status.as_u16())),
        });
    }
    let mut body = Vec::new();
    while let Some(part) = answer.chunk().await.map_err(|error| Fault::after(&error))? {
        if body.len().saturating_add(part.len()) > SLACK_ANSWER {
            return Err(Fault::Strange(format!("more than {SLACK_ANSWER} bytes")));
        }
        body.extend_from_slice(&part);
    }
    let value: Value = serde_json::from_slice(&body)
        .map_err(|error| Fault::Strange(format!("an answer that is no JSON: {error}")))?;
    match (value["ok"].as_bool(), value["error"].as_str()) {
        (Some(true), _) => Ok(value),
        (_, Some(error)) => Err(Fault::said(error)),
        (_, None) => Err(Fault::Strange("an answer without ok and error".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_do_not_travel_in_the_clear() {
        for good in [
            API,
            "https://slack.example/api/",
            "http://127.0.0.1:4003/api/",
            "http://[::1]/",
        ] {
            assert!(base(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "slack.com/api/",
            "http://slack.com/api/",
            "http://localhost:4003/api/",
            "https://slack.com/api",
            "https://user:word@slack.com/api/",
            "ftp://slack.com/",
        ] {
            assert!(base(bad).is_err(), "{bad}");
        }
        let api = Api::new(API, "xoxb-secret").unwrap();
        assert!(!format!("{api:?}").contains("secret"));
    }

    #[test]
    fn answers_go_to_slack_only() {
        let api = Api::new(API, "xoxb-1").unwrap();
        let is_ours = |api: &Api, text: &str| api.is_slacks(&Url::parse(text).unwrap());
        assert!(is_ours(&api, "https://hooks.slack.com/actions/T1/2/3"));
        for bad in [
            "http://hooks.slack.com/actions/T1",
            "https://hooks.slack.com.evil.example/",
            "https://evilslack.com/",
            "https://slack.com@evil.example/",
            "https://169.254.169.254/latest",
            "http://127.0.0.1/",
        ] {
            assert!(!is_ours(&api, bad), "{bad}");
        }
        let local = Api::new("http://127.0.0.1:4003/api/", "xoxb-1").unwrap();
        assert!(is_ours(&local, "http://127.0.0.1:5000/reply"));
        assert!(!is_ours(&local, "http://10.0.0.1/"));
    }
}

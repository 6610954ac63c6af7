//! One POST to a receiver, and what its answer means to every kind of web service.

use std::io::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use flate2::write::GzEncoder;
use jiff::fmt::rfc2822;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, Client, Identity, StatusCode, Url, redirect};

use super::clock::Clock;
use super::config::kinds::{Compression, TlsConfig};
use super::config::secret::read;
use super::config::values::Span;
use super::tls;
use crate::limits::{MAX_SINK_ANSWER, MAX_TOLD_ANSWER};

/// The way to one web service.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    url: Url,
    client: Client,
    headers: HeaderMap,
    compression: Compression,
    tls: TlsConfig,
}

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// The `Retry-After` header.
    retry_after: Option<String>,
    /// The beginning of the body.
    pub(super) body: Vec<u8>,
}

/// What every caller is made of.
pub(super) struct Settings<'a> {
    pub(super) url: &'a str,
    pub(super) tls: &'a TlsConfig,
    pub(super) timeout: Span,
    pub(super) compression: Compression,
}

impl Caller {
    pub(super) fn new(settings: &Settings<'_>, headers: HeaderMap) -> Result<Self, String> {
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(settings.timeout.get())
            .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")));
        let client = match &settings.tls.root_cert {
            None => client,
            Some(path) => {
                let roots = Certificate::from_pem_bundle(read(path)?.as_bytes());
                let roots = roots.map_err(|error| format!("{}: {error}", path.display()))?;
                client.tls_certs_only(roots)
            }
        };
        let client = match (&settings.tls.cert, &settings.tls.key) {
            (Some(cert), Some(key)) => {
                let pem = format!("{}\n{}", read(cert)?, read(key)?);
                let identity = Identity::from_pem(pem.as_bytes());
                let identity = identity.map_err(|error| {
                    format!("tls.cert and tls.key cannot be used: {}", words(&error))
                })?;
                client.identity(identity)
            }
            _ => client,
        };
        let client = client.build();
        Ok(Self {
            url: address(settings.url)?,
            client: client.map_err(|error| format!("cannot set up HTTPS: {}", words(&error)))?,
            headers,
            compression: settings.compression,
            tls: settings.tls.clone(),
        })
    }

    /// Posts a body.
    ///
    /// # Errors
    /// What is in the way, without the address: it may be as good as a password.
    pub(super) async fn post(
        &self,
        content_type: &'static str,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<Answer, String> {
        let request = self
            .client
            .post(self.url.clone())
            .headers(self.headers.clone())
            .headers(headers)
            .header("content-type", content_type);
        let request = match self.compression {
            Compression::None => request.body(body),
            Compression::Gzip => request
                .header("content-encoding", "gzip")
                .body(gzip(&body).map_err(|error| format!("cannot compress: {error}"))?),
        };
        let mut response = request.send().await.map_err(|error| words(&error))?;
        let mut answer = Answer {
            status: response.status(),
            retry_after: response
                .headers()
                .get(RETRY_AFTER)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned),
            body: Vec::new(),
        };
        while let Some(bytes) = response.chunk().await.map_err(|error| words(&error))? {
            let room = MAX_SINK_ANSWER.saturating_sub(answer.body.len());
            answer.body.extend(bytes.iter().take(room));
            if room == 0 {
                break;
            }
        }
        Ok(answer)
    }

    /// Whether the receiver can be reached, and its certificate counts; nothing is sent to it.
    pub(super) async fn probe(&self) -> Result<String, String> {
        let port = self.url.port_or_known_default().unwrap_or(443);
        tls::reach(&self.url, port, &self.tls).await
    }
}

impl Answer {
    #[cfg(test)]
    pub(super) fn of(status: StatusCode, body: &str) -> Self {
        Self {
            status,
            retry_after: None,
            body: body.as_bytes().to_vec(),
        }
    }

    /// How long the receiver asks to wait, in seconds or until a date.
    pub(super) fn retry_after(&self, clock: &Clock) -> Option<Duration> {
        let text = self.retry_after.as_deref()?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let then = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
        let then = u64::try_from(then.as_second()).ok()?;
        Some(Duration::from_secs(
            then.saturating_sub(clock.now().seconds()),
        ))
    }

    /// The status and the beginning of what stands below it, for a message.
    pub(super) fn told(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let text: String = text.chars().take(MAX_TOLD_ANSWER).collect();
        let text = countersign_proto::reading::text::printable(text.trim()).into_owned();
        match text.as_str() {
            "" => format!("status {}", self.status),
            text => format!("status {}: {text}", self.status),
        }
    }
}

/// An address to which entries may travel: encrypted, or not leaving this machine.
pub(super) fn address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(is_safe);
    url.ok_or_else(|| {
        format!(
            "expected url to be https, or http to a loopback address, without user and password, \
             got {text:?}"
        )
    })
}

fn is_safe(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let anonymous = url.username().is_empty() && url.password().is_none();
    anonymous && (url.scheme() == "https" || url.scheme() == "http" && is_loopback(host))
}

/// Whether this is an address of this machine. Names are not looked up: they may change.
pub(super) fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.parse::<IpAddr>()
        .is_ok_and(|address| address.is_loopback())
}

/// A header out of the settings.
pub(super) fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let parsed = name.parse::<HeaderName>().ok().zip(value.parse().ok());
    let (name, mut value): (_, HeaderValue) =
        parsed.ok_or_else(|| format!("the header {name:?} or its value cannot be sent"))?;
    value.set_sensitive(true);
    Ok((name, value))
}

/// The causes of an error, without the address.
fn words(error: &reqwest::Error) -> String {
    let mut words = Vec::new();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        words.push(error.to_string());
        cause = error.source();
    }
    if error.is_timeout() {
        words.push("no answer in time".to_owned());
    }
    if words.is_empty() {
        words.push("no answer".to_owned());
    }
    words.join(": ")
}

fn gzip(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(body)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use countersign_chain::time::UnixMicros;

    use super::*;

    #[test]
    fn entries_do_not_travel_in_the_clear() {
        for good in [
            "https://siem.example.com/in",
            "http://127.0.0.1:8080/",
            "http://[::1]:1/",
        ] {
            assert!(address(good).is_ok(), "{good}");
        }
        for bad in [
            "http://siem.example.com/",
            "http://localhost/",
            "http://127.0.0.1.example.com/",
            "https://user:password@siem.example.com/",
            "ftp://127.0.0.1/",
            "siem.example.com",
        ] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_receiver_asks_for_a_pause_in_seconds_or_until_a_date() {
        let clock = Clock::new(|| UnixMicros::new(784_111_767_000_000).expect("a time"));
        for (text, expected) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(10)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            let answer = Answer {
                status: StatusCode::TOO_MANY_REQUESTS,
                retry_after: Some(text.to_owned()),
                body: Vec::new(),
            };
            let asked = answer.retry_after(&clock).map(|it| it.as_secs());
            assert_eq!(asked, expected, "{text}");
        }
    }
}

//! A web service as a provisioner: the question of a hook as the signed body of a POST, and the
//! answer of a hook as its response.
//!
//! Signed as the Standard Webhooks specification has it: `webhook-signature` is `v1,` and the
//! base64 of HMAC-SHA256 over `<webhook-id>.<webhook-timestamp>.<body>`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_proto::reading::text::hex;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::{Certificate, Client, Url, redirect};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::limits::MAX_ANSWER;
use crate::provision::clock::Clock;
use crate::provision::config::{Interval, Served};
use crate::provision::credential::Secret;
use crate::provision::files;
use crate::provision::hook::{Outside, Question, limit};
use crate::provision::provisioner::Failure;

/// Bytes of a secret, as the specification has it.
const SECRET: std::ops::RangeInclusive<usize> = 24..=64;

/// A web service that makes and removes access.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// Its address: `https`, or `http` to a loopback address.
    pub url: String,
    /// File with the secret: `whsec_` and the base64 of 24 to 64 bytes.
    pub secret_file: PathBuf,
    /// File with certificates in PEM form, one of which the service's must come from; without it
    /// those that the system trusts.
    pub root_cert: Option<PathBuf>,
    /// How long one call may take. Default: `30s`.
    #[serde(default = "limit")]
    pub time_limit: Interval,
    /// What it serves.
    pub access: Vec<Served>,
}

/// Asks a web service.
pub(crate) struct Webhook {
    url: Url,
    client: Client,
    secret: Zeroizing<Vec<u8>>,
    clock: Arc<dyn Clock>,
}

impl Webhook {
    pub(crate) fn new(config: &WebhookConfig, clock: Arc<dyn Clock>) -> Result<Self, String> {
        let url = Url::parse(&config.url).ok().filter(is_safe);
        let url = url.ok_or_else(|| {
            format!(
                "expected webhook.url to be https, or http to a loopback address, without user \
                 and password, got {:?}",
                config.url
            )
        })?;
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(config.time_limit.get())
            .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")));
        let client = match &config.root_cert {
            None => client,
            Some(path) => {
                let pem = files::read(path)?;
                let pem = pem.expose();
                let roots = Certificate::from_pem_bundle(pem);
                let roots = roots.map_err(|error| format!("{}: {error}", path.display()))?;
                client.tls_certs_only(roots)
            }
        };
        let client = client
            .build()
            .map_err(|error| format!("cannot set up HTTPS: {error}"))?;
        Ok(Self {
            url,
            client,
            secret: secret(&files::read(&config.secret_file)?).ok_or_else(|| {
                format!(
                    "expected {} to hold whsec_ and the base64 of 24 to 64 bytes; make one with \
                     `echo whsec_$(openssl rand -base64 32)`",
                    config.secret_file.display()
                )
            })?,
            clock,
        })
    }
}

/// Path and query of the address are left out: they may be as good as a password.
fn failed(url: &Url, error: &reqwest::Error) -> Failure {
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
    Failure::new(format!("{}: {}", place(url), words.join(": ")))
}

/// Where a service is, without what only those know who may use it.
fn place(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Grants and credentials do not travel in the clear.
fn is_safe(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>();
    let loopback = address.is_ok_and(|address| address.is_loopback());
    let anonymous = url.username().is_empty() && url.password().is_none();
    anonymous && (url.scheme() == "https" || url.scheme() == "http" && loopback)
}

fn secret(text: &Secret) -> Option<Zeroizing<Vec<u8>>> {
    let text = std::str::from_utf8(text.expose()).ok()?.trim();
    let bytes = STANDARD
        .decode(text.strip_prefix("whsec_")?)
        .map(Zeroizing::new)
        .ok()?;
    SECRET.contains(&bytes.len()).then_some(bytes)
}

fn sign(secret: &[u8], id: &str, timestamp: &str, body: &[u8]) -> Result<String, Failure> {
    let mac = Hmac::<Sha256>::new_from_slice(secret);
    let mut mac = mac.map_err(|error| Failure::new(error.to_string()))?;
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    Ok(format!(
        "v1,{}",
        STANDARD.encode(mac.finalize().into_bytes())
    ))
}

impl Outside for Webhook {
    async fn ask<T: Send>(
        &self,
        question: Question<'_>,
        read: impl FnOnce(&[u8]) -> Result<T, Failure> + Send,
    ) -> Result<T, Failure> {
        let body = question.to_json()?;
        let timestamp = self.clock.wall().seconds().to_string();
        let id = question.id().unwrap_or_else(|| {
            let digest: [u8; 32] = Sha256::digest(&body).into();
            format!("{}-{timestamp}-{}", question.action(), hex(&digest[..8]))
        });
        let signature = sign(&self.secret, &id, &timestamp, &body)?;
        let request = self
            .client
            .post(self.url.clone())
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(body);
        let mut response = request
            .send()
            .await
            .map_err(|error| failed(&self.url, &error))?;
        let status = response.status();
        if status != reqwest::StatusCode::OK {
            return Err(Failure::new(format!(
                "{}: expected the status 200, got {status}",
                place(&self.url)
            )));
        }
        let mut answer = Zeroizing::new(Vec::new());
        while let Some(bytes) = response
            .chunk()
            .await
            .map_err(|error| failed(&self.url, &error))?
        {
            if answer.len() + bytes.len() > MAX_ANSWER {
                return Err(Failure::new(format!(
                    "{}: expected at most {MAX_ANSWER} bytes, got more",
                    place(&self.url)
                )));
            }
            answer.extend_from_slice(&bytes);
        }
        read(&answer)
    }
}

#[cfg(test)]
mod tests;

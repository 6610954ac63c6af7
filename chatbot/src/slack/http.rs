//! Where Slack calls: requests with a signature, over HTTP.
//!
//! The address is for a proxy with TLS in front of it, since Slack calls `https` only. What counts
//! is the signature: it is checked over the bytes as they came in, before anything reads them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use countersign_chain::time::UnixMicros;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::limits::{SLACK_BODY, SLACK_READ, WEB_GOODBYE};
use crate::slack::desk::{Ack, Desk, Proof};
use crate::slack::payload::Inbound;
use crate::slack::signature::verify;
use crate::web::door::{Caller, Door};

/// What proves a request, as evidence names it.
const VERIFIED_BY: &str = "slack-signature-v0";

/// Why nobody can call.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address is taken, or not ours.
    #[error("cannot listen for Slack on {address}: {source}; slack.listen chooses another address")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The operating system.
    #[error("cannot serve Slack: {0}")]
    Io(#[from] io::Error),
}

struct Ear {
    desk: Arc<Desk>,
    secret: Zeroizing<String>,
}

/// An address that is taken, and not served yet.
#[derive(Debug)]
pub struct Listening(TcpListener);

impl Listening {
    /// Takes the address; port 0 takes a free one.
    ///
    /// # Errors
    /// [`HttpError::Listen`].
    pub async fn bind(address: SocketAddr) -> Result<Self, HttpError> {
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|source| HttpError::Listen { address, source })?;
        let address = listener.local_addr()?;
        tracing::info!(%address, "Slack can call");
        Ok(Self(listener))
    }

    /// Serves until `stop` is cancelled.
    ///
    /// # Errors
    /// [`HttpError::Io`].
    pub async fn serve(
        self,
        desk: Arc<Desk>,
        secret: &str,
        stop: CancellationToken,
    ) -> Result<(), HttpError> {
        let ear = Arc::new(Ear {
            desk: Arc::clone(&desk),
            secret: Zeroizing::new(secret.to_owned()),
        });
        // What it is stands in the request itself, so all of them are one.
        let app = Router::new()
            .route("/slack/commands", post(hear))
            .route("/slack/interactions", post(hear))
            .route("/slack/events", post(hear))
            .with_state(ear)
            .into_make_service_with_connect_info::<Caller>();
        let door = Door::open(self.0, None)?;
        let asked = stop.clone();
        let serving = axum::serve(door, app)
            .with_graceful_shutdown(async move { asked.cancelled().await })
            .into_future();
        let mut serving = std::pin::pin!(serving);
        let ended = tokio::select! {
            ended = &mut serving => ended,
            () = stop.cancelled() => {
                let rest = timeout(WEB_GOODBYE, serving).await;
                rest.unwrap_or(Ok(()))
            }
        };
        desk.finish().await;
        Ok(ended?)
    }
}

async fn hear(State(ear): State<Arc<Ear>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = match body_of(body).await {
        Ok(body) => body,
        Err(status) => return plain(status),
    };
    let headers = &parts.headers;
    let signed = (
        single(headers, "x-slack-request-timestamp"),
        single(headers, "x-slack-signature"),
    );
    let content = single(headers, CONTENT_TYPE.as_str()).unwrap_or_default();
    let seconds = match verify(&ear.secret, signed, &body, ear.desk.now().seconds()) {
        Ok(seconds) => seconds,
        // Slack's own look at the certificate is not signed, and asks for nothing.
        Err(_) if matches!(Inbound::parse(content, &body), Ok(Inbound::Check)) => {
            return plain(StatusCode::OK);
        }
        Err(error) => {
            tracing::warn!(%error, "a request to the Slack app is refused");
            return plain(StatusCode::UNAUTHORIZED);
        }
    };
    let inbound = match Inbound::parse(content, &body) {
        Ok(inbound) => inbound,
        Err(error) => {
            tracing::warn!(%error, "a request of Slack is not understood");
            return plain(StatusCode::BAD_REQUEST);
        }
    };
    let time = seconds.checked_mul(1_000_000);
    let time = time.and_then(|micros| UnixMicros::new(micros).ok());
    let proof = Proof::of(&body, time, VERIFIED_BY);
    match ear.desk.take(inbound, proof).await {
        Ack::Empty => plain(StatusCode::OK),
        Ack::Json(value) => {
            let kind = (CONTENT_TYPE, "application/json");
            (STANDING, [kind], value.to_string()).into_response()
        }
        Ack::Busy => plain(StatusCode::SERVICE_UNAVAILABLE),
    }
}

/// On every answer. A connection serves one request, so that none is cut off at its end of time.
const STANDING: [(HeaderName, &str); 2] = [(CACHE_CONTROL, "no-store"), (CONNECTION, "close")];

fn plain(status: StatusCode) -> Response {
    (status, STANDING).into_response()
}

async fn body_of(body: Body) -> Result<Bytes, StatusCode> {
    match timeout(SLACK_READ, to_bytes(body, SLACK_BODY)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(_)) => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}

/// A header that stands once.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut all = headers.get_all(name).iter();
    match (all.next(), all.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_counts_when_it_stands_once() {
        let mut headers = HeaderMap::new();
        assert_eq!(single(&headers, "x-slack-signature"), None);
        headers.append("x-slack-signature", "v0=1".parse().unwrap());
        assert_eq!(single(&headers, "x-slack-signature"), Some("v0=1"));
        headers.append("x-slack-signature", "v0=1".parse().unwrap());
        assert_eq!(single(&headers, "x-slack-signature"), None);
    }
}

//! `POST /api/messages`, where Teams says what people do.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::limits::{TEAMS_ACTIVITY, WEB_GOODBYE};
use crate::teams::activity::{Activity, ActivityError};
use crate::teams::desk::{Desk, Letter};
use crate::teams::keys::KeyError;
use crate::teams::token::TokenError;
use crate::web::door::Door;

/// Why an activity is turned away.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error(transparent)]
    Activity(#[from] ActivityError),
}

/// Serves until `stop` is cancelled.
///
/// # Errors
/// What the operating system says.
pub async fn serve(
    desk: Arc<Desk>,
    listener: TcpListener,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let app = Router::new()
        .route("/api/messages", post(messages))
        .layer(DefaultBodyLimit::max(TEAMS_ACTIVITY))
        .with_state(desk);
    let door = Door::open(listener, None)?;
    let asked = stop.clone();
    let serving = axum::serve(door, app)
        .with_graceful_shutdown(async move { asked.cancelled().await })
        .into_future();
    let mut serving = std::pin::pin!(serving);
    tokio::select! {
        ended = &mut serving => return ended,
        () = stop.cancelled() => {}
    }
    timeout(WEB_GOODBYE, serving).await.unwrap_or(Ok(()))
}

async fn messages(State(desk): State<Arc<Desk>>, headers: HeaderMap, body: Bytes) -> Response {
    let mut response = answered(&desk, &headers, &body).await;
    // A connection lives for a while only: none is cut while somebody waits for an answer.
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(CONNECTION, close);
    response
}

async fn answered(desk: &Arc<Desk>, headers: &HeaderMap, body: &[u8]) -> Response {
    match take(desk, headers, body).await {
        Ok(response) => response,
        Err(refused) => {
            tracing::warn!(%refused, "an activity was not taken");
            let status = match refused {
                Refused::Activity(_) => StatusCode::BAD_REQUEST,
                Refused::Token(TokenError::Missing | TokenError::Scheme) => {
                    StatusCode::UNAUTHORIZED
                }
                Refused::Token(TokenError::Key(KeyError::Fetch(_))) => {
                    StatusCode::SERVICE_UNAVAILABLE
                }
                Refused::Token(_) => StatusCode::FORBIDDEN,
            };
            // What was wrong is for the operator's log, not for whoever tries tokens.
            status.into_response()
        }
    }
}

async fn take(desk: &Arc<Desk>, headers: &HeaderMap, body: &[u8]) -> Result<Response, Refused> {
    let authorization = headers.get(AUTHORIZATION).map(|value| value.to_str());
    let authorization = authorization
        .transpose()
        .map_err(|_ignored| TokenError::Form)?;
    let gate = &desk.teams().gate;
    // Nothing that nobody has signed for is even read.
    let proof = gate.verify(authorization).await?;
    let activity = Activity::parse(body)?;
    let service = gate.admit(&proof, &activity)?;
    let letter = Letter {
        activity,
        service,
        sha256: Sha256::digest(body).into(),
    };
    let answer = desk.take(letter).await;
    let json = [(CONTENT_TYPE, "application/json")];
    Ok(match answer {
        Some(answer) => (json, answer.to_string()).into_response(),
        None => (json, "{}").into_response(),
    })
}

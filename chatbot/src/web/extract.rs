//! What a request carries, read so that whatever is wrong with it is told on a page.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::Inbox;
use super::trouble::Trouble;

/// The parts of a path that name a case and what belongs to it. Whatever is no number names
/// nothing.
#[derive(Debug)]
pub(super) struct Named<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<Inbox>> for Named<T> {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, inbox: &Arc<Inbox>) -> Result<Self, Trouble> {
        let read = Path::from_request_parts(parts, inbox).await;
        read.map(|Path(names)| Self(names))
            .map_err(|_none_of_ours| Trouble::Unknown)
    }
}

/// The bytes of a form.
#[derive(Debug)]
pub(super) struct Sent(pub(super) Bytes);

impl FromRequest<Arc<Inbox>> for Sent {
    type Rejection = Trouble;

    async fn from_request(request: Request, inbox: &Arc<Inbox>) -> Result<Self, Trouble> {
        let read = Bytes::from_request(request, inbox).await;
        read.map(Self).map_err(|error| of(&error))
    }
}

fn of(error: &BytesRejection) -> Trouble {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Trouble::Large,
        _ => Trouble::Form,
    }
}

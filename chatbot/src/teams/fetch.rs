//! HTTPS towards Microsoft: no redirects, bounded times and answers.

use reqwest::{Client, Response, redirect};

use crate::causes::causes;
use crate::limits::{TEAMS_CALL, TEAMS_CONNECT};

/// A client. Whoever answers with a redirect is not followed: the token would go along.
///
/// # Errors
/// A sentence, when the certificates of this machine cannot be used.
pub(super) fn client() -> Result<Client, String> {
    Client::builder()
        .redirect(redirect::Policy::none())
        .connect_timeout(TEAMS_CONNECT)
        .timeout(TEAMS_CALL)
        .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| format!("cannot set up HTTPS: {error}"))
}

/// Why there is no answer to read.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    /// The network, or the other side.
    #[error("{}", causes(.0))]
    Http(#[from] reqwest::Error),
    /// More than an answer may have.
    #[error("expected at most {0} bytes, and there are more")]
    Large(usize),
}

/// The body of an answer, up to so many bytes.
pub(super) async fn body(mut answer: Response, max: usize) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    while let Some(part) = answer.chunk().await? {
        if body.len().saturating_add(part.len()) > max {
            return Err(FetchError::Large(max));
        }
        body.extend_from_slice(&part);
    }
    Ok(body)
}

//! Why something did not happen, in words for whoever asked for it.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use countersign_client::CallError;
use countersign_proto::reason::{Class, Reason};
use maud::html;

use super::page;
use crate::bot::shelf::RulesError;
use crate::limits::WEB_FORM;
use crate::say::{UNSURE, refused};

/// Why a page is not what was asked for.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The ledger refused, or did not answer.
    Call(Box<CallError>),
    /// This policy cannot be read.
    Policy(u64),
    /// There is no such case, or it is somebody else's business.
    Unknown,
    /// The form is not of this session.
    Forged,
    /// The form cannot be read.
    Form,
    /// The form is longer than any of ours.
    Large,
    /// The ledger does not answer, and was only asked.
    Silent,
    /// The ledger did not answer to a command.
    Unsure,
    /// The certificate was revoked.
    Revoked,
    /// The operating system gave no randomness.
    Random,
}

impl From<CallError> for Trouble {
    fn from(error: CallError) -> Self {
        if error.reason() == Some(Reason::IdUnknown) {
            return Self::Unknown;
        }
        if let CallError::NoAnswer { last, .. } = &error {
            tracing::debug!(last, "the ledger does not answer");
            return Self::Silent;
        }
        Self::Call(Box::new(error))
    }
}

impl From<RulesError> for Trouble {
    fn from(error: RulesError) -> Self {
        match error {
            RulesError::Call(error) => Self::from(*error),
            RulesError::Unreadable { index, .. } => {
                tracing::error!(%error, "the policy cannot be read");
                Self::Policy(index)
            }
        }
    }
}

impl Trouble {
    fn words(&self) -> (StatusCode, &'static str, String) {
        match self {
            Self::Call(error) => (status(error), "That did not work", refused(error)),
            Self::Policy(index) => (
                StatusCode::BAD_GATEWAY,
                "The policy cannot be read",
                format!(
                    "Policy {index} of the ledger is not one that this inbox understands. The \
                     operator of the inbox finds the reason in its log messages."
                ),
            ),
            Self::Unknown => (
                StatusCode::NOT_FOUND,
                "There is no such case",
                "Either nothing has this number, or the case is none of yours.".to_owned(),
            ),
            Self::Forged => (
                StatusCode::FORBIDDEN,
                "Nothing was done",
                "The form was not made for this session. You may have signed in again since it \
                 was shown; go back, reload the page, and send it once more."
                    .to_owned(),
            ),
            Self::Form => (
                StatusCode::BAD_REQUEST,
                "Nothing was done",
                "The form cannot be read. Go back, reload the page, and send it once more."
                    .to_owned(),
            ),
            Self::Large => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "Nothing was done",
                format!(
                    "The form is longer than the {} KiB that the inbox takes. Go back, shorten \
                     what you have written, and send it once more.",
                    WEB_FORM / 1024
                ),
            ),
            Self::Silent => (
                StatusCode::GATEWAY_TIMEOUT,
                "The ledger does not answer",
                "This page cannot be shown without it. Try again in a moment.".to_owned(),
            ),
            Self::Unsure => (
                StatusCode::GATEWAY_TIMEOUT,
                "The ledger does not answer",
                UNSURE.to_owned(),
            ),
            Self::Revoked => (
                StatusCode::FORBIDDEN,
                "You are signed out",
                "Your certificate was revoked. An administrator of the ledger can issue a new one."
                    .to_owned(),
            ),
            Self::Random => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "That did not work",
                "The machine of the inbox is in trouble. Try again later.".to_owned(),
            ),
        }
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        if let Self::Call(error) = &self {
            tracing::debug!(%error, "a call for a page failed");
        }
        let (status, title, text) = self.words();
        let body = html! {
            h1 { (title) }
            p role="alert" { (text) }
            p { a href="/" { "Back to the inbox" } }
        };
        (status, page::plain(title, &body)).into_response()
    }
}

/// The status of an answer that tells of this.
pub(super) fn status(error: &CallError) -> StatusCode {
    if error.reason() == Some(Reason::AuditNotAllowed) {
        return StatusCode::FORBIDDEN;
    }
    match error.reason().map(Reason::class) {
        Some(Class::Caller) => StatusCode::CONFLICT,
        Some(Class::Retry) => StatusCode::SERVICE_UNAVAILABLE,
        Some(Class::Fatal) | None => StatusCode::BAD_GATEWAY,
    }
}

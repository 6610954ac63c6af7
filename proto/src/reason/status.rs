//! Statuses that carry a reason, and the reason out of a status.

use std::collections::HashMap;

use tonic::Status;
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::reason::{DOMAIN, Reason};

/// Metadata key of the hint.
const HINT: &str = "hint";

/// Longest text in a status, in bytes. A status travels in HTTP trailers, the message in percent
/// encoding and the details in base64; some gRPC peers refuse trailers above 8 KiB.
const MAX_TEXT: usize = 512;

/// A refusal: the message says what was expected and what came, the hint what to do.
///
/// Texts above 512 bytes are cut.
#[must_use]
pub fn refusal(reason: Reason, message: impl Into<String>, hint: &str) -> Status {
    with_metadata(reason, message, hint, &[])
}

/// A refusal because of one field of the request, which a `BadRequest` names by its path.
#[must_use]
pub fn field_violation(
    reason: Reason,
    field: &str,
    description: impl Into<String>,
    hint: &str,
) -> Status {
    let description = cut(description.into());
    let mut details = details(reason, hint, &[]);
    details.add_bad_request_violation(cut(field.to_owned()), description.clone());
    Status::with_error_details(reason.code(), description, details)
}

/// A refusal with facts for programs in the metadata of its `ErrorInfo`, for example the size of
/// the log. Keys are lower-case words.
#[must_use]
pub fn with_metadata(
    reason: Reason,
    message: impl Into<String>,
    hint: &str,
    facts: &[(&str, &str)],
) -> Status {
    let details = details(reason, hint, facts);
    Status::with_error_details(reason.code(), cut(message.into()), details)
}

/// The reason that a status carries; `None` when it comes from elsewhere, for example from the
/// transport or from a newer ledger.
#[must_use]
pub fn reason_of(status: &Status) -> Option<Reason> {
    let info = status.get_details_error_info()?;
    if info.domain == DOMAIN {
        Reason::parse(&info.reason)
    } else {
        None
    }
}

/// What a status tells the caller to do.
#[must_use]
pub fn hint_of(status: &Status) -> Option<String> {
    let mut info = status.get_details_error_info()?;
    if info.domain == DOMAIN {
        info.metadata.remove(HINT)
    } else {
        None
    }
}

fn details(reason: Reason, hint: &str, facts: &[(&str, &str)]) -> ErrorDetails {
    let mut metadata: HashMap<String, String> = facts
        .iter()
        .map(|(key, value)| ((*key).to_owned(), cut((*value).to_owned())))
        .collect();
    metadata.insert(HINT.to_owned(), cut(hint.to_owned()));
    ErrorDetails::with_error_info(reason.as_str(), DOMAIN, metadata)
}

fn cut(mut text: String) -> String {
    const MARK: &str = "…";
    if text.len() > MAX_TEXT {
        text.truncate(text.floor_char_boundary(MAX_TEXT - MARK.len()));
        text.push_str(MARK);
    }
    text
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    /// What a caller gets: a status goes through HTTP headers.
    fn sent(status: &Status) -> Status {
        let response = status.clone().into_http::<()>();
        Status::from_header_map(response.headers()).expect("the headers hold a status")
    }

    #[test]
    fn a_refusal_carries_reason_and_hint() {
        for reason in Reason::ALL {
            let status = sent(&refusal(*reason, "expected 1, got „2“", "send 1"));
            assert_eq!(status.code(), reason.code());
            assert_eq!(status.message(), "expected 1, got „2“");
            assert_eq!(reason_of(&status), Some(*reason));
            assert_eq!(hint_of(&status).as_deref(), Some("send 1"));
        }
    }

    #[test]
    fn a_violation_names_its_field() {
        let reason = Reason::PageSizeInvalid;
        let status = sent(&field_violation(
            reason,
            "page_size",
            "expected 1, got 2",
            "ask less",
        ));
        assert_eq!(reason_of(&status), Some(reason));
        assert_eq!(hint_of(&status).as_deref(), Some("ask less"));
        let bad_request = status.get_details_bad_request().unwrap();
        let [violation] = &bad_request.field_violations[..] else {
            panic!("expected one violation, got {bad_request:?}");
        };
        assert_eq!(violation.field, "page_size");
        assert_eq!(violation.description, "expected 1, got 2");
    }

    #[test]
    fn facts_stand_beside_the_hint() {
        let facts = [("size", "7")];
        let status = sent(&with_metadata(
            Reason::SizeOutOfRange,
            "message",
            "hint",
            &facts,
        ));
        let info = status.get_details_error_info().unwrap();
        assert_eq!(info.metadata.get("size").map(String::as_str), Some("7"));
        assert_eq!(hint_of(&status).as_deref(), Some("hint"));
    }

    #[test]
    fn statuses_from_elsewhere_have_no_reason() {
        let metadata = HashMap::from([(HINT.to_owned(), "not ours".to_owned())]);
        let details = ErrorDetails::with_error_info("QUEUE_FULL", "example.com", metadata.clone());
        let other = Status::with_error_details(Code::Unavailable, "full", details);
        assert_eq!((reason_of(&other), hint_of(&other)), (None, None));
        let plain = Status::unavailable("full");
        assert_eq!((reason_of(&plain), hint_of(&plain)), (None, None));
        let details = ErrorDetails::with_error_info("FROM_THE_FUTURE", DOMAIN, metadata);
        let newer = Status::with_error_details(Code::Internal, "message", details);
        assert_eq!(reason_of(&newer), None);
        assert_eq!(hint_of(&newer).as_deref(), Some("not ours"));
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        let long = "ä".repeat(5_000);
        let status = sent(&field_violation(
            Reason::ActorInvalid,
            &long,
            long.as_str(),
            &long,
        ));
        let message = status.message();
        assert!(
            message.len() <= MAX_TEXT && message.ends_with("ä…"),
            "{}",
            message.len()
        );
        assert_eq!(hint_of(&status).map(|hint| hint.len()), Some(message.len()));
        let trailer: usize = status
            .clone()
            .into_http::<()>()
            .headers()
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum();
        assert!(trailer < 8_192, "{trailer}");
    }

    #[test]
    fn short_texts_are_kept() {
        let text = "x".repeat(MAX_TEXT);
        assert_eq!(cut(text.clone()), text);
    }
}

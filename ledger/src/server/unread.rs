//! Requests that tonic could not read: it answers them itself, without a reason, so the answer is
//! made anew.

use std::pin::Pin;
use std::task::{Context, Poll};

use countersign_proto::reason::{Reason, refusal};
use http::{Request, Response};
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::{Code, Status};
use tower::Service;

use crate::limits::MAX_REQUEST_BYTES;

/// How tonic's message about a large request starts (tonic 0.14, `codec/decode.rs`); a test asks a
/// real server.
const TOO_LARGE: &str = "Error, decoded message length too large";

/// How tonic's messages about other requests start: bytes that are no such message, a stream that
/// ends inside one, none at all, and compression that was not agreed on (tonic 0.14,
/// `codec/decode.rs`, `codec/compression.rs`, `server/grpc.rs`; tonic-prost 0.14, `codec.rs`).
const UNREADABLE: [(Code, &str); 5] = [
    (Code::Internal, "failed to decode Protobuf message"),
    (Code::Internal, "Unexpected EOF decoding stream"),
    (Code::Internal, "Missing request message"),
    (Code::Internal, "protocol error: received message with"),
    (Code::Unimplemented, "Content is compressed with"),
];

/// The refusal in place of tonic's, when that is what the status says.
pub(super) fn explain(status: Status) -> Status {
    // What a handler refused has its details.
    if !status.details().is_empty() {
        return status;
    }
    if status.code() == Code::OutOfRange && status.message().starts_with(TOO_LARGE) {
        return refusal(
            Reason::MessageTooLarge,
            format!("expected a request of at most {MAX_REQUEST_BYTES} bytes, got a larger one"),
            "send smaller requests: fewer or smaller drafts",
        );
    }
    let unreadable = UNREADABLE
        .iter()
        .any(|(code, text)| status.code() == *code && status.message().starts_with(text));
    if unreadable {
        return refusal(
            Reason::PayloadMalformed,
            format!("the request cannot be read: {}", status.message()),
            "send the message that the .proto file describes, uncompressed; reflection gives it",
        );
    }
    status
}

/// A service whose refusals of requests that cannot be read carry their reason.
#[derive(Debug, Clone)]
pub(super) struct Unread<S>(pub(super) S);

impl<S: NamedService> NamedService for Unread<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<Request<Body>> for Unread<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answer = self.0.call(request);
        Box::pin(async move {
            let response = answer.await?;
            // tonic leaves the status of an answer without a body in its extensions.
            let refused = response.extensions().get::<Status>().cloned();
            Ok(match refused {
                Some(status) if status.details().is_empty() => explain(status).into_http(),
                _ => response,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use countersign_proto::reason::reason_of;

    use super::*;

    #[test]
    fn only_tonics_refusals_are_replaced() {
        let large = Status::out_of_range(format!("{TOO_LARGE}: found 9 bytes"));
        assert_eq!(reason_of(&explain(large)), Some(Reason::MessageTooLarge));
        for (code, text) in UNREADABLE {
            let status = Status::new(code, format!("{text} and so on"));
            assert_eq!(reason_of(&explain(status)), Some(Reason::PayloadMalformed));
        }
        let ours = refusal(Reason::IndexOutOfRange, "expected 1, got 2", "ask for 1");
        assert_eq!(reason_of(&explain(ours)), Some(Reason::IndexOutOfRange));
        assert_eq!(explain(Status::internal(TOO_LARGE)).code(), Code::Internal);
        assert_eq!(explain(Status::internal("a bug")).message(), "a bug");
    }
}

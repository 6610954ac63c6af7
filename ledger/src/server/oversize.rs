//! Requests above the limit: tonic answers them itself, without a reason, so the answer is made anew.

use std::pin::Pin;
use std::task::{Context, Poll};

use countersign_proto::reason::{Reason, refusal};
use http::{Request, Response};
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::{Code, Status};
use tower::Service;

use crate::limits::MAX_REQUEST_BYTES;

/// How tonic's message starts (tonic 0.14, `codec/decode.rs`); a test asks a real server.
const TONIC_SAYS: &str = "Error, decoded message length too large";

/// The refusal in place of tonic's, when that is what the status says.
pub(super) fn explain(status: Status) -> Status {
    if status.code() != Code::OutOfRange || !status.message().starts_with(TONIC_SAYS) {
        return status;
    }
    refusal(
        Reason::MessageTooLarge,
        format!("expected a request of at most {MAX_REQUEST_BYTES} bytes, got a larger one"),
        "send smaller requests: fewer or smaller drafts",
    )
}

/// A service whose refusals of large requests carry their reason.
#[derive(Debug, Clone)]
pub(super) struct Oversize<S>(pub(super) S);

impl<S: NamedService> NamedService for Oversize<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<Request<Body>> for Oversize<S>
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
                Some(status) if status.code() == Code::OutOfRange => explain(status).into_http(),
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
    fn only_tonics_refusal_is_replaced() {
        let large = Status::out_of_range(format!("{TONIC_SAYS}: found 9 bytes"));
        assert_eq!(reason_of(&explain(large)), Some(Reason::MessageTooLarge));
        let ours = refusal(Reason::IndexOutOfRange, "expected 1, got 2", "ask for 1");
        assert_eq!(reason_of(&explain(ours)), Some(Reason::IndexOutOfRange));
        assert_eq!(explain(Status::internal(TONIC_SAYS)).code(), Code::Internal);
    }
}

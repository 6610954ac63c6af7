//! Counting and timing calls by method and status code.
//!
//! A call is counted once, when its last byte is out: the code of a stream is known only from its
//! trailers. A call whose client went away before that counts as `CANCELLED`.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::{Frame, SizeHint};
use tokio::time::Instant;
use tonic::body::Body;
use tonic::{Code, Status};

use crate::identity::role::Method;
use crate::server::guard::room::Hold;

/// Header and trailer of a status code.
const GRPC_STATUS: &str = "grpc-status";

/// One call under way. Dropping it counts the call.
#[derive(Debug)]
pub(super) struct Meter {
    method: &'static str,
    started: Instant,
    code: Code,
}

impl Meter {
    /// Starts the clock. Paths that are no method share one label, so that nobody can fill the
    /// memory with labels.
    pub(super) fn start(method: Option<&'static Method>) -> Self {
        Self {
            method: method.map_or("unknown", |method| method.path),
            started: Instant::now(),
            code: Code::Cancelled,
        }
    }

    /// Goes along with the response until its end, and what the call uses with it.
    pub(super) fn watch(mut self, response: Response<Body>, hold: Option<Hold>) -> Response<Body> {
        match code_of(response.headers()) {
            // The response is its headers only; `self` counts it here.
            Some(code) => {
                self.code = code;
                response
            }
            None => response.map(|inner| {
                Body::new(Metered {
                    inner,
                    meter: self,
                    _hold: hold,
                })
            }),
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        let code = name(self.code);
        metrics::counter!("countersign_rpc_total", "method" => self.method, "code" => code)
            .increment(1);
        metrics::histogram!("countersign_rpc_seconds", "method" => self.method, "code" => code)
            .record(self.started.elapsed());
    }
}

/// A response body whose trailers are read in passing.
struct Metered {
    inner: Body,
    meter: Meter,
    _hold: Option<Hold>,
}

impl http_body::Body for Metered {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(code) = frame.trailers_ref().and_then(code_of) {
                    self.meter.code = code;
                }
            }
            Some(Err(status)) => self.meter.code = status.code(),
            None => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

pub(super) fn code_of(headers: &HeaderMap) -> Option<Code> {
    headers
        .get(GRPC_STATUS)
        .map(|value| Code::from_bytes(value.as_bytes()))
}

/// Names as gRPC writes them.
const fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

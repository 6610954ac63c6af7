//! How many calls a client has under way, and how large they are.
//!
//! A call counts from its head until the last byte of its answer is taken: whoever does not read
//! answers cannot pile them up. Its request counts by the bytes that have come, not by those that
//! it announces, and by what its fields become in memory.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Request;
use http_body::{Frame, SizeHint};
use parking_lot::Mutex;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tonic::Status;
use tonic::body::Body;

use crate::identity::role::Method;
use crate::limits::{
    FIELD_BYTES, MAX_CALLS, MAX_CALLS_EACH, MAX_PAGES, MAX_PAGES_EACH, REQUEST_BYTES,
    REQUEST_BYTES_EACH,
};
use crate::server::guard::fields::Fields;
use crate::server::refuse;
use crate::server::seats::{Seat, Seats};

/// Their answers are the large ones.
const LISTS: [&str; 3] = [
    "/countersign.v1.LogService/ListEntries",
    "/countersign.v1.AdminService/ListCertificates",
    "/countersign.v1.AccessService/ListCases",
];
/// Lives for long; what it holds is bounded by its window and its chunks.
const STREAM: &str = "/countersign.v1.LogService/AppendStream";
/// Is never finished: its client goes on from its cursor elsewhere.
const ENDLESS: &str = "/countersign.v1.LogService/Follow";

/// Bounds on calls.
#[derive(Debug)]
pub(super) struct Room {
    calls: Seats,
    pages: Seats,
    bytes: Seats,
    under_way: TaskTracker,
}

/// What a call uses, until it is dropped.
#[derive(Debug)]
pub(super) struct Hold {
    _call: Seat,
    _page: Option<Seat>,
    bytes: Option<Arc<Mutex<Seat>>>,
    _under_way: Option<TaskTrackerToken>,
}

impl Room {
    /// Room for calls, of which those that are finished one day are counted as under way.
    pub(super) fn new(under_way: TaskTracker) -> Self {
        let calls = ("calls", "countersign_calls");
        let pages = ("pages of lists", "countersign_pages");
        let bytes = ("bytes of requests", "countersign_request_bytes");
        Self {
            calls: Seats::new(calls, MAX_CALLS, MAX_CALLS_EACH),
            pages: Seats::new(pages, MAX_PAGES, MAX_PAGES_EACH),
            bytes: Seats::new(bytes, REQUEST_BYTES, REQUEST_BYTES_EACH),
            under_way,
        }
    }

    /// Lets a call in, or says why there is no room for it.
    pub(super) fn take(&self, client: &str, method: &Method) -> Result<Hold, Status> {
        let busy = |error| refuse::busy(&error);
        let call = self.calls.take(client).map_err(busy)?;
        let page = LISTS
            .contains(&method.path)
            .then(|| self.pages.take(client));
        let bytes = (method.path != STREAM).then(|| self.bytes.none(client));
        Ok(Hold {
            _call: call,
            _page: page.transpose().map_err(busy)?,
            bytes: bytes.map(|seat| Arc::new(Mutex::new(seat))),
            _under_way: (method.path != ENDLESS).then(|| self.under_way.token()),
        })
    }
}

impl Hold {
    /// Counts the bytes of a request as they come.
    pub(super) fn count(&self, request: Request<Body>) -> Request<Body> {
        match &self.bytes {
            None => request,
            Some(bytes) => {
                let bytes = Arc::clone(bytes);
                request.map(|inner| {
                    let fields = Fields::default();
                    Body::new(Counted {
                        inner,
                        fields,
                        bytes,
                    })
                })
            }
        }
    }
}

/// A request body that ends with a refusal when there is no room for more of it.
struct Counted {
    inner: Body,
    fields: Fields,
    bytes: Arc<Mutex<Seat>>,
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        let data = match &frame {
            Some(Ok(frame)) => frame.data_ref().map_or(&[][..], |data| data),
            Some(Err(_)) | None => &[],
        };
        let decoded = self.fields.count(data).saturating_mul(FIELD_BYTES);
        let room = self.bytes.lock().more(data.len().saturating_add(decoded));
        Poll::Ready(match room {
            Ok(()) => frame,
            Err(error) => Some(Err(refuse::busy(&error))),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use countersign_proto::reason::{Reason, reason_of};
    use http_body::Body as _;

    use super::*;
    use crate::identity::role;

    fn method(path: &str) -> &'static Method {
        role::method(path).expect("it is in the table")
    }

    #[test]
    fn calls_and_pages_are_counted_until_they_end() {
        let room = Room::new(TaskTracker::new());
        assert!(room.take("agent:a", method(STREAM)).is_ok());
        let take = || room.take("agent:a", method(LISTS[0]));
        let pages: Vec<Hold> = (0..MAX_PAGES_EACH).filter_map(|_| take().ok()).collect();
        assert_eq!(pages.len(), MAX_PAGES_EACH);
        let refused = take().expect_err("its pages are taken");
        assert_eq!(reason_of(&refused), Some(Reason::TooManyCalls));
        let other = room.take("agent:b", method(LISTS[1]));
        assert!(other.is_ok(), "another's are not");
        drop(pages);
        assert!(take().is_ok());
    }

    #[test]
    fn bytes_are_counted_as_they_come() {
        let room = Room::new(TaskTracker::new());
        let append = method("/countersign.v1.LogService/Append");
        let send = |bytes: usize| {
            let hold = room.take("agent:a", append).expect("room");
            // A field of more bytes than there are.
            let mut part = vec![0, 0, 0, 0, 9, 0x0a, 0xff, 0xff, 0xff, 0x7f];
            part.resize(bytes, 0);
            let body = Body::new(One(Some(Bytes::from(part))));
            let mut request = hold.count(Request::new(body));
            let mut context = Context::from_waker(std::task::Waker::noop());
            let polled = Pin::new(request.body_mut()).poll_frame(&mut context);
            (hold, polled)
        };
        let (hold, polled) = send(REQUEST_BYTES_EACH - FIELD_BYTES);
        assert!(matches!(polled, Poll::Ready(Some(Ok(_)))));
        let (_second, polled) = send(1);
        let Poll::Ready(Some(Err(refused))) = polled else {
            unreachable!("there is no room");
        };
        assert_eq!(reason_of(&refused), Some(Reason::TooManyCalls));
        drop(hold);
        assert!(matches!(send(1).1, Poll::Ready(Some(Ok(_)))));
    }

    /// A body of one frame.
    struct One(Option<Bytes>);

    impl http_body::Body for One {
        type Data = Bytes;
        type Error = Status;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
            Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
        }
    }
}

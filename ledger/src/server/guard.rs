//! The layer around every call: who calls, whether they may, and until when.
//!
//! In this order: the connection has a peer, whose certificate names a client of this ledger, is
//! not over, and is not revoked; the method is in the table of roles, and the role may call it; a
//! unary call carries a deadline of at most one hour; the caller has not too much under way. A
//! refusal is a gRPC status with its reason.
//! What passes finds an `Arc<Peer>` in the extensions of its request, and is ended with
//! `DEADLINE_EXCEEDED` when its deadline is over and no answer has begun. Every call is counted and
//! timed. A call for which there is no room hears so after a pause.

mod deadline;
mod fields;
mod meter;
mod room;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use countersign_proto::reason::{Reason, reason_of, refusal};
use http::{HeaderMap, Request, Response};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::TaskTracker;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};
use tracing::Instrument as _;

use crate::identity::clock::UnixClock;
use crate::identity::peer::{Peer, PeerError};
use crate::identity::registry::Registry;
use crate::identity::role::{self, Method};
use crate::limits::{MAX_METADATA_BYTES, PAUSED_REFUSALS, REFUSAL_PAUSE};
use crate::server::guard::meter::Meter;
use crate::server::guard::room::{Hold, Room};
use crate::server::listener::ConnectionInfo;
use crate::server::{Standing, refuse, throttle};

/// Puts the guard around a server: `Server::builder().layer(guard)`.
#[derive(Debug, Clone)]
pub struct GuardLayer {
    rules: Arc<Rules>,
}

impl GuardLayer {
    /// A guard that knows what was revoked and what time it is. It counts the calls under way that
    /// are finished one day: a Follow is not.
    #[must_use]
    pub fn new(registry: Arc<Registry>, clock: UnixClock, under_way: TaskTracker) -> Self {
        Self {
            rules: Arc::new(Rules {
                standing: Standing::new(registry, clock),
                room: Room::new(under_way),
                pauses: Semaphore::new(PAUSED_REFUSALS),
            }),
        }
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        Guard {
            inner,
            rules: Arc::clone(&self.rules),
        }
    }
}

/// A service behind the guard.
#[derive(Debug, Clone)]
pub struct Guard<S> {
    inner: S,
    rules: Arc<Rules>,
}

#[derive(Debug)]
struct Rules {
    standing: Standing,
    room: Room,
    /// Refusals that are held back.
    pauses: Semaphore,
}

/// A call that passed.
struct Admitted {
    peer: Arc<Peer>,
    hold: Hold,
    deadline: Option<Instant>,
}

impl Rules {
    fn admit<B>(
        &self,
        request: &Request<B>,
        method: Option<&'static Method>,
    ) -> Result<Admitted, Status> {
        let peer = self.identify(request)?;
        check_size(request.headers())?;
        let path = request.uri().path();
        let Some(method) = method else {
            return Err(refusal(
                Reason::MethodUnknown,
                format!("no method {path:?}"),
                "check the spelling, and whether the ledger is older than the client",
            ));
        };
        if !method.roles.contains(&peer.role) {
            return Err(refusal(
                Reason::RoleNotAllowed,
                format!("role {} may not call {path}", peer.role),
                "use a certificate of a role that may; docs/roles.md lists them",
            ));
        }
        let wait = deadline::of(request.headers(), method.deadline)?;
        let deadline = wait.and_then(|wait| Instant::now().checked_add(wait));
        let hold = self.room.take(peer.principal.as_str(), method)?;
        Ok(Admitted {
            peer,
            hold,
            deadline,
        })
    }

    /// Holds a refusal back for a moment, for whoever asks again at once; not beyond the deadline,
    /// and not when many are held back already.
    async fn pause(&self, deadline: Option<Instant>) {
        let Ok(_place) = self.pauses.try_acquire() else {
            return;
        };
        let until = Instant::now() + REFUSAL_PAUSE;
        sleep_until(deadline.map_or(until, |deadline| deadline.min(until))).await;
    }

    fn identify<B>(&self, request: &Request<B>) -> Result<Arc<Peer>, Status> {
        let missing = Err(PeerError::Missing);
        let found = request.extensions().get::<ConnectionInfo>();
        if let Some(full) = found.and_then(|info| info.crowded.as_ref()) {
            return Err(refuse::crowded(full));
        }
        let peer = match found.map_or(missing, |info| info.peer.clone()) {
            Ok(peer) => peer,
            Err(error @ PeerError::Missing) => {
                return Err(refusal(
                    Reason::IdentityMissing,
                    error.to_string(),
                    "connect over TLS with a certificate from `countersign ca issue`",
                ));
            }
            Err(error) => {
                return Err(refusal(
                    Reason::IdentityInvalid,
                    error.to_string(),
                    "use a certificate that this ledger's CA issued for a client",
                ));
            }
        };
        self.standing.check(&peer)?;
        Ok(peer)
    }
}

/// Refuses a call whose header fields are too large, which HTTP/2 has read all the same.
fn check_size(headers: &HeaderMap) -> Result<(), Status> {
    let fields = headers.iter();
    let bytes: usize = fields
        .map(|(name, value)| name.as_str().len() + value.len() + 32)
        .sum();
    if bytes > MAX_METADATA_BYTES {
        return Err(refusal(
            Reason::MetadataTooLarge,
            format!("expected at most {MAX_METADATA_BYTES} bytes of header fields, got {bytes}"),
            "send less metadata; a call needs none but grpc-timeout",
        ));
    }
    Ok(())
}

type Outcome<E> = Pin<Box<dyn Future<Output = Result<Response<Body>, E>> + Send>>;

impl<S> Service<Request<Body>> for Guard<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Outcome<S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Outcome<S::Error> {
        let method = role::method(request.uri().path());
        let meter = Meter::start(method);
        match self.rules.admit(&request, method) {
            Ok(Admitted {
                peer,
                hold,
                deadline,
            }) => {
                let path = method.map_or("", |method| method.path);
                let span = tracing::info_span!("rpc", method = path, principal = %peer.principal);
                request.extensions_mut().insert(peer);
                // The clone is not known to be ready; the service that was polled is.
                let clone = self.inner.clone();
                let mut ready = std::mem::replace(&mut self.inner, clone);
                let answer = until(deadline, ready.call(hold.count(request)));
                let rules = Arc::clone(&self.rules);
                let metered = async move {
                    let response = answer.await?;
                    if has_no_room(&response) {
                        drop(hold);
                        rules.pause(deadline).await;
                        return Ok(meter.watch(response, None));
                    }
                    Ok(meter.watch(response, Some(hold)))
                };
                Box::pin(metered.instrument(span))
            }
            Err(status) => {
                tell(&request, &status);
                let response = status.into_http();
                let rules = Arc::clone(&self.rules);
                Box::pin(async move {
                    if has_no_room(&response) {
                        rules.pause(None).await;
                    }
                    Ok(meter.watch(response, None))
                })
            }
        }
    }
}

/// Leaves word of a refused call in the log of the server.
fn tell(request: &Request<Body>, status: &Status) {
    let Some(unsaid) = throttle::may_tell() else {
        return;
    };
    let info = request.extensions().get::<ConnectionInfo>();
    let peer = info.and_then(|info| info.peer.as_ref().ok());
    tracing::info!(
        path = request.uri().path(),
        principal = peer.map_or("", |peer| peer.principal.as_str()),
        address = info.map(|info| info.address.to_string()),
        reason = reason_of(status).map(|reason| reason.to_string()),
        code = ?status.code(),
        error = status.message(),
        unsaid,
        "call refused",
    );
}

/// Whether a call was refused because there is too little of something.
fn has_no_room(response: &Response<Body>) -> bool {
    meter::code_of(response.headers()) == Some(Code::ResourceExhausted)
}

/// Waits for the handler until its deadline is over. Its future is dropped then.
async fn until<E>(
    deadline: Option<Instant>,
    answer: impl Future<Output = Result<Response<Body>, E>>,
) -> Result<Response<Body>, E> {
    let Some(deadline) = deadline else {
        return answer.await;
    };
    tokio::time::timeout_at(deadline, answer)
        .await
        .unwrap_or_else(|_elapsed| {
            let message = "the deadline of the call is over; what it asked for may still happen";
            Ok(Status::deadline_exceeded(message).into_http())
        })
}

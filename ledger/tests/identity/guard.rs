//! The guard around calls: as a layer, call by call, and around a real gRPC server.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use countersign_chain::principal::Principal;
use countersign_ledger::identity::clock::UnixClock;
use countersign_ledger::identity::peer::{Peer, PeerError};
use countersign_ledger::identity::registry::Registry;
use countersign_ledger::identity::role::{Deadline, METHODS, Role};
use countersign_ledger::server::guard::GuardLayer;
use countersign_ledger::server::listener::ConnectionInfo;
use countersign_proto::reason::{Reason, hint_of, reason_of};
use countersign_proto::v1::{CertificateIssued, CertificateRevoked};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Body as _, Frame};
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio_util::task::TaskTracker;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer as _, Service, ServiceExt as _, service_fn};

use crate::world::{NOW, in_time};

const APPEND: &str = "/countersign.v1.LogService/Append";
const FOLLOW: &str = "/countersign.v1.LogService/Follow";

/// A guard, and what it goes by.
struct Gate {
    layer: GuardLayer,
    registry: Arc<Registry>,
    now: Arc<AtomicU64>,
}

impl Gate {
    fn new() -> Self {
        let registry = Arc::new(Registry::new());
        let now = Arc::new(AtomicU64::new(NOW));
        let clock = Arc::clone(&now);
        let clock = UnixClock::new(move || clock.load(Ordering::Relaxed));
        Self {
            layer: GuardLayer::new(Arc::clone(&registry), clock, TaskTracker::new()),
            registry,
            now,
        }
    }

    /// The status that a call gets, and whether it reached the service behind the guard.
    async fn call(&self, request: Request<Body>) -> (Status, bool) {
        let reached = Arc::new(AtomicBool::new(false));
        let mark = Arc::clone(&reached);
        let service = service_fn(move |request: Request<Body>| {
            mark.store(
                request.extensions().get::<Arc<Peer>>().is_some(),
                Ordering::Relaxed,
            );
            std::future::ready(Ok::<_, Infallible>(Status::ok("").into_http()))
        });
        let response = self.send(service, request).await;
        let status = Status::from_header_map(response.headers()).expect("a status");
        (status, reached.load(Ordering::Relaxed))
    }

    async fn send<S>(&self, service: S, request: Request<Body>) -> Response<Body>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
        S: Clone + Send + 'static,
        S::Future: Send + 'static,
    {
        let Ok(response) = in_time(self.layer.layer(service).oneshot(request)).await;
        response
    }

    async fn refused(&self, request: Request<Body>) -> (Code, Reason) {
        let (status, reached) = self.call(request).await;
        assert!(!reached, "a refused call reached the service");
        assert!(
            hint_of(&status).is_some_and(|hint| !hint.is_empty()),
            "{status:?}"
        );
        (
            status.code(),
            reason_of(&status).expect("a refusal has a reason"),
        )
    }
}

fn peer(role: Role) -> Arc<Peer> {
    Arc::new(Peer {
        principal: Principal::parse(&format!("{role}:a")).expect("a principal"),
        role,
        serial: "aa".into(),
        not_after: NOW + 60,
    })
}

fn request(path: &str, peer: Result<Arc<Peer>, PeerError>, timeout: Option<&str>) -> Request<Body> {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = path.parse().expect("a path");
    let address = "127.0.0.1:1".parse().expect("an address");
    request
        .extensions_mut()
        .insert(ConnectionInfo::new(peer, address));
    if let Some(timeout) = timeout {
        let value = HeaderValue::from_str(timeout).expect("a header value");
        request.headers_mut().insert("grpc-timeout", value);
    }
    request
}

#[tokio::test]
async fn every_role_may_call_what_the_table_says() {
    let gate = Gate::new();
    for method in METHODS {
        for role in Role::ALL {
            let call = request(method.path, Ok(peer(role)), Some("1S"));
            if method.roles.contains(&role) {
                let (status, reached) = gate.call(call).await;
                assert_eq!(status.code(), Code::Ok, "{role} {}", method.path);
                assert!(reached, "{role} {}", method.path);
            } else {
                let expected = (Code::PermissionDenied, Reason::RoleNotAllowed);
                assert_eq!(gate.refused(call).await, expected, "{role} {}", method.path);
            }
        }
    }
}

#[tokio::test]
async fn nobody_calls_anything_without_an_identity() {
    let gate = Gate::new();
    let expired = Arc::new(Peer {
        not_after: NOW - 1,
        ..(*peer(Role::Admin)).clone()
    });
    let revoked = Arc::new(Peer {
        serial: "bb".into(),
        ..(*peer(Role::Admin)).clone()
    });
    let event = CertificateRevoked {
        serial: "bb".into(),
        ..CertificateRevoked::default()
    };
    gate.registry.apply_revoked(7, &event);
    let paths = METHODS
        .iter()
        .map(|method| method.path)
        .chain(["/x.Y/Z", "/"]);
    for path in paths {
        let cases = [
            (Err(PeerError::Missing), Reason::IdentityMissing),
            (Err(PeerError::UriCount(2)), Reason::IdentityInvalid),
            (Ok(Arc::clone(&expired)), Reason::CertificateExpired),
            (Ok(Arc::clone(&revoked)), Reason::CertificateRevoked),
        ];
        for (peer, reason) in cases {
            let refused = gate.refused(request(path, peer, Some("1S"))).await;
            assert_eq!(refused, (Code::Unauthenticated, reason), "{path}");
        }
        // A server without our listener gives no information at all.
        let mut bare = request(path, Err(PeerError::Missing), Some("1S"));
        bare.extensions_mut().clear();
        let refused = gate.refused(bare).await;
        assert_eq!(
            refused,
            (Code::Unauthenticated, Reason::IdentityMissing),
            "{path}"
        );
    }
}

#[tokio::test]
async fn expiry_and_revocation_take_effect_with_the_next_call() {
    let gate = Gate::new();
    let call = || request(APPEND, Ok(peer(Role::Agent)), Some("1S"));
    gate.now.store(NOW + 60, Ordering::Relaxed);
    assert_eq!(gate.call(call()).await.0.code(), Code::Ok);
    gate.now.store(NOW + 61, Ordering::Relaxed);
    assert_eq!(gate.refused(call()).await.1, Reason::CertificateExpired);
    gate.now.store(NOW, Ordering::Relaxed);
    let issued = CertificateIssued {
        serial: "aa".into(),
        ..CertificateIssued::default()
    };
    gate.registry.apply_issued(3, &issued);
    assert_eq!(gate.call(call()).await.0.code(), Code::Ok);
    let event = CertificateRevoked {
        serial: "aa".into(),
        ..CertificateRevoked::default()
    };
    gate.registry.apply_revoked(9, &event);
    assert_eq!(gate.refused(call()).await.1, Reason::CertificateRevoked);
}

#[tokio::test]
async fn unknown_methods_are_unimplemented() {
    let gate = Gate::new();
    for path in [
        "/countersign.v1.LogService/Delete",
        "/x.Y/Z",
        "/",
        "/countersign.v1.LogService",
    ] {
        let refused = gate
            .refused(request(path, Ok(peer(Role::Admin)), Some("1S")))
            .await;
        assert_eq!(
            refused,
            (Code::Unimplemented, Reason::MethodUnknown),
            "{path}"
        );
    }
}

#[tokio::test]
async fn unary_calls_need_a_deadline_and_the_others_do_not() {
    let gate = Gate::new();
    for method in METHODS {
        let call = |timeout| request(method.path, Ok(peer(method.roles[0])), timeout);
        match method.deadline {
            Deadline::Required => {
                let missing = gate.refused(call(None)).await;
                assert_eq!(missing, (Code::InvalidArgument, Reason::DeadlineMissing));
                let long = gate.refused(call(Some("2H"))).await;
                assert_eq!(long, (Code::InvalidArgument, Reason::DeadlineTooLong));
            }
            Deadline::Optional => {
                assert_eq!(
                    gate.call(call(None)).await.0.code(),
                    Code::Ok,
                    "{}",
                    method.path
                );
                assert_eq!(gate.call(call(Some("2H"))).await.0.code(), Code::Ok);
            }
        }
    }
}

/// Says when it is dropped.
struct Witness(Arc<AtomicBool>);

impl Drop for Witness {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn a_handler_is_ended_when_its_deadline_is_over() {
    let gate = Gate::new();
    for path in [APPEND, FOLLOW] {
        let ended = Arc::new(AtomicBool::new(false));
        let mark = Arc::clone(&ended);
        let never = service_fn(move |_request: Request<Body>| {
            let witness = Witness(Arc::clone(&mark));
            async move {
                let _witness = witness;
                std::future::pending::<Result<Response<Body>, Infallible>>().await
            }
        });
        let call = request(path, Ok(peer(Role::Admin)), Some("20m"));
        let response = gate.send(never, call).await;
        let status = Status::from_header_map(response.headers()).expect("a status");
        assert_eq!(status.code(), Code::DeadlineExceeded, "{path}");
        assert!(ended.load(Ordering::Relaxed), "the handler still runs");
    }
}

#[tokio::test]
async fn a_handler_in_time_is_not_touched() {
    let gate = Gate::new();
    let slow = service_fn(|_request: Request<Body>| async {
        tokio::task::yield_now().await;
        Ok::<_, Infallible>(Status::not_found("gone").into_http())
    });
    let response = gate
        .send(slow, request(APPEND, Ok(peer(Role::Admin)), Some("1H")))
        .await;
    let status = Status::from_header_map(response.headers()).expect("a status");
    assert_eq!((status.code(), status.message()), (Code::NotFound, "gone"));
}

/// A stream of one message that ends with a status.
struct OneMessage(Vec<Frame<Bytes>>);

impl OneMessage {
    fn ending_with(code: &'static str) -> Self {
        let trailers = HeaderMap::from_iter([(
            http::HeaderName::from_static("grpc-status"),
            HeaderValue::from_static(code),
        )]);
        Self(vec![
            Frame::trailers(trailers),
            Frame::data(Bytes::from_static(b"\0\0\0\0\0")),
        ])
    }
}

impl http_body::Body for OneMessage {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop().map(Ok))
    }
}

#[tokio::test]
async fn calls_are_counted_once_by_method_and_code() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let _here = metrics::set_default_local_recorder(&recorder);
    let gate = Gate::new();
    let stream = |code| {
        service_fn(move |_request: Request<Body>| {
            let body = Body::new(OneMessage::ending_with(code));
            std::future::ready(Ok::<_, Infallible>(Response::new(body)))
        })
    };
    let follow = || request(FOLLOW, Ok(peer(Role::Auditor)), None);

    gate.call(request(APPEND, Ok(peer(Role::Agent)), Some("1S")))
        .await;
    gate.call(request(APPEND, Ok(peer(Role::Agent)), Some("1S")))
        .await;
    gate.call(request(APPEND, Ok(peer(Role::Agent)), None))
        .await;
    gate.call(request("/x.Y/Z", Ok(peer(Role::Agent)), None))
        .await;
    for code in ["0", "8"] {
        let mut body = gate.send(stream(code), follow()).await.into_body();
        while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await
        {
            frame.expect("the body passes on what the service sends");
        }
    }
    // This client goes away before the stream has ended.
    drop(gate.send(stream("0"), follow()).await);

    let page = handle.render();
    let mut lines: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("countersign_rpc_total{method=\""))
        .map(|line| line.trim_start_matches("/countersign.v1.LogService/"))
        .collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            r#"Append",code="INVALID_ARGUMENT"} 1"#,
            r#"Append",code="OK"} 2"#,
            r#"Follow",code="CANCELLED"} 1"#,
            r#"Follow",code="OK"} 1"#,
            r#"Follow",code="RESOURCE_EXHAUSTED"} 1"#,
            r#"unknown",code="UNIMPLEMENTED"} 1"#,
        ]
    );
    let timed = page
        .lines()
        .filter(|line| line.starts_with("countersign_rpc_seconds_count{"))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u32>().ok())
        .sum::<u32>();
    assert_eq!(timed, 7);
}

#[test]
fn limits_leave_descriptors_for_the_store() {
    use countersign_ledger::limits::{MAX_CONNECTIONS, MAX_HANDSHAKES, RESERVED_FILES};
    use countersign_ledger::server::listener::ConnectionLimits;
    let limits = ConnectionLimits::of_this_process();
    assert!((1..=MAX_CONNECTIONS).contains(&limits.connections));
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    if let Some(files) = files.filter(|files| *files > 1_000) {
        let taken = u64::try_from(limits.connections + MAX_HANDSHAKES + RESERVED_FILES);
        assert!(taken.expect("it fits") <= files);
    }
    assert_eq!(limits.handshake_timeout, Duration::from_secs(10));
}

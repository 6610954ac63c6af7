//! A gRPC server behind listener and guard, and tonic's own client.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use countersign_ledger::identity::clock::UnixClock;
use countersign_ledger::identity::peer::Peer;
use countersign_ledger::identity::registry::Registry;
use countersign_ledger::identity::role::Role;
use countersign_ledger::limits::DEFAULT_VALIDITY;
use countersign_ledger::server::guard::GuardLayer;
use countersign_proto::reason::{Reason, reason_of};
use countersign_proto::v1;
use countersign_proto::v1::admin_service_client::AdminServiceClient;
use countersign_proto::v1::admin_service_server::{AdminService, AdminServiceServer};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity};
use tonic::{Code, Request, Response, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::world::{Client, World};

/// Answers `Status` with the name of the caller.
struct WhoAmI;

#[tonic::async_trait]
impl AdminService for WhoAmI {
    async fn issue_certificate(
        &self,
        _: Request<v1::IssueCertificateRequest>,
    ) -> Result<Response<v1::IssueCertificateResponse>, Status> {
        Err(Status::aborted("from the handler"))
    }

    async fn revoke_certificate(
        &self,
        _: Request<v1::RevokeCertificateRequest>,
    ) -> Result<Response<v1::RevokeCertificateResponse>, Status> {
        Err(Status::aborted("from the handler"))
    }

    async fn list_certificates(
        &self,
        _: Request<v1::ListCertificatesRequest>,
    ) -> Result<Response<v1::ListCertificatesResponse>, Status> {
        std::future::pending().await
    }

    async fn status(
        &self,
        request: Request<v1::StatusRequest>,
    ) -> Result<Response<v1::StatusResponse>, Status> {
        let peer = request.extensions().get::<Arc<Peer>>();
        let peer = peer.ok_or_else(|| Status::internal("no peer"))?;
        let version = peer.principal.as_str().to_owned();
        Ok(Response::new(v1::StatusResponse {
            version,
            logs: Vec::new(),
        }))
    }
}

/// A running server.
struct House {
    world: World,
    started: u64,
    now: Arc<AtomicU64>,
    registry: Arc<Registry>,
    port: u16,
    stop: oneshot::Sender<()>,
    server: JoinHandle<Result<(), tonic::transport::Error>>,
}

impl House {
    async fn open() -> Self {
        let started = real_time();
        let world = World::new_at(started);
        let registry = Arc::new(Registry::new());
        let now = Arc::new(AtomicU64::new(started));
        let clock = Arc::clone(&now);
        let clock = UnixClock::new(move || clock.load(Ordering::Relaxed));
        let door = world.serve(started).await;
        let (health_reporter, health) = tonic_health::server::health_reporter();
        health_reporter
            .set_serving::<AdminServiceServer<WhoAmI>>()
            .await;
        let (stop, stopped) = oneshot::channel::<()>();
        let port = door.address.port();
        let serving = tonic::transport::Server::builder()
            .layer(GuardLayer::new(
                Arc::clone(&registry),
                clock,
                TaskTracker::new(),
            ))
            .add_service(AdminServiceServer::new(WhoAmI))
            .add_service(health)
            .serve_with_incoming_shutdown(door.incoming, async { drop(stopped.await) });
        let server = tokio::spawn(serving);
        Self {
            world,
            started,
            now,
            registry,
            port,
            stop,
            server,
        }
    }

    async fn channel(&self, client: &Client) -> Channel {
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(self.world.text("ca/root.pem")))
            .identity(Identity::from_pem(&client.chain_pem, &client.key_pem));
        Channel::from_shared(format!("https://localhost:{}", self.port))
            .expect("an address")
            .tls_config(tls)
            .expect("TLS can be set up")
            .connect()
            .await
            .expect("it connects")
    }

    async fn admin(&self, client: &Client) -> AdminServiceClient<Channel> {
        AdminServiceClient::new(self.channel(client).await)
    }

    fn issue(&self, role: Role) -> Client {
        self.world.issue_at(role, "a", self.started)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "tonic's client judges certificates by this clock"
)]
fn real_time() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.expect("the clock is set").as_secs()
}

/// A message with a deadline.
fn timed<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(Duration::from_secs(30));
    request
}

fn reason<T: std::fmt::Debug>(outcome: Result<T, Status>) -> (Code, Option<Reason>) {
    let status = outcome.expect_err("it is refused");
    (status.code(), reason_of(&status))
}

#[tokio::test]
async fn handlers_know_who_calls() {
    let house = House::open().await;
    for role in [Role::Admin, Role::Auditor] {
        let mut admin = house.admin(&house.issue(role)).await;
        let answer = admin
            .status(timed(v1::StatusRequest {}))
            .await
            .expect("an answer");
        assert_eq!(answer.into_inner().version, format!("{role}:a"));
    }
    let mut agent = house.admin(&house.issue(Role::Agent)).await;
    assert_eq!(
        reason(agent.status(timed(v1::StatusRequest {})).await),
        (Code::PermissionDenied, Some(Reason::RoleNotAllowed))
    );
    let mut admin = house.admin(&house.issue(Role::Admin)).await;
    let outcome = admin
        .issue_certificate(timed(v1::IssueCertificateRequest::default()))
        .await;
    assert_eq!(
        reason(outcome),
        (Code::Aborted, None),
        "the handler's own status comes through"
    );
}

#[tokio::test]
async fn deadlines_are_asked_for_and_kept() {
    let house = House::open().await;
    let client = house.issue(Role::Admin);
    let mut admin = house.admin(&client).await;
    assert_eq!(
        reason(admin.status(Request::new(v1::StatusRequest {})).await),
        (Code::InvalidArgument, Some(Reason::DeadlineMissing))
    );
    let mut short = Request::new(v1::ListCertificatesRequest {});
    short.set_timeout(Duration::from_millis(50));
    let status = admin
        .list_certificates(short)
        .await
        .expect_err("it never answers");
    assert!(
        matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled),
        "{status:?}"
    );

    let mut health = HealthClient::new(house.channel(&client).await);
    let probe = HealthCheckRequest {
        service: "countersign.v1.AdminService".into(),
    };
    let answer = health
        .check(Request::new(probe))
        .await
        .expect("no deadline is needed");
    assert_eq!(answer.into_inner().status, 1);
}

#[tokio::test]
async fn a_certificate_without_our_name_gets_a_status() {
    let house = House::open().await;
    let stranger = house.world.forge(&["spiffe://other.example.com/admin/a"]);
    let mut admin = house.admin(&stranger).await;
    assert_eq!(
        reason(admin.status(timed(v1::StatusRequest {})).await),
        (Code::Unauthenticated, Some(Reason::IdentityInvalid))
    );
    let mut health = HealthClient::new(house.channel(&stranger).await);
    assert_eq!(
        reason(health.check(timed(HealthCheckRequest::default())).await),
        (Code::Unauthenticated, Some(Reason::IdentityInvalid))
    );
}

#[tokio::test]
async fn an_open_connection_does_not_outlive_its_certificate() {
    let house = House::open().await;
    let client = house.issue(Role::Admin);
    let mut admin = house.admin(&client).await;
    admin
        .status(timed(v1::StatusRequest {}))
        .await
        .expect("an answer");
    house
        .now
        .fetch_add(DEFAULT_VALIDITY.as_secs() + 1, Ordering::Relaxed);
    assert_eq!(
        reason(admin.status(timed(v1::StatusRequest {})).await),
        (Code::Unauthenticated, Some(Reason::CertificateExpired))
    );
    house.now.store(house.started, Ordering::Relaxed);
    let revoked = v1::CertificateRevoked {
        serial: client.serial(),
        ..v1::CertificateRevoked::default()
    };
    house.registry.apply_revoked(5, &revoked);
    assert_eq!(
        reason(admin.status(timed(v1::StatusRequest {})).await),
        (Code::Unauthenticated, Some(Reason::CertificateRevoked))
    );
    let mut other = house.admin(&house.issue(Role::Admin)).await;
    other
        .status(timed(v1::StatusRequest {}))
        .await
        .expect("another certificate still works");
}

#[tokio::test]
async fn the_server_stops_when_asked() {
    let house = House::open().await;
    let mut admin = house.admin(&house.issue(Role::Admin)).await;
    admin
        .status(timed(v1::StatusRequest {}))
        .await
        .expect("an answer");
    house.stop.send(()).expect("the server runs");
    house.server.await.expect("no panic").expect("no error");
    let status = admin
        .status(timed(v1::StatusRequest {}))
        .await
        .expect_err("nobody answers");
    assert_eq!(status.code(), Code::Unavailable);
}

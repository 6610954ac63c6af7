//! The admin service, health and reflection.

use countersign_chain::record::Record;
use countersign_ledger::identity::csr::new_key_and_csr;
use countersign_proto::event::Known;
use countersign_proto::reason::Reason;
use countersign_proto::v1;
use tonic::Status;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::world::{World, by, draft, fact, field, refused};

async fn try_to_issue(
    world: &World,
    role: &str,
    name: &str,
) -> Result<v1::IssueCertificateResponse, Status> {
    let (_, csr_pem) = new_key_and_csr().expect("a request");
    let request = v1::IssueCertificateRequest {
        csr_pem,
        role: role.to_owned(),
        name: name.to_owned(),
        valid_seconds: 0,
    };
    let issued = world
        .admin()
        .issue_certificate(by("admin:operator", request))
        .await?;
    Ok(issued.into_inner())
}

async fn issue(world: &World, role: &str, name: &str) -> v1::IssueCertificateResponse {
    let issued = try_to_issue(world, role, name).await;
    issued.expect("a good request")
}

async fn revoke(world: &World, serial: &str) -> Result<v1::Certificate, Status> {
    let request = v1::RevokeCertificateRequest {
        serial: serial.to_owned(),
        reason: "lost".to_owned(),
    };
    let answer = world
        .admin()
        .revoke_certificate(by("admin:operator", request))
        .await?;
    Ok(answer.into_inner().certificate.expect("a certificate"))
}

/// An entry of the log: who acted, and what happened.
fn entry(world: &World, index: u64) -> (String, Known) {
    let (bytes, _) = world.log.entry(index).expect("durable");
    let record = Record::parse(&bytes).expect("a record");
    let event = Known::decode(record.kind().get(), record.payload()).expect("a known event");
    (record.actor().to_owned(), event)
}

#[tokio::test(flavor = "multi_thread")]
async fn issuing_and_revoking_are_entries() {
    let world = World::start().await;
    let issued = issue(&world, "agent", "db-1").await;
    assert_eq!(issued.chain_pem.matches("BEGIN CERTIFICATE").count(), 2);
    assert_eq!(issued.root_pem.matches("BEGIN CERTIFICATE").count(), 1);
    let certificate = issued.certificate.expect("what was issued");
    assert_eq!(
        (certificate.principal.as_str(), certificate.issued_index),
        ("agent:db-1", 1)
    );
    let (actor, event) = entry(&world, 1);
    let Known::CertificateIssued(event) = event else {
        panic!("expected CertificateIssued, got {event:?}");
    };
    assert_eq!(
        (actor.as_str(), &event.serial),
        ("admin:operator", &certificate.serial)
    );
    assert_eq!(
        (event.not_before, event.not_after),
        (certificate.not_before, certificate.not_after)
    );

    let revoked = revoke(&world, &certificate.serial)
        .await
        .expect("it was issued");
    assert_eq!((revoked.issued_index, revoked.revoked_index), (1, 2));
    assert!(world.registry.is_revoked(&certificate.serial));
    let (actor, event) = entry(&world, 2);
    let expected = v1::CertificateRevoked {
        serial: certificate.serial.clone(),
        principal: "agent:db-1".to_owned(),
        reason: "lost".to_owned(),
    };
    assert_eq!(
        (actor.as_str(), event),
        ("admin:operator", Known::from(expected))
    );

    let status = refused(
        revoke(&world, &certificate.serial).await,
        Reason::AlreadyRevoked,
    );
    assert_eq!(fact(&status, "revoked_index").as_deref(), Some("2"));
    refused(revoke(&world, "ff").await, Reason::CertificateUnknown);
    assert_eq!(world.log.accepted_size(), 3);

    let request = by("auditor:eve", v1::ListCertificatesRequest {});
    let listed = world
        .admin()
        .list_certificates(request)
        .await
        .expect("a list")
        .into_inner();
    assert_eq!(listed.certificates, [revoked]);
}

/// The guard saw a good certificate when the head of the call came; by the time that its body is
/// there, or that its turn at the desk has come, things are different.
#[tokio::test(flavor = "multi_thread")]
async fn who_was_revoked_meanwhile_gives_no_orders_and_appends_nothing() {
    let world = World::start().await;
    let agent = issue(&world, "agent", "db-1").await;
    let size = world.log.accepted_size();
    crate::world::revoke(&world.registry);
    refused(
        try_to_issue(&world, "admin", "mallory").await,
        Reason::CertificateRevoked,
    );
    let serial = agent.certificate.expect("a certificate").serial;
    refused(revoke(&world, &serial).await, Reason::CertificateRevoked);
    let append = v1::AppendRequest {
        draft: Some(draft("late")),
        ..v1::AppendRequest::default()
    };
    let appended = world.client().append(by("agent:db", append)).await;
    refused(appended, Reason::CertificateRevoked);
    assert_eq!(world.log.accepted_size(), size);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_orders_leave_no_entry() {
    let world = World::start().await;
    let (_, csr_pem) = new_key_and_csr().expect("a request");
    let good = v1::IssueCertificateRequest {
        csr_pem,
        role: "agent".to_owned(),
        name: "db-1".to_owned(),
        valid_seconds: 60,
    };
    let with = |change: &dyn Fn(&mut v1::IssueCertificateRequest)| {
        let mut request = good.clone();
        change(&mut request);
        request
    };
    let cases = [
        (
            with(&|request| request.csr_pem.clear()),
            Reason::CsrInvalid,
            "csr_pem",
        ),
        (
            with(&|request| request.role = "root".to_owned()),
            Reason::RoleInvalid,
            "role",
        ),
        (
            with(&|request| request.name = "a b".to_owned()),
            Reason::NameInvalid,
            "name",
        ),
        (
            with(&|request| request.valid_seconds = 398 * 86_400),
            Reason::ValidityInvalid,
            "valid_seconds",
        ),
    ];
    for (request, reason, path) in cases {
        let answer = world
            .admin()
            .issue_certificate(by("admin:operator", request))
            .await;
        assert_eq!(field(&refused(answer, reason)).as_deref(), Some(path));
    }
    let request = v1::RevokeCertificateRequest {
        serial: issue(&world, "agent", "db-1")
            .await
            .certificate
            .expect("issued")
            .serial,
        reason: "x".repeat(50_000),
    };
    let answer = world
        .admin()
        .revoke_certificate(by("admin:operator", request))
        .await;
    assert_eq!(
        field(&refused(answer, Reason::PayloadTooLarge)).as_deref(),
        Some("reason")
    );
    assert_eq!(world.log.accepted_size(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_admin_cannot_lock_everyone_out() {
    let world = World::start().await;
    // The caller's own certificate, as the test world numbers it.
    let own = v1::CertificateIssued {
        principal: "admin:operator".to_owned(),
        serial: "0a".to_owned(),
        not_after: Some(prost_types::Timestamp {
            seconds: i64::MAX / 2,
            nanos: 0,
        }),
        ..v1::CertificateIssued::default()
    };
    world.registry.apply_issued(1, &own);
    refused(revoke(&world, "0a").await, Reason::RoleNotAllowed);
    issue(&world, "agent", "db-1").await;
    refused(revoke(&world, "0a").await, Reason::RoleNotAllowed);
    let second = issue(&world, "admin", "second")
        .await
        .certificate
        .expect("issued");
    revoke(&world, &second.serial).await.expect("another's");
    refused(revoke(&world, "0a").await, Reason::RoleNotAllowed);
    issue(&world, "admin", "third").await;
    revoke(&world, "0a").await.expect("there is another");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_orders_at_once_are_worked_on_one_by_one() {
    let world = World::start().await;
    let serial = issue(&world, "agent", "db-1")
        .await
        .certificate
        .expect("issued")
        .serial;
    let (one, other) = tokio::join!(revoke(&world, &serial), revoke(&world, &serial));
    let refusal = if one.is_ok() { other } else { one };
    refused(refusal, Reason::AlreadyRevoked);
    assert_eq!(world.log.accepted_size(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn status_tells_sizes() {
    let world = World::start().await;
    world.fill(3).await;
    let request = v1::AppendRequest {
        draft: Some(draft("a")),
        ..v1::AppendRequest::default()
    };
    world
        .client()
        .append(by("agent:db", request))
        .await
        .expect("a good event");
    let answer = world
        .admin()
        .status(by("admin:operator", v1::StatusRequest {}))
        .await;
    let answer = answer.expect("a status").into_inner();
    assert_eq!(answer.version, env!("CARGO_PKG_VERSION"));
    let [log] = &answer.logs[..] else {
        panic!("expected one log, got {:?}", answer.logs);
    };
    assert_eq!(
        (log.log.as_str(), log.origin.as_str()),
        ("main", "example.com/log")
    );
    assert_eq!(
        (log.vkey.as_str(), log.accepted_size),
        (world.key.to_string().as_str(), 5)
    );
    assert!((4..=5).contains(&log.sealed_size) && !log.disk_low);
}

#[tokio::test(flavor = "multi_thread")]
async fn health_says_that_it_serves() {
    let world = World::start().await;
    let mut health = HealthClient::new(world.channel());
    for service in [
        "",
        "countersign.v1.LogService",
        "countersign.v1.AdminService",
    ] {
        let service = service.to_owned();
        let answer = health
            .check(HealthCheckRequest { service })
            .await
            .expect("known");
        assert_eq!(answer.into_inner().status(), ServingStatus::Serving);
    }
}

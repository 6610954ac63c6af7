//! Rows of callers whose certificates are not good any more, or never were.

use std::time::Duration;

use countersign_ledger::identity::role::Role;
use countersign_proto::reason::Reason;
use countersign_proto::v1::{FollowRequest, RevokeCertificateRequest};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Status, Streaming};

use crate::cast::{Cast, draft, streamed};
use crate::door::{Caller, request};
use crate::forged::{uri, with_uris};
use crate::table::Table;

pub(crate) async fn rows(table: &mut Table<'_>, cast: &Cast) {
    strangers(table).await;
    revoked(table, cast).await;
    expired(table).await;
}

/// Names that the ledger's CA would not sign, in certificates that it did sign.
async fn strangers(table: &mut Table<'_>) {
    let (agent, admin) = (uri("agent/load"), uri("admin/operator"));
    let (king, nobody) = (uri("king/load"), uri("agent/"));
    let rows: [(&str, &[&str]); 7] = [
        ("a certificate without a name", &[]),
        ("a certificate with two names", &[&agent, &admin]),
        (
            "a certificate of another ledger",
            &["spiffe://ledger.test/other/agent/load"],
        ),
        (
            "a certificate with a web address",
            &["https://ledger.test/prod/agent/load"],
        ),
        ("a certificate of no role", &[&king]),
        ("a certificate of nobody", &[&nobody]),
        (
            "a certificate of the ledger itself",
            &["spiffe://ledger.test/prod"],
        ),
    ];
    for (what, uris) in rows {
        let pems = with_uris(&table.door.data, uris);
        let caller = Caller::connect(&table.door.url, &pems).await;
        let caller = caller.expect("the CA is the ledger's own");
        table.shut_out(what, &caller, Reason::IdentityInvalid).await;
    }
}

async fn drain<T>(mut stream: Streaming<T>) -> Result<(), Status> {
    while stream.message().await?.is_some() {}
    Ok(())
}

/// A revocation counts on connections and streams that are open.
async fn revoked(table: &mut Table<'_>, cast: &Cast) {
    let (pems, serial) = table.door.issue(Role::Bot, "lost", 86_400).await;
    let caller = Caller::connect(&table.door.url, &pems)
        .await
        .expect("a good certificate");
    caller.good().await.expect("it may");
    let follow = caller
        .log()
        .follow(Request::new(FollowRequest::default()))
        .await;
    let mut follow = follow.expect("it may").into_inner();
    follow
        .message()
        .await
        .expect("it may")
        .expect("the log has entries");
    let (events, receiver) = tokio::sync::mpsc::channel(1);
    events
        .send(streamed(draft("before")))
        .await
        .expect("the stream is open");
    let appended = caller
        .log()
        .append_stream(ReceiverStream::new(receiver))
        .await;
    let mut appended = appended.expect("it may").into_inner();
    appended
        .message()
        .await
        .expect("it may")
        .expect("a receipt");

    let reason = "a lost laptop".to_owned();
    let order = RevokeCertificateRequest { serial, reason };
    let done = cast.admin.admin().revoke_certificate(request(order)).await;
    done.expect("an administrator may");
    table
        .shut_out(
            "a call after the revocation",
            &caller,
            Reason::CertificateRevoked,
        )
        .await;
    let size = table.door.size();
    // Fails when the stream has ended by itself, which it does without waiting for an event.
    drop(events.send(streamed(draft("after"))).await);
    let ended = drain(appended).await;
    table.end(
        "an append stream after the revocation",
        Reason::CertificateRevoked,
        ended,
    );
    assert_eq!(
        table.door.size(),
        size,
        "an event after the revocation is in the log"
    );
    let ended = drain(follow).await;
    table.end(
        "a follow stream after the revocation",
        Reason::CertificateRevoked,
        ended,
    );
}

/// So does the end of a certificate. Ends with the clock two hours ahead.
async fn expired(table: &mut Table<'_>) {
    let (pems, _serial) = table.door.issue(Role::Agent, "short", 3_600).await;
    let caller = Caller::connect(&table.door.url, &pems)
        .await
        .expect("a good certificate");
    let (events, receiver) = tokio::sync::mpsc::channel(1);
    events
        .send(streamed(draft("before")))
        .await
        .expect("the stream is open");
    let appended = caller
        .log()
        .append_stream(ReceiverStream::new(receiver))
        .await;
    let mut appended = appended.expect("it may").into_inner();
    appended
        .message()
        .await
        .expect("it may")
        .expect("a receipt");

    table.door.clock.pass(Duration::from_secs(3_600));
    caller.good().await.expect("its last second");
    table.door.clock.pass(Duration::from_secs(3_600));
    table
        .shut_out("a call after the end", &caller, Reason::CertificateExpired)
        .await;
    let size = table.door.size();
    events
        .send(streamed(draft("after")))
        .await
        .expect("the stream is open");
    let ended = drain(appended).await;
    table.end(
        "an append stream after the end",
        Reason::CertificateExpired,
        ended,
    );
    assert_eq!(
        table.door.size(),
        size,
        "an event after the end is in the log"
    );
}

//! TLS handshakes on the loopback device, and the peer that the server sees.

use std::time::Duration;

use countersign_ledger::identity::ca;
use countersign_ledger::identity::peer::PeerError;
use countersign_ledger::identity::role::Role;
use countersign_ledger::limits::{CLOCK_SKEW, DEFAULT_VALIDITY};
use rustls::version::{TLS12, TLS13};

use crate::world::{self, Client, NOW, World, at};

#[tokio::test]
async fn a_client_with_a_certificate_is_known_by_name() {
    let world = World::new();
    let mut server = world.serve(NOW).await;
    let client = world.issue(Role::User, "ada@example.com");
    let mut stream = server
        .connect(&world, Some(&client), &[&TLS13])
        .await
        .expect("it connects");
    let seen = server.next().await;
    let peer = seen.peer.as_ref().expect("it has a name");
    assert_eq!(peer.principal.as_str(), "user:ada@example.com");
    assert_eq!(peer.serial, client.serial());
    assert_eq!(stream.protocol(), Some(b"h2".as_slice()));
    stream.echo(seen, b"both ways").await;
}

#[tokio::test]
async fn without_a_good_certificate_there_is_no_connection() {
    let world = World::new();
    let mut server = world.serve(NOW).await;
    let elsewhere = World::new().issue(Role::Admin, "operator");
    let own_root = Client::self_signed("spiffe://ledger.example.com/prod/admin/operator");
    let as_client = world.server_certificate_as_client();
    let refused = [
        ("none", None),
        ("another CA", Some(&elsewhere)),
        ("self-signed", Some(&own_root)),
        ("serverAuth only", Some(&as_client)),
    ];
    for (what, client) in refused {
        let outcome = server.connect_and_read(&world, client, &[&TLS13]).await;
        assert!(outcome.is_err(), "{what} got a connection");
    }
    let good = world.issue(Role::Agent, "a");
    let old = server
        .connect_and_read(&world, Some(&good), &[&TLS12])
        .await;
    assert!(old.is_err(), "TLS 1.2 got a connection");

    // The loop still serves the next client.
    let _stream = server
        .connect(&world, Some(&good), &[&TLS13])
        .await
        .expect("it connects");
    assert_eq!(
        server.next().await.peer.expect("a name").principal.as_str(),
        "agent:a"
    );
}

#[tokio::test]
async fn certificates_are_good_from_their_first_to_their_last_second() {
    let world = World::new();
    let client = world.issue(Role::Agent, "a");
    let (first, last) = (NOW - CLOCK_SKEW.as_secs(), NOW + DEFAULT_VALIDITY.as_secs());
    for (now, good) in [
        (first - 1, false),
        (first, true),
        (last, true),
        (last + 1, false),
    ] {
        let mut server = world.serve(now).await;
        let outcome = server
            .connect_and_read(&world, Some(&client), &[&TLS13])
            .await;
        assert_eq!(
            outcome.is_ok(),
            good,
            "{} s from now",
            now.cast_signed() - NOW.cast_signed()
        );
    }
}

#[tokio::test]
async fn a_certificate_without_our_name_gets_a_connection_and_a_reason() {
    let world = World::new();
    let mut server = world.serve(NOW).await;
    let client = world.forge(&["spiffe://other.example.com/agent/a"]);
    let _stream = server
        .connect(&world, Some(&client), &[&TLS13])
        .await
        .expect("it connects");
    assert!(matches!(server.next().await.peer, Err(PeerError::Uri(_))));
}

#[tokio::test]
async fn a_silent_client_holds_up_nobody() {
    let world = World::new();
    let mut server = world.serve(NOW).await;
    let _silent = server.dial().await;
    let client = world.issue(Role::Agent, "a");
    let _stream = server
        .connect(&world, Some(&client), &[&TLS13])
        .await
        .expect("it connects");
    assert!(server.next().await.peer.is_ok());
}

#[tokio::test]
async fn a_silent_client_is_dropped_in_the_end() {
    let world = World::new();
    let limits = world::limits(8, 1, Duration::from_millis(50));
    let mut server = world.serve_with(NOW, limits).await;
    let mut silent = server.dial().await;
    let client = world.issue(Role::Agent, "a");
    // There is one slot for handshakes: the second client gets it when the first has lost it.
    let _stream = server
        .connect(&world, Some(&client), &[&TLS13])
        .await
        .expect("it connects");
    assert!(server.next().await.peer.is_ok());
    assert_eq!(world::read_to_end(&mut silent).await, b"");
}

#[tokio::test]
async fn a_full_house_refuses_the_newest() {
    let world = World::new();
    let mut server = world
        .serve_with(NOW, world::limits(1, 8, Duration::from_secs(10)))
        .await;
    let client = world.issue(Role::Agent, "a");
    let mut first = server
        .connect(&world, Some(&client), &[&TLS13])
        .await
        .expect("it connects");
    let seen = server.next().await;
    let second = server
        .connect_and_read(&world, Some(&client), &[&TLS13])
        .await;
    assert!(second.is_err(), "one seat, two guests");
    first.echo(seen, b"still here").await;
    // `echo` took the first connection out of the house.
    let _third = server
        .connect(&world, Some(&client), &[&TLS13])
        .await
        .expect("it connects");
    assert!(server.next().await.peer.is_ok());
}

#[tokio::test]
async fn the_port_is_closed_when_the_server_stops() {
    let world = World::new();
    let server = world.serve(NOW).await;
    let address = server.stop();
    // The loop ends on its own time; wait for the port itself.
    let free = async {
        while tokio::net::TcpListener::bind(address).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    world::in_time(free).await;
}

#[tokio::test]
async fn a_renewed_certificate_serves_the_next_connection() {
    let world = World::new();
    let mut server = world.serve(NOW).await;
    let client = world.issue(Role::Agent, "a");
    let stream = server
        .connect(&world, Some(&client), &[&TLS13])
        .await
        .expect("it connects");
    let before = stream.server_certificate();
    let renewed = ca::sign_server(world.dir(), &[], at(NOW + 60)).expect("it is signed");
    ca::install_server(world.dir(), &renewed).expect("room");
    server.tls.replace(world.config(NOW + 60));
    let stream = server
        .connect(&world, Some(&client), &[&TLS13])
        .await
        .expect("it connects");
    assert_ne!(stream.server_certificate(), before);
    assert!(server.next().await.peer.is_ok());
}

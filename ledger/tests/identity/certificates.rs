//! What the CA writes, issues and refuses.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use countersign_ledger::identity::ca::{
    self, Ca, FIRST_ADMIN, InitError, IssueError, IssuedCertificate, LoadError, RenewError,
};
use countersign_ledger::identity::csr;
use countersign_ledger::identity::peer::{Peer, PeerError};
use countersign_ledger::identity::registry::Registry;
use countersign_ledger::identity::role::Role;
use countersign_ledger::limits::{
    CLOCK_SKEW, DEFAULT_VALIDITY, ISSUING_VALIDITY, MAX_VALIDITY, ROOT_VALIDITY,
};
use rcgen::KeyPair;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

use crate::world::{self, NOW, World, at, origin};

fn day(count: u64) -> Duration {
    Duration::from_secs(count * 86_400)
}

#[test]
fn init_writes_the_files_with_the_keys_private() {
    let world = World::new();
    let mut found = BTreeSet::new();
    for folder in ["ca", "tls", "admin"] {
        for entry in fs::read_dir(world.path(folder)).expect("the folder is there") {
            let entry = entry.expect("it can be listed");
            let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
            let mode = entry.metadata().expect("it is there").permissions().mode() & 0o777;
            let private = name.ends_with("key") || name.ends_with("key.pem");
            assert_eq!(mode & 0o077 == 0, private, "{name} has mode {mode:o}");
            found.insert(name);
        }
    }
    let expected = [
        "admin/ca.pem",
        "admin/cert.pem",
        "admin/key.pem",
        "ca/issuing.key",
        "ca/issuing.pem",
        "ca/root.key",
        "ca/root.pem",
        "tls/server.key",
        "tls/server.pem",
    ];
    assert_eq!(found, expected.map(String::from).into());
    assert_eq!(
        world.report.admin.principal.as_str(),
        format!("admin:{FIRST_ADMIN}")
    );
    assert_eq!(world.report.server.principal.as_str(), "ledger");
}

#[test]
fn init_never_overwrites() {
    let world = World::new();
    let before = fs::read(world.path("ca/root.key")).expect("the key is there");
    let error = ca::init(world.dir(), &origin(), &[], at(NOW)).expect_err("it exists");
    assert!(matches!(error, InitError::File(_)), "{error}");
    assert!(error.to_string().contains("never overwritten"), "{error}");
    assert_eq!(
        fs::read(world.path("ca/root.key")).expect("still there"),
        before
    );

    // One file that is left is enough to refuse, and then nothing is written.
    let half = tempfile::tempdir().expect("a folder");
    fs::create_dir(half.path().join("admin")).expect("a folder");
    fs::write(half.path().join("admin/key.pem"), "mine").expect("a file");
    ca::init(half.path(), &origin(), &[], at(NOW)).expect_err("one file exists");
    assert!(!half.path().join("ca").exists());
    assert_eq!(
        fs::read(half.path().join("admin/key.pem")).expect("still there"),
        b"mine"
    );
}

#[test]
fn certificates_hold_what_rfc_5280_asks_of_each() {
    let world = World::new();
    let root = world.certificate("ca/root.pem");
    let (_, root) = parse_x509_certificate(&root).expect("it parses");
    let issuing = world.certificate("ca/issuing.pem");
    let (_, issuing) = parse_x509_certificate(&issuing).expect("it parses");
    for (certificate, below, validity) in
        [(&root, 1, ROOT_VALIDITY), (&issuing, 0, ISSUING_VALIDITY)]
    {
        let basic = certificate
            .basic_constraints()
            .expect("once")
            .expect("present");
        assert!(basic.critical && basic.value.ca);
        assert_eq!(basic.value.path_len_constraint, Some(below));
        let usage = certificate.key_usage().expect("once").expect("present");
        assert!(usage.value.key_cert_sign() && !usage.value.digital_signature());
        let end = certificate.validity().not_after.timestamp();
        assert_eq!(
            end,
            i64::try_from(NOW + validity.as_secs()).expect("it fits")
        );
    }
    issuing
        .verify_signature(Some(root.public_key()))
        .expect("the root signed it");

    let server = world.certificate("tls/server.pem");
    let (_, server) = parse_x509_certificate(&server).expect("it parses");
    let usage = server
        .extended_key_usage()
        .expect("once")
        .expect("present")
        .value
        .clone();
    assert!(usage.server_auth && !usage.client_auth && !usage.any);
    let names = server
        .subject_alternative_name()
        .expect("once")
        .expect("present");
    assert_eq!(
        names.value.general_names,
        [
            GeneralName::DNSName("localhost"),
            GeneralName::IPAddress(&[127, 0, 0, 1]),
            GeneralName::IPAddress(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
            GeneralName::DNSName("ledger.example.com"),
            GeneralName::IPAddress(&[192, 0, 2, 7]),
        ]
    );

    let admin = world.certificate("admin/cert.pem");
    let (_, admin) = parse_x509_certificate(&admin).expect("it parses");
    let usage = admin
        .extended_key_usage()
        .expect("once")
        .expect("present")
        .value
        .clone();
    assert!(usage.client_auth && !usage.server_auth && !usage.any);
    let names = admin
        .subject_alternative_name()
        .expect("once")
        .expect("present");
    let uri = "spiffe://ledger.example.com/prod/admin/operator";
    assert_eq!(names.value.general_names, [GeneralName::URI(uri)]);
    let basic = admin.basic_constraints().expect("once").expect("present");
    assert!(!basic.value.ca);
}

#[test]
fn what_is_issued_is_what_the_certificate_says() {
    let world = World::new();
    let ca = Ca::load(world.dir()).expect("the CA loads");
    assert_eq!(ca.origin(), &origin());
    let (key, request) = csr::new_key_and_csr().expect("a key");
    let issued = ca
        .issue(
            &request,
            Role::User,
            "ada@example.com",
            ca::validity(0),
            at(NOW),
        )
        .expect("it is issued");
    let der = world::first_certificate(&issued.chain_pem);
    let peer = Peer::parse(&der, &origin()).expect("it names a client");
    assert_eq!(peer.principal, issued.principal);
    assert_eq!(peer.principal.as_str(), "user:ada@example.com");
    assert_eq!(peer.role, Role::User);
    assert_eq!(peer.serial, issued.serial);
    assert_eq!(peer.serial.len(), 32);
    assert_eq!(peer.not_after, NOW + DEFAULT_VALIDITY.as_secs());
    assert_eq!(issued.not_before, NOW - CLOCK_SKEW.as_secs());
    assert_eq!(
        &issued.sha256,
        countersign_chain::hash::digest(&der).as_bytes()
    );
    assert!(!peer.is_expired(peer.not_after));
    assert!(peer.is_expired(peer.not_after + 1));

    let (_, parsed) = parse_x509_certificate(&der).expect("it parses");
    let key = KeyPair::from_pem(&key).expect("PKCS #8");
    assert_eq!(
        parsed.public_key().subject_public_key.data,
        key.public_key_raw()
    );

    let registry = Registry::new();
    registry.apply_issued(4, &issued.event());
    let facts = registry.get(&peer.serial).expect("the log has it");
    assert_eq!(
        (facts.not_before, facts.not_after),
        (issued.not_before, issued.not_after)
    );
    assert_eq!(facts.principal, "user:ada@example.com");
}

#[test]
fn serial_numbers_do_not_repeat() {
    let world = World::new();
    let serials: BTreeSet<String> = (0..64)
        .map(|_| world.issue(Role::Agent, "a").serial().to_owned())
        .collect();
    assert_eq!(serials.len(), 64);
}

#[test]
fn the_ca_refuses_what_it_must() {
    let world = World::new();
    let ca = Ca::load(world.dir()).expect("the CA loads");
    let (_, request) = csr::new_key_and_csr().expect("a key");
    let issue = |name: &str, validity, now| {
        ca.issue(&request, Role::Agent, name, validity, at(now))
            .map(|issued| issued.not_after)
    };
    assert_eq!(
        issue("a", MAX_VALIDITY, NOW),
        Ok(NOW + MAX_VALIDITY.as_secs())
    );
    let long = MAX_VALIDITY + Duration::from_secs(1);
    assert_eq!(
        issue("a", long, NOW),
        Err(IssueError::Validity {
            got: long.as_secs()
        })
    );
    assert_eq!(
        issue("a", Duration::ZERO, NOW),
        Err(IssueError::Validity { got: 0 })
    );
    for name in ["", "a b", "a\nb", &"a".repeat(255)] {
        assert!(
            matches!(issue(name, day(1), NOW), Err(IssueError::Name(_))),
            "{name:?}"
        );
    }
    let end = NOW + ISSUING_VALIDITY.as_secs();
    assert_eq!(
        issue("a", day(30), end - 60),
        Ok(end),
        "nothing outlives its issuer"
    );
    assert_eq!(
        issue("a", day(1), end),
        Err(IssueError::IssuerExpired { not_after: end })
    );
    let tampered = request.replacen('M', "N", 3);
    assert!(matches!(
        ca.issue(&tampered, Role::Agent, "a", day(1), at(NOW)),
        Err(IssueError::Csr(_))
    ));
    let bad = ca::init(
        tempfile::tempdir().expect("a folder").path(),
        &origin(),
        &["not a host".into()],
        at(NOW),
    );
    assert!(
        matches!(bad, Err(InitError::Issue(IssueError::Host(_)))),
        "{bad:?}"
    );
}

#[test]
fn only_a_whole_ca_loads() {
    let empty = tempfile::tempdir().expect("a folder");
    let error = Ca::load(empty.path()).expect_err("there is none");
    assert!(
        error.to_string().contains("restore it from a backup"),
        "{error}"
    );

    let world = World::new();
    fs::remove_file(world.path("ca/root.key")).expect("the root's key goes offline");
    drop(Ca::load(world.dir()).expect("the issuing CA is enough"));
    fs::copy(
        World::new().path("ca/issuing.key"),
        world.path("ca/issuing.key"),
    )
    .expect("a copy");
    assert!(matches!(Ca::load(world.dir()), Err(LoadError::Mismatch)));
    fs::write(world.path("ca/issuing.key"), "nonsense").expect("a file");
    assert!(matches!(Ca::load(world.dir()), Err(LoadError::Key(_))));
    let world = World::new();
    fs::copy(world.path("tls/server.pem"), world.path("ca/issuing.pem")).expect("a copy");
    fs::copy(world.path("tls/server.key"), world.path("ca/issuing.key")).expect("a copy");
    assert!(matches!(Ca::load(world.dir()), Err(LoadError::Origin)));
}

fn renew(
    world: &World,
    hosts: &[String],
    now: countersign_chain::time::UnixMicros,
) -> Result<IssuedCertificate, RenewError> {
    let signed = ca::sign_server(world.dir(), hosts, now)?;
    ca::install_server(world.dir(), &signed)?;
    Ok(signed)
}

#[test]
fn the_servers_certificate_is_renewed_for_the_same_key() {
    let world = World::new();
    let life = MAX_VALIDITY.as_secs() + CLOCK_SKEW.as_secs();
    let third = NOW + MAX_VALIDITY.as_secs() - life / 3;
    assert!(!ca::server_is_due(world.dir(), at(NOW)).expect("it can be read"));
    assert!(!ca::server_is_due(world.dir(), at(third)).expect("it can be read"));
    assert!(ca::server_is_due(world.dir(), at(third + 1)).expect("it can be read"));

    let key = fs::read(world.path("tls/server.key")).expect("the key is there");
    let renewed = renew(&world, &["new.example.com".into()], at(third + 1)).expect("it is renewed");
    assert_ne!(renewed.serial, world.report.server.serial);
    assert_eq!(
        fs::read(world.path("tls/server.key")).expect("the key is there"),
        key
    );
    assert_eq!(
        fs::read_to_string(world.path("tls/server.pem")).expect("it is there"),
        renewed.chain_pem
    );
    assert!(!ca::server_is_due(world.dir(), at(third + 1)).expect("it can be read"));
    assert!(!world.path("tls/server.pem.new").exists());

    // What an interrupted renewal leaves does not stop the next one; a lost key is made anew.
    fs::write(world.path("tls/server.pem.new"), "half").expect("a file");
    fs::remove_file(world.path("tls/server.key")).expect("it is there");
    renew(&world, &[], at(third + 2)).expect("it is renewed");
    assert_ne!(
        fs::read(world.path("tls/server.key")).expect("a new key"),
        key
    );
    drop(world.config(third + 2));

    fs::remove_dir_all(world.path("ca")).expect("it is there");
    let error = renew(&world, &[], at(third + 3)).expect_err("no CA");
    assert!(
        matches!(error, RenewError::Load(LoadError::File(_))),
        "{error}"
    );
}

#[test]
fn peers_need_exactly_one_uri_of_ours() {
    let world = World::new();
    let good = "spiffe://ledger.example.com/prod/agent/a";
    let parse = |uris: &[&str]| Peer::parse(&world.forge(uris).der(), &origin());
    assert_eq!(
        parse(&[good]).expect("it is ours").principal.as_str(),
        "agent:a"
    );
    assert_eq!(parse(&[]), Err(PeerError::UriCount(0)));
    assert_eq!(parse(&[good, good]), Err(PeerError::UriCount(2)));
    for uri in [
        "spiffe://other.example.com/agent/a",
        "spiffe://ledger.example.com/prod/root/a",
        "spiffe://ledger.example.com/prod/ledger/a",
        "spiffe://ledger.example.com/prod/agent/a%20b",
        "spiffe://ledger.example.com/prod/agent/",
        "spiffe://ledger.example.com/prod/agent",
    ] {
        assert!(matches!(parse(&[uri]), Err(PeerError::Uri(_))), "{uri}");
    }
    assert!(matches!(
        Peer::parse(b"", &origin()),
        Err(PeerError::Unreadable(_))
    ));
    assert!(matches!(
        Peer::parse(b"\x30\x03abc", &origin()),
        Err(PeerError::Unreadable(_))
    ));
}

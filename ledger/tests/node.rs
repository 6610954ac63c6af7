//! A data folder that is opened again: the list of certificates, from its file and from the log.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign_chain::hash::digest;
use countersign_chain::origin::Origin;
use countersign_chain::principal::Principal;
use countersign_ledger::clock::SystemClock;
use countersign_ledger::identity::csr::new_key_and_csr;
use countersign_ledger::identity::desk::{IssueOrder, Orderer, RevokeOrder};
use countersign_ledger::identity::registry::CertificateFacts;
use countersign_ledger::identity::role::Role;
use countersign_ledger::node::{self, Node, NodeSettings};

fn settings() -> NodeSettings {
    NodeSettings::new(Arc::new(SystemClock::new()))
}

fn operator() -> Orderer {
    Orderer::offline(Principal::parse("admin:operator").expect("a principal"))
}

/// A new data folder.
async fn init() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let origin = Origin::parse("example.com/log").expect("an origin");
    let made = node::init(folder.path(), &origin, &[], &settings()).await;
    made.expect("an empty folder");
    folder
}

async fn open(dir: &Path) -> Node {
    let opened = Node::open(dir, &settings()).await;
    opened.expect("a data folder that nobody has open")
}

async fn issue(node: &Node, name: &str) -> String {
    let (_, csr_pem) = new_key_and_csr().expect("a request");
    let order = IssueOrder {
        csr_pem,
        role: Role::Agent,
        name: name.to_owned(),
        validity: Duration::from_secs(3_600),
    };
    let issued = node.desk().issue(&operator(), order).await;
    issued.expect("a good order").0.serial
}

/// What is known of every certificate after the folder is opened; it is closed again.
async fn known(dir: &Path) -> Vec<CertificateFacts> {
    let node = open(dir).await;
    let known = node.registry().list();
    node.close("test").await.expect("a healthy disk");
    known
}

/// Writes the list of certificates with other words in it, and the checksum that belongs to it.
fn forge(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).expect("it was kept");
    let line = text.lines().next().expect("a line");
    assert!(line.contains(from), "{line}");
    let line = line.replace(from, to);
    let sum = digest(line.as_bytes());
    fs::write(path, format!("{line}\n{sum}\n")).expect("room");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_of_certificates_survives_with_and_without_its_file() {
    let folder = init().await;
    let (dir, file) = (folder.path(), folder.path().join("certificates.json"));
    let node = open(dir).await;
    let (lost, _) = (issue(&node, "lost").await, issue(&node, "kept").await);
    let order = RevokeOrder {
        serial: lost.clone(),
        reason: "lost".to_owned(),
    };
    let revoked = node.desk().revoke(&operator(), order).await;
    revoked.expect("it was issued");
    let expected = node.registry().list();
    node.close("test").await.expect("a healthy disk");
    assert_eq!(expected.len(), 4, "the server, the operator and two agents");

    assert_eq!(known(dir).await, expected, "from the file");
    forge(&file, "agent:kept", "agent:file");
    let told = known(dir).await;
    assert!(
        told.iter().any(|facts| facts.principal == "agent:file"),
        "the file is what was read: {told:?}"
    );

    let whole = fs::read(&file).expect("it was kept");
    for (what, bytes) in [
        ("nothing", &b""[..]),
        ("half of it", &whole[..whole.len() / 2]),
        ("something else", b"{}\n\n"),
    ] {
        fs::write(&file, bytes).expect("room");
        assert_eq!(known(dir).await, expected, "{what}");
    }
    fs::remove_file(&file).expect("it was kept");
    assert_eq!(known(dir).await, expected, "without the file");

    // What came after the file was kept is read from the log.
    let kept = fs::read(&file).expect("kept anew");
    let node = open(dir).await;
    let late = issue(&node, "late").await;
    node.close("test").await.expect("a healthy disk");
    fs::write(&file, kept).expect("room");
    let node = open(dir).await;
    assert!(node.registry().get(&late).is_some());
    assert!(node.registry().is_revoked(&lost));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_another_log_is_passed_over() {
    let (folder, other) = (init().await, init().await);
    let expected = known(folder.path()).await;
    drop(known(other.path()).await);
    let (from, to) = (
        other.path().join("certificates.json"),
        folder.path().join("certificates.json"),
    );
    fs::copy(from, to).expect("room");
    assert_eq!(known(folder.path()).await, expected);
}

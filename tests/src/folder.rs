//! Data folders and identities for tests.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use countersign_chain::key::VerifierKey;
use countersign_chain::origin::Origin;
use countersign_chain::principal::Principal;
use countersign_client::Client;
use countersign_client::{Config, TrustedKey};
use countersign_ledger::clock::SystemClock;
use countersign_ledger::identity::csr;
use countersign_ledger::identity::desk::{IssueOrder, Orderer};
use countersign_ledger::identity::role::Role;
use countersign_ledger::node::{self, Node, NodeSettings};

/// Origin of every test log.
pub const ORIGIN: &str = "ledger.test/prod";

/// A data folder that vanishes with the value.
#[derive(Debug)]
pub struct DataFolder {
    folder: tempfile::TempDir,
    /// Key of the log `main`.
    pub vkey: VerifierKey,
}

/// Settings on this machine's clock.
#[must_use]
pub fn settings() -> NodeSettings {
    NodeSettings::new(Arc::new(SystemClock::new())).with_segment_bytes(1 << 20)
}

impl DataFolder {
    /// An initialised data folder.
    ///
    /// # Panics
    /// When it cannot be made.
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let origin = Origin::parse(ORIGIN).expect("an origin");
        let made = node::init(&folder.path().join("data"), &origin, &[], &settings()).await;
        Self {
            vkey: made.expect("an empty folder").vkey,
            folder,
        }
    }

    /// The data folder.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Folder of the log `main`.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.path().join("logs/main")
    }

    /// Identity of the first administrator.
    #[must_use]
    pub fn admin(&self) -> PathBuf {
        self.path().join("admin")
    }

    /// Issues a certificate while no server runs, and returns its identity folder.
    ///
    /// # Panics
    /// When the node cannot be opened.
    pub async fn issue(&self, role: Role, name: &str) -> PathBuf {
        let node = Node::open(&self.path(), &settings())
            .await
            .expect("nobody has it open");
        let out = self.folder.path().join(format!("{role}-{name}"));
        issue(&node, role, name, &out).await;
        node.close("test").await.expect("a healthy disk");
        out
    }

    /// A configuration for a client of this ledger.
    #[must_use]
    pub fn config(&self, endpoint: &str, identity: &Path) -> Config {
        let mut config = Config::new(vec![endpoint.to_owned()], identity);
        config.trust = TrustedKey::Pinned(Box::new(self.vkey.clone()));
        config.timeout = Duration::from_secs(60);
        config
    }

    /// A connected client.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn connect(&self, endpoint: &str, identity: &Path) -> Client {
        Client::connect(self.config(endpoint, identity))
            .await
            .expect("a server that answers")
    }
}

/// Issues a certificate on an open node and writes its identity folder.
///
/// # Panics
/// When it cannot be issued.
pub async fn issue(node: &Node, role: Role, name: &str, out: &Path) {
    let (key, csr_pem) = csr::new_key_and_csr().expect("a key");
    let by = Orderer::offline(Principal::parse("admin:operator").expect("a principal"));
    let validity = Duration::from_secs(86_400);
    let order = IssueOrder {
        csr_pem,
        role,
        name: name.to_owned(),
        validity,
    };
    let (issued, _) = node.desk().issue(&by, order).await.expect("a good request");
    std::fs::create_dir_all(out).expect("a folder");
    std::fs::write(out.join("cert.pem"), &issued.chain_pem).expect("room");
    std::fs::write(out.join("key.pem"), key.as_bytes()).expect("room");
    std::fs::write(out.join("ca.pem"), &issued.root_pem).expect("room");
    let vkey = node.main().expect("there").key().to_string();
    std::fs::write(out.join("log.vkey"), vkey).expect("room");
}

/// Copies a folder with everything in it.
///
/// # Panics
/// When it cannot be read, or there is no room.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("room");
    for entry in std::fs::read_dir(from).expect("there") {
        let entry = entry.expect("readable");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("readable").is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("room");
        }
    }
}

//! The certificate authority of a data folder, through its running server or, without one, by
//! opening the folder.

mod offline;

use std::path::Path;

use anyhow::Context as _;
use countersign_chain::key::VerifierKey;
use countersign_client::{Client, Issued};
use countersign_ledger::identity::csr;
use countersign_ledger::identity::role::Role;
use countersign_ledger::node::Node;
use countersign_ledger::server::run::Endpoint;
use countersign_proto::v1;

use super::ledger::settings;
use crate::connect::{ConnectArgs, LOG_KEY};
use crate::files::{self, Access};

/// Files of an identity, as clients look for them.
const IDENTITY: [&str; 4] = ["key.pem", "cert.pem", "ca.pem", LOG_KEY];

/// Whose certificate it will be.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    /// What the owner may do.
    pub(crate) role: Role,
    /// Name within the role.
    pub(crate) name: String,
    /// Seconds of validity; 0 for the usual ones.
    pub(crate) valid_seconds: u64,
}

/// Where certificates come from.
pub(crate) enum Authority {
    /// A running server.
    Server(Box<Client>),
    /// A data folder without a server.
    Folder(Box<Node>),
}

impl Authority {
    /// The server that is named, or the one of the data folder; without one, the folder itself.
    pub(crate) async fn open(connect: &ConnectArgs) -> anyhow::Result<Self> {
        match &connect.dir {
            Some(dir) if !is_served(dir) => {
                let opened = Node::open(dir, &settings()).await;
                let node = opened.with_context(|| {
                    format!(
                        "no server seems to run in {}, so it was opened",
                        dir.display()
                    )
                })?;
                Ok(Self::Folder(Box::new(node)))
            }
            _ => Ok(Self::Server(Box::new(connect.client().await?))),
        }
    }

    /// Verifier key of the log.
    fn key(&self) -> anyhow::Result<VerifierKey> {
        match self {
            Self::Server(client) => Ok(client.key().clone()),
            Self::Folder(node) => Ok(node.main()?.key()),
        }
    }

    async fn sign(&self, csr: &str, subject: &Subject) -> anyhow::Result<Issued> {
        match self {
            Self::Server(client) => {
                let request = v1::IssueCertificateRequest {
                    csr_pem: csr.to_owned(),
                    role: subject.role.as_str().to_owned(),
                    name: subject.name.clone(),
                    valid_seconds: subject.valid_seconds,
                };
                Ok(client.issue_certificate(request).await?)
            }
            Self::Folder(node) => offline::issue(node, csr, subject).await,
        }
    }

    /// Revokes a certificate.
    pub(crate) async fn revoke(
        &self,
        serial: &str,
        reason: &str,
    ) -> anyhow::Result<v1::Certificate> {
        match self {
            Self::Server(client) => Ok(client.revoke_certificate(serial, reason).await?),
            Self::Folder(node) => offline::revoke(node, serial, reason).await,
        }
    }

    /// Everything that was issued, oldest first.
    pub(crate) async fn list(&self) -> anyhow::Result<Vec<v1::Certificate>> {
        match self {
            Self::Server(client) => Ok(client.certificates().await?),
            Self::Folder(node) => Ok(offline::list(node)),
        }
    }

    /// Ends in order, which is an entry of a folder's logs. Who only looked, or was refused, just
    /// drops it.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        match self {
            Self::Server(_) => Ok(()),
            Self::Folder(node) => Ok(node.close("offline command").await?),
        }
    }
}

/// Whether a server runs here. A file that a killed one left behind names a process that is gone.
fn is_served(dir: &Path) -> bool {
    let processes = Path::new("/proc");
    let lives = |pid: u32| !processes.is_dir() || processes.join(pid.to_string()).exists();
    Endpoint::read(dir).is_some_and(|endpoint| lives(endpoint.pid))
}

/// Makes a key, has it certified, and writes the identity folder. The key goes nowhere else.
pub(crate) async fn issue(
    authority: &Authority,
    subject: &Subject,
    out: &Path,
) -> anyhow::Result<v1::Certificate> {
    for name in IDENTITY {
        files::must_be_free(&out.join(name))?;
    }
    let (key, csr) = csr::new_key_and_csr().context("cannot make a key")?;
    files::make_folder(out)?;
    let issued = authority.sign(&csr, subject).await?;
    let vkey = format!("{}\n", authority.key()?);
    let key = key.as_bytes();
    let contents = [
        key,
        issued.chain_pem.as_bytes(),
        issued.root_pem.as_bytes(),
        vkey.as_bytes(),
    ];
    for (name, bytes) in IDENTITY.into_iter().zip(contents) {
        let access = if name == "key.pem" {
            Access::Owner
        } else {
            Access::Public
        };
        files::write_new(&out.join(name), bytes, access)?;
    }
    files::sync_folder(out)?;
    Ok(issued.certificate)
}

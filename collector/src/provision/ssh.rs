//! Short-lived user certificates of OpenSSH.
//!
//! A grant becomes a certificate with its number as serial, valid until its end, signed by
//! OpenSSH's own `ssh-keygen`. What `sshd` needs lies in a folder that both use:
//!
//! - `grants/<serial>`: accounts that the certificate opens. Whoever logs in with a certificate is
//!   asked for here by `countersign-principals`, an `AuthorizedPrincipalsCommand`; without the file
//!   nobody gets in;
//! - `sessions/<serial>.<pid>`: which `sshd` process serves a connection that showed the
//!   certificate, written by the same program before it looks for the grant. Sessions that are in
//!   the folder after the grant's file is gone are all there are;
//! - `revoked.krl`: serials of grants that ended early, as `RevokedKeys`.

mod authorized;
mod inspect;
mod keygen;
mod krl;
mod prepared;
mod session;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use countersign_proto::reading::text::counted;
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::provision::credential::Secret;
use crate::provision::files;
use crate::provision::provisioner::{
    Doing, Ending, Failure, Finding, Grant, Made, Proof, Provisioner, Standing,
};
use crate::provision::text::whole;

/// An authority for certificates, and what they open.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SshConfig {
    /// Private key of the authority; its public key lies beside it as `.pub`.
    pub ca_key: PathBuf,
    /// The folder that `sshd` uses too.
    pub state: PathBuf,
    /// Folder with public keys, each as `<person>.pub`. A person without one gets a new key.
    pub keys: Option<PathBuf>,
    /// Configuration of `sshd`; when it is set, inspections look whether the authority, the list of
    /// revoked certificates and the program are still in it.
    pub sshd_config: Option<PathBuf>,
    /// Files with authorized keys in which only the known ones may be.
    #[serde(default)]
    pub watch: Vec<WatchedKeys>,
    /// What is served.
    pub access: Vec<SshAccess>,
}

/// A file with authorized keys.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchedKeys {
    /// The file.
    pub path: PathBuf,
    /// Fingerprints of the keys that may be in it, as `ssh-keygen -l` prints them.
    #[serde(default)]
    pub known: Vec<String>,
}

/// What a permission on a resource means.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SshAccess {
    /// The resource, as the policy calls it.
    pub resource: String,
    /// The permission, as the policy calls it.
    pub permission: String,
    /// Accounts that the certificate opens.
    pub accounts: Vec<String>,
    /// Networks that it works from; empty for all.
    #[serde(default)]
    pub source_address: Vec<String>,
    /// The only command that it runs.
    pub force_command: Option<String>,
    /// What else it permits. Default: `["pty"]`.
    #[serde(default = "pty")]
    pub permit: Vec<Permit>,
}

fn pty() -> Vec<Permit> {
    vec![Permit::Pty]
}

/// What a certificate may permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the words of ssh-keygen(1), without permit-")]
pub enum Permit {
    Pty,
    PortForwarding,
    AgentForwarding,
    X11Forwarding,
    UserRc,
}

impl Permit {
    const fn option(self) -> &'static str {
        match self {
            Self::Pty => "permit-pty",
            Self::PortForwarding => "permit-port-forwarding",
            Self::AgentForwarding => "permit-agent-forwarding",
            Self::X11Forwarding => "permit-X11-forwarding",
            Self::UserRc => "permit-user-rc",
        }
    }
}

/// Signs certificates.
pub(crate) struct Ssh {
    config: SshConfig,
    /// One change of the list of revoked certificates at a time.
    krl: Mutex<()>,
    /// Watched files that were not there at the last look.
    missing: parking_lot::Mutex<BTreeSet<PathBuf>>,
}

impl Ssh {
    pub(crate) fn new(config: &SshConfig) -> Result<Self, String> {
        for access in &config.access {
            let odd = |account: &String| {
                let fine = |c: char| c.is_ascii_alphanumeric() || ['_', '-', '.'].contains(&c);
                account.is_empty() || account.starts_with('-') || !account.chars().all(fine)
            };
            if access.accounts.is_empty() || access.accounts.iter().any(odd) {
                let (permission, resource) = (&access.permission, &access.resource);
                return Err(format!(
                    "expected accounts of letters, digits, '.', '_' and '-' for {permission} on \
                     {resource}, got {:?}",
                    access.accounts
                ));
            }
        }
        let ssh = Self {
            config: config.clone(),
            krl: Mutex::new(()),
            missing: parking_lot::Mutex::default(),
        };
        drop(ssh.authority()?);
        Ok(ssh)
    }

    /// The public key of the authority.
    fn authority(&self) -> Result<Secret, String> {
        let mut path = self.config.ca_key.clone().into_os_string();
        path.push(".pub");
        files::read(Path::new(&path))
    }

    fn access(&self, grant: &Grant) -> Result<&SshAccess, Failure> {
        let mut access = self.config.access.iter();
        let found = access.find(|access| {
            access.resource == grant.resource && access.permission == grant.permission
        });
        found.ok_or_else(|| {
            let (permission, resource) = (&grant.permission, &grant.resource);
            Failure::new(format!("{permission} on {resource} is not configured"))
        })
    }

    fn grants(&self) -> PathBuf {
        self.config.state.join("grants")
    }

    fn sessions(&self) -> PathBuf {
        self.config.state.join("sessions")
    }

    fn revoked(&self) -> PathBuf {
        self.config.state.join("revoked.krl")
    }

    /// Accounts that a grant opens, one in a line.
    fn accounts(access: &SshAccess) -> String {
        access
            .accounts
            .iter()
            .fold(String::new(), |text, account| text + account + "\n")
    }

    /// Makes the folders, when they are not there.
    fn folders(&self) -> Result<(), Failure> {
        let make = |path: &Path, mode: u32| {
            let mut builder = fs::DirBuilder::new();
            builder.recursive(true).mode(mode).create(path)
        };
        if !self.sessions().exists() {
            let path = self.sessions();
            tracing::warn!(
                path = %path.display(),
                "the folder is not there and is made anew, for this account: give it to the user \
                 of countersign-principals, or connections are not found (docs/provisioners.md)"
            );
        }
        make(&self.config.state, 0o755)
            .and_then(|()| make(&self.grants(), 0o755))
            .and_then(|()| make(&self.sessions(), 0o755))
            .map_err(|error| self.cannot(&error))
    }

    fn cannot(&self, error: &io::Error) -> Failure {
        Failure::new(format!(
            "cannot change {}: {error}",
            self.config.state.display()
        ))
    }

    async fn certify(&self, grant: &Grant) -> Result<Made, Failure> {
        let access = self.access(grant)?;
        self.folders()?;
        self.ensure_krl().await?;
        let signed = self.sign(grant, access).await?;
        // If we stop here, there may be a certificate that opens nothing.
        let path = self.grants().join(grant.grant.to_string());
        let written = files::write(&path, Self::accounts(access).as_bytes());
        // The program that asks for it is run as somebody else.
        let open = || fs::set_permissions(&path, fs::Permissions::from_mode(0o644));
        written
            .and_then(|()| open())
            .map_err(|error| self.cannot(&error))?;
        Ok(Made {
            target: format!(
                "certificate {} for {}",
                grant.grant,
                access.accounts.join(", ")
            ),
            credential: Some(signed),
            valid_until: Some(grant.end_seconds()),
        })
    }

    /// Closes the door, has the certificate revoked, and ends what came in with it.
    async fn decertify(&self, serial: u64, ending: Ending) -> Result<Proof, Failure> {
        let path = self.grants().join(serial.to_string());
        let found = match fs::remove_file(&path) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(self.cannot(&error)),
        };
        // If we stop here, nobody gets in any more through the program.
        let ended = session::end(&self.sessions(), serial).await?;
        let revoked = match ending {
            Ending::Expired => "its time is over".to_owned(),
            Ending::Revoked | Ending::Finished => {
                self.revoke(serial).await?;
                "its serial is in revoked.krl".to_owned()
            }
        };
        Ok(Proof {
            found: found || ended > 0,
            text: format!(
                "certificate {serial}: grants/{serial} is not there, {revoked}, {} ended, none \
                 left",
                counted(whole(ended), "connection", "connections")
            ),
        })
    }
}

impl Provisioner for Ssh {
    fn make<'a>(&'a self, grant: &'a Grant) -> Doing<'a, Made> {
        Box::pin(self.certify(grant))
    }

    /// A certificate cannot be changed: there is a new one with the same serial.
    fn extend<'a>(&'a self, grant: &'a Grant) -> Doing<'a, Made> {
        Box::pin(self.certify(grant))
    }

    fn remove<'a>(&'a self, grant: &'a Grant, ending: Ending) -> Doing<'a, Proof> {
        Box::pin(self.decertify(grant.grant, ending))
    }

    fn inspect<'a>(&'a self, standing: &'a [Standing]) -> Doing<'a, Vec<Finding>> {
        Box::pin(self.compare(standing))
    }

    fn mend<'a>(&'a self, finding: &'a Finding, grant: Option<&'a Grant>) -> Doing<'a, ()> {
        Box::pin(self.correct(finding, grant))
    }

    fn check(&self) -> Doing<'_, Vec<String>> {
        Box::pin(self.look())
    }
}

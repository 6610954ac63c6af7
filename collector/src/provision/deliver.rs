//! How a credential reaches its person: as files that only they can read, or through a program.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_proto::reading::text::hex;
use rustix::process::geteuid;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::folder::takes_files;
use crate::provision::account;
use crate::provision::config::DeliverConfig;
use crate::provision::credential::{Credential, Secret};
use crate::provision::hook::GrantJson;
use crate::provision::process::Program;
use crate::provision::provisioner::{Doing, Failure, Grant};
use crate::provision::text::{cut, plain};

/// A credential that nobody would get.
pub(crate) const NO_WAY: &str =
    "there is a credential and no way to deliver it; add `deliver` to the configuration";

/// Hands credentials over.
pub(crate) trait Deliver: Send + Sync {
    /// Hands over a credential in place of one that was handed over for the grant before.
    fn deliver<'a>(&'a self, grant: &'a Grant, credential: &'a Credential) -> Doing<'a, ()>;

    /// Takes back what is where it was put.
    fn withdraw<'a>(&'a self, grant: &'a Grant) -> Doing<'a, ()>;

    /// Whether it could deliver now. Nothing is changed.
    fn check(&self) -> Doing<'_, ()>;
}

/// The delivery that is configured.
pub(crate) fn of(config: &DeliverConfig) -> Option<Box<dyn Deliver>> {
    if let Some(dir) = &config.dir {
        return Some(Box::new(Files {
            dir: dir.clone(),
            config: config.clone(),
        }));
    }
    let command = config.command.clone()?;
    let program = Program {
        command,
        limit: config.time_limit.get(),
        max_output: 4_096,
    };
    Some(Box::new(Hook { program }))
}

/// Writes files below a folder that belongs to the agent, so that nobody can plant links in it.
struct Files {
    dir: PathBuf,
    config: DeliverConfig,
}

impl Files {
    fn folder(&self, person: &str) -> PathBuf {
        let fine = |c: char| c.is_ascii_alphanumeric() || ['.', '_', '@', '-'].contains(&c);
        let is_fine = person.chars().all(fine) && !person.starts_with('.') && person.len() < 128;
        if is_fine && !person.is_empty() {
            return self.dir.join(person);
        }
        let digest: [u8; 32] = Sha256::digest(person.as_bytes()).into();
        self.dir
            .join(format!("{}-{}", cut(&plain(person), 64), hex(&digest[..4])))
    }

    fn stem(grant: &Grant) -> String {
        format!("{}-{}", cut(&plain(&grant.resource), 64), grant.grant)
    }

    /// The account of the person, when this machine has it.
    async fn account(&self, person: &str) -> Result<Option<(u32, u32)>, Failure> {
        let account = self
            .config
            .accounts
            .get(person)
            .map_or(person, String::as_str);
        account::ids(account).await
    }
}

impl Deliver for Files {
    fn deliver<'a>(&'a self, grant: &'a Grant, credential: &'a Credential) -> Doing<'a, ()> {
        Box::pin(async move {
            let owner = self.account(&grant.person).await?;
            let folder = self.folder(&grant.person);
            let put = || {
                fs::create_dir_all(&folder)?;
                for part in &credential.parts {
                    let name = format!("{}.{}", Self::stem(grant), part.name);
                    put(&folder, &name, &part.content, owner)?;
                }
                File::open(&folder)?.sync_all()
            };
            let cannot = |error: io::Error| {
                Failure::new(format!("cannot deliver into {}: {error}", folder.display()))
            };
            put().map_err(cannot)
        })
    }

    fn withdraw<'a>(&'a self, grant: &'a Grant) -> Doing<'a, ()> {
        Box::pin(async move {
            let folder = self.folder(&grant.person);
            let prefix = format!("{}.", Self::stem(grant));
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(Failure::new(error.to_string())),
            };
            for entry in entries.flatten() {
                if entry.file_name().to_string_lossy().starts_with(&prefix) {
                    fs::remove_file(entry.path())
                        .map_err(|error| Failure::new(error.to_string()))?;
                }
            }
            Ok(())
        })
    }

    fn check(&self) -> Doing<'_, ()> {
        Box::pin(self.prepared())
    }
}

impl Files {
    /// A person whose account is named has that account.
    async fn prepared(&self) -> Result<(), Failure> {
        let dir = self.dir.display();
        takes_files(&self.dir)
            .map_err(|error| Failure::new(format!("cannot deliver into {dir}: {error}")))?;
        let accounts = self.config.accounts.values().map(String::as_str);
        let missing = account::missing(accounts.collect()).await?;
        if missing.is_empty() {
            return Ok(());
        }
        Err(Failure::new(format!(
            "this machine has no account {}; make it, or correct `accounts` of `deliver`",
            missing.join(", ")
        )))
    }
}

/// Writes a file that is whole or not there, for its owner's eyes only.
fn put(folder: &Path, name: &str, content: &Secret, owner: Option<(u32, u32)>) -> io::Result<()> {
    let (path, new) = (folder.join(name), folder.join(format!("{name}.new")));
    // Of a run that was interrupted.
    if fs::symlink_metadata(&new).is_ok() {
        fs::remove_file(&new)?;
    }
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(content.expose())?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    if let Some((uid, gid)) = owner.filter(|(uid, _)| *uid != geteuid().as_raw()) {
        fchown(&file, Some(uid), Some(gid))?;
    }
    file.sync_all()?;
    fs::rename(new, path)
}

/// Gives credentials to a program, as JSON on its standard input.
struct Hook {
    program: Program,
}

#[derive(Serialize)]
struct HookInput<'a> {
    version: u32,
    action: &'static str,
    grant: GrantJson<'a>,
    credential: Vec<PartJson<'a>>,
}

#[derive(Serialize)]
struct PartJson<'a> {
    name: &'a str,
    content_base64: Zeroizing<String>,
}

impl Hook {
    async fn run(
        &self,
        action: &'static str,
        grant: &Grant,
        credential: Option<&Credential>,
    ) -> Result<(), Failure> {
        let parts = credential.map(|credential| credential.parts.as_slice());
        let parts = parts.unwrap_or_default().iter().map(|part| PartJson {
            name: &part.name,
            content_base64: Zeroizing::new(STANDARD.encode(part.content.expose())),
        });
        let input = HookInput {
            version: 1,
            action,
            grant: GrantJson::of(grant),
            credential: parts.collect(),
        };
        let input = serde_json::to_vec(&input).map(Zeroizing::new);
        let input = input.map_err(|error| Failure::new(error.to_string()))?;
        let ran = self.program.run(&input).await;
        ran.map(drop)
            .map_err(|error| Failure::new(error.to_string()))
    }
}

impl Deliver for Hook {
    fn deliver<'a>(&'a self, grant: &'a Grant, credential: &'a Credential) -> Doing<'a, ()> {
        Box::pin(self.run("deliver", grant, Some(credential)))
    }

    fn withdraw<'a>(&'a self, grant: &'a Grant) -> Doing<'a, ()> {
        Box::pin(self.run("withdraw", grant, None))
    }

    fn check(&self) -> Doing<'_, ()> {
        Box::pin(async {
            let found = self.program.check();
            found.map_err(|error| Failure::new(error.to_string()))
        })
    }
}

#[cfg(test)]
mod tests;

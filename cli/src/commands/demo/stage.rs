//! The folder of the demo, the ledger in it, and the people who call it.

use std::fs::File;
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use countersign_chain::key::VerifierKey;
use countersign_client::{Client, Config, TrustedKey, random_key};
use countersign_ledger::identity::role::Role;
use countersign_ledger::node::{LOGS, MAIN, NodeSettings};
use countersign_ledger::server::run::{ServeError, ServeOptions, Server};
use countersign_proto::v1;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::case::DemoClock;
use crate::commands::dev::origin;
use crate::commands::issue::{self, Authority, Subject};
use crate::commands::ledger::make;
use crate::connect::ConnectArgs;
use crate::files;

/// Small segments: a real file then fills several of them, and a copy is made quickly.
const SEGMENT_BYTES: u64 = 1 << 20;
/// Where input is looked for.
const USUAL: [&str; 2] = ["/var/log/dpkg.log", "/var/log/syslog"];
const LOG_FOLDER: &str = "/var/log";
/// A file that was not asked for is not taken when it is larger.
const MAX_GUESSED: u64 = 64 << 20;

fn small(clock: &Arc<DemoClock>) -> NodeSettings {
    NodeSettings::new(Arc::clone(clock) as _).with_segment_bytes(SEGMENT_BYTES)
}

/// The file whose lines are sent.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) path: PathBuf,
    /// Number of its lines.
    pub(crate) lines: u64,
}

/// The given file, or one that this machine has anyway.
pub(crate) fn input(given: Option<PathBuf>) -> anyhow::Result<Input> {
    if let Some(path) = given {
        let lines = lines(&path).with_context(|| format!("cannot read {}", path.display()))?;
        anyhow::ensure!(
            lines > 0,
            "{} is empty; give a file with some lines",
            path.display()
        );
        return Ok(Input { path, lines });
    }
    let mut others: Vec<PathBuf> = match std::fs::read_dir(LOG_FOLDER) {
        Ok(entries) => entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect(),
        Err(_) => Vec::new(),
    };
    others.sort();
    let candidates = USUAL.iter().map(PathBuf::from).chain(others);
    let found = candidates.filter(|path| is_text(path)).find_map(|path| {
        let lines = lines(&path).ok().filter(|lines| *lines > 0)?;
        Some(Input { path, lines })
    });
    found.context("there is no text in /var/log that can be read; give a file with --input FILE")
}

/// Whether a file is of a fair size and starts with text.
fn is_text(path: &Path) -> bool {
    let look = || {
        let mut file = File::open(path)?;
        let facts = file.metadata()?;
        let mut bytes = vec![0; 4_096];
        let len = if facts.is_file() {
            file.read(&mut bytes)?
        } else {
            0
        };
        bytes.truncate(len);
        Ok::<_, std::io::Error>((facts.len(), bytes))
    };
    let Ok((len, bytes)) = look() else {
        return false;
    };
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) => !text.is_empty(),
        // The cut may be in the middle of a character.
        Err(error) => error.error_len().is_none(),
    };
    text && !bytes.contains(&0) && len <= MAX_GUESSED
}

fn lines(path: &Path) -> std::io::Result<u64> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 16];
    let (mut lines, mut last) = (0_u64, b'\n');
    loop {
        let len = file.read(&mut buffer)?;
        let Some(end) = buffer[..len].last() else {
            break;
        };
        last = *end;
        let newlines = buffer[..len].iter().filter(|byte| **byte == b'\n').count();
        lines += u64::try_from(newlines).unwrap_or(0);
    }
    Ok(lines + u64::from(last != b'\n'))
}

/// The ledger of the demo and where everything lies.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) root: PathBuf,
    /// The ledger's data folder.
    pub(crate) data: PathBuf,
    pub(crate) key: VerifierKey,
    /// The ledger's clock.
    pub(super) clock: Arc<DemoClock>,
    running: Option<Running>,
}

/// A ledger that serves.
#[derive(Debug)]
struct Running {
    address: String,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), ServeError>>,
}

impl Running {
    async fn start(data: &Path, clock: &Arc<DemoClock>) -> anyhow::Result<Self> {
        let server = Server::start(ServeOptions {
            dir: data.to_owned(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            http: None,
            hosts: Vec::new(),
            node: small(clock),
            metrics: None,
        })
        .await?;
        let address = server.endpoint().grpc.clone();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(server.run(async move {
            // A sender that is gone means the same.
            drop(stopped.await);
            "request".to_owned()
        }));
        Ok(Self {
            address,
            stop,
            task,
        })
    }

    async fn stop(self) -> anyhow::Result<()> {
        drop(self.stop);
        Ok(self.task.await.context("the ledger panicked")??)
    }
}

impl Stage {
    /// Makes the folder and starts the ledger.
    pub(crate) async fn set(given: Option<PathBuf>) -> anyhow::Result<Self> {
        let root = match given {
            Some(root) => root,
            None => {
                let key = random_key().context("no randomness for a folder name")?;
                let name = format!("countersign-demo-{}", key.get(..8).unwrap_or(&key));
                std::env::temp_dir().join(name)
            }
        };
        let used = std::fs::read_dir(&root).is_ok_and(|mut entries| entries.next().is_some());
        if used {
            anyhow::bail!(
                "{} is not empty; choose another folder with --dir",
                root.display()
            );
        }
        files::make_folder(&root)?;
        let root = root.canonicalize()?;
        let data = root.join("ledger");
        let clock = Arc::new(DemoClock::default());
        let made = make(&data, &origin("demo")?, &[], &small(&clock)).await?;
        let running = Some(Running::start(&data, &clock).await?);
        Ok(Self {
            root,
            data,
            key: made.vkey,
            clock,
            running,
        })
    }

    /// Address of the ledger.
    pub(crate) fn address(&self) -> &str {
        self.running.as_ref().map_or("", |running| &running.address)
    }

    /// Folder of the log.
    pub(crate) fn log(&self) -> PathBuf {
        self.data.join(LOGS).join(MAIN)
    }

    /// Has an identity made for this role.
    pub(crate) async fn issue(&self, role: Role, name: &str) -> anyhow::Result<v1::Certificate> {
        self.issue_into(role, name, role.as_str()).await
    }

    /// Has an identity made for a person of the starter policy, and connects as that person.
    pub(super) async fn person(&self, name: &str) -> anyhow::Result<Client> {
        drop(self.issue_into(Role::User, name, name).await?);
        self.connect(self.root.join(name)).await
    }

    /// Connects as the first administrator.
    pub(super) async fn admin(&self) -> anyhow::Result<Client> {
        self.connect(self.data.join("admin")).await
    }

    async fn issue_into(
        &self,
        role: Role,
        name: &str,
        folder: &str,
    ) -> anyhow::Result<v1::Certificate> {
        let authority = Authority::open(&ConnectArgs::for_dir(&self.data, &self.root)).await?;
        let subject = Subject {
            role,
            name: name.to_owned(),
            valid_seconds: 0,
        };
        let certificate = issue::issue(&authority, &subject, &self.root.join(folder)).await?;
        authority.close().await?;
        Ok(certificate)
    }

    /// Connects as the owner of this role's identity.
    pub(crate) async fn client(&self, role: Role) -> anyhow::Result<Client> {
        self.connect(self.identity(role)).await
    }

    /// Folder with the identity of this role.
    pub(crate) fn identity(&self, role: Role) -> PathBuf {
        self.root.join(role.as_str())
    }

    async fn connect(&self, identity: PathBuf) -> anyhow::Result<Client> {
        let remember = Some(identity.join("remembered.json"));
        let trust = TrustedKey::Pinned(Box::new(self.key.clone()));
        let config = Config::new(vec![self.address().to_owned()], identity);
        Ok(Client::connect(Config {
            trust,
            remember,
            ..config
        })
        .await?)
    }

    /// Stops the ledger and starts it again.
    pub(crate) async fn restart(&mut self) -> anyhow::Result<()> {
        self.stop().await?;
        self.running = Some(Running::start(&self.data, &self.clock).await?);
        Ok(())
    }

    /// Stops the ledger.
    pub(crate) async fn stop(&mut self) -> anyhow::Result<String> {
        if let Some(running) = self.running.take() {
            running.stop().await?;
        }
        Ok("then it stops for good: its last entry says so".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_named_must_be_there() {
        let error = input(Some("/no/such/file".into())).unwrap_err();
        assert!(format!("{error:#}").contains("/no/such/file"), "{error:#}");
    }

    #[test]
    fn binary_files_and_folders_are_no_input() {
        assert!(!is_text(Path::new("/")));
        assert!(!is_text(&std::env::current_exe().expect("a test binary")));
        assert!(is_text(Path::new(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/Cargo.toml"
        ))));
    }
}

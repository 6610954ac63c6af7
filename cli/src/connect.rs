//! From settings to a client.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use countersign_chain::hash::digest;
use countersign_chain::key::VerifierKey;
use countersign_client::{Client, Config, StreamOptions, TrustedKey};
use countersign_ledger::fs::real::RealFs;
use countersign_ledger::log::folder;
use countersign_ledger::node::{LOGS, is_log_name};
use countersign_ledger::server::run::Endpoint;

use crate::config::{self, Layer, MAIN};
use crate::files;

/// Name of the file beside an identity that holds the key of the log `main`.
pub(crate) const LOG_KEY: &str = "log.vkey";

/// Where the ledger is and who calls.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct ConnectArgs {
    /// Data folder of a ledger that runs on this machine: its address, its administrator's identity
    /// and its key
    #[arg(long, value_name = "DIR", conflicts_with_all = ["server", "identity"])]
    pub(crate) dir: Option<PathBuf>,
    /// Address, https://host:port; several are tried in turn [env: COUNTERSIGN_SERVER]
    #[arg(long, value_name = "URL", value_delimiter = ',')]
    pub(crate) server: Vec<String>,
    /// Folder with cert.pem, key.pem and ca.pem, as `ca issue` writes it [env:
    /// COUNTERSIGN_IDENTITY]
    #[arg(long, value_name = "DIR")]
    pub(crate) identity: Option<PathBuf>,
    /// Name of the log [env: COUNTERSIGN_LOG] [default: main]
    #[arg(long, value_name = "NAME")]
    pub(crate) log: Option<String>,
    /// Verifier key of the log, or @FILE that holds it; without it, log.vkey of the identity or the
    /// first answer is believed [env: COUNTERSIGN_KEY]
    #[arg(long, value_name = "VKEY|@FILE")]
    pub(crate) key: Option<String>,
    /// File with the newest checkpoint seen; it unmasks a rollback later [env:
    /// COUNTERSIGN_REMEMBER] [default: one for each ledger below ~/.local/state/countersign]
    #[arg(long, value_name = "FILE")]
    pub(crate) remember: Option<PathBuf>,
    /// File with these settings [default: countersign.toml, then
    /// ~/.config/countersign/countersign.toml]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Seconds that a call may take, its repeats included; for events that are sent one after the
    /// other, the longest wait for an acknowledgement
    #[arg(long, value_name = "SECONDS", default_value = "30")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub(crate) timeout: u64,
}

impl ConnectArgs {
    /// Settings for a ledger in this data folder, whose checkpoints are remembered in the other
    /// folder.
    pub(crate) fn for_dir(dir: &Path, memory: &Path) -> Self {
        Self {
            dir: Some(dir.to_owned()),
            remember: Some(memory.join("remembered.json")),
            timeout: 30,
            ..Self::default()
        }
    }

    fn flags(&self) -> Layer {
        Layer {
            server: self.server.clone(),
            identity: self.identity.clone(),
            log: self.log.clone(),
            key: self.key.clone(),
            remember: self.remember.clone(),
        }
    }

    /// All sources together.
    pub(crate) fn settings(&self) -> anyhow::Result<Layer> {
        let get = |name: &str| std::env::var_os(name);
        let file = match config::find_file(self.config.as_deref(), get) {
            Some(path) => Layer::from_file(&path)?,
            None => Layer::default(),
        };
        let weaker = Layer::from_env(get)?.or(file);
        let flags = self.flags();
        let Some(dir) = &self.dir else {
            return Ok(flags.or(weaker));
        };
        let log = flags
            .log
            .clone()
            .or(weaker.log)
            .unwrap_or_else(|| MAIN.to_owned());
        Ok(flags.or(of_dir(dir, &log)?))
    }

    /// The verifier key alone, from any source; a server need not run.
    pub(crate) fn settings_key(&self) -> anyhow::Result<Option<String>> {
        match (&self.key, &self.dir) {
            (Some(key), _) => Ok(Some(key.clone())),
            (None, Some(dir)) => {
                let log = self.log.as_deref().unwrap_or(MAIN);
                Ok(Some(key_of_dir(dir, log)?.to_string()))
            }
            (None, None) => Ok(self.settings()?.key),
        }
    }

    /// The configuration of a client.
    pub(crate) fn client_config(&self) -> anyhow::Result<Config> {
        let settings = self.settings()?;
        let server = settings.server;
        if server.is_empty() {
            anyhow::bail!(
                "no ledger is named; give --server URL and --identity DIR, or set \
                 COUNTERSIGN_SERVER and \
                 COUNTERSIGN_IDENTITY, or give --dir DIR on the ledger's own machine"
            );
        }
        let identity = settings.identity.context(
            "no identity is named; give --identity DIR or set COUNTERSIGN_IDENTITY; an \
             administrator makes one with `countersign ca issue`",
        )?;
        let remember = match settings.remember {
            Some(path) => Some(path),
            None => usual_memory(&identity),
        };
        if let Some(folder) = remember.as_deref().and_then(Path::parent) {
            std::fs::create_dir_all(folder).with_context(|| {
                let folder = folder.display();
                format!(
                    "cannot make {folder}, where the newest checkpoint is to be kept; give \
                         --remember FILE or set COUNTERSIGN_REMEMBER"
                )
            })?;
        }
        let log = settings.log.unwrap_or_else(|| MAIN.to_owned());
        let trust = match settings.key {
            Some(key) => TrustedKey::Pinned(Box::new(parse_key(&key)?)),
            // The key beside an identity is that of `main`.
            None if log != MAIN && identity.join(LOG_KEY).exists() => anyhow::bail!(
                "the key of the log {log} is not known; `countersign status` lists the logs that \
                 there are with their keys: give it with --key VKEY"
            ),
            None => TrustedKey::FirstUse,
        };
        Ok(Config {
            log,
            timeout: Duration::from_secs(self.timeout),
            trust,
            remember,
            ..Config::new(server, identity)
        })
    }

    /// A stream that waits for acknowledgements as long as a call may take.
    pub(crate) fn patient_stream(&self) -> StreamOptions {
        StreamOptions {
            patience: Some(Duration::from_secs(self.timeout)),
            ..StreamOptions::default()
        }
    }

    /// Connects.
    pub(crate) async fn client(&self) -> anyhow::Result<Client> {
        Ok(Client::connect(self.client_config()?).await?)
    }
}

/// Reads a verifier key, or that of the file behind an `@`.
pub(crate) fn parse_key(text: &str) -> anyhow::Result<VerifierKey> {
    let read = text
        .strip_prefix('@')
        .map(|path| files::read_text(path.as_ref()));
    let key = read.transpose()?.unwrap_or_else(|| text.to_owned());
    VerifierKey::parse(key.trim()).with_context(|| {
        format!("{text:?} is no verifier key; `ledger init` and `status` print it")
    })
}

/// The verifier key of a log in a data folder.
pub(crate) fn key_of_dir(dir: &Path, log: &str) -> anyhow::Result<VerifierKey> {
    let path = dir.join(LOGS).join(log);
    if !is_log_name(log) || (log != MAIN && !path.is_dir()) {
        anyhow::bail!(
            "there is no log {log:?} in {}; `status` lists those that are",
            dir.display()
        );
    }
    let read = || {
        let fs = RealFs::open(&path)?;
        anyhow::Ok(folder::identity(fs.as_ref())?.vkey)
    };
    read().with_context(|| format!("cannot read the key of log {log} in {}", dir.display()))
}

/// The address for connections from this machine: a server that listens everywhere listens on
/// localhost.
pub(crate) fn local_address(url: &str) -> String {
    url.replace("//0.0.0.0:", "//127.0.0.1:")
        .replace("//[::]:", "//[::1]:")
}

fn of_dir(dir: &Path, log: &str) -> anyhow::Result<Layer> {
    let key = key_of_dir(dir, log)?;
    let endpoint = Endpoint::read(dir).with_context(|| {
        format!(
            "no server runs in {}; start one with `countersign ledger serve --dir {0}`",
            dir.display()
        )
    })?;
    Ok(Layer {
        server: vec![local_address(&endpoint.grpc)],
        identity: Some(dir.join("admin")),
        log: Some(log.to_owned()),
        key: Some(key.to_string()),
        remember: None,
    })
}

/// A file for each ledger, told apart by its root certificate.
fn usual_memory(identity: &Path) -> Option<PathBuf> {
    let root = std::fs::read(identity.join("ca.pem")).ok()?;
    let var = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let base = var("XDG_STATE_HOME").or_else(|| Some(var("HOME")?.join(".local/state")))?;
    let name = digest(&root).to_string();
    let name = name.get(..16).unwrap_or(&name);
    Some(base.join("countersign").join(format!("{name}.json")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_listens_everywhere_is_reached_locally() {
        assert_eq!(
            local_address("https://0.0.0.0:7443"),
            "https://127.0.0.1:7443"
        );
        assert_eq!(local_address("https://[::]:7443"), "https://[::1]:7443");
        assert_eq!(local_address("https://10.0.0.0:1"), "https://10.0.0.0:1");
    }

    #[test]
    fn what_is_missing_is_named_with_what_to_do() {
        let error = ConnectArgs::for_dir(Path::new("/no/such/dir"), Path::new("/no"))
            .client_config()
            .unwrap_err();
        assert!(format!("{error:#}").contains("/no/such/dir"), "{error:#}");
        let server = vec!["https://localhost:1".to_owned()];
        let key = Some("nonsense".to_owned());
        let identity = Some(PathBuf::from("/no/such/identity"));
        let args = ConnectArgs {
            server,
            key,
            identity,
            timeout: 30,
            ..ConnectArgs::default()
        };
        let error = args.client_config().unwrap_err();
        assert!(
            format!("{error:#}").contains("no verifier key"),
            "{error:#}"
        );
    }
}

//! The client: one log of one ledger, seen through one trusted key.

use std::path::PathBuf;
use std::sync::Arc;

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::key::VerifierKey;
use countersign_proto::convert;
use countersign_proto::event::Known;
use countersign_proto::v1;
use countersign_proto::v1::admin_service_client::AdminServiceClient;
use countersign_proto::v1::log_service_client::LogServiceClient;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tonic::transport::Channel;

use crate::call::{CallError, Caller, Repeat};
use crate::config::{Config, ConfigError, Identity, TrustedKey};
use crate::endpoints::Endpoints;
use crate::limits::MAX_ANSWER;
use crate::remember::Memory;
use crate::verify::{Notary, Opened, VerifyError};

/// Why a client could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The configuration is at fault.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The ledger does not answer, or not as it should.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The key of the log is not known and this role may not read it from the log.
    #[error(
        "no key of the log is known, and entry 0 could not be read: {0}; pin the key, or put it \
         into log.vkey in the identity folder"
    )]
    NoKey(CallError),
}

/// Talks to one log of one ledger. Clones share connections and memory.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) shared: Arc<Shared>,
}

/// What the clones share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) caller: Caller,
    pub(crate) log: String,
    key: VerifierKey,
    opened: Arc<Opened>,
    pub(crate) path: Option<PathBuf>,
    pub(crate) past: Mutex<Past>,
}

/// What this process knows of the log's past.
#[derive(Debug, Default)]
pub(crate) struct Past {
    /// The newest sealed checkpoint that was verified and proved to extend all before it.
    pub(crate) newest: Option<Arc<SignedCheckpoint>>,
    /// When it was last replaced.
    pub(crate) replaced: Option<Instant>,
    /// A newer sealed one that waits to be proved and remembered, so that this is not done too
    /// often.
    pub(crate) waiting: Option<Arc<SignedCheckpoint>>,
}

impl Client {
    /// Connects, learns the trusted key, and checks the newest checkpoint against what is
    /// remembered.
    ///
    /// # Errors [`ConnectError`]; a rollback or a fork that is noticed here is in `Call`.
    pub async fn connect(config: Config) -> Result<Self, ConnectError> {
        config.check()?;
        let identity = Identity::read(&config.identity)?;
        let endpoints = Endpoints::new(&config, &identity)?;
        let caller = Caller::new(endpoints, config.timeout);
        let memory = match &config.remember {
            Some(path) => Memory::load(path).map_err(CallError::from)?,
            None => Memory::default(),
        };
        let path = config.remember.clone().unwrap_or_default();
        let remembered = memory.key_of(&path, &config.log).map_err(CallError::from)?;
        let key = match (&config.trust, remembered) {
            (TrustedKey::Pinned(key), _) => VerifierKey::clone(key),
            (TrustedKey::FirstUse, Some(key)) => key,
            (TrustedKey::FirstUse, None) => match identity.log_key()? {
                Some(key) => key,
                None => first_use(&caller, &config.log)
                    .await
                    .map_err(ConnectError::NoKey)?,
            },
        };
        let newest = memory.find(&path, &key).map_err(CallError::from)?;
        let past = Mutex::new(Past {
            newest,
            replaced: None,
            waiting: None,
        });
        let (log, path) = (config.log, config.remember);
        let client = Self {
            shared: Arc::new(Shared {
                caller,
                log,
                key,
                opened: Arc::default(),
                path,
                past,
            }),
        };
        client.checkpoint().await?;
        Ok(client)
    }

    /// Name of the log.
    #[must_use]
    pub fn log(&self) -> &str {
        &self.shared.log
    }

    /// The trusted key.
    #[must_use]
    pub fn key(&self) -> &VerifierKey {
        &self.shared.key
    }

    pub(crate) fn caller(&self) -> &Caller {
        &self.shared.caller
    }

    pub(crate) fn notary(&self) -> Notary {
        Notary::sharing(self.shared.key.clone(), Arc::clone(&self.shared.opened))
    }
}

/// The log service over a connection.
pub(crate) fn log_service(channel: Channel) -> LogServiceClient<Channel> {
    LogServiceClient::new(channel).max_decoding_message_size(MAX_ANSWER)
}

/// The admin service over a connection.
pub(crate) fn admin_service(channel: Channel) -> AdminServiceClient<Channel> {
    AdminServiceClient::new(channel).max_decoding_message_size(MAX_ANSWER)
}

/// Believes entry 0 about its own key: it must be signed by the key that it names.
async fn first_use(caller: &Caller, log: &str) -> Result<VerifierKey, CallError> {
    const CALL: &str = "GetEntry";
    let request = v1::GetEntryRequest {
        log: log.to_owned(),
        index: 0,
        include_proof: true,
    };
    let answer = caller
        .call(CALL, Repeat::Safe, request, |channel, request| async move {
            log_service(channel).get_entry(request).await
        })
        .await?;
    let key = named_key(&answer).map_err(CallError::unverified(CALL))?;
    crate::entry::Entry::verify(answer, 0, &mut Notary::new(key.clone()))
        .map_err(CallError::unverified(CALL))?;
    tracing::warn!(log, key = %key, "took the key of the log on first use");
    Ok(key)
}

fn named_key(answer: &v1::GetEntryResponse) -> Result<VerifierKey, VerifyError> {
    let entry = answer.entry.as_ref().ok_or(VerifyError::Missing("entry"))?;
    let (record, _leaf) = convert::record(entry)?;
    let other = |got: &str| VerifyError::other("entry 0", "LogOpened with a key", got);
    match Known::decode(record.kind().get(), record.payload()) {
        Ok(Known::LogOpened(opened)) => VerifierKey::parse(&opened.vkey)
            .ok()
            .filter(|key| key.origin().as_str() == opened.origin)
            .ok_or_else(|| other(&opened.vkey)),
        Ok(event) => Err(other(event.name())),
        Err(error) => Err(other(&error.to_string())),
    }
}

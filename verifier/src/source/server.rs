//! A running ledger, read over gRPC as any client may. Its commits are put together again from the
//! records and checkpoints that it sends, and then judged like those of a folder.

use std::path::Path;
use std::sync::Arc;

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::frame::{MAGIC, Nonce, padded_len};
use countersign_chain::key::VerifierKey;
use countersign_chain::limits::{FRAME_HEAD, MAX_COMMIT_ENTRIES};
use countersign_client::{
    CallError, Client, Config, ConnectError, Entry, Filter, Pages, RememberError, TrustedKey,
    VerifyError,
};
use tokio::runtime::{Builder, Runtime};

use super::{Holder, Promise, Source, SourceError};
use crate::finding::{Code, Findings};
use crate::window::{Follow, Framing, Span, Window};

/// Bytes of one window.
const WINDOW: usize = 4 * 1_048_576;
/// Entries of one page: the most that the ledger gives.
const PAGE: u32 = 1_000;
/// Rebuilt frames belong to no segment file.
const NONCE: Nonce = Nonce([0; 16]);

/// Where a ledger is and who asks.
#[derive(Debug, Clone)]
pub struct Address<'a> {
    /// `host:port`.
    pub host: &'a str,
    /// Name of the log.
    pub log: &'a str,
    /// Folder with the identity of the caller, as `countersign ca issue` writes it.
    pub identity: &'a Path,
    /// The key that the log must be signed with, where it is pinned.
    pub key: Option<&'a VerifierKey>,
    /// A checkpoint from an earlier verification: the ledger must prove that it extends it.
    pub remembered: Option<&'a [u8]>,
}

/// The log of a running ledger.
#[derive(Debug)]
pub struct Server {
    runtime: Runtime,
    host: String,
    key: Option<VerifierKey>,
    remembered: Option<Vec<u8>>,
    /// `None` when the answers of the ledger are not believed.
    reading: Option<Reading>,
    /// Why they are not.
    refused: Option<VerifyError>,
}

#[derive(Debug)]
struct Reading {
    client: Client,
    /// What is verified: the sealed log at the start.
    sealed: Arc<SignedCheckpoint>,
    pages: Pages,
    /// Entries of the commit that is not yet complete.
    pending: Vec<Entry>,
    /// Index of the next entry to come.
    next: u64,
}

impl Server {
    /// Connects. It blocks, and must not be called inside an async runtime.
    ///
    /// # Errors
    /// [`SourceError::Server`] when the ledger does not answer or refuses. An answer that is not
    /// believed is a finding later.
    pub fn connect(address: &Address<'_>) -> Result<Self, SourceError> {
        let fail = |reason: String| SourceError::Server {
            address: address.host.to_owned(),
            reason,
        };
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| fail(error.to_string()))?;
        let mut config = Config::new(vec![format!("https://{}", address.host)], address.identity);
        address.log.clone_into(&mut config.log);
        if let Some(key) = address.key {
            config.trust = TrustedKey::Pinned(Box::new(key.clone()));
        }
        let (mut reading, mut refused) = (None, None);
        match runtime.block_on(start(config)) {
            Ok(started) => reading = Some(started),
            Err(ConnectError::Call(CallError::Unverified { source, .. })) => {
                refused = Some(*source);
            }
            Err(error) => return Err(fail(error.to_string())),
        }
        let key = reading.as_ref().map(|reading| reading.client.key().clone());
        Ok(Self {
            runtime,
            host: address.host.to_owned(),
            key: key.or_else(|| address.key.cloned()),
            remembered: address.remembered.map(<[u8]>::to_vec),
            reading,
            refused,
        })
    }

    /// Sorts a failed call: what is a finding and what only says that the ledger could not be
    /// asked.
    fn sort(&mut self, error: &CallError, findings: &mut Findings) -> Result<(), SourceError> {
        match error {
            CallError::Unverified { source, call } => {
                self.reading = None;
                refusal(source, call, findings);
                Ok(())
            }
            CallError::Refused { .. }
            | CallError::NoAnswer { .. }
            | CallError::Remember(_)
            | CallError::Random(_) => Err(SourceError::Server {
                address: self.host.clone(),
                reason: error.to_string(),
            }),
        }
    }

    /// Asks the ledger to prove that it extends the remembered checkpoint.
    fn prove(&mut self, key: &VerifierKey, findings: &mut Findings) -> Result<(), SourceError> {
        let Some(reading) = &self.reading else {
            return Ok(());
        };
        let note = self
            .remembered
            .as_deref()
            .and_then(|bytes| str::from_utf8(bytes).ok());
        let old = note.and_then(|note| SignedCheckpoint::open(note, key).ok());
        let new = reading.sealed.size();
        // One that cannot be opened or is beyond the log is a finding elsewhere.
        let Some(old) = old.filter(|old| (1..=new).contains(&old.size())) else {
            return Ok(());
        };
        let old = Arc::new(old);
        let proved = self
            .runtime
            .block_on(reading.client.consistency_proof(&old, new));
        let text = |why: String| format!("from size {} to size {new}: {why}", old.size());
        match proved {
            Ok(_) => Ok(()),
            Err(CallError::Unverified { source, .. }) => {
                findings.add(Code::BadProof, None, text(source.to_string()));
                Ok(())
            }
            Err(CallError::Remember(RememberError::Forked { .. })) => {
                let why = "the proof does not lead from one root to the other".to_owned();
                findings.add(Code::BadProof, None, text(why));
                Ok(())
            }
            Err(error) => self.sort(&error, findings),
        }
    }
}

async fn start(config: Config) -> Result<Reading, ConnectError> {
    let client = Client::connect(config).await?;
    let sealed = client.checkpoint().await?;
    let pages = client.list(Filter::default()).page_size(PAGE);
    Ok(Reading {
        client,
        sealed,
        pages,
        pending: Vec::new(),
        next: 0,
    })
}

/// What the client did not believe, as a finding.
fn refusal(error: &VerifyError, call: &str, findings: &mut Findings) {
    let (code, index) = match error {
        VerifyError::Checkpoint { source, .. } => {
            (Code::of_format(source.code(), Code::BadNote), None)
        }
        VerifyError::ChainBroken { index } => (Code::ChainBroken, Some(*index)),
        VerifyError::Order { expected, .. } => (Code::IndexGap, Some(*expected)),
        VerifyError::NotCovered { index, .. } => (Code::WrongSize, Some(*index)),
        VerifyError::Hashes(_) | VerifyError::ProofField(_) | VerifyError::Proof(_) => {
            (Code::BadProof, None)
        }
        VerifyError::Missing(_)
        | VerifyError::NotSigned(_)
        | VerifyError::Other { .. }
        | VerifyError::Entry(_)
        | VerifyError::Time(_)
        | VerifyError::Unasked { .. } => (Code::BadEntry, None),
    };
    findings.add(code, index, format!("answer to {call}: {error}"));
}

impl Reading {
    /// Reads pages until there is enough for a window, or the sealed log ends.
    async fn window(&mut self) -> Result<Option<Window>, CallError> {
        let mut bytes = Vec::new();
        let mut spans = Vec::new();
        let size = self.sealed.size();
        while bytes.len() < WINDOW && self.next < size {
            let Some(page) = self.pages.next().await? else {
                break;
            };
            for entry in page.entries {
                if self.next >= size {
                    break;
                }
                let same = self
                    .pending
                    .last()
                    .is_none_or(|last| last.checkpoint() == entry.checkpoint());
                if !same || self.pending.len() > MAX_COMMIT_ENTRIES {
                    flush(&mut self.pending, &mut bytes, &mut spans);
                }
                self.next = entry.index().saturating_add(1);
                self.pending.push(entry);
            }
        }
        let whole = self
            .pending
            .last()
            .is_some_and(|last| last.checkpoint().size() == self.next || self.next >= size);
        if whole || spans.is_empty() {
            flush(&mut self.pending, &mut bytes, &mut spans);
        }
        let follow = self.pending.first().map(|entry| Follow {
            index: entry.index(),
            prev: entry.prev(),
        });
        Ok((!spans.is_empty()).then_some(Window {
            bytes,
            spans,
            nonce: NONCE,
            segment: 0,
            offset: 0,
            opens: None,
            follow,
            framing: Framing::Rebuilt,
            newest: false,
        }))
    }
}

/// Puts the pending entries together as the frame that the ledger stored, but for nonce and
/// checksum.
fn flush(pending: &mut Vec<Entry>, bytes: &mut Vec<u8>, spans: &mut Vec<Span>) {
    let (Some(first), Some(last)) = (pending.first(), pending.last()) else {
        return;
    };
    let start = bytes.len();
    let note = last.checkpoint().text().as_bytes();
    let count = u32::try_from(pending.len()).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&[0; FRAME_HEAD - 4]);
    bytes.extend_from_slice(&NONCE.0);
    bytes.extend_from_slice(&first.index().to_be_bytes());
    bytes.extend_from_slice(&count.to_be_bytes());
    let records = pending.iter().map(|entry| entry.record().as_ref());
    for part in records.chain([note]) {
        // Records and notes that were read are below 2^16 bytes.
        bytes.extend_from_slice(&u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    let body = bytes.len().saturating_sub(start).saturating_sub(FRAME_HEAD);
    let length = u32::try_from(body).unwrap_or(u32::MAX).to_be_bytes();
    let at = start.saturating_add(MAGIC.len());
    if let Some(place) = bytes.get_mut(at..at.saturating_add(4)) {
        place.copy_from_slice(&length);
    }
    let len = padded_len(body);
    bytes.resize(start.saturating_add(len), 0);
    spans.push(Span { start, len });
    pending.clear();
}

impl Source for Server {
    fn name(&self) -> &'static str {
        "server"
    }

    fn vkeys(&self) -> Vec<String> {
        self.key.iter().map(ToString::to_string).collect()
    }

    fn promises(
        &mut self,
        key: &VerifierKey,
        findings: &mut Findings,
    ) -> Result<Vec<Promise>, SourceError> {
        if let Some(error) = &self.refused {
            refusal(error, "GetCheckpoint", findings);
        }
        self.prove(key, findings)?;
        let sealed = self.reading.as_ref().map(|reading| Promise {
            holder: Holder::Server,
            checkpoint: SignedCheckpoint::clone(&reading.sealed),
        });
        Ok(sealed.into_iter().collect())
    }

    fn next(&mut self, findings: &mut Findings) -> Result<Option<Window>, SourceError> {
        let Some(reading) = &mut self.reading else {
            return Ok(None);
        };
        match self.runtime.block_on(reading.window()) {
            Ok(window) => Ok(window),
            Err(error) => {
                self.sort(&error, findings)?;
                Ok(None)
            }
        }
    }

    fn total_bytes(&self) -> u64 {
        0
    }

    fn tree_folder(&self) -> Option<std::path::PathBuf> {
        None
    }
}

//! Checkpoints and proofs, and the past that every newer checkpoint must extend.

use std::sync::Arc;

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chain::hash::Hash;
use countersign_chain::tlog_proof::TlogProof;
use countersign_proto::convert::{hash, hashes};
use countersign_proto::v1;
use tokio::time::Instant;

use crate::call::{CallError, Repeat};
use crate::client::{Client, Past, log_service};
use crate::limits::REMEMBER_EVERY;
use crate::receipt::included;
use crate::remember::{Extension, Memory, Next, Remembered, compare, extends, newest};
use crate::verify::VerifyError;

const CHECKPOINT: &str = "GetCheckpoint";
const INCLUSION: &str = "GetInclusionProof";
const CONSISTENCY: &str = "GetConsistencyProof";

/// A verified proof that an entry is in a signed tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof {
    /// Index of the entry.
    pub index: u64,
    /// Leaf hash of its record.
    pub leaf: Hash,
    /// Sibling hashes from the leaf up.
    pub hashes: Vec<Hash>,
    /// The signed tree.
    pub checkpoint: Arc<SignedCheckpoint>,
}

impl InclusionProof {
    /// The proof as a C2SP tlog-proof, which others can check without this ledger.
    #[must_use]
    pub fn to_tlog_proof(&self) -> String {
        let (index, hashes) = (self.index, self.hashes.clone());
        TlogProof {
            index,
            hashes,
            checkpoint: self.checkpoint.text().to_owned(),
        }
        .to_text()
    }
}

/// A verified proof that one signed tree is the beginning of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsistencyProof {
    /// The older tree.
    pub old: Arc<SignedCheckpoint>,
    /// The newer tree.
    pub new: Arc<SignedCheckpoint>,
    /// The hashes of the proof.
    pub hashes: Vec<Hash>,
}

impl Client {
    /// The newest sealed checkpoint. It extends every one that this client has remembered, and is
    /// remembered now.
    ///
    /// # Errors [`CallError`]; `Remember` when the ledger forked or was rolled back.
    pub async fn checkpoint(&self) -> Result<Arc<SignedCheckpoint>, CallError> {
        // What is learnt while the question is under way may be newer than the answer.
        let known = self.known().await;
        let mut left = self.caller().endpoints().len();
        loop {
            let route = self.caller().endpoints().route();
            let shown = Arc::new(self.ask_checkpoint().await?);
            left -= 1;
            match newest(known.as_ref(), &shown) {
                Ok(()) => {
                    let mut past = self.shared.past.lock().await;
                    self.extend(&mut past, &shown).await?;
                    return Ok(shown);
                }
                // One address may lag behind the others; only when all are behind, the ledger is.
                Err(_) if left > 0 => self.caller().endpoints().leave(&route),
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn ask_checkpoint(&self) -> Result<SignedCheckpoint, CallError> {
        let request = v1::GetCheckpointRequest {
            log: self.shared.log.clone(),
        };
        let answer = self
            .caller()
            .call(CHECKPOINT, Repeat::Safe, request, |channel, request| async move {
                log_service(channel).get_checkpoint(request).await
            })
            .await?;
        let opened = self.notary().open(&answer.checkpoint);
        let opened = opened.map_err(CallError::unverified(CHECKPOINT))?;
        if opened.size() != answer.size {
            let error = VerifyError::other("size", opened.size(), answer.size);
            return Err(CallError::unverified(CHECKPOINT)(error));
        }
        Ok(SignedCheckpoint::clone(&opened))
    }

    /// Proves that an entry is in the tree of this size; 0 means the newest sealed checkpoint.
    ///
    /// # Errors
    /// [`CallError`]; `Unverified` with `NotSigned` when no commit ended at this size.
    pub async fn inclusion_proof(
        &self,
        index: u64,
        tree_size: u64,
    ) -> Result<InclusionProof, CallError> {
        let answer = self.ask_inclusion(index, tree_size).await?;
        self.read_inclusion(index, tree_size, &answer)
            .map_err(CallError::unverified(INCLUSION))
    }

    pub(crate) async fn ask_inclusion(
        &self,
        index: u64,
        tree_size: u64,
    ) -> Result<v1::GetInclusionProofResponse, CallError> {
        let log = self.shared.log.clone();
        let request = v1::GetInclusionProofRequest {
            log,
            index,
            tree_size,
        };
        self.caller()
            .call(
                INCLUSION,
                Repeat::Safe,
                request,
                |channel, request| async move {
                    log_service(channel).get_inclusion_proof(request).await
                },
            )
            .await
    }

    fn read_inclusion(
        &self,
        index: u64,
        tree_size: u64,
        answer: &v1::GetInclusionProofResponse,
    ) -> Result<InclusionProof, VerifyError> {
        let proof = answer.proof.as_ref().ok_or(VerifyError::Missing("proof"))?;
        if tree_size != 0 && proof.tree_size != tree_size {
            return Err(VerifyError::other("size", tree_size, proof.tree_size));
        }
        if answer.checkpoint.is_empty() {
            return Err(VerifyError::NotSigned(proof.tree_size));
        }
        let checkpoint = self.notary().open(&answer.checkpoint)?;
        let leaf = hash(&answer.leaf_hash)?;
        let hashes = included(proof, index, &leaf, &checkpoint)?;
        Ok(InclusionProof {
            index,
            leaf,
            hashes,
            checkpoint,
        })
    }

    /// Proves that the log of this size (0 means the newest sealed checkpoint) extends a
    /// checkpoint.
    ///
    /// # Errors [`CallError`]; `Remember` with `Forked` when it does not, `Unverified` with
    /// `NotSigned` when no commit ended at this size.
    pub async fn consistency_proof(
        &self,
        old: &Arc<SignedCheckpoint>,
        new_size: u64,
    ) -> Result<ConsistencyProof, CallError> {
        let answer = self.ask_consistency(old.size(), new_size).await?;
        let unverified = CallError::unverified(CONSISTENCY);
        if answer.checkpoint.is_empty() {
            return Err(unverified(VerifyError::NotSigned(answer.new_size)));
        }
        let new = match self.notary().open(&answer.checkpoint) {
            Ok(new) => new,
            Err(error) => return Err(unverified(error)),
        };
        if new_size != 0 && new.size() != new_size {
            return Err(unverified(VerifyError::other("size", new_size, new.size())));
        }
        let hashes = hashes(&answer.hashes).map_err(|error| unverified(error.into()))?;
        judge(old, &new, hashes.clone())?;
        Ok(ConsistencyProof {
            old: Arc::clone(old),
            new,
            hashes,
        })
    }

    async fn ask_consistency(
        &self,
        old_size: u64,
        new_size: u64,
    ) -> Result<v1::GetConsistencyProofResponse, CallError> {
        let log = self.shared.log.clone();
        let request = v1::GetConsistencyProofRequest {
            log,
            old_size,
            new_size,
        };
        self.caller()
            .call(
                CONSISTENCY,
                Repeat::Safe,
                request,
                |channel, request| async move {
                    log_service(channel).get_consistency_proof(request).await
                },
            )
            .await
    }

    /// The newest sealed checkpoint that is known.
    pub(crate) async fn known(&self) -> Option<Arc<SignedCheckpoint>> {
        self.shared.past.lock().await.newest.clone()
    }

    /// Compares a verified checkpoint that came with an answer with the past. A newer sealed one is
    /// proved and remembered: at once, or [`REMEMBER_EVERY`] after the last one.
    pub(crate) async fn notice(
        &self,
        seen: &Arc<SignedCheckpoint>,
        sealed: bool,
    ) -> Result<(), CallError> {
        let mut past = self.shared.past.lock().await;
        let newer = compare(past.newest.as_ref(), seen)? != Next::Keep;
        if !(sealed && newer) {
            return Ok(());
        }
        let rests = past.replaced.map(|at| at + REMEMBER_EVERY);
        let rests = rests.filter(|until| *until > Instant::now());
        let waits = past.waiting.is_some();
        past.waiting = Some(Arc::clone(seen));
        match rests {
            None => self.settle(&mut past).await,
            Some(until) if !waits => {
                tokio::spawn(self.clone().settle_at(until));
                Ok(())
            }
            Some(_) => Ok(()),
        }
    }

    /// Remembers what waits, when the last one has rested.
    async fn settle_at(self, until: Instant) {
        tokio::time::sleep_until(until).await;
        self.remember_now().await;
    }

    /// Remembers what waits, before a program ends. A contradiction comes up again with the next
    /// answer, so it is only told here.
    pub(crate) async fn remember_now(&self) {
        let mut past = self.shared.past.lock().await;
        if let Err(error) = self.settle(&mut past).await {
            tracing::error!(%error, "the newest checkpoint is not remembered");
        }
    }

    async fn settle(&self, past: &mut Past) -> Result<(), CallError> {
        let Some(seen) = past.waiting.take() else {
            return Ok(());
        };
        match self.extend(past, &seen).await {
            // The answer that brought the checkpoint is good; the proof is asked for again with the
            // next one.
            Err(error @ (CallError::NoAnswer { .. } | CallError::Refused { .. })) => {
                let size = seen.size();
                tracing::warn!(size, %error, "could not prove a newer checkpoint yet");
                Ok(())
            }
            judged => judged,
        }
    }

    /// Makes a sealed checkpoint the newest of the past, if it is newer and extends it.
    async fn extend(&self, past: &mut Past, seen: &Arc<SignedCheckpoint>) -> Result<(), CallError> {
        match compare(past.newest.as_ref(), seen)? {
            Next::Keep => return Ok(()),
            // Everything extends the empty log, and its root is the same for all.
            Next::Prove(old) if old.size() > 0 => {
                let answer = self.ask_consistency(old.size(), seen.size()).await?;
                let hashes = hashes(&answer.hashes).map_err(VerifyError::from);
                judge(
                    &old,
                    seen,
                    hashes.map_err(CallError::unverified(CONSISTENCY))?,
                )?;
            }
            Next::Prove(_) | Next::First => {}
        }
        if let Some(path) = self.shared.path.clone() {
            let (log, key) = (self.shared.log.clone(), self.key().clone());
            let new = Remembered {
                log,
                key,
                checkpoint: Arc::clone(seen),
            };
            let stored = tokio::task::spawn_blocking(move || Memory::store(&path, new)).await;
            stored.map_err(crate::remember::RememberError::from)??;
        }
        past.newest = Some(Arc::clone(seen));
        past.replaced = Some(Instant::now());
        Ok(())
    }
}

fn judge(
    old: &SignedCheckpoint,
    new: &SignedCheckpoint,
    hashes: Vec<Hash>,
) -> Result<(), CallError> {
    extends(old, new, hashes).map_err(|error| match error {
        Extension::Form(error) => CallError::unverified(CONSISTENCY)(error.into()),
        Extension::Forked(error) => CallError::Remember(*error),
    })
}

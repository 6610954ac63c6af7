//! Appending single events and batches, and asking for receipts again.
//!
//! Every draft gets an idempotency key before it is sent, so that a repeat after an unknown outcome
//! returns the first receipt instead of a second entry.

use std::sync::Arc;

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_proto::v1;
use countersign_proto::v1::get_receipt_request;

use crate::call::{CallError, Repeat};
use crate::client::{Client, log_service};
use crate::draft::{Draft, Level};
use crate::key::next_key;
use crate::receipt::{Receipt, ReceiptRun};
use crate::remember::newest;
use crate::verify::VerifyError;

const APPEND: &str = "Append";
const BATCH: &str = "AppendBatch";
const RECEIPT: &str = "GetReceipt";

impl Client {
    /// Appends one event and returns its receipt at `level`.
    ///
    /// A draft without idempotency key gets a random one. When the call ends in
    /// [`CallError::NoAnswer`], the entry may or may not be in the log: fill the key before the
    /// call to be able to ask.
    ///
    /// # Errors [`CallError`].
    pub async fn append(&self, draft: Draft, level: Level) -> Result<Receipt, CallError> {
        let request = v1::AppendRequest {
            log: self.shared.log.clone(),
            draft: Some(keyed(draft).map_err(CallError::Random)?.into()),
            wait_for: level.to_wire(),
            include_proof: true,
        };
        let known = self.known().await;
        let answer = self
            .caller()
            .call(
                APPEND,
                Repeat::Safe,
                request,
                |channel, request| async move { log_service(channel).append(request).await },
            )
            .await?;
        let receipt = self.believe(APPEND, answer.receipt, level).await?;
        if !receipt.repeated {
            newest(known.as_ref(), &receipt.checkpoint)?;
        }
        Ok(receipt)
    }

    /// Appends 1 to 1,024 events, all or none, with consecutive indexes in one commit.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn append_batch(
        &self,
        drafts: Vec<Draft>,
        level: Level,
    ) -> Result<ReceiptRun, CallError> {
        let count = drafts.len();
        let drafts = drafts
            .into_iter()
            .map(|draft| {
                keyed(draft)
                    .map(v1::EventDraft::from)
                    .map_err(CallError::Random)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let wait_for = level.to_wire();
        let request = v1::AppendBatchRequest {
            log: self.shared.log.clone(),
            drafts,
            wait_for,
        };
        let known = self.known().await;
        let answer = self
            .caller()
            .call(
                BATCH,
                Repeat::Safe,
                request,
                |channel, request| async move { log_service(channel).append_batch(request).await },
            )
            .await?;
        let run = answer
            .run
            .ok_or(VerifyError::Missing("run"))
            .and_then(|run| {
                let run = ReceiptRun::verify(&run, &self.shared.log, level, &mut self.notary())?;
                if run.count() != count || run.first_position != 0 {
                    return Err(VerifyError::other("number of entries", count, run.count()));
                }
                Ok(run)
            });
        self.heed(BATCH, run, known.as_ref()).await
    }

    /// Compares the checkpoint of a verified run with the past; `known` is what was known before
    /// the call.
    pub(crate) async fn heed(
        &self,
        call: &'static str,
        run: Result<ReceiptRun, VerifyError>,
        known: Option<&Arc<SignedCheckpoint>>,
    ) -> Result<ReceiptRun, CallError> {
        let run = run.map_err(CallError::unverified(call))?;
        if !run.repeated {
            newest(known, &run.checkpoint)?;
        }
        self.notice(&run.checkpoint, run.level == Level::Sealed)
            .await?;
        Ok(run)
    }

    /// The receipt of an entry of this caller, by its index.
    ///
    /// # Errors
    /// [`CallError`]; `Refused` with `RECEIPT_UNKNOWN` when the caller has no such entry.
    pub async fn receipt(&self, index: u64) -> Result<Receipt, CallError> {
        let receipt = self
            .ask_receipt(get_receipt_request::Entry::Index(index))
            .await?;
        if receipt.index != index {
            let error = VerifyError::other("entry", index, receipt.index);
            return Err(CallError::unverified(RECEIPT)(error));
        }
        Ok(receipt)
    }

    /// The receipt of the entry that this caller appended under an idempotency key.
    ///
    /// # Errors
    /// [`CallError`]; `Refused` with `RECEIPT_UNKNOWN` when the caller has no such entry.
    pub async fn receipt_of_key(&self, key: &str) -> Result<Receipt, CallError> {
        self.ask_receipt(get_receipt_request::Entry::IdempotencyKey(key.to_owned()))
            .await
    }

    async fn ask_receipt(&self, entry: get_receipt_request::Entry) -> Result<Receipt, CallError> {
        let log = self.shared.log.clone();
        let request = v1::GetReceiptRequest {
            log,
            include_proof: true,
            entry: Some(entry),
        };
        let answer = self
            .caller()
            .call(
                RECEIPT,
                Repeat::Safe,
                request,
                |channel, request| async move { log_service(channel).get_receipt(request).await },
            )
            .await?;
        self.believe(RECEIPT, answer.receipt, Level::Accepted).await
    }

    async fn believe(
        &self,
        call: &'static str,
        receipt: Option<v1::Receipt>,
        at_least: Level,
    ) -> Result<Receipt, CallError> {
        let receipt = receipt
            .ok_or(VerifyError::Missing("receipt"))
            .and_then(|receipt| {
                Receipt::verify(receipt, &self.shared.log, at_least, &mut self.notary())
            })
            .map_err(CallError::unverified(call))?;
        self.notice(&receipt.checkpoint, receipt.level == Level::Sealed)
            .await?;
        Ok(receipt)
    }
}

/// The draft with an idempotency key.
pub(crate) fn keyed(draft: Draft) -> std::io::Result<Draft> {
    if draft.idempotency_key.is_empty() && draft.sequence.is_none() {
        let key = next_key()?;
        return Ok(draft.with_key(key));
    }
    Ok(draft)
}

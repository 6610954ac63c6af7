//! The way into the queue of the sequencer, where every client has its own share.

use std::sync::Arc;

use countersign_chain::idem::IdempotencyKey;
use countersign_workflow::command::Command;
use tokio::sync::oneshot;

use super::Log;
use super::entry::{Mode, NewEntry, Run, SubmitError};
use super::evidence::{Judge, is_evidence};
use super::idem::Fingerprint;
use super::receipt::Shelf;
use super::repeat::{self, Known};
use crate::limits::{LOOKUPS, ORDER_BYTES, QUEUE_SHARE, QUEUED_ENTRY, QUEUED_PROPOSAL};
use crate::shares::Share;

/// Entries that the queue took; the receipt comes when they are durable.
#[derive(Debug)]
pub struct Pending(oneshot::Receiver<Result<Vec<Run>, SubmitError>>);

impl Pending {
    /// Waits until the entries are durable, or refused.
    ///
    /// # Errors
    /// [`SubmitError`].
    pub async fn accepted(self) -> Result<Vec<Run>, SubmitError> {
        // Whoever drops the reply without an answer was stopped by a failure.
        self.0.await.unwrap_or(Err(SubmitError::OutcomeUnknown))
    }
}

/// Where the answer to a proposal goes. Until then its client's share of the queue is used, also
/// when nobody waits for the answer any more.
#[derive(Debug)]
pub(super) struct Reply {
    sender: oneshot::Sender<Result<Vec<Run>, SubmitError>>,
    _turn: Option<Turn>,
}

impl Reply {
    /// A reply without a share, for entries of the ledger itself.
    pub(super) fn own() -> (Self, Pending) {
        Self::with(None)
    }

    fn with(turn: Option<Turn>) -> (Self, Pending) {
        let (sender, answer) = oneshot::channel();
        let reply = Self {
            sender,
            _turn: turn,
        };
        (reply, Pending(answer))
    }

    /// Answers. A caller that went away does not want to know.
    pub(super) fn send(self, result: Result<Vec<Run>, SubmitError>) {
        drop(self.sender.send(result));
    }
}

/// Entries on their way into the log.
#[derive(Debug)]
pub(super) struct Proposal {
    pub(super) entries: Vec<NewEntry>,
    /// Their keys, by position.
    pub(super) keys: Vec<Option<Fingerprint>>,
    /// Which of them were found in the log.
    pub(super) known: Known,
    pub(super) mode: Mode,
    /// Entries of the ledger itself are taken even when the disk is nearly full.
    pub(super) own: bool,
    pub(super) reply: Reply,
}

/// A command about access on its way to be decided.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) command: Command,
    /// Key of its first entry.
    pub(super) idem: IdempotencyKey,
    pub(super) reply: Reply,
}

/// What waits in the queue.
#[derive(Debug)]
pub(super) enum Work {
    /// Entries as their callers made them.
    Entries(Proposal),
    /// A command; its entries are decided later.
    Order(Box<Order>),
}

impl Work {
    pub(super) fn refuse(self, error: SubmitError) {
        match self {
            Self::Entries(proposal) => proposal.reply.send(Err(error)),
            Self::Order(order) => order.reply.send(Err(error)),
        }
    }
}

impl Proposal {
    /// An entry of the ledger itself.
    pub(super) fn own(entry: NewEntry, reply: Reply) -> Self {
        Self {
            keys: vec![Fingerprint::of_entry(&entry)],
            entries: vec![entry],
            known: Known::default(),
            mode: Mode::Each,
            own: true,
            reply,
        }
    }
}

/// A part of a client's share of the queue.
#[derive(Debug)]
pub struct Turn(Option<Share>);

/// Who pays for entries: the client that carried them, whoever is named as the actor.
fn payer(entries: &[NewEntry]) -> String {
    let entry = entries.first();
    let named = entry.map(NewEntry::carrier).filter(|via| !via.is_empty());
    let payer = named.or_else(|| entry.map(NewEntry::actor));
    payer.unwrap_or_default().to_owned()
}

/// What entries use of a share.
fn weight(entries: &[NewEntry]) -> usize {
    let each = entries
        .iter()
        .map(|entry| entry.record_len().max(QUEUED_ENTRY));
    each.sum::<usize>().max(QUEUED_PROPOSAL)
}

impl Log {
    /// Waits until this client may put so many entries, of so many bytes in all, into the queue.
    pub async fn turn(&self, client: &str, entries: usize, bytes: usize) -> Turn {
        let weight = bytes.max(entries.saturating_mul(QUEUED_ENTRY));
        let weight = u32::try_from(weight).unwrap_or(QUEUE_SHARE);
        Turn(self.shares.take(client, weight).await)
    }

    /// Puts entries into the queue, waiting for a place in it. They stay together in one commit.
    ///
    /// # Errors
    /// [`SubmitError::ShuttingDown`] and [`SubmitError::OutcomeUnknown`] when there is no writer
    /// any more.
    pub async fn submit(&self, entries: Vec<NewEntry>, mode: Mode) -> Result<Pending, SubmitError> {
        let turn = self.turn(&payer(&entries), 0, weight(&entries)).await;
        self.submit_in(turn, entries, mode).await
    }

    /// Refuses what recorders may not bring.
    async fn judge(&self, entries: Vec<NewEntry>) -> Result<Vec<NewEntry>, SubmitError> {
        if !entries.iter().any(|entry| is_evidence(entry.kind())) {
            return Ok(entries);
        }
        let (store, blobs) = (Arc::clone(&self.store), Arc::clone(&self.blobs));
        let size = self.accepted_size();
        let turn = self.lookups.take(&payer(&entries), 1).await;
        let judged = tokio::task::spawn_blocking(move || {
            let judged = Judge::new(store.as_ref(), &blobs, size).check(&entries);
            drop(turn);
            judged.map(|()| entries)
        });
        judged
            .await
            .unwrap_or_else(|error| Err(SubmitError::Internal(error.to_string())))
    }

    /// [`Log::submit`] with a turn that was waited for before. What it holds above what the entries
    /// need is given back.
    ///
    /// # Errors
    /// As [`Log::submit`].
    pub async fn submit_in(
        &self,
        mut turn: Turn,
        entries: Vec<NewEntry>,
        mode: Mode,
    ) -> Result<Pending, SubmitError> {
        if let Some(share) = &mut turn.0 {
            share.shrink(weight(&entries));
        }
        let entries = self.judge(entries).await?;
        let keys: Vec<_> = entries.iter().map(Fingerprint::of_entry).collect();
        let (entries, known) = self.look_up(entries, &keys).await?;
        let (reply, pending) = Reply::with(Some(turn));
        let proposal = Proposal {
            entries,
            keys,
            known,
            mode,
            own: false,
            reply,
        };
        self.queue(proposal).await.map(|()| pending)
    }

    /// Finds out which entries are repeats, as far as these are durable. Clients take turns at it,
    /// a few entries each.
    async fn look_up(
        &self,
        entries: Vec<NewEntry>,
        keys: &[Option<Fingerprint>],
    ) -> Result<(Vec<NewEntry>, Known), SubmitError> {
        let hits = repeat::hits(&self.window.lock(), keys, self.accepted_size());
        let payer = payer(&entries);
        // The commit that was read last is kept from turn to turn, and not beyond them.
        let mut done = (entries, Known::default(), Shelf::default());
        for some in hits.chunks(LOOKUPS) {
            let turn = self.lookups.take(&payer, 1).await;
            let (store, some) = (Arc::clone(&self.store), some.to_vec());
            let looked_up = tokio::task::spawn_blocking(move || {
                let (entries, mut known, mut shelf) = done;
                let looked_up = known.look_up((&mut shelf, store.as_ref()), &some, &entries);
                drop(turn);
                looked_up.map(|()| (entries, known, shelf))
            });
            done = looked_up
                .await
                .unwrap_or_else(|error| Err(SubmitError::Internal(error.to_string())))?;
        }
        let (entries, known, _shelf) = done;
        Ok((entries, known))
    }

    /// Puts a command about access into the queue. What comes of it is one run of entries, or
    /// [`SubmitError::Refused`].
    ///
    /// # Errors
    /// [`SubmitError::ShuttingDown`] and [`SubmitError::OutcomeUnknown`] when there is no writer
    /// any more.
    pub async fn order(
        &self,
        command: Command,
        idem: IdempotencyKey,
    ) -> Result<Pending, SubmitError> {
        let caller = &command.caller;
        let payer = caller
            .via
            .as_ref()
            .unwrap_or(&caller.actor)
            .as_str()
            .to_owned();
        let turn = self.turn(&payer, 1, ORDER_BYTES).await;
        let (reply, pending) = Reply::with(Some(turn));
        let order = Order {
            command,
            idem,
            reply,
        };
        self.put(Work::Order(Box::new(order)))
            .await
            .map(|()| pending)
    }

    async fn queue(&self, proposal: Proposal) -> Result<(), SubmitError> {
        self.put(Work::Entries(proposal)).await
    }

    async fn put(&self, work: Work) -> Result<(), SubmitError> {
        match self.queue.send(work).await {
            Ok(()) => Ok(()),
            Err(_) if self.failed.is_cancelled() => Err(SubmitError::OutcomeUnknown),
            Err(_) => Err(SubmitError::ShuttingDown),
        }
    }

    /// Writes one entry, also when the disk is nearly full, and waits until it is durable.
    ///
    /// # Errors
    /// [`SubmitError`].
    pub async fn record_as(&self, entry: NewEntry) -> Result<Run, SubmitError> {
        let (reply, pending) = Reply::own();
        self.queue(Proposal::own(entry, reply)).await?;
        let run = pending.accepted().await?.pop();
        run.ok_or_else(|| SubmitError::Internal("no receipt for an entry".to_owned()))
    }
}

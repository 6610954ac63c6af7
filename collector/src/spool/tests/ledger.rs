//! A ledger in memory that keeps the rules, behind a network that does not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use countersign_chain::sequence::QueueId;
use countersign_client::{Draft, StreamError};
use countersign_proto::event::Known;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::super::{Uplink, UplinkError};
use crate::sink::{Sink, SinkError};

/// Numbers that follow from a seed (splitmix64).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    pub(super) fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }
}

struct State {
    dice: Dice,
    healed: bool,
    faults: u64,
    queues: BTreeMap<QueueId, u64>,
    entries: Vec<Known>,
    gaps: u64,
    refused: BTreeSet<String>,
    blobs: u64,
}

#[derive(Clone)]
pub(super) struct SimLedger(Arc<Mutex<State>>);

impl SimLedger {
    pub(super) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            dice: Dice::new(seed ^ 0x5eed),
            healed: false,
            faults: 0,
            queues: BTreeMap::new(),
            entries: Vec::new(),
            gaps: 0,
            refused: BTreeSet::new(),
            blobs: 0,
        })))
    }

    pub(super) fn heal(&self) {
        self.0.lock().healed = true;
    }

    pub(super) fn refuse(&self, text: &str) {
        self.0.lock().refused.insert(text.to_owned());
    }

    pub(super) fn faults(&self) -> u64 {
        self.0.lock().faults
    }

    /// Numbers of queues that were left out.
    pub(super) fn gaps(&self) -> u64 {
        self.0.lock().gaps
    }

    pub(super) fn blobs(&self) -> u64 {
        self.0.lock().blobs
    }

    /// What the external events say, in order.
    pub(super) fn texts(&self) -> Vec<String> {
        let state = self.0.lock();
        let texts = state.entries.iter().filter_map(|event| match event {
            Known::ExternalEvent(event) => String::from_utf8(event.raw.to_vec()).ok(),
            _ => None,
        });
        texts.collect()
    }

    /// How much the events about gaps say was lost.
    pub(super) fn lost(&self) -> u64 {
        let state = self.0.lock();
        let lost = state.entries.iter().map(|event| match event {
            Known::SpoolGap(gap) => gap.lost_events,
            _ => 0,
        });
        lost.sum()
    }
}

fn cut() -> UplinkError {
    UplinkError {
        reason: None,
        message: "the connection was cut".to_owned(),
    }
}

impl State {
    fn fault(&mut self, one_in: u64) -> bool {
        let fault = !self.healed && self.dice.one_in(one_in);
        self.faults += u64::from(fault);
        fault
    }

    /// What the real ledger does with an event at a place.
    fn take(&mut self, draft: &Draft) -> Result<(), ()> {
        let sequence = draft.sequence.expect("a place");
        let event = draft.event.known().expect("an event");
        if let Known::ExternalEvent(event) = &event {
            let text = String::from_utf8(event.raw.to_vec()).expect("text");
            if self.refused.contains(&text) {
                return Err(());
            }
        }
        let next = self.queues.entry(sequence.queue).or_insert(0);
        if sequence.number < *next {
            return Ok(());
        }
        self.gaps += sequence.number - *next;
        *next = sequence.number + 1;
        self.entries.push(event);
        Ok(())
    }
}

impl Uplink for SimLedger {
    type Sink = SimStream;

    async fn sealed_of(&self, queue: QueueId) -> Result<u64, UplinkError> {
        tokio::task::yield_now().await;
        let mut state = self.0.lock();
        if state.fault(4) {
            return Err(cut());
        }
        Ok(state.queues.get(&queue).copied().unwrap_or(0))
    }

    async fn put_blob(&self, _content: Bytes) -> Result<(), UplinkError> {
        let mut state = self.0.lock();
        if state.fault(4) {
            return Err(cut());
        }
        state.blobs += 1;
        Ok(())
    }

    fn stream(&self) -> SimStream {
        SimStream {
            ledger: self.clone(),
            taken: 0,
            acknowledged: 0,
            ended: None,
            news: Notify::new(),
        }
    }
}

/// A stream that is cut before or after the ledger took an event, or forgets to say so.
pub(super) struct SimStream {
    ledger: SimLedger,
    taken: u64,
    acknowledged: u64,
    ended: Option<bool>,
    news: Notify,
}

impl SimStream {
    fn error(&self) -> SinkError {
        let acknowledged = self.acknowledged;
        if self.ended == Some(true) {
            return SinkError::Stream(refusal(acknowledged));
        }
        SinkError::Stream(StreamError::Closed { acknowledged })
    }
}

fn refusal(position: u64) -> StreamError {
    let status = countersign_proto::reason::refusal(
        countersign_proto::reason::Reason::PayloadMalformed,
        "no such event",
        "send another",
    );
    let source = countersign_client::CallError::refused("AppendStream", &status);
    StreamError::Call {
        position,
        source: Arc::new(source),
    }
}

impl Sink for SimStream {
    async fn send(&mut self, draft: Draft) -> Result<(), SinkError> {
        if self.ended.is_some() {
            return Err(self.error());
        }
        let mut state = self.ledger.0.lock();
        if state.fault(12) {
            self.ended = Some(false);
        } else if state.take(&draft).is_err() {
            self.ended = Some(true);
        } else {
            self.taken += 1;
            if state.fault(12) {
                // Taken, and nobody hears of it.
                self.ended = Some(false);
            } else {
                self.acknowledged = self.taken;
            }
        }
        drop(state);
        self.news.notify_one();
        Ok(())
    }

    fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    async fn acknowledged_beyond(&mut self, count: u64) -> Result<u64, SinkError> {
        loop {
            if self.acknowledged > count {
                return Ok(self.acknowledged);
            }
            if self.ended.is_some() {
                return Err(self.error());
            }
            self.news.notified().await;
        }
    }

    async fn close(&mut self) {}
}

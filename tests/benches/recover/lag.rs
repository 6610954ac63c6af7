//! How far the projections are behind what is durable, while entries are appended.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_ledger::log::Log;
use countersign_ledger::projections::{BUNDLE_ENTRIES, Status};
use countersign_tests::watch::quantile;
use tokio::time::timeout;

use crate::common::now;

/// How often it is sampled.
const PACE: Duration = Duration::from_millis(20);
/// How long nothing may be heard before one looks again.
const GLANCE: Duration = Duration::from_millis(1);

/// Samples of one log.
#[derive(Debug, Default)]
pub(crate) struct Lag {
    entries: Vec<f64>,
    seconds: Vec<f64>,
    /// When the log had which size, as far back as the projections are.
    past: VecDeque<(Instant, u64)>,
}

impl Lag {
    /// Samples until it is aborted; what it saw goes into `lag`.
    pub(crate) async fn follow(log: Arc<Log>, lag: Arc<parking_lot::Mutex<Self>>) {
        let mut ticks = tokio::time::interval(PACE);
        loop {
            ticks.tick().await;
            lag.lock().sample(&log);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
    fn sample(&mut self, log: &Log) {
        let (now, size) = (now(), log.accepted_size());
        let indexed = *log.projections().indexed().borrow();
        self.past.push_back((now, size));
        // A bundle that is not complete is nobody's debt.
        while self
            .past
            .front()
            .is_some_and(|(_, size)| bundles(*size) <= indexed)
        {
            self.past.pop_front();
        }
        let since = self.past.front().map_or(now, |(since, _)| *since);
        self.entries
            .push(bundles(size).saturating_sub(indexed) as f64);
        self.seconds.push((now - since).as_secs_f64());
    }

    /// Median and largest number of entries behind, then of seconds.
    pub(crate) fn figures(&mut self) -> [f64; 4] {
        [
            quantile(&mut self.entries, 0.5),
            quantile(&mut self.entries, 1.0),
            quantile(&mut self.seconds, 0.5),
            quantile(&mut self.seconds, 1.0),
        ]
    }
}

/// Entries in complete bundles.
const fn bundles(size: u64) -> u64 {
    size / BUNDLE_ENTRIES * BUNDLE_ENTRIES
}

/// Waits until the projections hold all that is sealed.
pub(crate) async fn caught_up(log: &Log) {
    let mut indexed = log.projections().indexed();
    loop {
        let following = log.projections().status() == Status::Following;
        if following && *indexed.borrow_and_update() >= bundles(log.sealed().size) {
            return;
        }
        // An index that opens and holds nothing changes no number.
        drop(timeout(GLANCE, indexed.changed()).await);
    }
}

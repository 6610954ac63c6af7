//! What is counted of a sink, for its status and the metrics page.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use countersign_chain::time::UnixMicros;
use parking_lot::Mutex;

use super::clock::Clock;
use super::status::Status;

/// Counts of one sink.
#[derive(Debug)]
pub(super) struct Meter {
    name: String,
    next: AtomicU64,
    /// Time of the oldest entry that was read and not delivered, in microseconds; 0 for none.
    oldest: AtomicU64,
    delivered: AtomicU64,
    refused: AtomicU64,
    retries: AtomicU64,
    words: Mutex<Words>,
}

#[derive(Debug, Clone, Default)]
struct Words {
    trouble: Option<String>,
    /// Why the ledger does not answer.
    ledger: Option<String>,
    failed: Option<String>,
}

impl Meter {
    pub(super) fn new(name: &str) -> Self {
        metrics::describe_counter!(
            "countersign_sink_delivered_total",
            "entries that a receiver has taken"
        );
        metrics::describe_counter!(
            "countersign_sink_refused_total",
            "entries that a receiver refused and that were put aside"
        );
        metrics::describe_counter!("countersign_sink_retries_total", "tries that failed");
        metrics::describe_gauge!(
            "countersign_sink_lag_entries",
            "entries of the log that a receiver does not have"
        );
        metrics::describe_gauge!(
            "countersign_sink_lag_seconds",
            "age of the oldest entry that was read and not delivered"
        );
        metrics::describe_gauge!("countersign_sink_next_index", "the cursor of a sink");
        metrics::describe_gauge!(
            "countersign_sink_up",
            "1 while entries get through, 0 while something is in the way"
        );
        Self {
            name: name.to_owned(),
            next: AtomicU64::new(0),
            oldest: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            words: Mutex::default(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn is_at(&self, next: u64, oldest: Option<UnixMicros>) {
        self.next.store(next, Ordering::Relaxed);
        let oldest = oldest.map_or(0, UnixMicros::get);
        self.oldest.store(oldest, Ordering::Relaxed);
    }

    pub(super) fn delivered(&self, count: u64) {
        self.delivered.fetch_add(count, Ordering::Relaxed);
        metrics::counter!("countersign_sink_delivered_total", "sink" => self.name.clone())
            .increment(count);
    }

    pub(super) fn refused(&self, count: u64) {
        self.refused.fetch_add(count, Ordering::Relaxed);
        metrics::counter!("countersign_sink_refused_total", "sink" => self.name.clone())
            .increment(count);
    }

    pub(super) fn retried(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("countersign_sink_retries_total", "sink" => self.name.clone())
            .increment(1);
    }

    /// What is in the way now; nothing when all is well.
    pub(super) fn trouble(&self, why: Option<&str>) {
        let mut words = self.words.lock();
        if words.trouble.as_deref() != why {
            words.trouble = why.map(str::to_owned);
        }
    }

    /// Why the ledger does not answer now; nothing when it does.
    pub(super) fn ledger(&self, why: Option<&str>) {
        let mut words = self.words.lock();
        if words.ledger.as_deref() != why {
            words.ledger = why.map(str::to_owned);
        }
    }

    /// Why the sink has stopped for good.
    pub(super) fn failed(&self, why: String) {
        self.words.lock().failed = Some(why);
    }

    /// The status now, which the metrics page shows as well. Without the size of the log it is not
    /// known how far the sink is behind.
    pub(super) fn status(&self, now: UnixMicros, size: Option<u64>) -> Status {
        let words = self.words.lock().clone();
        let next = self.next.load(Ordering::Relaxed);
        let oldest = self.oldest.load(Ordering::Relaxed);
        let age = match oldest {
            0 => 0,
            oldest => now.get().saturating_sub(oldest),
        };
        let status = Status {
            pid: std::process::id(),
            updated_at: now.get(),
            next,
            size: size.map(|size| size.max(next)),
            behind_seconds: age.checked_div(1_000_000).unwrap_or(0),
            delivered: self.delivered.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            retries: self.retries.load(Ordering::Relaxed),
            trouble: words.trouble.or(words.ledger),
            failed: words.failed,
        };
        self.show(&status);
        status
    }

    /// Writes the status into the folder of the sink.
    pub(super) fn write(&self, folder: &Path, clock: &Clock, size: Option<u64>) {
        if let Err(error) = self.status(clock.now(), size).write(folder) {
            tracing::warn!(sink = self.name(), %error, "the status is not written");
        }
    }

    fn show(&self, status: &Status) {
        let name = || self.name.clone();
        let is_up = status.trouble.is_none() && status.failed.is_none();
        if let Some(behind) = status.behind() {
            metrics::gauge!("countersign_sink_lag_entries", "sink" => name()).set(as_float(behind));
        }
        metrics::gauge!("countersign_sink_lag_seconds", "sink" => name())
            .set(as_float(status.behind_seconds));
        metrics::gauge!("countersign_sink_next_index", "sink" => name()).set(as_float(status.next));
        metrics::gauge!("countersign_sink_up", "sink" => name()).set(u8::from(is_up));
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge; exact up to 9 · 10^15")]
const fn as_float(number: u64) -> f64 {
    number as f64
}

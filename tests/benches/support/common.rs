//! What all benchmarks share: how a ledger is opened, time.

#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures time, and what it measures must not know"
)]

use std::time::Instant;

use countersign_ledger::node::NodeSettings;
use countersign_tests::folder::settings;

/// How often every figure is taken.
pub(crate) const RUNS: usize = 5;

/// Usual segments, unlike in tests.
pub(crate) fn node_settings() -> NodeSettings {
    settings().with_segment_bytes(64 << 20)
}

pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Milliseconds since a moment.
pub(crate) fn since(then: Instant) -> f64 {
    then.elapsed().as_secs_f64() * 1_000.0
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

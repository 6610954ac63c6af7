//! What all benchmarks share: the event that they append, how a ledger is opened, time.

#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures time, and what it measures must not know"
)]

use std::time::Instant;

use countersign_ledger::node::NodeSettings;
use countersign_proto::event::Event;
use countersign_proto::v1::ExternalEvent;
use countersign_tests::folder::settings;

/// How often every figure is taken.
pub(crate) const RUNS: usize = 5;
/// Bytes of the payload of an entry.
pub(crate) const PAYLOAD: usize = 512;

/// An event whose message has [`PAYLOAD`] bytes.
pub(crate) fn event() -> Event {
    let raw = vec![b'x'; PAYLOAD - 10].into();
    Event::from_message(&ExternalEvent {
        source: "bench".into(),
        raw,
        ..Default::default()
    })
}

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

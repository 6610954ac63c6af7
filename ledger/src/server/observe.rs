//! Gauges that are read when someone looks at the metrics page.

use crate::log::Log;
use crate::node::Node;

/// Brings the gauges of every log up to date.
pub(super) fn observe(node: &Node) {
    for log in node.logs().values() {
        observe_log(log);
    }
}

fn observe_log(log: &Log) {
    let sizes = [
        ("accepted", log.accepted_size()),
        ("sealed", log.sealed().size),
        ("projected", *log.projections().indexed().borrow()),
    ];
    for (level, size) in sizes {
        let name = log.name().to_owned();
        metrics::gauge!("countersign_log_entries", "log" => name, "level" => level)
            .set(as_float(size));
    }
}

/// A size as a gauge shows it: exact up to 2^53 entries.
#[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
const fn as_float(size: u64) -> f64 {
    size as f64
}

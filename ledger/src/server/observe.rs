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
    let name = || log.name().to_owned();
    let (sealed, indexed) = (log.sealed().size, *log.projections().indexed().borrow());
    let flag = |set: bool| f64::from(u8::from(set));
    metrics::gauge!("countersign_disk_low", "log" => name()).set(flag(log.is_disk_low()));
    metrics::gauge!("countersign_projection_disabled", "log" => name())
        .set(flag(log.projections().is_stopped()));
    metrics::gauge!("countersign_projection_lag_entries", "log" => name())
        .set(as_float(sealed.saturating_sub(indexed)));
    let sizes = [
        ("accepted", log.accepted_size()),
        ("sealed", sealed),
        ("projected", indexed),
    ];
    for (level, size) in sizes {
        metrics::gauge!("countersign_log_entries", "log" => name(), "level" => level)
            .set(as_float(size));
    }
}

/// A size as a gauge shows it: exact up to 2^53 entries.
#[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
const fn as_float(size: u64) -> f64 {
    size as f64
}

//! Making a log at full speed, with the projections behind it.

use std::path::Path;
use std::sync::Arc;

use countersign_chain::limits::MAX_COMMIT_ENTRIES;
use countersign_tests::folder::DataFolder;

use crate::child::{Kid, answer};
use crate::common::{now, since};
use crate::event::event;
use crate::lag::{Lag, caught_up};
use crate::sheet::Sheet;
use crate::{disk, open, start};

pub(crate) fn sheet() -> Sheet {
    Sheet::new(&[
        "made in commits of 1024 entries",
        "seconds",
        "entries/s",
        "bytes of records",
        "written for each",
        "projections behind, entries, p50",
        "max",
        "seconds behind, p50",
        "max",
        "ms from the end to lag 0",
    ])
}

/// In the child: makes the log and waits to be killed.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
pub(crate) async fn run(folder: &Path, size: u64) {
    let (_node, log) = open(folder).await;
    caught_up(&log).await;
    let lag = Arc::default();
    let follower = tokio::spawn(Lag::follow(Arc::clone(&log), Arc::clone(&lag)));
    let (begin, written) = (now(), disk::written());
    let bytes = crate::fill::fill(&log, size, MAX_COMMIT_ENTRIES, |_| event()).await as f64;
    let took = since(begin);
    follower.abort();
    let end = now();
    log.wait_sealed(size).await.expect("a healthy disk");
    caught_up(&log).await;
    let drained = since(end);
    let written = (disk::written() - written) as f64;
    answer("made", &[took, bytes, written / bytes, drained]);
    answer("lag", &lag.lock().figures());
    start::end_of_input().await;
}

/// In the parent: one row. The child is killed, as in a crash.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
pub(crate) fn row(data: &DataFolder, size: u64) -> Vec<String> {
    let folder = data.path();
    let folder = folder.to_str().expect("a plain path");
    let mut kid = Kid::start(&["grow", folder, &size.to_string()]);
    let [took, bytes, written, drained] = kid.numbers("made");
    let [entries, most_entries, seconds, most_seconds] = kid.numbers("lag");
    drop(kid);
    vec![
        format!("{size} entries"),
        format!("{:.2}", took / 1e3),
        format!("{:.0}", size as f64 * 1e3 / took),
        format!("{bytes:.0}"),
        format!("{written:.2}"),
        format!("{entries:.0}"),
        format!("{most_entries:.0}"),
        format!("{seconds:.2}"),
        format!("{most_seconds:.2}"),
        format!("{drained:.0}"),
    ]
}
